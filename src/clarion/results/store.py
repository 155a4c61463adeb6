"""The SQL of `send_chunk`: the frozen audience of a send and the ledger of its outcomes in one table.

A chunk is written by planning, taken forward by delivery in small steps, and read by pages and sums. Who may write
when is decided in `sending`; these statements run in its transactions.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.audience.compile import Condition
from clarion.db.sql import Conn, execute, row, rows, tuples
from clarion.results.model import Chunk, Counts, Period, PlannedChunk, Subject


class ChunkOrigin(Struct, frozen=True):
    """What the chunks of one send have in common."""

    app_id: int
    send_id: int
    message_id: int
    campaign_id: int | None


class TargetChunk(Struct, frozen=True):
    """A chunk that holds part of a page of targets; `before` counts the targets of all chunks before it."""

    send_id: int
    message_id: int
    campaign_id: int | None
    started_at: datetime
    before: int
    device_ids: list[int]
    outcomes: bytes


# One sort of the whole range, then slices of one array. OFFSET 0 keeps the planner from reading the device table in the
# order of its key, which is random on disk (measured: 0.4 s a million against 2.7 s).
_INSERT = sql.SQL(
    """
    WITH chosen AS MATERIALIZED (
        SELECT array_agg(r.id ORDER BY r.id) AS ids
        FROM (SELECT s.id FROM ({selection}) AS s (id) WHERE s.id BETWEEN %(low)s AND %(high)s OFFSET 0) AS r
    ), part AS (
        SELECT n AS no, ids[n * %(chunk_size)s + 1 : (n + 1) * %(chunk_size)s] AS device_ids
        FROM chosen, generate_series(0, (cardinality(ids) - 1) / %(chunk_size)s) AS n
    )
    INSERT INTO clarion.send_chunk
        (app_id, send_id, no, message_id, campaign_id, size, device_ids, outcomes, min_id, max_id)
    SELECT %(app_id)s, %(send_id)s, %(first_no)s + no, %(message_id)s, %(campaign_id)s, cardinality(device_ids),
           device_ids, decode(repeat('00', cardinality(device_ids)), 'hex'),
           device_ids[1], device_ids[cardinality(device_ids)]
    FROM part ORDER BY no
    RETURNING no, size
    """
)


async def insert_chunks(
    conn: Conn, origin: ChunkOrigin, selection: Condition, *, low: int, high: int, first_no: int, chunk_size: int
) -> list[PlannedChunk]:
    """Freeze the devices of `selection` with ids from `low` to `high` into chunks numbered from `first_no`.

    `selection` is a `SELECT` of one column of device ids, as `audience.service.selection` gives it. Everything stays
    in the server.
    """
    await execute(conn, "SET LOCAL work_mem = '64MB'")
    query = _INSERT.format(selection=selection.sql)
    bound: dict[str, Any] = {
        "app_id": origin.app_id,
        "send_id": origin.send_id,
        "message_id": origin.message_id,
        "campaign_id": origin.campaign_id,
        "low": low,
        "high": high,
        "first_no": first_no,
        "chunk_size": chunk_size,
    }
    return await rows(conn, query, {**selection.params, **bound}, of=PlannedChunk)


async def load_chunk(conn: Conn, app_id: int, send_id: int, no: int) -> Chunk | None:
    """One chunk with its devices and outcomes."""
    return await row(
        conn,
        """
        SELECT no, device_ids, outcomes, started_at, closed_at, reasons
        FROM clarion.send_chunk WHERE app_id = %s AND send_id = %s AND no = %s
        """,
        (app_id, send_id, no),
        of=Chunk,
    )


async def record(
    conn: Conn,
    app_id: int,
    send_id: int,
    no: int,
    *,
    outcomes: bytes,
    counts: Counts,
    targets: int,
    reasons: dict[str, int],
    started_at: datetime | None,
    close: bool = False,
) -> bool:
    """Write how far an open chunk has come; `close` makes it final. False when the chunk is closed already."""
    touched = await execute(
        conn,
        """
        UPDATE clarion.send_chunk
        SET outcomes = %(outcomes)s, targets = %(targets)s, reasons = %(reasons)s,
            delivered = %(delivered)s, refused = %(refused)s, suppressed = %(suppressed)s,
            expired = %(expired)s, cancelled = %(cancelled)s, unknown = %(unknown)s,
            started_at = coalesce(started_at, %(started_at)s),
            closed_at = CASE WHEN %(close)s THEN clarion.now() END
        WHERE app_id = %(app_id)s AND send_id = %(send_id)s AND no = %(no)s AND closed_at IS NULL
        """,
        {
            "app_id": app_id,
            "send_id": send_id,
            "no": no,
            "outcomes": outcomes,
            "targets": targets,
            "reasons": Jsonb(reasons),
            "delivered": counts.delivered,
            "refused": counts.refused,
            "suppressed": counts.suppressed,
            "expired": counts.expired,
            "cancelled": counts.cancelled,
            "unknown": counts.unknown,
            "started_at": started_at,
            "close": close,
        },
    )
    return touched == 1


async def planned(conn: Conn, app_id: int, send_id: int) -> tuple[int, int]:
    """(chunks, devices) frozen so far."""
    found = await tuples(
        conn,
        """
        SELECT count(*), coalesce(sum(cardinality(device_ids)), 0)
        FROM clarion.send_chunk WHERE app_id = %s AND send_id = %s
        """,
        (app_id, send_id),
    )
    return int(found[0][0]), int(found[0][1])


async def sums(conn: Conn, app_id: int, send_id: int) -> tuple[Counts, int]:
    """(outcomes recorded so far in all chunks, devices planned)."""
    found = await tuples(
        conn,
        """
        SELECT coalesce(sum(delivered), 0), coalesce(sum(refused), 0), coalesce(sum(suppressed), 0),
               coalesce(sum(expired), 0), coalesce(sum(cancelled), 0), coalesce(sum(unknown), 0),
               coalesce(sum(size), 0)
        FROM clarion.send_chunk WHERE app_id = %s AND send_id = %s
        """,
        (app_id, send_id),
    )
    figures = [int(figure) for figure in found[0]]
    return Counts(*figures[:6]), figures[6]


async def reasons(conn: Conn, app_id: int, send_id: int, limit: int = 20) -> dict[str, int]:
    """The most frequent reasons of refusals over all chunks of a send, most frequent first."""
    found = await tuples(
        conn,
        """
        SELECT r.key, sum(r.value::bigint) AS times
        FROM clarion.send_chunk AS c CROSS JOIN LATERAL jsonb_each_text(c.reasons) AS r
        WHERE c.app_id = %s AND c.send_id = %s
        GROUP BY r.key ORDER BY times DESC, r.key LIMIT %s
        """,
        (app_id, send_id, limit),
    )
    return {reason: int(times) for reason, times in found}


async def drop_old(conn: Conn, app_id: int) -> int:
    """Drop the chunks of an application that closed more than 4 months ago; how many."""
    return await execute(
        conn,
        "DELETE FROM clarion.send_chunk WHERE app_id = %s AND closed_at < clarion.now() - interval '4 months'",
        (app_id,),
    )


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


def _of(subject: Subject) -> tuple[sql.Identifier, int]:
    if subject.message_id is not None:
        return sql.Identifier("message_id"), subject.message_id
    assert subject.campaign_id is not None, "a report is about a message or a campaign"
    return sql.Identifier("campaign_id"), subject.campaign_id
