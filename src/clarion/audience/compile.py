"""Predicates to SQL: one condition on the device table under an alias, every value bound.

The SQL is two-valued where it matters: a comparison on NULL yields NULL, which a WHERE takes as false; under `not`
the part is closed with IS NOT TRUE, so that the complement is exact and plain comparisons can still use indexes.

Lists and events are sets of devices, and membership is always EXISTS: as part of AND the planner joins, negated too,
and elsewhere it may look up one device at a time. `IN` under OR or NOT would search a set that is too large to be
hashed in memory from end to end, for every device.

UDIDs and push tokens have no index of their own: equality with them goes through the key of the device.
"""

import operator
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

from msgspec import Struct
from psycopg import sql

from clarion.audience.model import All, AnyOf, Compare, Events, InList, Not, Predicate
from clarion.audience.versions import version_parts
from clarion.db.sql import app_table
from clarion.devices.model import device_id, token_digest
from clarion.devices.store.keys import holders

_SQL_OF: dict[str, LiteralString] = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "gte", "gte": "lt", "lte": "gt", "gt": "lte"}
_HOLDS: dict[str, Callable[[int, int], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_ONE_IS_ENOUGH = (("gte", 1), ("gt", 0), ("ne", 0))
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


def compile_predicate(app_id: int, predicate: Predicate, now: datetime | None = None) -> Condition:
    """The condition on the device table aliased `d`. Parameters are named a0, a1, ...

    Windows of events end when the statement runs; `now` is that instant where the caller knows it from the database.
    """
    compiler = _Compiler(app_id, now=now)
    return Condition(compiler.node(predicate), compiler.params)


def gathered_table(number: int) -> sql.Composable:
    """The temporary table of the set with this number, from 0; its one column is `device_id`."""
    return sql.Identifier("pg_temp", f"audience_set_{number}")


def compile_gathered(app_id: int, predicate: Predicate, now: datetime) -> tuple[Condition, list[Condition]]:
    """As `compile_predicate`, for a reader who looks at the devices in pieces: the condition, and a `SELECT` of device
    ids for each list and event condition, to be gathered once into `gathered_table`."""
    compiler = _Gathering(app_id, now)
    condition = compiler.node(predicate)
    return Condition(condition, compiler.params), [Condition(each, compiler.params) for each in compiler.sets]


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


def adds_up(events: Events) -> bool:
    """Whether an event condition needs the number of events of each device, rather than whether there is one."""
    op, _ = _op_of_those_with_events(events)
    return (op, events.count) not in _ONE_IS_ENOUGH


def _op_of_those_with_events(events: Events) -> tuple[str, bool]:
    """The comparison that devices with events are looked for by, and whether the condition is its complement."""
    complement = _HOLDS[events.op](0, events.count)
    return (_OPPOSITE[events.op] if complement else events.op), complement


class _Compiler:
    def __init__(self, app_id: int, params: dict[str, Any] | None = None, now: datetime | None = None) -> None:
        self.app_id = app_id
        self.params: dict[str, Any] = {} if params is None else params
        self.now = now

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
            case Not(Events() as events):
                return self.events(events, negated=True)
            case Not(InList(list_id)):
                return sql.SQL("NOT {}").format(self.in_list(list_id))
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
        return self.among(
            sql.SQL(
                "SELECT m.device_id FROM {members} AS m WHERE m.list_id = {list_id}"
                " AND (m.expires_at IS NULL OR m.expires_at > (SELECT clarion.now()))"
            ).format(members=app_table(self.app_id, "list_member"), list_id=self.bind(list_id))
        )

    def events(self, events: Events, *, negated: bool = False) -> sql.Composable:
        """Devices whose count satisfies the comparison. Where it holds for those with no event at all, they are the
        complement of the devices for which it does not."""
        op, complement = _op_of_those_with_events(events)
        counted = self.counted(events, op)
        return counted if complement == negated else sql.SQL("NOT {}").format(counted)

    def wanted(self, events: Events) -> sql.Composable:
        """The events that are counted, as a condition on the table aliased `e`."""
        conditions: list[sql.Composable] = [
            sql.SQL("e.kind = {}").format(self.bind(int(events.kind))),
            self.since(events.days),
        ]
        if events.code is not None:
            conditions.append(sql.SQL("e.code = {}").format(self.bind(events.code)))
        if events.message_id is not None:
            conditions.append(sql.SQL("e.message_id = {}").format(self.bind(events.message_id)))
        return sql.SQL(" AND ").join(conditions)

    def counted(self, events: Events, op: str) -> sql.Composable:
        """Whether the device has events and their number compares so."""
        # Where one is enough, there is nothing to add up: devices and events are joined as they are.
        numbered: sql.Composable = sql.SQL("")
        if adds_up(events):
            comparison = sql.SQL(" GROUP BY e.device_id HAVING count(*) {} {}")
            numbered = comparison.format(sql.SQL(_SQL_OF[op]), self.bind(events.count))
        return self.among(
            sql.SQL("SELECT e.device_id FROM clarion.event AS e WHERE e.app_id = {} AND {}{}").format(
                self.bind(self.app_id), self.wanted(events), numbered
            )
        )

    def since(self, days: int) -> sql.Composable:
        """Whether an event was received in the last `days` days. A value makes the better plan; without one, planning
        still estimates by the function, as it would not by a subquery."""
        if self.now is None:
            return sql.SQL("e.ts > clarion.now() - make_interval(days => {})").format(self.bind(days))
        return sql.SQL("e.ts > {}").format(self.bind(self.now - timedelta(days=days)))

    def among(self, devices: sql.Composable) -> sql.Composable:
        """Whether the device is one of those whose ids a `SELECT` gives as `device_id`."""
        return sql.SQL("EXISTS (SELECT FROM ({}) AS s WHERE s.device_id = d.id)").format(devices)


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


class _Gathering(_Compiler):
    """Compiles to a condition that looks at sets of devices gathered before, in temporary tables."""

    def __init__(self, app_id: int, now: datetime) -> None:
        super().__init__(app_id, now=now)
        self.sets: list[sql.Composable] = []

    def among(self, devices: sql.Composable) -> sql.Composable:
        self.sets.append(devices)
        return super().among(sql.SQL("SELECT device_id FROM {}").format(gathered_table(len(self.sets) - 1)))


class _OfOneDevice(_Compiler):
    """Compiles for a single device what otherwise is membership of a set of devices."""

    def in_list(self, list_id: int) -> sql.Composable:
        return sql.SQL(
            "(EXISTS (SELECT FROM {members} AS m WHERE m.list_id = {list_id} AND m.device_id = d.id"
            " AND (m.expires_at IS NULL OR m.expires_at > (SELECT clarion.now()))))"
        ).format(members=app_table(self.app_id, "list_member"), list_id=self.bind(list_id))

    def events(self, events: Events, *, negated: bool = False) -> sql.Composable:
        return sql.SQL(
            "((SELECT count(*) FROM clarion.event AS e WHERE e.app_id = {} AND e.device_id = d.id AND {}) {} {})"
        ).format(
            self.bind(self.app_id),
            self.wanted(events),
            sql.SQL(_SQL_OF[_OPPOSITE[events.op] if negated else events.op]),
            self.bind(events.count),
        )
