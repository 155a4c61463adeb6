"""The one way to run SQL.

Stores write literal SQL and run it through these five verbs; values are always bound. `of=` names a msgspec Struct
whose fields match the columns by name; texts become the enums they stand for. Per-application tables are named through
`app_table` and nowhere else.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, LiteralString, TypeVar

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_dumps, set_json_loads

# `json` and `jsonb` travel through msgspec: Structs may be bound with `Jsonb(struct)`.
set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)

Conn = psycopg.AsyncConnection[TupleRow]
Query = LiteralString | sql.SQL | sql.Composed
Params = Sequence[Any] | Mapping[str, Any]
T = TypeVar("T", bound=msgspec.Struct)


async def rows(conn: Conn, query: Query, params: Params = (), *, of: type[T]) -> list[T]:
    """All rows, each as an `of`, columns matched to its fields by name."""
    cursor = await _run(conn, query, params)
    found = await cursor.fetchall()  # within a pipeline nothing is known of the rows before
    names = [column.name for column in cursor.description or ()]
    return [msgspec.convert(dict(zip(names, values, strict=True)), of) for values in found]


async def row(conn: Conn, query: Query, params: Params = (), *, of: type[T]) -> T | None:
    """The first row as an `of`, or None."""
    cursor = await _run(conn, query, params)
    values = await cursor.fetchone()
    if values is None:
        return None
    names = [column.name for column in cursor.description or ()]
    return msgspec.convert(dict(zip(names, values, strict=True)), of)


async def value(conn: Conn, query: Query, params: Params = ()) -> Any:
    """The first column of the first row, or None when there is no row."""
    cursor = await _run(conn, query, params)
    found = await cursor.fetchone()
    return None if found is None else found[0]


async def values(conn: Conn, query: Query, params: Params = ()) -> list[Any]:
    """The first column of every row."""
    cursor = await _run(conn, query, params)
    return [found[0] for found in await cursor.fetchall()]


async def tuples(
    conn: Conn, query: Query, params: Params = (), *, prepare: bool | None = None
) -> list[tuple[Any, ...]]:
    """All rows as plain tuples: for columns chosen at run time and for hot paths. With `prepare` False the statement is
    planned for these values each time, where a plan for any values would serve some of them badly."""
    cursor = await _run(conn, query, params, prepare=prepare)
    return await cursor.fetchall()


async def execute(conn: Conn, query: Query, params: Params = ()) -> int:
    """Run a statement; the number of rows it touched, which within a pipeline nobody knows yet."""
    cursor = await conn.execute(query, params)
    return cursor.rowcount


async def together(*asked: Awaitable[Any]) -> list[Any]:
    """The results of coroutines on one connection, in their order; the first failure, once all have ended.

    Within a pipeline their statements are sent side by side and cost one round trip.
    """
    found = await asyncio.gather(*asked, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return found


async def _run(
    conn: Conn, query: Query, params: Params, *, prepare: bool | None = None
) -> psycopg.AsyncCursor[TupleRow]:
    """Within a pipeline others may send their statements before the rows of this one are waited for; see `together`."""
    cursor = await conn.execute(query, params, prepare=prepare)
    if conn.pgconn.pipeline_status:
        await asyncio.sleep(0)
    return cursor


def app_schema(app_id: int) -> sql.Identifier:
    """The schema that holds the tables of one application: `app_<n>`."""
    return sql.Identifier(f"app_{int(app_id)}")


def app_table(app_id: int, name: LiteralString) -> sql.Composed:
    """A table of one application, schema-qualified and quoted: `"app_7"."device"`."""
    return sql.SQL(".").join((app_schema(app_id), sql.Identifier(name)))
