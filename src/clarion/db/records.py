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
from msgspec.structs import replace
from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.base.errors import Conflict
from clarion.db.retry import Overtaken
from clarion.db.sql import Conn, tuples

COUNTED = 10_000
"""Rows up to which the total of a list is counted (v2 rule 5.6)."""
BRANCHED = 10_000
"""Rows that the branches of a page may bring together (see `Records`)."""


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
_BOUNDS = frozenset({Operator.GT, Operator.GTE, Operator.LT, Operator.LTE})
_ORDERED = _ANY | _BOUNDS
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
_SAME_TEXT: LiteralString = '({e} = {v} AND lower({e}) COLLATE "C" = lower({v}))'
_ONE_OF_TEXTS: LiteralString = (
    '({e} = ANY({v}) AND lower({e}) COLLATE "C" = ANY(ARRAY(SELECT lower(given) FROM unnest({v}) AS given)))'
)
"""The second halves follow from the first: they let an index that serves a text's order find the text as well."""
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
    """Whether it is a list of texts or of whole numbers, which is an array in the table."""
    shown: bool = True
    """Whether a record has it; else only lists know it."""

    @property
    def is_plain_text(self) -> bool:
        """Whether it sorts without regard to case: what people write, unlike identifiers."""
        return self.kind is Kind.TEXT and not self.name.endswith("_id")

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
    `hiding` is a further condition on the table aliased `t`, without values. `masked` are fields that read as null,
    for filters too."""

    owner: str | None = None
    where: dict[str, Any] = {}
    hiding: str = ""
    masked: frozenset[str] = frozenset()


EVERYBODY = Scope()


class Records(Generic[R]):
    """The records of one table.

    `key` is the identifier's column. `owner` is the owner's column, "" for records that belong to nobody. `casts` names
    the PostgreSQL types of enum columns, `computed` the expressions of fields that are no columns, over the table
    aliased `t`. `special` are filters by other names (v2 rule 5.12): the condition for `{v}`. `order` is the default.
    `besides` has the fields that lists filter and sort by and no record shows.

    `branching` are enum columns that are never null and that lead an index each, before the keys people sort by. A page
    that is sorted by one, or takes several of its values, is brought together from a short page of each value: those
    indexes give it in either direction, however rare a value is and wherever its rows lie. `spanned` are instants with
    an index each: a span of one that holds no more rows than are counted is read whole and then sorted, for its rows
    may lie at the far end of any other order.
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
        besides: type[Record] | None = None,
        branching: tuple[str, ...] = (),
        spanned: tuple[str, ...] = (),
    ) -> None:
        self.record = record
        self.key = key
        self.special = dict(special or {})
        self.order = order or (Order(key),)
        self._table = table
        self._owner = owner
        self.fields = {field.name: field for field in _fields(record, casts or {}, computed or {})}
        self._shown = tuple(self.fields.values())
        if besides is not None:
            hidden = _fields(besides, casts or {}, computed or {})
            self.fields |= {field.name: replace(field, shown=False) for field in hidden}
        self.by_wire = {field.wire: field for field in self.fields.values()}
        self._columns = ", ".join(f'{field.expression} AS "{field.wire}"' for field in self._shown)
        self._branching = branching
        self._spanned = spanned
        self._texts: dict[Any, sql.SQL] = {}

    # Reading

    async def find(
        self, conn: Conn, key: str, scope: Scope = EVERYBODY, *, lock: bool = False, keep: bool = False
    ) -> R | None:
        """One record in scope. `lock` locks it until the transaction ends; `keep` only keeps whoever locks it waiting,
        so that it stays as it is while others refer to it."""
        bound = {"key": key}
        where = " AND ".join([f"t.{self.key} = %(key)s", *self._in_scope(scope, bound)])
        locking = " FOR UPDATE OF t" if lock else " FOR KEY SHARE OF t" if keep else ""
        text = f"SELECT {self._columns_for(scope)} FROM {self._table} AS t WHERE {where}{locking}"
        found = await tuples(conn, self._query(text), bound)
        return self._read(found[0]) if found else None

    async def page(self, conn: Conn, request: PageRequest, scope: Scope = EVERYBODY) -> Page[R]:
        """The rows asked for, in one statement of one snapshot; they are counted only where that tells anything. Each
        page is planned for its own values: what one filter finds quickly, another does not."""
        bound: dict[str, Any] = {"limit": request.limit, "more": request.limit + 1, "offset": request.offset}
        scoped = self._in_scope(scope, bound)
        compared = [self._compared(each, f"f{number}", bound, scope) for number, each in enumerate(request.filters)]
        where = " AND ".join([*scoped, *compared]) or "true"
        order = request.order or self.order
        every = f"SELECT FROM {self._table} AS t WHERE {where}"
        counted = f"SELECT count(*) FROM ({every} LIMIT {COUNTED + 1}) AS c"
        span = self._span(request, order)
        if span:
            found = await tuples(conn, self._query(self._spanning(span, where, order, scope)), bound, prepare=False)
            if found and found[0][-1] <= COUNTED:
                return self._page(request, found, int(found[0][-1]))
        branches = self._branches(request, order)
        source = f"{self._table} AS t WHERE {where}"
        if branches:
            apart = [text for each, text in zip(request.filters, compared, strict=True) if not _chosen(each, branches)]
            source = self._branched(branches, [*scoped, *apart], order, bound)
        text = f"""
            WITH page AS MATERIALIZED ({self._cut(source, order, scope)})
            SELECT page.*, CASE WHEN (SELECT count(*) FROM page) > %(limit)s THEN ({counted}) END FROM page
        """
        found = await tuples(conn, self._query(text), bound, prepare=False)
        if len(found) > request.limit:
            total = int(found[0][-1])
        elif found or not request.offset:
            total = request.offset + len(found)
        else:
            [(total,)] = await tuples(conn, self._query(f"SELECT count(*) FROM ({every}) AS c"), bound, prepare=False)
            return Page([], False, total if total <= COUNTED else None, total)
        return self._page(request, found, total)

    def _page(self, request: PageRequest, found: list[tuple[Any, ...]], total: int) -> Page[R]:
        rows = [self._read(values[:-1]) for values in found[: request.limit]]
        return Page(rows, len(found) > request.limit, total if total <= COUNTED else None)

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

    def _cut(self, source: str, order: tuple[Order, ...], scope: Scope) -> str:
        """The rows of the page, and one more."""
        return f"""
            SELECT {self._columns_for(scope)} FROM {source} ORDER BY {", ".join(self._ordered(order))}
            LIMIT %(more)s OFFSET %(offset)s
        """

    def _span(self, request: PageRequest, order: tuple[Order, ...]) -> str:
        """The field by a span of which the page is found; "" where the order leads to it."""
        spans = [each.field for each in request.filters if each.field in self._spanned and each.operator in _BOUNDS]
        return spans[0] if spans and order[0].field not in spans else ""

    def _spanning(self, span: str, where: str, order: tuple[Order, ...], scope: Scope) -> str:
        """The page of a span that is not large, and how many rows that has: up to one more than are counted."""
        return f"""
            WITH near AS MATERIALIZED (
                SELECT t.* FROM {self._table} AS t WHERE {where} ORDER BY t.{span} LIMIT {COUNTED + 1}
            ), page AS MATERIALIZED ({self._cut("near AS t", order, scope)})
            SELECT page.*, (SELECT count(*) FROM near) FROM page
        """

    def _branches(self, request: PageRequest, order: tuple[Order, ...]) -> dict[str, tuple[Any, ...]]:
        """The values by which the page is made in branches, for each field; none when that would be too many rows."""
        branches: dict[str, tuple[Any, ...]] = {}
        pinned = {each.field for each in request.filters if each.operator is Operator.EQ}
        for name in self._branching:
            chosen = [each.value for each in request.filters if each.field == name and each.operator is Operator.IN]
            if chosen:
                branches[name] = tuple(dict.fromkeys(chosen[0]))
            elif name not in pinned and any(each.field == name for each in order):
                branches[name] = self.fields[name].values
        rows = request.offset + request.limit + 1
        for values in branches.values():
            rows *= len(values)
        return branches if rows <= BRANCHED else {}

    def _branched(
        self,
        branches: Mapping[str, tuple[Any, ...]],
        conditions: list[str],
        order: tuple[Order, ...],
        bound: dict[str, Any],
    ) -> str:
        """The rows that a page can be made of: of each combination of values the first ones."""
        for name, values in branches.items():
            bound[f"b_{name}"] = list(values)
        each_value = " CROSS JOIN ".join(
            f"unnest(%(b_{name})s::{self.fields[name].cast}[]) AS b_{name}" for name in branches
        )
        where = " AND ".join([*conditions, *(f"t.{name} = b_{name}" for name in branches)])
        within = ", ".join(self._ordered(tuple(each for each in order if each.field not in branches)))
        return f"""{each_value} CROSS JOIN LATERAL (
            SELECT t.* FROM {self._table} AS t WHERE {where} ORDER BY {within}
            LIMIT %(more)s::bigint + %(offset)s::bigint
        ) AS t"""

    def _read(self, values: tuple[Any, ...]) -> R:
        members = (field.wire for field in self._shown)
        return msgspec.convert(dict(zip(members, values, strict=True)), self.record)

    def _columns_for(self, scope: Scope) -> str:
        if not scope.masked:
            return self._columns
        return ", ".join(f'{_seen(field, scope)} AS "{field.wire}"' for field in self._shown)

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
                bound[name] = [each if isinstance(each, int) else str(each) for each in value]
            elif isinstance(value, list | tuple | Struct | dict):
                bound[name] = Jsonb(value)
            else:
                bound[name] = value
        return bound

    def _place(self, name: str, parameter: str) -> str:
        field = self.fields.get(name)
        return f"%({parameter})s" + (f"::{field.cast}" if field is not None and field.cast else "")

    def _compared(self, each: Filter, parameter: str, bound: dict[str, Any], scope: Scope) -> str:
        if each.field in self.special:
            bound[parameter] = each.value
            return f"({self.special[each.field].format(v=f'%({parameter})s')})"
        field = self.fields[each.field]
        seen = _seen(field, scope)
        if each.operator is Operator.EXISTS:
            return f"{seen} IS {'NOT ' if each.value else ''}NULL"
        plain_text = field.is_plain_text and field.name != self.key
        kind = field.cast or ("text" if field.kind is Kind.TEXT else "")
        if each.operator is Operator.IN:
            bound[parameter] = list(each.value)
            place = f"%({parameter})s" + (f"::{kind}[]" if kind else "")
            return (_ONE_OF_TEXTS if plain_text else "{e} = ANY({v})").format(e=seen, v=place)
        bound[parameter] = each.value
        place = f"%({parameter})s" + (f"::{kind}" if kind else "")
        same_text = plain_text and each.operator is Operator.EQ
        return (_SAME_TEXT if same_text else _COMPARED[each.operator]).format(e=seen, v=place)

    def _ordered(self, order: tuple[Order, ...]) -> Iterator[str]:
        for each in order:
            field = self.fields[each.field]
            direction = " DESC" if each.descending else ""
            if each.descending and field.nullable:
                direction += " NULLS LAST"
            if field.is_plain_text and each.field != self.key:
                yield f'lower({field.expression}) COLLATE "C"{direction}'
                yield f'{field.expression} COLLATE "C"{direction}'
            else:
                yield f"{field.expression}{direction}"
        if all(each.field != self.key for each in order):
            yield f"t.{self.key}"


def _chosen(each: Filter, branches: Mapping[str, Any]) -> bool:
    """Whether the branches of a page are what a filter chooses."""
    return each.operator is Operator.IN and each.field in branches


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
            array=_is_array(plain),
        )


def _seen(field: Field, scope: Scope) -> str:
    """The SQL of a field as it reads in this scope; what is masked keeps its type."""
    return f"(CASE WHEN false THEN {field.expression} END)" if field.name in scope.masked else field.expression


def _is_array(hint: Any) -> bool:
    if typing.get_origin(hint) not in (tuple, list):
        return False
    of = typing.get_args(hint)[0]
    return isinstance(of, type) and issubclass(of, str | int)


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
