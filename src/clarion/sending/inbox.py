"""Giving inbox messages to their audience, at their date.

A message whose date has come gets a send of kind INBOX, planned as any other (`planning`): range by range its audience
is frozen into chunks. Nothing goes through a gateway: the statement that freezes a range also writes the copies, so
that every chunk is delivered and closed as it is made, and reports hold inbox messages as they hold pushes.
"""

from functools import partial

import psycopg

from clarion.apps import service as apps
from clarion.apps.model import App, Scheme
from clarion.audience import predicate as predicates
from clarion.audience import service as audience
from clarion.audience.model import All, Predicate
from clarion.base import clock
from clarion.base.errors import Invalid, Unavailable
from clarion.base.telemetry import get_logger
from clarion.content.inbox import service as inbox
from clarion.content.inbox import store as copies
from clarion.content.inbox.model import InboxDraft, InboxMessage
from clarion.content.model import Guarantee
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.queue import put
from clarion.results.store import freezing
from clarion.results.store.freezing import ChunkOrigin
from clarion.sending import store
from clarion.sending.model import BULK, PLAN_JOB, QUEUE, NewSend, Send, SendKind

log = get_logger(__name__)

PIECE = 200_000
"""Devices that one transaction is expected to look at: each costs a row, where a push costs 8 bytes."""

_BATCH = 1000
_WINDOW = 86_400
"""Seconds of time to live that a send has on record; nothing here expires on the way."""


async def create(conn: Conn, app: App, draft: InboxDraft) -> int:
    """The id of a new inbox message, given to its audience at its date, or at once. Raises Invalid."""
    message_id = await inbox.create(conn, app, draft)
    await _give_if_due(conn, app, message_id, draft)
    return message_id


async def update(conn: Conn, app: App, message_id: int, draft: InboxDraft) -> None:
    """Replace an inbox message before its date (v1 rule 99). Raises NotFound, Conflict, Invalid."""
    await inbox.update(conn, app, message_id, draft)
    await _give_if_due(conn, app, message_id, draft)


async def give_due(db: Database) -> int:
    """Timer: give the messages whose date has come, each in a transaction of its own; how many. One that fails is tried
    again next time and keeps no other waiting."""
    async with db.connection() as conn:
        due = await copies.due(conn, _BATCH)
    given = 0
    for app_id, message_id in due:
        try:
            given += await retry.transact(db, partial(_give, app_id=app_id, message_id=message_id))
        except (psycopg.OperationalError, Unavailable):
            raise
        except Exception:
            log.error("inbox_not_given", app=app_id, message=message_id, exc_info=True)
    return given


async def give_range(conn: Conn, app_id: int, send: Send, scheme: Scheme, low: int, high: int, chunk_size: int) -> None:
    """Freeze the devices with ids from `low` to `high`, and give each of them its copy."""
    chunks = await freezing.insert_delivered(
        conn,
        ChunkOrigin(app_id, send.id, send.message_id, send.campaign_id),
        audience.selection(app_id, predicates.parse(send.predicate, scheme)),
        copies.giving(app_id, send.message_id),
        low=low,
        high=high,
        first_no=send.chunks,
        chunk_size=chunk_size,
    )
    delivered = sum(chunk.size for chunk in chunks)
    await store.advance_delivered(conn, app_id, send.id, cursor=high, chunks=len(chunks), delivered=delivered)


async def _give_if_due(conn: Conn, app: App, message_id: int, draft: InboxDraft) -> None:
    if draft.send_at is None or draft.send_at <= clock.now():
        await _begin(conn, app, await inbox.get(conn, app.id, message_id))


async def _give(conn: Conn, app_id: int, message_id: int) -> bool:
    message = await copies.claim(conn, app_id, message_id)
    if message is None:
        return False
    await _begin(conn, await apps.get_app_by_id(conn, app_id), message)
    return True


async def _begin(conn: Conn, app: App, message: InboxMessage) -> None:
    """Begin the send of a message that the caller holds. One whose audience cannot be told any more ends cancelled,
    given to nobody."""
    draft = message.draft
    chosen, trouble = await _audience(conn, app.id, draft)
    new = NewSend(
        message_id=message.id,
        campaign_id=draft.campaign_id,
        kind=SendKind.INBOX,
        revision=message.revision,
        contents=(),  # nothing is rendered, and the message cannot change any more
        predicate=predicates.dump(chosen),
        guarantee=Guarantee.AT_LEAST_ONCE,
        priority=BULK,
        time_to_live=_WINDOW,
    )
    send_id = await store.insert(conn, app.id, new, _WINDOW)
    await copies.set_send(conn, app.id, message.id, send_id)
    if trouble:
        await store.cancel(conn, app.id, send_id, trouble)
        log.error("inbox_given_to_nobody", app=app.id, message=message.id, send=send_id, reason=trouble)
    await put(
        conn,
        PLAN_JOB,
        {"app": app.id, "send": send_id},
        queue=QUEUE,
        priority=new.priority - 1,
        key=f"plan:{app.id}:{send_id}",
    )
    log.info("send_begun", app=app.id, message=message.id, send=send_id, kind=new.kind.value)


async def _audience(conn: Conn, app_id: int, draft: InboxDraft) -> tuple[Predicate, str]:
    """Whom the message is for, every device when nothing is said; and why that cannot be told, empty when it can."""
    if not draft.campaign_segments and not draft.lists:
        return All(()), ""
    segments = await audience.segments(conn, app_id, draft.campaign_segments) if draft.campaign_segments else []
    if len(segments) != len(set(draft.campaign_segments)):
        return All(()), "it names a segment that does not exist any more"
    try:
        return audience.target(await apps.load_scheme(conn, app_id), segments, draft.lists), ""
    except Invalid as error:
        return All(()), f"its audience cannot be read any more: {error}"
