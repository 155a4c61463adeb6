"""Rules of recording: a report counts once, receipt time rules, and what a day's counters take from it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg
from msgspec.structs import replace

from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.db.retry import transact
from clarion.db.sql import Conn
from clarion.devices.openings import Opening, opened
from clarion.tracking import store
from clarion.tracking.model import Channel, ChannelsOf, EventKind, Recorded, Report

log = get_logger(__name__)

OLDEST = timedelta(days=30)
"""How far back a device's own time is believed."""

_REACTIONS = (EventKind.DISPLAYED, EventKind.CLICKED)
_WEEKS_AHEAD = 4
_DAYS_AHEAD = 7


async def receive(
    db: Database, app_id: int, batches: Sequence[Sequence[Report]], channels_of: ChannelsOf | None = None
) -> list[Recorded]:
    """Record batches in a transaction of their own. When this returns, they are durable and may be acknowledged.

    `intake` gathers what arrives at the same time and calls this.
    """

    async def work(conn: Conn) -> list[Recorded]:
        return await record(conn, app_id, batches, channels_of)

    try:
        return await transact(db, work)
    except psycopg.errors.CheckViolation:
        # An installation that slept longer than its partitions reach: a report may come before the timer does.
        log.warning("partitions_were_missing", app_id=app_id)
        await _make_partitions(db)
        return await transact(db, work)


async def record(
    conn: Conn, app_id: int, batches: Sequence[Sequence[Report]], channels_of: ChannelsOf | None = None
) -> list[Recorded]:
    """Record batches in the caller's transaction: when it commits, they may be acknowledged. The account of each.

    Reports seen before (same device, same report id, within a week, or earlier in these batches) are left out and
    counted as duplicates. Openings change the profile: number, first and last opening; a profile's first opening counts
    as an installation. A time in the future, or more than 30 days back, comes from a wrong clock: the time of receipt
    stands in. Messages whose channel `channels_of` does not tell count as pushes.
    """
    reports = [report for batch in batches for report in batch]
    if not reports:
        return [Recorded(0, 0)] * len(batches)
    at = await store.now(conn)
    unused = await store.first_seen(conn, app_id, reports, at)
    fresh: list[Report] = []
    account: list[Recorded] = []
    for batch in batches:
        before = len(fresh)
        for report in batch:
            key = (report.device_id, report.report_id)
            if key in unused:
                unused.discard(key)
                fresh.append(_corrected(report, at))
        accepted = len(fresh) - before
        account.append(Recorded(accepted, len(batch) - accepted))
    if fresh:
        reactions = await _reactions(conn, app_id, fresh, channels_of)
        installs = await _open(conn, app_id, fresh)
        await store.insert_events(conn, app_id, fresh, at)
        await store.add_stats(
            conn,
            app_id,
            at.date(),
            installs=installs,
            opens=sum(report.kind == EventKind.OPEN for report in fresh),
            push_displays=reactions[EventKind.DISPLAYED, Channel.PUSH],
            push_clicks=reactions[EventKind.CLICKED, Channel.PUSH],
            inapp_displays=reactions[EventKind.DISPLAYED, Channel.INAPP],
            inapp_clicks=reactions[EventKind.CLICKED, Channel.INAPP],
        )
    return account


def _corrected(report: Report, at: datetime) -> Report:
    """The report with a time that can be right."""
    return report if at - OLDEST <= report.occurred_at <= at else replace(report, occurred_at=at)


async def _reactions(
    conn: Conn, app_id: int, reports: Sequence[Report], channels_of: ChannelsOf | None
) -> Counter[tuple[EventKind, Channel]]:
    """How many displays and clicks there are on the messages of each channel."""
    about = [(report.kind, report.message_id) for report in reports if report.kind in _REACTIONS]
    messages = {message_id for _, message_id in about if message_id is not None}
    channels = await channels_of(conn, app_id, messages) if channels_of is not None and messages else {}
    return Counter((kind, channels.get(message_id or 0, Channel.PUSH)) for kind, message_id in about)


async def _open(conn: Conn, app_id: int, reports: Sequence[Report]) -> int:
    """Bring openings to the profiles; how many of these opened for the first time."""
    openings: dict[int, list[Report]] = {}
    for report in reports:
        if report.kind == EventKind.OPEN:
            openings.setdefault(report.device_id, []).append(report)
    if not openings:
        return 0
    return await opened(
        conn,
        app_id,
        [
            Opening(device_id, len(each), min(r.occurred_at for r in each), max(r.occurred_at for r in each))
            for device_id, each in openings.items()
        ],
    )


async def prepare_week(db: Database, at: datetime) -> None:
    """Make room for events of the week of `at`, which may be long ago. In a transaction of its own, as below."""
    async with db.transaction() as conn:
        await store.ensure_event_partition(conn, at)


async def prepare_partitions(db: Database) -> None:
    """Timer: make the partitions of the coming weeks before they are needed, drop those nobody needs any more."""
    await _make_partitions(db)
    async with db.transaction() as conn:
        await store.drop_report_partitions(conn)


async def _make_partitions(db: Database) -> None:
    """Each step locks one partitioned table in a transaction of its own, so that recording, which uses both, and this
    cannot wait for each other in a circle."""
    async with db.transaction() as conn:
        await store.ensure_event_partitions(conn, _WEEKS_AHEAD)
    async with db.transaction() as conn:
        await store.ensure_report_partitions(conn, _DAYS_AHEAD)
