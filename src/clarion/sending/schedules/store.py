"""The SQL of `schedule`. Whoever writes a row holds the lock of its message, so that the two never disagree."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from clarion.db.sql import Conn, execute, row, tuples, value
from clarion.sending.schedules.model import Exclusion, Rule, Schedule

_SCHEDULES: Final = """
    SELECT message_id, recurrence, first_run, utc_offset, timezone, in_zone, start_date, end_date, exclusions, active,
           next_run, due_at, last_run, failures
    FROM clarion.schedule WHERE app_id = %s AND message_id = %s
"""


async def find(conn: Conn, app_id: int, message_id: int) -> Schedule | None:
    """The schedule of a message."""
    return await row(conn, _SCHEDULES, (app_id, message_id), of=Schedule)


async def find_due(conn: Conn, app_id: int, message_id: int) -> Schedule | None:
    """The schedule of a message if it is due."""
    return await row(conn, _SCHEDULES + " AND due_at <= clarion.now()", (app_id, message_id), of=Schedule)


async def put(
    conn: Conn,
    app_id: int,
    message_id: int,
    rule: Rule,
    start: datetime | None,
    *,
    active: bool,
    next_run: datetime | None,
) -> None:
    """Write the schedule of a message, in place of the one it may have. It has not been run yet."""
    await execute(
        conn,
        """
        INSERT INTO clarion.schedule
            (app_id, message_id, recurrence, first_run, utc_offset, timezone, in_zone, start_date, end_date, exclusions,
             active, next_run, due_at)
        VALUES (%(app_id)s, %(message_id)s, %(recurrence)s, %(first_run)s, %(utc_offset)s, %(timezone)s, %(in_zone)s,
                %(start_date)s, %(end_date)s, %(exclusions)s, %(active)s, %(next_run)s::timestamptz,
                CASE WHEN %(active)s THEN %(next_run)s::timestamptz END)
        ON CONFLICT (app_id, message_id) DO UPDATE
        SET recurrence = excluded.recurrence, first_run = excluded.first_run, utc_offset = excluded.utc_offset,
            timezone = excluded.timezone, in_zone = excluded.in_zone, start_date = excluded.start_date,
            end_date = excluded.end_date, exclusions = excluded.exclusions, active = excluded.active,
            next_run = excluded.next_run, due_at = excluded.due_at, last_run = NULL, failures = 0
        """,
        {
            "app_id": app_id,
            "message_id": message_id,
            "recurrence": rule.recurrence.value,
            "first_run": rule.first_run,
            "utc_offset": rule.utc_offset,
            "timezone": rule.timezone,
            "in_zone": rule.in_zone,
            "start_date": start,
            "end_date": rule.end_date,
            "exclusions": Jsonb(rule.exclusions),
            "active": active,
            "next_run": next_run,
        },
    )


async def exclude(
    conn: Conn, app_id: int, message_id: int, exclusions: Sequence[Exclusion], next_run: datetime | None
) -> None:
    """Put other exclusions in place, with the next occurrence that they leave."""
    await execute(
        conn,
        """
        UPDATE clarion.schedule
        SET exclusions = %(exclusions)s, next_run = %(next_run)s::timestamptz, failures = 0,
            due_at = CASE WHEN active THEN %(next_run)s::timestamptz END
        WHERE app_id = %(app_id)s AND message_id = %(message_id)s
        """,
        {"app_id": app_id, "message_id": message_id, "exclusions": Jsonb(exclusions), "next_run": next_run},
    )


async def delete(conn: Conn, app_id: int, message_id: int) -> bool:
    """Delete the schedule of a message. False when it has none."""
    deleted = await execute(
        conn, "DELETE FROM clarion.schedule WHERE app_id = %s AND message_id = %s", (app_id, message_id)
    )
    return deleted == 1


async def is_waiting(conn: Conn, app_id: int, message_id: int) -> bool:
    """Whether the message has a schedule that will send it again."""
    found: bool = await value(
        conn,
        """
        SELECT EXISTS (SELECT FROM clarion.schedule WHERE app_id = %s AND message_id = %s AND due_at IS NOT NULL)
        """,
        (app_id, message_id),
    )
    return found


async def due(conn: Conn, limit: int) -> list[tuple[Any, ...]]:
    """Application and message of what is due, the longest first."""
    return await tuples(
        conn,
        "SELECT app_id, message_id FROM clarion.schedule WHERE due_at <= clarion.now() ORDER BY due_at LIMIT %s",
        (limit,),
    )


async def due_in(conn: Conn) -> float | None:
    """Seconds until the first schedule is due (negative when it is); None when none waits."""
    found = await tuples(
        conn,
        """
        SELECT app_id, extract(epoch FROM due_at - clarion.now())::float8
        FROM clarion.schedule WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1
        """,
    )
    return float(found[0][1]) if found else None


async def now(conn: Conn) -> datetime:
    """The instant by which schedules are due in this transaction."""
    instant: datetime = await value(conn, "SELECT clarion.now()")
    return instant


async def move_on(conn: Conn, app_id: int, message_id: int, done: datetime, next_run: datetime | None) -> None:
    """The occurrence `done` is dealt with, `next_run` comes next."""
    await execute(
        conn,
        """
        UPDATE clarion.schedule SET last_run = %s, next_run = %s, due_at = %s, failures = 0
        WHERE app_id = %s AND message_id = %s
        """,
        (done, next_run, next_run, app_id, message_id),
    )


async def put_off(conn: Conn, app_id: int, message_id: int, seconds: float) -> None:
    """Look at what is due again in so many seconds."""
    await execute(
        conn,
        """
        UPDATE clarion.schedule
        SET due_at = clarion.now() + make_interval(secs => %s), failures = failures + 1
        WHERE app_id = %s AND message_id = %s
        """,
        (seconds, app_id, message_id),
    )
