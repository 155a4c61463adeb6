"""The SQL of `long_count`."""

from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from clarion.audience.long_counts.model import LongCount, Order
from clarion.db.sql import Conn, execute, row, value


async def insert(conn: Conn, app_id: int, predicate: Any) -> int:
    """The id of a new count, looked at now."""
    query = "INSERT INTO clarion.long_count (app_id, predicate) VALUES (%s, %s) RETURNING id"
    return int(await value(conn, query, (app_id, Jsonb(predicate))))


async def look(conn: Conn, app_id: int, count_id: int) -> LongCount | None:
    """How a count stands; that somebody looked is noted."""
    return await row(
        conn,
        """
        UPDATE clarion.long_count SET watched_at = clarion.now() WHERE app_id = %s AND id = %s
        RETURNING id, progress, count, as_of, reason
        """,
        (app_id, count_id),
        of=LongCount,
    )


async def order(conn: Conn, app_id: int, count_id: int) -> Order | None:
    """What a count that is not done yet counts; None when nobody wants it any more."""
    return await row(
        conn,
        "SELECT predicate FROM clarion.long_count WHERE app_id = %s AND id = %s AND ended_at IS NULL",
        (app_id, count_id),
        of=Order,
    )


async def watched(conn: Conn, app_id: int, count_id: int, since: timedelta) -> bool:
    """Whether somebody looked at a count since then."""
    query = "SELECT watched_at > clarion.now() - %s FROM clarion.long_count WHERE app_id = %s AND id = %s"
    return bool(await value(conn, query, (since, app_id, count_id)))


async def advance(conn: Conn, app_id: int, count_id: int, progress: float) -> None:
    """A count has come so far."""
    query = "UPDATE clarion.long_count SET progress = %s WHERE app_id = %s AND id = %s AND ended_at IS NULL"
    await execute(conn, query, (progress, app_id, count_id))


async def finish(conn: Conn, app_id: int, count_id: int, count: int, as_of: datetime) -> None:
    """A count is done."""
    await execute(
        conn,
        """
        UPDATE clarion.long_count SET progress = 1, count = %s, as_of = %s, ended_at = clarion.now()
        WHERE app_id = %s AND id = %s
        """,
        (count, as_of, app_id, count_id),
    )


async def fail(conn: Conn, app_id: int, count_id: int, reason: str) -> None:
    """A count cannot be done."""
    query = "UPDATE clarion.long_count SET reason = %s, ended_at = clarion.now() WHERE app_id = %s AND id = %s"
    await execute(conn, query, (reason, app_id, count_id))


async def delete(conn: Conn, app_id: int, count_id: int) -> bool:
    """Delete a count, done or not; False when there is none."""
    return await execute(conn, "DELETE FROM clarion.long_count WHERE app_id = %s AND id = %s", (app_id, count_id)) == 1


async def drop_old(conn: Conn, since: timedelta) -> int:
    """Delete the counts of all applications that nobody looked at since then; how many."""
    query = "DELETE FROM clarion.long_count WHERE app_id > 0 AND watched_at < clarion.now() - %s"
    return await execute(conn, query, (since,))
