"""Predicates to SQL: one condition on the device table under an alias, every value bound.

The SQL is two-valued where it matters: a comparison on NULL yields NULL, which a WHERE takes as false; under `not`
the part is closed with IS NOT TRUE, so that the complement is exact and plain comparisons can still use indexes.

UDIDs and push tokens have no index of their own: equality with them goes through the key of the device.
"""

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import Any, LiteralString

from msgspec import Struct
from psycopg import sql

from clarion.audience.model import All, AnyOf, Compare, Events, InList, Not, Predicate
from clarion.audience.versions import version_parts
from clarion.db.sql import app_table
from clarion.devices.model import device_id, token_digest
from clarion.devices.store.keys import holders

_SQL_OF: dict[str, LiteralString] = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_FORMS: dict[str, LiteralString] = {
    "eq": "({c} = {v})",
    "ne": "({c} IS DISTINCT FROM {v})",
    "lt": "({c} < {v})",
    "lte": "({c} <= {v})",
    "gt": "({c} > {v})",
    "gte": "({c} >= {v})",
    "in": "({c} = ANY({v}))",
    "contains": "(strpos(lower({c}), lower({v}::text)) > 0)",
    "starts": "(starts_with(lower({c}), lower({v}::text)))",
    "from_version": "(string_to_array(substring({c} FROM '^[A-Za-z]*([0-9]+(?:[.][0-9]+)*)'), '.')::numeric[]"
    " >= {v}::numeric[])",
    "within_days": "({c} > (SELECT clarion.now()) - make_interval(days => {v}) AND {c} <= (SELECT clarion.now()))",
    "set": "({c} IS NOT NULL)",
    "unset": "({c} IS NULL)",
}
_KEYS: dict[str, Callable[[int, str], int | bytes]] = {
    "udid": device_id,
    "token": lambda _app_id, token: token_digest(token),
}
_AS_LIST = ("in", "from_version")
"""Operators whose value is bound as an array."""
_ARRAYS: dict[type, LiteralString] = {
    str: "text[]",
    int: "bigint[]",
    float: "double precision[]",
    bool: "boolean[]",
    bytes: "bytea[]",
    datetime: "timestamptz[]",
}
_TARGETS: LiteralString = """
    SELECT found.id, t.no FROM unnest({values}) AS t ({names})
    CROSS JOIN LATERAL (SELECT d.id FROM {device} AS d WHERE {condition} OFFSET 0) AS found
"""

Conjunction = tuple[Compare, ...]
"""Comparisons all of which must hold."""


class Condition(Struct, frozen=True):
    """A piece of SQL and the named parameters it binds."""

    sql: sql.Composable
    params: dict[str, Any]


def compile_predicate(app_id: int, predicate: Predicate) -> Condition:
    """The condition on the device table aliased `d`. Parameters are named a0, a1, ..."""
    compiler = _Compiler(app_id)
    return Condition(compiler.node(predicate), compiler.params)


def compile_numbered(app_id: int, parts: Sequence[Predicate]) -> Condition:
    """`SELECT id, no` of the devices of any part, each once, with the number of the first part it is in, from 0."""
    compiler = _Compiler(app_id)
    conditions = [compiler.node(part) for part in parts]
    numbers = [sql.SQL("WHEN {} THEN {}").format(each, compiler.bind(no)) for no, each in enumerate(conditions)]
    query = sql.SQL("SELECT d.id, (CASE {} END)::smallint FROM {} AS d WHERE {}").format(
        sql.SQL(" ").join(numbers), app_table(app_id, "device"), sql.SQL(" OR ").join(conditions)
    )
    return Condition(query, compiler.params)


def compile_targets(app_id: int, targets: Sequence[Conjunction]) -> Condition:
    """`SELECT id, no` of the devices of numbered targets, from 0; a device once for each target it is in.

    Targets of one shape (columns and operators) are looked up together, each through an index: the nested loop is
    spelt out because the planner, before it has statistics, would hash the whole base.
    """
    shapes: dict[Hashable, list[int]] = {}
    for number, target in enumerate(targets):
        shapes.setdefault(_shape(target), []).append(number)
    params: dict[str, Any] = {}
    arms = [_look_up(app_id, [(no, targets[no]) for no in numbers], params) for numbers in shapes.values()]
    return Condition(sql.SQL(" UNION ALL ").join(arms), params)


