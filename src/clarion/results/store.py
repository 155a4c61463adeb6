"""The SQL of `send_chunk`: the frozen audience of a send and the ledger of its outcomes in one table.

A chunk is written by planning, taken forward by delivery in small steps, and read by pages and sums. Who may write
when is decided in `sending`; these statements run in its transactions.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.audience.compile import Condition
from clarion.db.sql import Conn, execute, row, rows, tuples, value, values
from clarion.results.model import PRESSED, Chunk, Counts, Outcome, Period, PlannedChunk, Subject


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


class ChunkMark(Struct, frozen=True):
    """Where a chunk stands in the order of targets, and how many it has."""

    send_id: int
    no: int
    message_id: int
    campaign_id: int | None
    started_at: datetime
    targets: int


class FrozenTargets(Struct, frozen=True):
    """What became of targets: the id drawn for their send, its chunks and devices, and the numbers of the targets that
    have any device."""

    send_id: int
    chunks: int
    devices: int
    matched: list[int]


# One sort of the whole range, then slices of one array. OFFSET 0 keeps the planner from reading the device table in the
# order of its key, which is random on disk (measured: 0.4 s a million against 2.7 s).
_PARTS = sql.SQL(
    """
    WITH chosen AS MATERIALIZED (
        SELECT array_agg(r.id ORDER BY r.id) AS ids
        FROM (SELECT s.id FROM ({selection}) AS s (id) WHERE s.id BETWEEN %(low)s AND %(high)s OFFSET 0) AS r
    ), part AS (
        SELECT n AS no, ids[n * %(chunk_size)s + 1 : (n + 1) * %(chunk_size)s] AS device_ids
        FROM chosen, generate_series(0, (cardinality(ids) - 1) / %(chunk_size)s) AS n
    )
    """
)
_INSERT = sql.SQL(
    """
    {parts}
    INSERT INTO clarion.send_chunk
        (app_id, send_id, no, message_id, campaign_id, size, device_ids, outcomes, min_id, max_id)
    SELECT %(app_id)s, %(send_id)s, %(first_no)s + no, %(message_id)s, %(campaign_id)s, cardinality(device_ids),
           device_ids, decode(repeat('00', cardinality(device_ids)), 'hex'),
           device_ids[1], device_ids[cardinality(device_ids)]
    FROM part ORDER BY no
    RETURNING no, size
    """
)
_INSERT_DELIVERED = sql.SQL(
    """
    {parts}, beside AS ({beside})
    INSERT INTO clarion.send_chunk
        (app_id, send_id, no, message_id, campaign_id, size, device_ids, outcomes, min_id, max_id,
         started_at, closed_at, targets, delivered)
    SELECT %(app_id)s, %(send_id)s, %(first_no)s + no, %(message_id)s, %(campaign_id)s, cardinality(device_ids),
           device_ids, decode(repeat(%(delivered)s, cardinality(device_ids)), 'hex'),
           device_ids[1], device_ids[cardinality(device_ids)],
           clarion.now(), clarion.now(), cardinality(device_ids), cardinality(device_ids)
    FROM part ORDER BY no
    RETURNING no, size
    """
)


# `drawn` is the id of the send; `numbered` gives (id, no), each id once. What was written is told by `answer`.
_NUMBERED = sql.SQL(
    """
    WITH drawn AS MATERIALIZED (SELECT {send_id} AS id), {numbered}, chosen AS MATERIALIZED (
        SELECT array_agg(r.id ORDER BY r.id) AS ids, array_agg(r.no ORDER BY r.id) AS nos
        FROM (SELECT id, no FROM numbered WHERE id BETWEEN %(low)s AND %(high)s OFFSET 0) AS r
    ), part AS (
        SELECT n AS no, ids[n * %(chunk_size)s + 1 : (n + 1) * %(chunk_size)s] AS device_ids,
               nos[n * %(chunk_size)s + 1 : (n + 1) * %(chunk_size)s] AS target_nos
        FROM chosen, generate_series(0, (cardinality(ids) - 1) / %(chunk_size)s) AS n
    ), written AS (
        INSERT INTO clarion.send_chunk
            (app_id, send_id, no, message_id, campaign_id, size, device_ids, outcomes, min_id, max_id, target_nos)
        SELECT %(app_id)s, (SELECT id FROM drawn), %(first_no)s + no, %(message_id)s, %(campaign_id)s,
               cardinality(device_ids), device_ids, decode(repeat('00', cardinality(device_ids)), 'hex'),
               device_ids[1], device_ids[cardinality(device_ids)], CASE WHEN %(keep)s THEN target_nos END
        FROM part ORDER BY no
        RETURNING no, size, device_ids
    )
    {answer}
    """
)
_HITS = sql.SQL(
    """
    hit AS MATERIALIZED ({selection}), numbered AS (SELECT id, min(no) AS no FROM hit GROUP BY id)
    """
)
_MATCHED = sql.SQL(
    """
    SELECT (SELECT id FROM drawn) AS send_id, count(*) AS chunks,
           coalesce(sum(cardinality(device_ids)), 0)::bigint AS devices,
           coalesce((SELECT array_agg(DISTINCT no) FROM hit), '{}') AS matched
    FROM written
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
    query = _INSERT.format(parts=_PARTS.format(selection=selection.sql))
    bound = {**selection.params, **_range(origin, low, high, first_no, chunk_size)}
    return await rows(conn, query, bound, of=PlannedChunk)


