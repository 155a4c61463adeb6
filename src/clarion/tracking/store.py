"""The SQL of `event`, `report_seen` and `stat_day`."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple
from psycopg.types.json import Jsonb

from clarion.db.sql import Conn, execute, rows, tuples, value
from clarion.devices.model import Standing
from clarion.tracking.model import DayStats, EventKind, Report


class ClickRow(Struct, frozen=True):
    """One click as it was recorded: `button` is None for the notification itself."""

    ts: datetime
    device_id: int
    message_id: int
    button: str | None


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


async def ensure_report_partitions(conn: Conn, days: int) -> None:
    """Make the partitions of report ids of today and the coming days."""
    await _patiently(conn)
    await execute(
        conn,
        """
        SELECT clarion.ensure_report_partition(clarion.now() + d * interval '1 day')
        FROM generate_series(0, %s) AS d
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
    """Mark reports as seen; those (device, report id) that had not been seen in the last week."""
    keys = list({(report.device_id, report.report_id) for report in reports})
    # Ordered, so that two batches that hold the same reports wait for each other instead of deadlocking.
    found = await tuples(
        conn,
        """
        INSERT INTO clarion.report_seen (app_id, source, report_id, day)
        SELECT %(app)s, new.source, new.report_id, %(day)s
        FROM unnest(%(sources)s::bigint[], %(ids)s::uuid[]) AS new (source, report_id)
        WHERE NOT EXISTS (
            SELECT FROM clarion.report_seen AS old
            WHERE old.app_id = %(app)s AND old.source = new.source AND old.report_id = new.report_id)
        ORDER BY new.source, new.report_id
        ON CONFLICT DO NOTHING
        RETURNING source, report_id
        """,
        {
            "app": app_id,
            "day": at.date(),
            "sources": [source for source, _ in keys],
            "ids": [report_id for _, report_id in keys],
        },
    )
    return {(source, report_id) for source, report_id in found}


async def insert_events(conn: Conn, app_id: int, reports: Sequence[Report], at: datetime) -> None:
    """Append events with receipt time `at`."""
    async with (
        conn.cursor() as cursor,
        cursor.copy(
            "COPY clarion.event (app_id, ts, occurred_at, device_id, kind, code, message_id, button, value) FROM STDIN"
        ) as copy,
    ):
        for report in reports:
            await copy.write_row(
                (
                    app_id,
                    at,
                    report.occurred_at,
                    report.device_id,
                    int(report.kind),
                    report.code,
                    report.message_id,
                    report.button,
                    None if report.value is None else Jsonb(report.value),
                )
            )


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
) -> None:
    """Add to the counters of a day. Call it last in a transaction: the row is shared by everybody.

    A call that adds nothing leaves the row alone.
    """
    if not (installs or opens or push_sent or push_displays or push_clicks or bounces):
        return
    await execute(
        conn,
        """
        INSERT INTO clarion.stat_day AS s
            (app_id, day, installs, opens, push_sent, push_displays, push_clicks, bounces)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (app_id, day) DO UPDATE SET
            installs = s.installs + excluded.installs, opens = s.opens + excluded.opens,
            push_sent = s.push_sent + excluded.push_sent, push_displays = s.push_displays + excluded.push_displays,
            push_clicks = s.push_clicks + excluded.push_clicks, bounces = s.bounces + excluded.bounces
        """,
        (app_id, day, installs, opens, push_sent, push_displays, push_clicks, bounces),
    )


async def set_standing(conn: Conn, app_id: int, day: date, standing: Standing) -> None:
    """Keep how an application's devices stand with a day; a later look on the same day replaces it."""
    await execute(
        conn,
        """
        INSERT INTO clarion.stat_day (app_id, day, registered, optin, optout, active, active_optin)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (app_id, day) DO UPDATE SET
            registered = excluded.registered, optin = excluded.optin, optout = excluded.optout,
            active = excluded.active, active_optin = excluded.active_optin
        """,
        (app_id, day, *astuple(standing)),
    )


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


async def clicks(
    conn: Conn,
    app_id: int,
    message_ids: Sequence[int],
    start: datetime | None,
    end: datetime | None,
    *,
    limit: int,
    offset: int,
) -> list[ClickRow]:
    """Clicks on these messages with `start` <= ts <= `end`, by ascending date, then device (v1 rules 33 and 79)."""
    return await rows(
        conn,
        """
        SELECT ts, device_id, message_id, button FROM clarion.event
        WHERE app_id = %s AND message_id = ANY(%s) AND kind = %s
          AND ts >= coalesce(%s, '-infinity'::timestamptz) AND ts <= coalesce(%s, 'infinity'::timestamptz)
        ORDER BY ts, device_id, message_id, button NULLS FIRST LIMIT %s OFFSET %s
        """,
        (app_id, list(message_ids), int(EventKind.CLICKED), start, end, limit, offset),
        of=ClickRow,
    )