def _shape(target: Conjunction) -> Hashable:
    return tuple((each.column.sql, each.op, each.value if each.op in _AS_LIST else None) for each in target)


def _look_up(app_id: int, targets: Sequence[tuple[int, Conjunction]], params: dict[str, Any]) -> sql.Composable:
    compiler = _TargetCompiler(app_id, params)
    condition = compiler.join(" AND ", targets[0][1], "FALSE")
    rows = [
        [value for compare in target for value in _operands(app_id, compare) if not isinstance(value, list)]
        for _, target in targets
    ]
    columns = [("no", "smallint[]", [no for no, _ in targets])]
    columns += [(f"v{n}", _ARRAYS[type(held[0])], list(held)) for n, held in enumerate(zip(*rows, strict=True))]
    return sql.SQL(_TARGETS).format(
        values=sql.SQL(", ").join(
            [sql.SQL("{}::{}").format(compiler.bind(held), sql.SQL(kind)) for _, kind, held in columns]
        ),
        names=sql.SQL(", ").join([sql.Identifier(name) for name, _, _ in columns]),
        device=app_table(app_id, "device"),
        condition=condition,
    )


def _operands(app_id: int, compare: Compare) -> list[Any]:
    """What a comparison binds: its value, if it takes one, then the key that goes with a UDID or a push token."""
    value = compare.value
    match compare.op:
        case "set" | "unset":
            return []
        case "from_version":
            return [version_parts(str(value)) or []]
        case "in":
            assert isinstance(value, tuple)
            key = _KEYS.get(compare.column.sql)
            return [list(value)] if key is None else [list(value), [key(app_id, str(each)) for each in value]]
        case "eq":
            key = _KEYS.get(compare.column.sql)
            return [value] if key is None else [value, key(app_id, str(value))]
    return [value]


def compile_memberships(app_id: int, predicates: Sequence[Predicate]) -> Condition:
    """A `boolean[]` that tells of one device, the row aliased `d`, which of the predicates it meets.

    Lists and events are looked up by the device, so that neither is read as a whole.
    """
    compiler = _OfOneDevice(app_id)
    parts = [sql.SQL("({}) IS TRUE").format(compiler.node(predicate)) for predicate in predicates]
    array = sql.SQL("ARRAY[{}]::boolean[]").format(sql.SQL(", ").join(parts))
    # Put together once, since it serves many devices: with 50 predicates that takes longer than all the rest.
    return Condition(sql.SQL(array.as_string()), compiler.params)