async def insert_delivered(
    conn: Conn,
    origin: ChunkOrigin,
    selection: Condition,
    beside: Condition,
    *,
    low: int,
    high: int,
    first_no: int,
    chunk_size: int,
) -> list[PlannedChunk]:
    """As `insert_chunks`, with every device delivered and every chunk closed.

    `beside` is the statement that delivers: it reads the column `device_ids` (arrays of ids) of `part`, and runs in the
    same statement, so that exactly the devices of these chunks are delivered to.
    """
    await execute(conn, "SET LOCAL work_mem = '64MB'")
    query = _INSERT_DELIVERED.format(parts=_PARTS.format(selection=selection.sql), beside=beside.sql)
    bound = {
        **selection.params,
        **beside.params,
        **_range(origin, low, high, first_no, chunk_size),
        "delivered": f"{Outcome.DELIVERED:02x}",
    }
    return await rows(conn, query, bound, of=PlannedChunk)


async def insert_numbered(
    conn: Conn, origin: ChunkOrigin, selection: Condition, *, low: int, high: int, first_no: int, chunk_size: int
) -> list[PlannedChunk]:
    """As `insert_chunks`, with a `selection` of (device id, number of its target), which the chunks keep."""
    await execute(conn, "SET LOCAL work_mem = '64MB'")
    query = _NUMBERED.format(
        send_id=sql.Placeholder("send_id"),
        numbered=sql.SQL("numbered (id, no) AS ({})").format(selection.sql),
        answer=sql.SQL("SELECT no, size FROM written ORDER BY no"),
    )
    bound = {**selection.params, **_range(origin, low, high, first_no, chunk_size), "keep": True}
    return await rows(conn, query, bound, of=PlannedChunk)


_PAST = sql.SQL(
    """
    WITH target AS (
        SELECT id, bounced, (row_number() OVER (ORDER BY id) - 1) / %(chunk_size)s AS no
        FROM ({targets}) AS s (id, bounced)
    ), written AS (
        INSERT INTO clarion.send_chunk
            (app_id, send_id, no, message_id, campaign_id, size, device_ids, outcomes, min_id, max_id,
             started_at, closed_at, targets, delivered, refused, reasons)
        SELECT %(app_id)s, %(send_id)s, no, %(message_id)s, %(campaign_id)s, count(*), array_agg(id ORDER BY id),
               string_agg(CASE WHEN bounced THEN %(bounce)s::bytea ELSE %(delivered)s::bytea END, '' ORDER BY id),
               min(id), max(id), %(at)s, %(at)s, count(*),
               count(*) FILTER (WHERE NOT bounced), count(*) FILTER (WHERE bounced),
               CASE WHEN bool_or(bounced) THEN jsonb_build_object(%(reason)s::text, count(*) FILTER (WHERE bounced))
                    ELSE '{{}}' END
        FROM target GROUP BY no ORDER BY no
        RETURNING delivered, refused
    )
    SELECT count(*), coalesce(sum(delivered), 0), coalesce(sum(refused), 0) FROM written
    """
)


