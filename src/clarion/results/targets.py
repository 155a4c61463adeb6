"""One page of targets: found by arithmetic over how many there are in each part of the whole, so that the last page
costs what the first does.

Messages that are sent have their targets in the chunks of the ledger; for those that devices show by themselves every
display that was reported is one. In a campaign of both, chunks and displays stand in one order of dates.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from clarion.content.model import Named
from clarion.db.sql import Conn
from clarion.results import ledger
from clarion.results.model import Outcome, Period, Subject
from clarion.results.store import chunks
from clarion.results.store import targets as pages
from clarion.results.store.targets import ChunkMark
from clarion.tracking import store as tracking
from clarion.tracking.model import EventKind

_MOMENT = timedelta(microseconds=1)


class Hit(Struct, frozen=True):
    """One target, its device by id."""

    device_id: int
    at: datetime
    message_id: int
    campaign_id: int | None
    bounced: bool = False


async def sent(conn: Conn, app_id: int, subject: Subject, period: Period, limit: int, offset: int) -> list[Hit]:
    """Of messages that are sent: `limit` targets from place `offset` on."""
    hits: list[Hit] = []
    for chunk in await pages.target_chunks(conn, app_id, subject, period, limit=limit, offset=offset):
        skip = max(0, offset - chunk.before)
        part = ledger.targets_between(chunk.device_ids, chunk.outcomes, skip, limit - len(hits))
        hits += [
            Hit(device_id, chunk.started_at, chunk.message_id, chunk.campaign_id, outcome is Outcome.REFUSED_DEAD)
            for device_id, outcome in part
        ]
    return hits


async def shown(conn: Conn, app_id: int, message: Named, period: Period, limit: int, offset: int) -> list[Hit]:
    """Of one message that devices show: `limit` displays from place `offset` on."""
    period = await _kept(conn, period)
    return await _displays(conn, app_id, [message], message.campaign_id, period, limit, offset)


async def mixed(
    conn: Conn, app_id: int, subject: Subject, messages: Sequence[Named], period: Period, limit: int, offset: int
) -> list[Hit]:
    """Of a campaign in which devices show `messages`, and others are sent. Displays are counted, once for a page."""
    period = await _kept(conn, period)
    chunks = await pages.target_marks(conn, app_id, subject, period)
    marks = [chunk.started_at for chunk in chunks]
    ids = [message.id for message in messages]
    numbers = await tracking.numbers_between(conn, app_id, EventKind.DISPLAYED, ids, period.start, period.end, marks)
    hits: list[Hit] = []
    for part, skip, take in slices(numbers, [chunk.targets for chunk in chunks], offset, limit):
        if isinstance(part, Before):
            start = period.start if part.chunk == 0 else marks[part.chunk - 1]
            end = period.end if part.chunk == len(marks) else marks[part.chunk] - _MOMENT
            between = Period(start, end)
            hits += await _displays(conn, app_id, messages, subject.campaign_id, between, take, skip)
        else:
            hits += await _of_chunk(conn, app_id, chunks[part.chunk], take, skip)
    return hits


class Before(Struct, frozen=True):
    """The displays before a chunk and after the one that precedes it; after the last chunk for the number after it."""

    chunk: int


class Within(Struct, frozen=True):
    """The targets of a chunk."""

    chunk: int


def slices(
    displays: Sequence[int], targets: Sequence[int], offset: int, limit: int
) -> Iterator[tuple[Before | Within, int, int]]:
    """Which parts of the whole a page is made of: the part, how many of it come before the page, how many are on it.

    The whole is displays[0], targets[0], displays[1], targets[1] and so on; there is one more of `displays`.
    """
    end, at = offset + limit, 0
    for chunk, number in enumerate(displays):
        parts: list[tuple[Before | Within, int]] = [(Before(chunk), number)]
        if chunk < len(targets):
            parts.append((Within(chunk), targets[chunk]))
        for part, size in parts:
            first, last = max(offset - at, 0), min(end - at, size)
            if first < last:
                yield part, first, last - first
            at += size
        if at >= end:
            return


async def _displays(
    conn: Conn,
    app_id: int,
    messages: Sequence[Named],
    campaign_id: int | None,
    period: Period,
    limit: int,
    offset: int,
) -> list[Hit]:
    ids = [message.id for message in messages]
    found = await tracking.reactions(
        conn, app_id, EventKind.DISPLAYED, ids, period.start, period.end, limit=limit, offset=offset
    )
    return [Hit(each.device_id, each.ts, each.message_id, campaign_id) for each in found]


async def _of_chunk(conn: Conn, app_id: int, mark: ChunkMark, limit: int, offset: int) -> list[Hit]:
    chunk = await chunks.load_chunk(conn, app_id, mark.send_id, mark.no)
    if chunk is None:
        return []
    part = ledger.targets_between(chunk.device_ids, chunk.outcomes, offset, limit)
    return [
        Hit(device_id, mark.started_at, mark.message_id, mark.campaign_id, outcome is Outcome.REFUSED_DEAD)
        for device_id, outcome in part
    ]


async def _kept(conn: Conn, period: Period) -> Period:
    """The part of a period of which targets are listed (v1 rule 82)."""
    oldest = await pages.oldest_target(conn)
    return Period(oldest if period.start is None else max(oldest, period.start), period.end)
