"""Pages of targets, by arithmetic over the counts of chunks."""

from datetime import datetime

from msgspec import Struct
from psycopg import sql

from clarion.db.sql import Conn, rows, value
from clarion.results.model import Period, Subject


class TargetChunk(Struct, frozen=True):
    """A chunk that holds part of a page of targets; `before` counts the targets of all chunks before it."""

    send_id: int
    message_id: int
    campaign_id: int | None
    started_at: datetime
    before: int
    device_ids: list[int]
    outcomes: bytes


class ChunkMark(Struct, frozen=True):
    """Where a chunk stands in the order of targets, and how many it has."""

    send_id: int
    no: int
    message_id: int
    campaign_id: int | None
    started_at: datetime
    targets: int


_TARGETS_OF = sql.SQL(
    """
    SELECT send_id, no, started_at, targets,
           sum(targets) OVER (ORDER BY started_at, send_id, no) - targets AS before
    FROM clarion.send_chunk
    WHERE app_id = %(app_id)s AND {subject} = %(subject)s AND targets > 0
      AND started_at >= clarion.now() - interval '3 months'
      AND (%(start)s::timestamptz IS NULL OR started_at >= %(start)s)
      AND (%(end)s::timestamptz IS NULL OR started_at <= %(end)s)
    """
)
_PAGE = sql.SQL(
    """
    WITH counted AS MATERIALIZED ({targets})
    SELECT c.send_id, k.message_id, k.campaign_id, c.started_at, c.before::bigint AS before, k.device_ids, k.outcomes
    FROM counted AS c
    JOIN clarion.send_chunk AS k ON k.app_id = %(app_id)s AND k.send_id = c.send_id AND k.no = c.no
    WHERE c.before < %(offset)s + %(limit)s AND c.before + c.targets > %(offset)s
    ORDER BY c.before
    """
)


async def target_chunks(
    conn: Conn, app_id: int, subject: Subject, period: Period, *, limit: int, offset: int
) -> list[TargetChunk]:
    """The chunks that hold the targets from place `offset` on, `limit` of them, in the order of targets.

    Targets are ordered by the instant at which their chunk was begun, then send, chunk and device id; those of chunks
    begun more than 3 months ago are not listed (v1 rules 33, 79, 82).
    """
    column, identity = _of(subject)
    query = _PAGE.format(targets=_TARGETS_OF.format(subject=column))
    bound = {
        "app_id": app_id,
        "subject": identity,
        "start": period.start,
        "end": period.end,
        "limit": limit,
        "offset": offset,
    }
    return await rows(conn, query, bound, of=TargetChunk)


_MARKS = sql.SQL(
    """
    SELECT send_id, no, message_id, campaign_id, started_at, targets
    FROM clarion.send_chunk
    WHERE app_id = %(app_id)s AND {subject} = %(subject)s AND targets > 0
      AND started_at >= clarion.now() - interval '3 months'
      AND (%(start)s::timestamptz IS NULL OR started_at >= %(start)s)
      AND (%(end)s::timestamptz IS NULL OR started_at <= %(end)s)
    ORDER BY started_at, send_id, no
    """
)


async def target_marks(conn: Conn, app_id: int, subject: Subject, period: Period) -> list[ChunkMark]:
    """All chunks that `target_chunks` pages through, in its order, without their devices."""
    column, identity = _of(subject)
    bound = {"app_id": app_id, "subject": identity, "start": period.start, "end": period.end}
    return await rows(conn, _MARKS.format(subject=column), bound, of=ChunkMark)


async def oldest_target(conn: Conn) -> datetime:
    """What is older is not listed as a target any more (v1 rule 82)."""
    found: datetime = await value(conn, "SELECT clarion.now() - interval '3 months'")
    return found


def _of(subject: Subject) -> tuple[sql.Identifier, int]:
    if subject.message_id is not None:
        return sql.Identifier("message_id"), subject.message_id
    assert subject.campaign_id is not None, "a report is about a message or a campaign"
    return sql.Identifier("campaign_id"), subject.campaign_id
