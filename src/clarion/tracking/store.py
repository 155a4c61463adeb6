"""The SQL of `event`, `report_seen` and `stat_day`."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import asdict
from psycopg import sql

from clarion.db.arrays import array_text
from clarion.db.sql import Conn, execute, rows, tuples, value
from clarion.devices.model import Standing
from clarion.tracking.model import DayStats, EventKind, Report

_NEAR = timedelta(minutes=10)
"""No transaction that records reports is open for longer."""


class Reaction(Struct, frozen=True):
    """One display or click as it was recorded: `button` is None for the message itself."""

    ts: datetime
    device_id: int
    message_id: int
    button: str | None


# Equality lets one index give the events of a message in the order of their dates.
_ONE = sql.SQL("message_id = %(messages)s")
_SEVERAL = sql.SQL("message_id = ANY(%(messages)s)")
_REACTIONS = sql.SQL(
    """
    SELECT ts, device_id, message_id, button FROM clarion.event
    WHERE app_id = %(app_id)s AND {messages} AND kind = %(kind)s
      AND ts >= coalesce(%(start)s, '-infinity'::timestamptz) AND ts <= coalesce(%(end)s, 'infinity'::timestamptz)
    ORDER BY ts, device_id, message_id, button NULLS FIRST LIMIT %(limit)s OFFSET %(offset)s
    """
)


async def ensure_event_partitions(conn: Conn, weeks: int) -> None:
    """Make the partitions of events of this week and the coming ones."""
    await _patiently(conn)
    await execute(
        conn,
        """
        SELECT clarion.ensure_event_partition(clarion.now() + w * interval '7 days')
        FROM generate_series(0, %s) AS w
        """,
        (weeks,),
    )


async def ensure_event_partition(conn: Conn, at: datetime) -> None:
    """Make the partition of events of the week of `at`."""
    await _patiently(conn)
    await execute(conn, "SELECT clarion.ensure_event_partition(%s)", (at,))


async def ensure_report_partitions(conn: Conn, days: int) -> None:
    """Make the partitions of report ids of today, the day before and the coming days."""
    await _patiently(conn)
    await execute(
        conn,
        """
        SELECT clarion.ensure_report_partition(clarion.now() + d * interval '1 day')
        FROM generate_series(-1, %s) AS d
        """,
        (days,),
    )


async def drop_report_partitions(conn: Conn) -> None:
    """Drop report ids older than a week."""
    await _patiently(conn)
    await execute(conn, "SELECT clarion.drop_report_partitions(clarion.now() - interval '8 days')")


async def _patiently(conn: Conn) -> None:
    """Give up a lock on a whole table rather than have everybody queue behind it."""
    await execute(conn, "SET LOCAL lock_timeout = '4s'")


async def now(conn: Conn) -> datetime:
    """The receipt time of this transaction."""
    found: datetime = await value(conn, "SELECT clarion.now()")
    return found


async def first_seen(conn: Conn, app_id: int, reports: Sequence[Report], at: datetime) -> set[tuple[int, Any]]:
    """Mark reports as seen; those (device, report id) that had not been seen in the last week.

    Marks of one day exclude each other by their key. Two transactions that began on either side of midnight see nothing
    of each other, so around midnight a report is marked for both days: on one of them they meet, the later waits, and
    only who could mark every day was first.
    """
    keys = list({(report.device_id, report.report_id) for report in reports})
    days = sorted({(at - _NEAR).date(), (at + _NEAR).date()})
    # Ordered, so that two batches that hold the same reports wait for each other instead of deadlocking.
    found = await tuples(
        conn,
        """
        INSERT INTO clarion.report_seen (app_id, source, report_id, day)
        SELECT %(app)s, new.source, new.report_id, days.day
        FROM unnest(%(sources)s::text::bigint[], %(ids)s::text::uuid[]) AS new (source, report_id)
        CROSS JOIN unnest(%(days)s::date[]) AS days (day)
        WHERE NOT EXISTS (
            SELECT FROM clarion.report_seen AS old
            WHERE old.app_id = %(app)s AND old.source = new.source AND old.report_id = new.report_id)
        ORDER BY new.source, new.report_id, days.day
        ON CONFLICT DO NOTHING
        RETURNING source, report_id
        """,
        {
            "app": app_id,
            "days": days,
            "sources": array_text([source for source, _ in keys]),
            "ids": array_text([report_id for _, report_id in keys]),
        },
    )
    marked = Counter((source, report_id) for source, report_id in found)
    return {key for key, number in marked.items() if number == len(days)}


_COPY = """
    COPY clarion.event (app_id, ts, occurred_at, device_id, kind, code, message_id, button, value) FROM STDIN
