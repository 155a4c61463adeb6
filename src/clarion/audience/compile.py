"""Predicates to SQL: one condition on the device table under an alias, every value bound.

The SQL is two-valued where it matters: a comparison on NULL yields NULL, which a WHERE takes as false; under `not`
the part is closed with IS NOT TRUE, so that the complement is exact and plain comparisons can still use indexes.
"""

from typing import Any, LiteralString

from msgspec import Struct
from psycopg import sql

from clarion.audience.model import All, AnyOf, Compare, Events, InList, Not, Predicate
from clarion.db.sql import app_table

_SQL_OF: dict[str, LiteralString] = {"eq": "=", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


class Condition(Struct, frozen=True):
    """A piece of SQL and the named parameters it binds."""

    sql: sql.Composable
    params: dict[str, Any]


def compile_predicate(app_id: int, predicate: Predicate) -> Condition:
    """The condition on the device table aliased `d`. Parameters are named a0, a1, ..."""
    compiler = _Compiler(app_id)
    return Condition(compiler.node(predicate), compiler.params)


class _Compiler:
    def __init__(self, app_id: int) -> None:
        self.app_id = app_id
        self.params: dict[str, Any] = {}

    def bind(self, value: Any) -> sql.Placeholder:
        name = f"a{len(self.params)}"
        self.params[name] = value
        return sql.Placeholder(name)

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
        value = compare.value
        match compare.op:
            case "set":
                return sql.SQL("({} IS NOT NULL)").format(column)
            case "unset":
                return sql.SQL("({} IS NULL)").format(column)
            case "ne":
                return sql.SQL("({} IS DISTINCT FROM {})").format(column, self.bind(value))
            case "in":
                assert isinstance(value, tuple)
                return sql.SQL("({} = ANY({}))").format(column, self.bind(list(value)))
            case "contains":
                return sql.SQL("(strpos(lower({}), lower({}::text)) > 0)").format(column, self.bind(value))
            case "starts":
                return sql.SQL("(starts_with(lower({}), lower({}::text)))").format(column, self.bind(value))
            case "within_days":
                return sql.SQL("({c} > clarion.now() - make_interval(days => {v}) AND {c} <= clarion.now())").format(
                    c=column, v=self.bind(value)
                )
        return sql.SQL("({} {} {})").format(column, sql.SQL(_SQL_OF[compare.op]), self.bind(value))

    def in_list(self, list_id: int) -> sql.Composable:
        return sql.SQL(
            "(d.id IN (SELECT m.device_id FROM {members} AS m WHERE m.list_id = {list_id}"
            " AND (m.expires_at IS NULL OR m.expires_at > clarion.now())))"
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

    def counted(self, events: Events, op: LiteralString, count: int, *, zero: bool) -> sql.Composable:
        conditions: list[sql.Composable] = [
            sql.SQL("e.kind = {}").format(self.bind(int(events.kind))),
            sql.SQL("e.ts > clarion.now() - make_interval(days => {})").format(self.bind(events.days)),
        ]
        if events.code is not None:
            conditions.append(sql.SQL("e.code = {}").format(self.bind(events.code)))
        if events.message_id is not None:
            conditions.append(sql.SQL("e.message_id = {}").format(self.bind(events.message_id)))
        inner = sql.SQL("SELECT e.device_id FROM clarion.event AS e WHERE e.app_id = {} AND {}").format(
            self.bind(self.app_id), sql.SQL(" AND ").join(conditions)
        )
        if zero:  # exactly none: nobody who has one
            return sql.SQL("(d.id NOT IN ({}))").format(inner)
        return sql.SQL("(d.id IN ({} GROUP BY e.device_id HAVING count(*) {} {}))").format(
            inner, sql.SQL(op), self.bind(count)
        )
