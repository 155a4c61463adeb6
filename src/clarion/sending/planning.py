"""Planning: from the definition of an audience to frozen chunks, each with its job.

The space of device ids is covered in ranges, ascending. One range is one transaction that does everything in the
server: select, cut into chunks, write them with all outcomes open, add their jobs, move the send's cursor. A process
killed at any point loses at most the range it was in; the next one goes on at the cursor. Chunks of a range are
delivered while later ranges are still planned.
"""

from collections.abc import Sequence
from math import ceil

from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import Scheme
from clarion.audience import predicate as predicates
from clarion.audience import service as audience
from clarion.audience.model import AnyOf
from clarion.base.errors import Invalid
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.queue import Lease, Line, Retry, put_many
from clarion.results.store import chunks, freezing
from clarion.results.store.freezing import ChunkOrigin
from clarion.sending import closing, inbox, store
from clarion.sending.model import CHUNK_ATTEMPTS, CHUNK_JOB, QUEUE, UNDER_WAY, Send, SendKind

log = get_logger(__name__)

LOWEST, HIGHEST = -(2**63), 2**63 - 1


class Sizes(Struct, frozen=True):
    """Devices in a chunk, and devices that one transaction of planning is expected to look at."""

    chunk: int = 2_000
    piece: int = 2_000_000


async def plan(db: Database, lease: Lease, sizes: Sizes | None = None) -> None:
    """The handler of planning jobs.

    1. Find how wide a range may be for the device table as large as it is now.
    2. Range by range: lock the send, write the chunks and jobs of the next range, move the cursor. The lease is
       confirmed last, so that its row is not locked while the selection runs.
    3. With the last range the audience is frozen and counted, and the job is done. A cancelled send is frozen as it is.
    4. A definition that cannot be read any more, or a last attempt, cancels the send and says why.
    """
    sizes = sizes or Sizes()
    app_id, send_id = int(lease.job.args["app"]), int(lease.job.args["send"])
    if lease.job.attempts >= lease.job.max_attempts:
        await _give_up(db, app_id, send_id, "planning failed repeatedly; see the log")
    async with db.connection() as conn:
        scheme = await apps.load_scheme(conn, app_id)
        expected = await store.devices_about(conn, app_id)
        send = await store.find(conn, app_id, send_id)
    gives = send is not None and send.kind is SendKind.INBOX
    width = 2**64 // max(1, ceil(expected / (min(sizes.piece, inbox.PIECE) if gives else sizes.piece)))
    while not lease.acknowledged:
        if lease.stopping.is_set() or lease.wanted_back:
            raise Retry(0.0, "The process is stopping, or others wait.", count=False)
        try:
            await _piece(db, lease, app_id, send_id, scheme, width, sizes.chunk)
        except Invalid as error:
            await _give_up(db, app_id, send_id, f"its audience cannot be read any more: {error}")


async def _piece(
    db: Database, lease: Lease, app_id: int, send_id: int, scheme: Scheme, width: int, chunk_size: int
) -> None:
    async with db.transaction() as conn:
        send = await store.lock(conn, app_id, send_id)
        if send is None or send.frozen_at is not None:
            await lease.acknowledge(conn)
            return
        low = LOWEST if send.plan_cursor is None else send.plan_cursor + 1
        high = min(HIGHEST, low + width - 1)
        planning = send.state in UNDER_WAY
        if planning:
            freeze = inbox.give_range if send.kind is SendKind.INBOX else _freeze_range
            await freeze(conn, app_id, send, scheme, low, high, chunk_size)
        if not planning or high == HIGHEST:
            await _freeze_audience(conn, app_id, send_id)
            await lease.acknowledge(conn)
        else:
            await lease.confirm(conn)


async def _freeze_range(
    conn: Conn, app_id: int, send: Send, scheme: Scheme, low: int, high: int, chunk_size: int
) -> None:
    predicate = predicates.parse(send.predicate, scheme)
    insert, selection = freezing.insert_chunks, audience.selection(app_id, predicate)
    if send.numbered and isinstance(predicate, AnyOf):
        insert, selection = freezing.insert_numbered, audience.numbered_selection(app_id, predicate.parts)
    written = await insert(
        conn,
        ChunkOrigin(app_id, send.id, send.message_id, send.campaign_id),
        selection,
        low=low,
        high=high,
        first_no=send.chunks,
        chunk_size=chunk_size,
    )
    await put_chunks(conn, app_id, send.id, [chunk.no for chunk in written], queue=QUEUE, priority=send.priority)
    await store.advance(conn, app_id, send.id, cursor=high, chunks=len(written))


async def put_chunks(
    conn: Conn, app_id: int, send_id: int, numbers: Sequence[int], *, queue: str, priority: int
) -> None:
    """The jobs of chunks with these numbers."""
    if numbers:
        await put_many(
            conn,
            CHUNK_JOB,
            [{"app": app_id, "send": send_id, "no": no} for no in numbers],
            queue=queue,
            priority=priority,
            keys=[f"chunk:{app_id}:{send_id}:{no}" for no in numbers],
            max_attempts=CHUNK_ATTEMPTS,
            line=Line(app_id, send_id),
        )


async def _freeze_audience(conn: Conn, app_id: int, send_id: int) -> None:
    """The count is taken from the frozen ids themselves, not from the counters that the closing sums are made of."""
    number, devices_frozen = await chunks.planned(conn, app_id, send_id)
    await store.freeze(conn, app_id, send_id, devices_frozen)
    log.info("audience_frozen", app=app_id, send=send_id, audience=devices_frozen, chunks=number)
    frozen = await store.lock(conn, app_id, send_id)
    if frozen is not None and frozen.chunks_open == 0:
        await closing.settle(conn, app_id, send_id)


async def _give_up(db: Database, app_id: int, send_id: int, reason: str) -> None:
    async with db.transaction() as conn:
        send = await store.lock(conn, app_id, send_id)
        if send is not None and send.state in UNDER_WAY:
            log.error("planning_given_up", app=app_id, send=send_id, reason=reason)
            await store.cancel(conn, app_id, send_id, reason)