"""
_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


async def insert_events(conn: Conn, app_id: int, reports: Sequence[Report], at: datetime) -> None:
    """Append events with receipt time `at`, as one block of COPY's text format."""
    start = f"{app_id}\t{at.isoformat()}\t"
    block = "".join([start + _line(report) for report in reports])
    async with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        await copy.write(block)


def _line(report: Report) -> str:
    message = _NULL if report.message_id is None else report.message_id
    button = _NULL if report.button is None else report.button.translate(_ESCAPES)
    value = _NULL if report.value is None else msgspec.json.encode(report.value).decode().translate(_ESCAPES)
    return (
        f"{report.occurred_at.isoformat()}\t{report.device_id}\t{int(report.kind)}\t{report.code}\t{message}"
        f"\t{button}\t{value}\n"
    )


async def insert_past(
    conn: Conn, app_id: int, message_id: int, kind: EventKind, at: datetime, devices: sql.Composable
) -> int:
    """Append events that another system received at `at`; how many. `devices` is a `SELECT` of (device id, how often).

    The partition of that week must be there.
    """
    query = sql.SQL(
        """
        INSERT INTO clarion.event (app_id, ts, occurred_at, device_id, kind, message_id)
        SELECT %(app_id)s, %(at)s, %(at)s, s.id, %(kind)s, %(message_id)s
        FROM ({devices}) AS s (id, times) CROSS JOIN LATERAL generate_series(1, s.times) ORDER BY s.id
        """
    ).format(devices=devices)
    return await execute(conn, query, {"app_id": app_id, "at": at, "kind": int(kind), "message_id": message_id})


async def add_stats(
    conn: Conn,
    app_id: int,
    day: date,
    *,
    installs: int = 0,
    opens: int = 0,
    push_sent: int = 0,
    push_displays: int = 0,
    push_clicks: int = 0,
    bounces: int = 0,
    inapp_displays: int = 0,
    inapp_clicks: int = 0,
) -> None:
    """Add to the counters of a day. Call it last in a transaction: the row is shared by everybody.

    A call that adds nothing leaves the row alone.
    """
    added = (installs, opens, push_sent, push_displays, push_clicks, bounces, inapp_displays, inapp_clicks)
    if not any(added):
        return
    await execute(
        conn,
        """
        INSERT INTO clarion.stat_day AS s
            (app_id, day, installs, opens, push_sent, push_displays, push_clicks, bounces, inapp_displays, inapp_clicks)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (app_id, day) DO UPDATE SET
            installs = s.installs + excluded.installs, opens = s.opens + excluded.opens,
            push_sent = s.push_sent + excluded.push_sent, push_displays = s.push_displays + excluded.push_displays,
            push_clicks = s.push_clicks + excluded.push_clicks, bounces = s.bounces + excluded.bounces,
            inapp_displays = s.inapp_displays + excluded.inapp_displays,
            inapp_clicks = s.inapp_clicks + excluded.inapp_clicks
        """,
        (app_id, day, *added),
    )


# A step of a statement that closes a chunk (`written` has a row when it does): what it adds to the counters of its day.
# It waits for the step `summed`, so that statements lock their rows in one order.
COUNTING = sql.SQL(
    """
    counted AS (
        INSERT INTO clarion.stat_day AS s (app_id, day, push_sent, bounces)
        SELECT %(app_id)s, %(day)s::date, %(push_sent)s, %(bounces)s
        WHERE EXISTS (SELECT FROM summed) AND %(day)s::date IS NOT NULL AND (%(push_sent)s > 0 OR %(bounces)s > 0)
        ON CONFLICT (app_id, day) DO UPDATE SET
            push_sent = s.push_sent + excluded.push_sent, bounces = s.bounces + excluded.bounces
    )
    """
)


