"""Import pieces on their way in: a temporary table of one connection, filled by COPY and emptied by every commit."""

from collections.abc import Sequence

from psycopg import sql

from clarion.apps.model import Column
from clarion.db.sql import Conn, execute
from clarion.devices.store.source import Shape, Source, layout

_TABLE = sql.Identifier("pg_temp", "device_import")


async def create(conn: Conn, columns: Sequence[Column], *, keys: bool) -> None:
    """Make the table; it lives as long as the connection."""
    fields = [sql.SQL("{} {}").format(sql.Identifier(name), kind) for name, kind in layout(columns, keys=keys)]
    await execute(
        conn, sql.SQL("CREATE TEMP TABLE device_import ({}) ON COMMIT DELETE ROWS").format(sql.SQL(", ").join(fields))
    )


async def fill(conn: Conn, columns: Sequence[Column], block: str, size: int, *, keys: bool) -> Source:
    """COPY a block of `size` rows, in COPY's text format and in the order of `layout`; the source it makes."""
    async with conn.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(_TABLE)) as copy:
        await copy.write(block)
    return Source(sql.SQL("{} AS s").format(_TABLE), {}, Shape(tuple(columns), keys), size)
