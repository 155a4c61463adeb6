"""Sends that another system made, written as if they had been made here: closed, with targets, clicks and figures.

Reports, statistics and marketing pressure then know of them. Nothing is handed to a gateway.
"""

from datetime import UTC, datetime

from psycopg import sql

from clarion.base.telemetry import get_logger
from clarion.db.sql import Conn
from clarion.results.store import past as results
from clarion.results.store.freezing import ChunkOrigin
from clarion.sending import store
from clarion.sending.model import DEAD, PastSend
from clarion.sending.planning import Sizes
from clarion.tracking import store as tracking
from clarion.tracking.model import EventKind

log = get_logger(__name__)

_BOUNCE = f"{DEAD}bounce"


async def is_recorded(conn: Conn, app_id: int, message_id: int, at: datetime) -> bool:
    """Whether a send of this message at exactly this instant is on record."""
    return await store.has_closed_at(conn, app_id, message_id, at)


async def record(conn: Conn, app_id: int, past: PastSend, targets: sql.Composable, clicks: sql.Composable) -> int:
    """Write a past send; how many clicks it had. The week of its instant must have room for events.

    `targets` is a `SELECT` of (device id, whether its token was dead), each device once; `clicks` is one of (device id,
    how many). Raises RuntimeError when the outcomes do not add up to the audience.
    """
    message, send_id = past.message, await store.next_id(conn)
    origin = ChunkOrigin(app_id, send_id, message.id, message.draft.campaign_id)
    chunks, counts = await results.insert_past(
        conn, origin, targets, at=past.at, reason=_BOUNCE, chunk_size=Sizes().chunk
    )
    if counts.total != past.audience:
        raise RuntimeError(f"Message {message.id} went to {past.audience} devices, and {counts.total} have an outcome.")
    await store.insert_past(conn, app_id, send_id, past, chunks, counts)
    clicked = await tracking.insert_past(conn, app_id, message.id, EventKind.CLICKED, past.at, clicks)
    await tracking.add_stats(
        conn,
        app_id,
        past.at.astimezone(UTC).date(),
        push_sent=counts.total,
        push_clicks=clicked,
        bounces=counts.refused,
    )
    log.info("past_send_recorded", app=app_id, message=message.id, send=send_id, audience=past.audience, counts=counts)
    return clicked