async def set_standing(conn: Conn, app_id: int, day: date, standing: Standing, *, add: bool = True) -> bool:
    """Keep how an application's devices stand with a day; a later look on the same day replaces it. Without `add` only
    an earlier look is replaced. False when nothing was kept."""
    kept = await execute(
        conn,
        """
        INSERT INTO clarion.stat_day (app_id, day, registered, optin, optout, active, active_optin)
        SELECT %(app_id)s, %(day)s, %(registered)s, %(optin)s, %(optout)s, %(active)s, %(active_optin)s
        WHERE %(add)s OR EXISTS (
            SELECT FROM clarion.stat_day WHERE app_id = %(app_id)s AND day = %(day)s AND registered IS NOT NULL)
        ON CONFLICT (app_id, day) DO UPDATE SET
            registered = excluded.registered, optin = excluded.optin, optout = excluded.optout,
            active = excluded.active, active_optin = excluded.active_optin
        """,
        {"app_id": app_id, "day": day, "add": add, **asdict(standing)},
    )
    return kept == 1


async def stats_between(
    conn: Conn, app_id: int, start: date | None, end: date | None, *, limit: int, offset: int
) -> list[DayStats]:
    """The days that have data, ascending, both ends included; None leaves an end open (v1 rule 83)."""
    return await rows(
        conn,
        """
        SELECT day, registered, optin, optout, active, active_optin, installs, opens, push_sent, push_displays,
               push_clicks, bounces, inapp_displays, inapp_clicks
        FROM clarion.stat_day
        WHERE app_id = %s AND day >= coalesce(%s, '-infinity'::date) AND day <= coalesce(%s, 'infinity'::date)
        ORDER BY day LIMIT %s OFFSET %s
        """,
        (app_id, start, end, limit, offset),
        of=DayStats,
    )


async def reactions(
    conn: Conn,
    app_id: int,
    kind: EventKind,
    message_ids: Sequence[int],
    start: datetime | None,
    end: datetime | None,
    *,
    limit: int,
    offset: int,
) -> list[Reaction]:
    """Events of a kind on these messages with `start` <= ts <= `end`, by ascending date, then device (v1 rules 33 and
    79)."""
    query = _REACTIONS.format(messages=_ONE if len(message_ids) == 1 else _SEVERAL)
    bound = {
        "app_id": app_id,
        "kind": int(kind),
        "messages": message_ids[0] if len(message_ids) == 1 else list(message_ids),
        "start": start,
        "end": end,
        "limit": limit,
        "offset": offset,
    }
    return await rows(conn, query, bound, of=Reaction)


async def numbers_between(
    conn: Conn,
    app_id: int,
    kind: EventKind,
    message_ids: Sequence[int],
    start: datetime | None,
    end: datetime | None,
    marks: Sequence[datetime],
) -> list[int]:
    """How many of the events that `reactions` lists lie before the first of these ascending instants, between each and
    the next, and from the last on."""
    found = await tuples(
        conn,
        """
        SELECT width_bucket(ts, %(marks)s::timestamptz[]) AS part, count(*) FROM clarion.event
        WHERE app_id = %(app_id)s AND message_id = ANY(%(messages)s) AND kind = %(kind)s
          AND ts >= coalesce(%(start)s, '-infinity'::timestamptz) AND ts <= coalesce(%(end)s, 'infinity'::timestamptz)
        GROUP BY part
        """,
        {
            "app_id": app_id,
            "kind": int(kind),
            "messages": list(message_ids),
            "start": start,
            "end": end,
            "marks": list(marks),
        },
    )
    numbers = [0] * (len(marks) + 1)
    for part, number in found:
        numbers[part] = number
    return numbers