async def insert_past(
    conn: Conn, origin: ChunkOrigin, targets: sql.Composable, *, at: datetime, reason: str, chunk_size: int
) -> tuple[int, Counts]:
    """Write what became of a send that another system made at `at`, as closed chunks; how many, and their outcomes.

    `targets` is a `SELECT` of (device id, whether its token was dead), each device once; `reason` stands beside those.
    """
    query = _PAST.format(targets=targets)
    bound = {
        "app_id": origin.app_id,
        "send_id": origin.send_id,
        "message_id": origin.message_id,
        "campaign_id": origin.campaign_id,
        "at": at,
        "reason": reason,
        "chunk_size": chunk_size,
        "delivered": bytes((Outcome.DELIVERED,)),
        "bounce": bytes((Outcome.REFUSED_DEAD,)),
    }
    [(chunks, delivered, refused)] = await tuples(conn, query, bound)
    return int(chunks), Counts(delivered=int(delivered), refused=int(refused))


async def freeze_targets(
    conn: Conn,
    app_id: int,
    message_id: int,
    campaign_id: int | None,
    selection: Condition,
    *,
    send_id: sql.Composable,
    chunk_size: int,
    keep: bool,
) -> FrozenTargets:
    """Freeze the devices of targets (`audience.compile.compile_targets`), each once, for the first target it is in;
    `keep` keeps the number of that target beside it. `send_id` draws the id of the send, which is written later."""
    query = _NUMBERED.format(send_id=send_id, numbered=_HITS.format(selection=selection.sql), answer=_MATCHED)
    bound = {
        **selection.params,
        "app_id": app_id,
        "message_id": message_id,
        "campaign_id": campaign_id,
        "low": -(2**63),
        "high": 2**63 - 1,
        "first_no": 0,
        "chunk_size": chunk_size,
        "keep": keep,
    }
    [found] = await rows(conn, query, bound, of=FrozenTargets)
    return found


def _range(origin: ChunkOrigin, low: int, high: int, first_no: int, chunk_size: int) -> dict[str, Any]:
    return {
        "app_id": origin.app_id,
        "send_id": origin.send_id,
        "message_id": origin.message_id,
        "campaign_id": origin.campaign_id,
        "low": low,
        "high": high,
        "first_no": first_no,
        "chunk_size": chunk_size,
    }


async def load_chunk(conn: Conn, app_id: int, send_id: int, no: int) -> Chunk | None:
    """One chunk with its devices and outcomes."""
    return await row(
        conn,
        """
        SELECT no, device_ids, outcomes, started_at, closed_at, reasons, target_nos
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


# A bucket's number is the number of ids up to a bound: only the part of each chunk that meets the range is taken apart.
# What would be worked out for each device is worked out once: the empty addition unpacks the outcomes, and those that
# press are a literal mask of bits (an array of their numbers takes a third longer, a bound one twice as long).
_PRESSED = sql.SQL(
    """
    SELECT id
    FROM (
        SELECT unnest(ids[first:last]) AS id, generate_series(first - 1, last - 1) AS place, outcomes
        FROM (
            SELECT device_ids AS ids, outcomes || ''::bytea AS outcomes,
                   greatest(width_bucket(%(min_id)s::bigint, device_ids), 1) AS first,
                   width_bucket(%(max_id)s::bigint, device_ids) AS last
            FROM clarion.send_chunk
            WHERE app_id = %(app_id)s AND send_id = ANY(%(send_ids)s::bigint[])
              AND max_id >= %(min_id)s AND min_id <= %(max_id)s AND started_at IS NOT NULL
              AND (closed_at IS NULL OR closed_at > (SELECT clarion.now()) - make_interval(secs => %(seconds)s))
            OFFSET 0
        ) AS chunk
    ) AS device
    WHERE (1 << get_byte(outcomes, place)) & {pressed} <> 0
    GROUP BY id HAVING count(*) >= %(times)s
    """
).format(pressed=sql.Literal(sum(1 << outcome for outcome in PRESSED)))


async def pressed(
    conn: Conn, app_id: int, send_ids: Sequence[int], *, low: int, high: int, seconds: int, times: int
) -> list[int]:
    """The devices from `low` to `high` that these sends pressed `times` times or more within the last `seconds`.

    A few below `low` may be among them. A chunk that has begun counts for all of its devices that may still get
    something, one that has ended until `seconds` after its end.
    """
    bound = {
        "app_id": app_id,
        "send_ids": list(send_ids),
        "min_id": low,
        "max_id": high,
        "seconds": seconds,
        "times": times,
    }
    return await values(conn, _PRESSED, bound)


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
