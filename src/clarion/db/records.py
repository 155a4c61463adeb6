"""Tables of records: what a resource is read, listed, created and changed by follows from one declaration.

A record is a Struct whose fields are columns of the same name, but for those that an expression computes. The owner is
a column as well: whoever is confined to one sees and changes its records alone, and `None` sees every owner's. Filters
and sort keys compile to SQL with bound values; which of them an index serves is the table's matter.

Texts sort without regard to case and then by code point, enums in the order of their declaration (they are PostgreSQL
enums), and nulls come last in both directions; the key is always the last sort key (v2 rules 5.8 to 5.11).
"""

import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Generic, LiteralString, TypeVar

import msgspec
import psycopg
from msgspec import Struct
from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.base.errors import Conflict
from clarion.db.retry import Overtaken
from clarion.db.sql import Conn, tuples

COUNTED = 10_000
"""Rows up to which the total of a list is counted (v2 rule 5.6)."""


class Record(Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of records. Fields that do not change with the record's owner are spelled on the wire as here, in camel
    case."""


R = TypeVar("R", bound=Record)


class Kind(StrEnum):
    """What a field holds, as far as comparing is concerned."""

    TEXT = "text"
    ENUM = "enum"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    INSTANT = "instant"
    OTHER = "other"


class Operator(StrEnum):
    """How a filter compares."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    EXISTS = "exists"


_ANY = frozenset({Operator.EQ, Operator.NE, Operator.IN, Operator.EXISTS})
_TEXT = _ANY | {Operator.CONTAINS, Operator.STARTS_WITH}
_ORDERED = _ANY | {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE}
_FITTING = {
    Kind.TEXT: _TEXT,
    Kind.ENUM: _ANY,
    Kind.BOOLEAN: _ANY,
    Kind.INTEGER: _ORDERED,
    Kind.DECIMAL: _ORDERED,
    Kind.DATE: _ORDERED,
    Kind.INSTANT: _ORDERED,
    Kind.OTHER: frozenset({Operator.EXISTS}),
}
_KINDS: dict[type, Kind] = {
    str: Kind.TEXT,
    bool: Kind.BOOLEAN,
    int: Kind.INTEGER,
    Decimal: Kind.DECIMAL,
    datetime: Kind.INSTANT,
    date: Kind.DATE,
}
_COMPARED: dict[Operator, LiteralString] = {
    Operator.EQ: "{e} = {v}",
    Operator.NE: "{e} IS DISTINCT FROM {v}",
    Operator.GT: "{e} > {v}",
    Operator.GTE: "{e} >= {v}",
    Operator.LT: "{e} < {v}",
    Operator.LTE: "{e} <= {v}",
    Operator.CONTAINS: "strpos(lower({e}), lower({v})) > 0",
    Operator.STARTS_WITH: 'lower({e}) COLLATE "C" ^@ lower({v})',
}


class Field(Struct, frozen=True):
    """A field of a record: its name here and on the wire, its type, and the SQL that reads it."""

    name: str
    wire: str
    type: Any
    kind: Kind
    nullable: bool
    expression: str
    computed: bool
    cast: str
    values: tuple[str, ...] = ()
    """Of an enum, in the order of its declaration."""
    array: bool = False
    """Whether it is a list of texts, which is an array in the table."""

    @property
    def operators(self) -> frozenset[Operator]:
        """What a filter may do with it (v2 rule 5.11)."""
        return _FITTING[self.kind]


class Filter(Struct, frozen=True):
    """One comparison; the value is typed, a tuple for `in`, a boolean for `exists`."""

    field: str
    operator: Operator
    value: Any


class Order(Struct, frozen=True):
    """One sort key."""

    field: str
    descending: bool = False


class PageRequest(Struct, frozen=True):
    """Which rows of a list are wanted."""

    offset: int = 0
    limit: int = 25
    filters: tuple[Filter, ...] = ()
    order: tuple[Order, ...] = ()


class Page(Struct, Generic[R], frozen=True):
    """Rows of a list, whether more follow, and how many there are in all: None above `COUNTED`. `end` is that number
    also above, known where a page was asked for that lies past it."""

    rows: list[R]
    more: bool
    total: int | None
    end: int | None = None


class Scope(Struct, frozen=True):
    """Whose records are meant. `owner` confines to one account; `where` are columns and the values they must have;
    `hiding` is a further condition on the table aliased `t`, without values."""

    owner: str | None = None
    where: dict[str, Any] = {}
    hiding: str = ""


EVERYBODY = Scope()


class Records(Generic[R]):
    """The records of one table.

    `key` is the identifier's column. `owner` is the owner's column, "" for records that belong to nobody. `casts` names
    the PostgreSQL types of enum columns, `computed` the expressions of fields that are no columns, over the table
    aliased `t`. `special` are filters by other names (v2 rule 5.12): the condition for `{v}`. `order` is the default.
    """

    def __init__(
        self,
        table: str,
        record: type[R],
        *,
        key: str,
        owner: str = "account_id",
        casts: Mapping[str, str] | None = None,
        computed: Mapping[str, str] | None = None,
        special: Mapping[str, str] | None = None,
        order: tuple[Order, ...] = (),
    ) -> None:
        self.record = record
        self.key = key
        self.special = dict(special or {})
        self.order = order or (Order(key),)
        self._table = table
        self._owner = owner
        self.fields = {field.name: field for field in _fields(record, casts or {}, computed or {})}
        self.by_wire = {field.wire: field for field in self.fields.values()}
        self._columns = ", ".join(f'{field.expression} AS "{field.wire}"' for field in self.fields.values())
        self._texts: dict[Any, sql.SQL] = {}

    # Reading

    async def find(self, conn: Conn, key: str, scope: Scope = EVERYBODY, *, lock: bool = False) -> R | None:
        """One record in scope; locked until the transaction ends when asked for."""
        bound = {"key": key}
        where = " AND ".join([f"t.{self.key} = %(key)s", *self._in_scope(scope, bound)])
        text = f"SELECT {self._columns} FROM {self._table} AS t WHERE {where}{' FOR UPDATE OF t' if lock else ''}"
        found = await tuples(conn, self._query(text), bound)
        return self._read(found[0]) if found else None

    async def page(self, conn: Conn, request: PageRequest, scope: Scope = EVERYBODY) -> Page[R]:
        """The rows asked for, in one statement of one snapshot; they are counted only where that tells anything."""
        bound: dict[str, Any] = {"limit": request.limit, "more": request.limit + 1, "offset": request.offset}
        conditions = self._in_scope(scope, bound)
        for number, each in enumerate(request.filters):
            conditions.append(self._compared(each, f"f{number}", bound))
        where = " AND ".join(conditions) or "true"
        order = ", ".join(self._ordered(request.order or self.order))
        every = f"SELECT FROM {self._table} AS t WHERE {where}"
        counted = f"SELECT count(*) FROM ({every} LIMIT {COUNTED + 1}) AS c"
        text = f"""
            WITH page AS MATERIALIZED (
                SELECT {self._columns} FROM {self._table} AS t WHERE {where} ORDER BY {order}
                LIMIT %(more)s OFFSET %(offset)s
            )
            SELECT page.*, CASE WHEN (SELECT count(*) FROM page) > %(limit)s THEN ({counted}) END FROM page
        """
        found = await tuples(conn, self._query(text), bound)
        more = len(found) > request.limit
        rows = [self._read(values[:-1]) for values in found[: request.limit]]
        if more:
            total = int(found[0][-1])
        elif found or not request.offset:
            total = request.offset + len(found)
        else:
            [(total,)] = await tuples(conn, self._query(f"SELECT count(*) FROM ({every}) AS c"), bound)
            return Page([], False, total if total <= COUNTED else None, total)
        return Page(rows, more, total if total <= COUNTED else None)

    # Changing

    async def insert(self, conn: Conn, values: Mapping[str, Any]) -> R:
        """Create a record of these fields; columns that are left out take their defaults.

        Raises Conflict: `duplicate_external_reference`, `duplicate_value`; and Overtaken where what it refers to has
        gone since it was looked at.
        """
        names = list(values)
        text = (
            f"INSERT INTO {self._table} AS t ({', '.join(names)})"
            f" VALUES ({', '.join(self._place(name, name) for name in names)}) RETURNING {self._columns}"
        )
        with conflicts(), _referring():
            [row] = await tuples(conn, self._query(text), self._bound(values))
        return self._read(row)

    def changes(self, record: R, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the values that the record does not have already."""
        return {name: value for name, value in values.items() if getattr(record, name) != value}

    async def update(self, conn: Conn, record: R, values: Mapping[str, Any]) -> R:
        """The record with these fields changed, and with the instant of its change where it keeps that; a change that
        changes nothing leaves it as it is (v2 rule 10.2). Raises Conflict as `insert` does."""
        changed = self.changes(record, values)
        if not changed:
            return record
        sets = [f"{name} = {self._place(name, name)}" for name in changed]
        if "last_modified_date" in self.fields:
            sets.append("last_modified_date = clarion.now()")
        where = f"t.{self.key} = %(_key)s"
        text = f"UPDATE {self._table} AS t SET {', '.join(sets)} WHERE {where} RETURNING {self._columns}"
        bound = self._bound(changed)
        with conflicts(), _referring():
            [row] = await tuples(conn, self._query(text), {**bound, "_key": getattr(record, self.key)})
        return self._read(row)

    async def delete(self, conn: Conn, record: R) -> None:
        """Delete a record. Raises Conflict with code `resource_in_use` while others refer to it (v2 rule 4.9)."""
        with conflicts():
            text = f"DELETE FROM {self._table} AS t WHERE t.{self.key} = %(key)s RETURNING 1"
            await tuples(conn, self._query(text), {"key": getattr(record, self.key)})

    # Pieces of SQL

    def _read(self, values: tuple[Any, ...]) -> R:
        return msgspec.convert(dict(zip(self.by_wire, values, strict=True)), self.record)

    def _query(self, text: str) -> sql.SQL:
        """Texts are made of declared names alone. Kept, so that each is composed once."""
        found = self._texts.get(text)
        if found is None:
            if len(self._texts) >= 1000:
                self._texts.clear()
            found = self._texts[text] = sql.SQL(text)
        return found

    def _in_scope(self, scope: Scope, bound: dict[str, Any]) -> list[str]:
        conditions = []
        if scope.owner is not None and self._owner:
            conditions.append(f"t.{self._owner} = %(owner)s")
            bound["owner"] = scope.owner
        for name, value in scope.where.items():
            conditions.append(f"t.{name} = %(w_{name})s")
            bound[f"w_{name}"] = value
        if scope.hiding:
            conditions.append(scope.hiding)
        return conditions

    def _bound(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as the driver takes them: lists of texts are arrays, everything else that is composed is JSON."""
        bound: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, Enum):
                bound[name] = value.value
            elif isinstance(value, list | tuple) and name in self.fields and self.fields[name].array:
                bound[name] = [str(each) for each in value]
            elif isinstance(value, list | tuple | Struct | dict):
                bound[name] = Jsonb(value)
            else:
                bound[name] = value
        return bound

    def _place(self, name: str, parameter: str) -> str:
        field = self.fields.get(name)
        return f"%({parameter})s" + (f"::{field.cast}" if field is not None and field.cast else "")

    def _compared(self, each: Filter, parameter: str, bound: dict[str, Any]) -> str:
        if each.field in self.special:
            bound[parameter] = each.value
            return f"({self.special[each.field].format(v=f'%({parameter})s')})"
        field = self.fields[each.field]
        if each.operator is Operator.EXISTS:
            return f"{field.expression} IS {'NOT ' if each.value else ''}NULL"
        kind = field.cast or ("text" if field.kind is Kind.TEXT else "")
        if each.operator is Operator.IN:
            bound[parameter] = list(each.value)
            return f"{field.expression} = ANY(%({parameter})s{f'::{kind}[]' if kind else ''})"
        bound[parameter] = each.value
        place = f"%({parameter})s" + (f"::{kind}" if kind else "")
        return _COMPARED[each.operator].format(e=field.expression, v=place)

    def _ordered(self, order: tuple[Order, ...]) -> Iterator[str]:
        for each in order:
            field = self.fields[each.field]
            direction = " DESC" if each.descending else ""
            if each.descending and field.nullable:
                direction += " NULLS LAST"
            if field.kind is Kind.TEXT and each.field != self.key and not each.field.endswith("_id"):
                yield f'lower({field.expression}) COLLATE "C"{direction}'
                yield f'{field.expression} COLLATE "C"{direction}'
            else:
                yield f"{field.expression}{direction}"
        if all(each.field != self.key for each in order):
            yield f"t.{self.key}"


def _fields(record: type[Record], casts: Mapping[str, str], computed: Mapping[str, str]) -> Iterator[Field]:
    hints = typing.get_type_hints(record)
    for name, wire in zip(record.__struct_fields__, record.__struct_encode_fields__, strict=True):
        plain, nullable = _without_none(hints[name])
        enum = plain if isinstance(plain, type) and issubclass(plain, Enum) else None
        yield Field(
            name=name,
            wire=wire,
            type=hints[name],
            kind=Kind.ENUM if enum is not None else _KINDS.get(plain, Kind.OTHER),
            nullable=nullable,
            expression=f"({computed[name]})" if name in computed else f"t.{name}",
            computed=name in computed,
            cast=casts.get(name, ""),
            values=tuple(member.value for member in enum) if enum is not None else (),
            array=_is_list_of_texts(plain),
        )


def _is_list_of_texts(hint: Any) -> bool:
    if typing.get_origin(hint) not in (tuple, list):
        return False
    of = typing.get_args(hint)[0]
    return isinstance(of, type) and issubclass(of, str)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        others = [each for each in typing.get_args(hint) if each is not type(None)]
        if len(others) == 1:
            return others[0], True
    return hint, False


@contextmanager
def _referring() -> Iterator[None]:
    """A reference to what has gone since it was looked at: whoever looks again finds out."""
    try:
        yield
    except psycopg.errors.ForeignKeyViolation as error:
        raise Overtaken(error.diag.constraint_name or "") from error


@contextmanager
def conflicts() -> Iterator[None]:
    """What PostgreSQL refuses, as a Conflict. The statement's transaction, or savepoint, is then lost.

    Rows of the statement must be read inside: within a pipeline nothing is known of it before.
    """
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        constraint = error.diag.constraint_name or ""
        if constraint.endswith("external_reference"):
            raise Conflict(
                "Another record of this kind carries the same externalReference.",
                "Choose another one, or change that record.",
                code="duplicate_external_reference",
            ) from None
        raise Conflict(
            f"Another record holds a value that must be unique ({constraint.partition('_')[2].replace('_', ' ')}).",
            "Choose another one.",
            code="duplicate_value",
        ) from None
    except psycopg.errors.ForeignKeyViolation:
        raise Conflict(
            "Other records refer to this one.", "Remove or change them first.", code="resource_in_use"
        ) from None
