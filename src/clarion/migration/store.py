"""The SQL of history on its way in: a temporary table of one connection that holds the lines of a file of reactions."""

from msgspec import Struct
from psycopg import sql

from clarion.db.sql import Conn, app_table, execute, rows, value

_TABLE = sql.Identifier("pg_temp", "reaction_import")


class Staged(Struct, frozen=True):
    """What a file says of one message: its devices, how many of them bounced, how many clicked how often in all, and
    how many lines of the file that takes."""

    message: int
    devices: int
    bounced: int
    clicks: int
    lines: int


async def create(conn: Conn) -> None:
    """Make the table, empty; it lives as long as the connection."""
    await execute(
        conn,
        "CREATE TEMP TABLE reaction_import (message integer, device bigint, bounced boolean, clicks smallint)",
    )


async def fill(conn: Conn, block: str) -> None:
    """COPY lines into the table, in COPY's text format."""
    async with conn.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(_TABLE)) as copy:
        await copy.write(block)


async def staged(conn: Conn) -> list[Staged]:
    """What was filled in, by message. The table can be read message by message afterwards."""
    await execute(conn, sql.SQL("CREATE INDEX ON {} (message)").format(_TABLE))
    await execute(conn, sql.SQL("ANALYZE {}").format(_TABLE))
    return await rows(
        conn,
        sql.SQL(
            """
            SELECT message, count(*) AS devices, count(*) FILTER (WHERE bounced) AS bounced,
                   sum(clicks)::bigint AS clicks, sum(lines)::bigint AS lines
            FROM (
                SELECT message, device, bool_or(bounced) AS bounced, max(clicks) AS clicks, count(*) AS lines
                FROM {} GROUP BY message, device
            ) AS s GROUP BY message ORDER BY message
            """
        ).format(_TABLE),
        of=Staged,
    )


async def strangers(conn: Conn, app_id: int) -> int:
    """How many of the devices filled in the application does not have."""
    query = sql.SQL(
        "SELECT count(DISTINCT device) FROM {} AS s WHERE NOT EXISTS (SELECT FROM {} AS d WHERE d.id = s.device)"
    ).format(_TABLE, app_table(app_id, "device"))
    return int(await value(conn, query))


def targets(message: int) -> sql.Composed:
    """`SELECT` of the devices of a message and whether each bounced."""
    return sql.SQL("SELECT device, bool_or(bounced) FROM {} WHERE message = {} GROUP BY device").format(
        _TABLE, sql.Literal(message)
    )


def clicks(message: int) -> sql.Composed:
    """`SELECT` of the devices that clicked on a message and how often."""
    return sql.SQL("SELECT device, max(clicks) FROM {} WHERE message = {} AND clicks > 0 GROUP BY device").format(
        _TABLE, sql.Literal(message)
    )


async def take_turn(conn: Conn, app_id: int) -> None:
    """Until this transaction ends nobody else writes history of the application."""
    await execute(conn, "SELECT pg_advisory_xact_lock(hashtextextended('clarion.history', %s))", (app_id,))
