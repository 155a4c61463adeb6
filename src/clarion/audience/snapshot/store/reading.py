"""The SQL of reading device columns as CSV: all devices piece by piece, or those that have changed.

Pieces are ranges of pages, read in the order in which they lie. A device that moves meanwhile may be read twice or not
at all; it is among the noted changes then, which replace it.
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from clarion.audience.snapshot.model import Form
from clarion.db.sql import Conn, app_schema, app_table

_DATE = sql.SQL(
    "CASE WHEN isfinite({c}) THEN (extract(epoch FROM {c}) * 1000000)::bigint"
    " WHEN {c} > 'epoch' THEN 9223372036854775807 WHEN {c} < 'epoch' THEN -9223372036854775807 END"
)
_READS = {
    Form.WORDS: sql.SQL("{c}"),
    Form.PRESENCE: sql.SQL("({c} IS NOT NULL)::integer"),
    Form.INTEGER: sql.SQL("{c}"),
    Form.DECIMAL: sql.SQL("{c}"),
    Form.DATE: _DATE,
    Form.BOOLEAN: sql.SQL("{c}::integer"),
}


def _columns(forms: Mapping[str, Form]) -> sql.Composed:
    return sql.SQL(", ").join([_READS[form].format(c=sql.Identifier("d", name)) for name, form in forms.items()])


def pages(conn: psycopg.Connection[Any], app_id: int) -> int:
    """How many pages the device table has."""
    query = "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::bigint"
    found = conn.execute(query, (app_table(app_id, "device").as_string(conn),)).fetchone()
    assert found is not None
    return int(found[0])


def piece(conn: psycopg.Connection[Any], app_id: int, forms: Mapping[str, Form], first: int, before: int) -> bytes:
    """The devices on the pages from `first` to before `before`, as CSV in the order of `forms`.

    Over a connection that blocks, in a process of its own: a COPY row by row costs a third of what it does in asyncio.
    """
    query = sql.SQL("COPY (SELECT {} FROM {} AS d WHERE d.ctid >= {} AND d.ctid < {}) TO STDOUT (FORMAT csv)").format(
        _columns(forms), app_table(app_id, "device"), sql.Literal(f"({first},0)"), sql.Literal(f"({before},0)")
    )
    with conn.cursor() as cursor, cursor.copy(query) as copy:
        return b"".join(copy)


async def changed(conn: Conn, app_id: int, forms: Mapping[str, Form]) -> bytes:
    """The devices whose change is noted and which still exist, as CSV in the order of `forms`."""
    query = sql.SQL(
        "COPY (SELECT {} FROM (SELECT DISTINCT id FROM {}.device_change) AS n JOIN {} AS d USING (id))"
        " TO STDOUT (FORMAT csv)"
    ).format(_columns(forms), app_schema(app_id), app_table(app_id, "device"))
    async with conn.cursor() as cursor, cursor.copy(query) as copy:
        return b"".join([bytes(block) async for block in copy])
