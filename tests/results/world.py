"""Chunks, messages of every kind and events at chosen dates, written as their owners would have left them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from psycopg.types.json import Jsonb

from clarion.apps.model import App
from clarion.base import clock
from clarion.content.model import MessageKind
from clarion.db.pool import Database
from clarion.db.sql import execute, value
from clarion.results import ledger
from clarion.tracking import store as tracking
from clarion.tracking.model import EventKind, Report


async def add_chunk(
    database: Database,
    app: App,
    send: int,
    no: int,
    message: int,
    campaign: int | None,
    started_at: datetime | None,
    ids: Sequence[int],
    outcomes: bytes,
) -> None:
    """A chunk of the ledger; its targets are those of its outcomes."""
    async with database.transaction() as conn:
        await execute(
            conn,
            """
            INSERT INTO clarion.send_chunk (app_id, send_id, no, message_id, campaign_id, size, device_ids, outcomes,
                                            min_id, max_id, started_at, closed_at, targets)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (
                app.id, send, no, message, campaign, len(ids), list(ids), outcomes, min(ids), max(ids), started_at,
                started_at, ledger.targets_of(outcomes),
            ),
        )  # fmt: skip


async def add_message(database: Database, app: App, kind: MessageKind, campaign: int | None = None) -> int:
    """A message of any kind; its id."""
    async with database.transaction() as conn:
        if kind is MessageKind.PUSH:
            query = "INSERT INTO clarion.message (app_id, campaign_id, name, contents) VALUES (%s, %s, 'x', %s)"
            found = await value(conn, query + " RETURNING id", (app.id, campaign, Jsonb([{"text": "x"}])))
        elif kind is MessageKind.INBOX:
            query = """
                INSERT INTO clarion.inbox_message (app_id, campaign_id, name, contents, send_at)
                VALUES (%s, %s, 'x', '[]', clarion.now()) RETURNING id
            """
            found = await value(conn, query, (app.id, campaign))
        else:
            query = """
                INSERT INTO clarion.triggered_message (app_id, campaign_id, kind, name, contents, triggers, alarm)
                VALUES (%s, %s, %s, 'x', '[]', '{}', %s) RETURNING id
            """
            alarm = Jsonb({}) if kind is MessageKind.ALARM else None
            found = await value(conn, query, (app.id, campaign, kind.value, alarm))
    return int(found)


async def add_events(
    database: Database, app: App, kind: EventKind, message: int | None, ids: Sequence[int], at: datetime
) -> None:
    """One event of each device, received at this instant. The counters of the day do not know of them."""
    reports = [Report(device, uuid4(), kind, at, message_id=message) for device in ids]
    async with database.transaction() as conn:
        await execute(conn, "SELECT clarion.ensure_event_partition(%s)", (at,))
        await tracking.insert_events(conn, app.id, reports, at)


async def move_clock(database: Database, by: timedelta) -> None:
    """Move the clock of the database and of this process."""
    clock.shift(by)
    async with database.transaction() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (by,))