class _Compiler:
    def __init__(self, app_id: int, params: dict[str, Any] | None = None) -> None:
        self.app_id = app_id
        self.params: dict[str, Any] = {} if params is None else params

    def bind(self, value: Any) -> sql.Composable:
        """A parameter with this value."""
        name = f"a{len(self.params)}"
        self.params[name] = value
        return sql.Placeholder(name)

    def operand(self, value: Any) -> sql.Composable:
        """Where a comparison finds its value."""
        return self.bind(value)

    def node(self, predicate: Predicate) -> sql.Composable:
        match predicate:
            case All(parts):
                return self.join(" AND ", parts, "TRUE")
            case AnyOf(parts):
                return self.join(" OR ", parts, "FALSE")
            case Not(part):
                return sql.SQL("(({}) IS NOT TRUE)").format(self.node(part))
            case Compare():
                return self.compare(predicate)
            case InList(list_id):
                return self.in_list(list_id)
            case Events():
                return self.events(predicate)

    def join(self, word: LiteralString, parts: tuple[Predicate, ...], empty: LiteralString) -> sql.Composable:
        if not parts:
            return sql.SQL(empty)
        return sql.SQL("({})").format(sql.SQL(word).join([self.node(part) for part in parts]))

    def compare(self, compare: Compare) -> sql.Composable:
        column = sql.Identifier("d", compare.column.sql)
        value, *keys = [self.operand(each) for each in _operands(self.app_id, compare)] or [sql.NULL]
        compared = sql.SQL(_FORMS[compare.op]).format(c=column, v=value)
        if not keys:
            return compared
        return sql.SQL("({} AND {})").format(self.keyed(compare, keys[0]), compared)

    def keyed(self, compare: Compare, key: sql.Composable) -> sql.Composable:
        """The devices with the UDID or push token that `key` stands for."""
        if compare.op == "in":
            key = sql.SQL("ANY({})").format(key)
        if compare.column.sql == "udid":
            return sql.SQL("d.id = {}").format(key)
        holding = holders(self.bind(self.app_id), key)
        return sql.SQL("d.id IN ({})" if compare.op == "in" else "d.id = ({})").format(holding)

    def in_list(self, list_id: int) -> sql.Composable:
        return sql.SQL(
            "(d.id IN (SELECT m.device_id FROM {members} AS m WHERE m.list_id = {list_id}"
            " AND (m.expires_at IS NULL OR m.expires_at > (SELECT clarion.now()))))"
        ).format(members=app_table(self.app_id, "list_member"), list_id=self.bind(list_id))

    def events(self, events: Events) -> sql.Composable:
        """Devices whose count satisfies the comparison. Those with no event at all are the complement of a set."""
        op, count = events.op, events.count
        if op == "ne":
            return sql.SQL("(({}) IS NOT TRUE)").format(self.counted(events, "=", count, zero=count == 0))
        if op == "eq":
            return self.counted(events, "=", count, zero=count == 0)
        holds_for_zero = {"lt": count > 0, "lte": True, "gt": False, "gte": count == 0}[op]
        if not holds_for_zero:
            return self.counted(events, _SQL_OF[op], count, zero=False)
        opposite: LiteralString = ">=" if op == "lt" else ">" if op == "lte" else "<"
        return sql.SQL("(({}) IS NOT TRUE)").format(self.counted(events, opposite, count, zero=False))

    def wanted(self, events: Events) -> sql.Composable:
        """The events that are counted, as a condition on the table aliased `e`."""
        conditions: list[sql.Composable] = [
            sql.SQL("e.kind = {}").format(self.bind(int(events.kind))),
            sql.SQL("e.ts > clarion.now() - make_interval(days => {})").format(self.bind(events.days)),
        ]
        if events.code is not None:
            conditions.append(sql.SQL("e.code = {}").format(self.bind(events.code)))
        if events.message_id is not None:
            conditions.append(sql.SQL("e.message_id = {}").format(self.bind(events.message_id)))
        return sql.SQL(" AND ").join(conditions)

    def counted(self, events: Events, op: LiteralString, count: int, *, zero: bool) -> sql.Composable:
        """Whether the count of a device compares so; `zero` when it is to have none at all."""
        inner = sql.SQL("SELECT e.device_id FROM clarion.event AS e WHERE e.app_id = {} AND {}").format(
            self.bind(self.app_id), self.wanted(events)
        )
        if zero:  # exactly none: nobody who has one
            return sql.SQL("(d.id NOT IN ({}))").format(inner)
        return sql.SQL("(d.id IN ({} GROUP BY e.device_id HAVING count(*) {} {}))").format(
            inner, sql.SQL(op), self.bind(count)
        )


class _TargetCompiler(_Compiler):
    """Compiles the condition of targets of one shape: single values stand in columns of the table `t`."""

    def __init__(self, app_id: int, params: dict[str, Any]) -> None:
        super().__init__(app_id, params)
        self.columns = 0

    def operand(self, value: Any) -> sql.Composable:
        if isinstance(value, list):
            return self.bind(value)
        self.columns += 1
        return sql.Identifier("t", f"v{self.columns - 1}")


class _OfOneDevice(_Compiler):
    """Compiles for a single device what otherwise is membership of a set of devices."""

    def in_list(self, list_id: int) -> sql.Composable:
        return sql.SQL(
            "(EXISTS (SELECT FROM {members} AS m WHERE m.list_id = {list_id} AND m.device_id = d.id"
            " AND (m.expires_at IS NULL OR m.expires_at > (SELECT clarion.now()))))"
        ).format(members=app_table(self.app_id, "list_member"), list_id=self.bind(list_id))

    def counted(self, events: Events, op: LiteralString, count: int, *, zero: bool) -> sql.Composable:
        return sql.SQL(
            "((SELECT count(*) FROM clarion.event AS e WHERE e.app_id = {} AND e.device_id = d.id AND {}) {} {})"
        ).format(
            self.bind(self.app_id), self.wanted(events), sql.SQL("=" if zero else op), self.bind(0 if zero else count)
        )
