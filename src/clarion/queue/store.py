"""The SQL of `job`, `dead_job` and `timer`.

`run_at` is at once the due time and, while a worker holds the job, the end of its lease: a lease that ends makes the
job due again, with no reaper. Leases run on the plain database clock, so that a moved test clock ends none of them.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.db.sql import Conn, execute, rows, tuples, value, values
from clarion.queue.lines import Line, Waiting, choose

CHANNEL = "clarion_job"

# An idle worker holds the queue's advisory lock shared; only when it does is a notification worth its cost. While this
# transaction holds the lock no worker can fall idle without looking again, so no job is overlooked.
_WAKE = sql.SQL(
    """
    CASE WHEN NOT pg_try_advisory_xact_lock(hashtextextended('clarion.idle:' || %(queue)s, 0))
         THEN pg_notify(%(channel)s, %(queue)s) END
    """
)
_INSERT = sql.SQL(
    """
    WITH added AS (
        INSERT INTO clarion.job (queue, kind, args, priority, run_at, key, max_attempts, owner, strand)
        VALUES (%(queue)s, %(kind)s, %(args)s, %(priority)s,
                coalesce(%(run_at)s::timestamptz - (SELECT shift FROM clarion.clock_offset), clock_timestamp()),
                %(key)s, %(max_attempts)s, %(owner)s, %(strand)s)
        ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING
        RETURNING id
    )
    SELECT id, CASE WHEN %(run_at)s::timestamptz IS NULL THEN ({wake}) END FROM added
    """
).format(wake=_WAKE)
_INSERT_MANY = sql.SQL(
    """
    WITH added AS (
        INSERT INTO clarion.job (queue, kind, priority, max_attempts, args, key, owner, strand)
        SELECT %(queue)s, %(kind)s, %(priority)s, %(max_attempts)s, a, k, %(owner)s, %(strand)s
        FROM unnest(%(args)s::jsonb[], %(keys)s::text[]) AS t (a, k)
        ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING
        RETURNING id
    )
    SELECT {wake} WHERE EXISTS (SELECT FROM added)
    """
).format(wake=_WAKE)


# Steps of a statement that other stores make with these, so that their effect is that of the holder, in one round trip:
# `held` has a row when the job is held under this lease, and locks it until the transaction ends.
HOLDING = sql.SQL(
    """
    held AS (
        UPDATE clarion.job SET run_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
        WHERE id = %(job_id)s AND lease = %(job_lease)s RETURNING id
    )
    """
)
ACKNOWLEDGING = sql.SQL(
    """
    held AS (DELETE FROM clarion.job WHERE id = %(job_id)s AND lease = %(job_lease)s RETURNING id)
    """
)

# For other stores as well: a step that inserts due jobs, of many lines, from a step `jobs (args, owner, strand)` in the
# round trip of their cause, and the query that wakes idle workers for them. `adding` gives the parameters.
ADDING = sql.SQL(
    """
    added AS (
        INSERT INTO clarion.job (queue, kind, max_attempts, args, owner, strand)
        SELECT %(queue)s, %(kind)s, %(max_attempts)s, args, owner, strand FROM jobs
        RETURNING id
    )
    """
)
WAKING = sql.SQL("SELECT {wake} WHERE EXISTS (SELECT FROM added)").format(wake=_WAKE)


def adding(queue: str, kind: str, max_attempts: int = 20) -> dict[str, Any]:
    """The parameters of `ADDING` and `WAKING`."""
    return {"queue": queue, "kind": kind, "max_attempts": max_attempts, "channel": CHANNEL}


async def insert(
    conn: Conn,
    queue: str,
    kind: str,
    args: dict[str, Any],
    priority: int,
    run_at: datetime | None,
    key: str | None,
    max_attempts: int,
    line: Line,
) -> int | None:
    """Insert one job; None when `key` is taken. `run_at` is on Clarion's clock and is brought to the plain one; without
    it the job is due, and idle workers are woken as by `announce`."""
    found = await value(
        conn,
        _INSERT,
        {
            "queue": queue,
            "kind": kind,
            "args": Jsonb(args),
            "priority": priority,
            "run_at": run_at,
            "key": key,
            "max_attempts": max_attempts,
            "owner": line.owner,
            "strand": line.strand,
            "channel": CHANNEL,
        },
    )
    return None if found is None else int(found)


async def insert_many(
    conn: Conn,
    queue: str,
    kind: str,
    args: Sequence[dict[str, Any]],
    priority: int,
    keys: Sequence[str | None],
    max_attempts: int,
    line: Line,
) -> None:
    """Insert many due jobs in one statement; those whose key is taken are left out. If any were new, idle workers are
    woken as by `announce`."""
    await execute(
        conn,
        _INSERT_MANY,
        {
            "queue": queue,
            "kind": kind,
            "priority": priority,
            "max_attempts": max_attempts,
            "args": [Jsonb(a) for a in args],
            "keys": list(keys),
            "owner": line.owner,
            "strand": line.strand,
            "channel": CHANNEL,
        },
    )


async def announce(conn: Conn, queue: str) -> None:
    """Wake idle workers when the transaction commits, if there are any."""
    await execute(conn, sql.SQL("SELECT {}").format(_WAKE), {"queue": queue, "channel": CHANNEL})


async def try_idle(conn: Conn, queue: str) -> bool:
    """Take the shared idle lock of a queue for this session; False while a transaction that adds jobs is open."""
    return bool(
        await value(conn, "SELECT pg_try_advisory_lock_shared(hashtextextended('clarion.idle:' || %s, 0))", (queue,))
    )


async def leave_idle(conn: Conn, queue: str) -> None:
    """Give the idle lock back."""
    await execute(conn, "SELECT pg_advisory_unlock_shared(hashtextextended('clarion.idle:' || %s, 0))", (queue,))


async def waiting(conn: Conn, queues: Sequence[str]) -> list[Waiting]:
    """The lines of work that have jobs, with the time until the earliest of each, most urgent first.

    One look into the index for each line, however many jobs it has. A line that is held back is due when the hold ends.
    """
    return await rows(
        conn,
        """
        WITH RECURSIVE line AS (
            SELECT j.* FROM unnest(%s::text[]) AS q (name) CROSS JOIN LATERAL (
                SELECT queue, priority, owner, strand, run_at FROM clarion.job WHERE queue = q.name
                ORDER BY priority, owner, strand, run_at LIMIT 1
            ) AS j
            UNION ALL
            SELECT j.* FROM line AS l CROSS JOIN LATERAL (
                SELECT queue, priority, owner, strand, run_at FROM clarion.job
                WHERE queue = l.queue AND (priority, owner, strand) > (l.priority, l.owner, l.strand)
                ORDER BY priority, owner, strand, run_at LIMIT 1
            ) AS j
        )
        SELECT l.queue, l.priority, l.owner, l.strand,
               greatest(extract(epoch FROM l.run_at - clock_timestamp()),
                        extract(epoch FROM h.until - clarion.now()))::float8 AS due_in
        FROM line AS l LEFT JOIN clarion.job_hold AS h ON h.owner = l.owner AND h.strand = l.strand
        ORDER BY l.priority, l.run_at
        """,
        (list(queues),),
        of=Waiting,
    )


async def claim(
    conn: Conn, queues: Sequence[str], limit: int, lease: float, running: Iterable[Line] = (), share: int | None = None
) -> list[tuple[Any, ...]]:
    """Take up to `limit` due jobs for `lease` seconds, shared among lines as `lines` tells; `running` are those of the
    jobs the worker has already, `share` the most it may have of one owner."""
    due = [line for line in await waiting(conn, queues) if line.due_in <= 0]
    return await claim_from(conn, choose(due, running, limit, limit if share is None else share), lease)


async def claim_from(conn: Conn, lines: Sequence[tuple[Waiting, int]], lease: float) -> list[tuple[Any, ...]]:
    """Take due jobs for `lease` seconds: of each of these lines up to so many, the longest due first."""
    if not lines:
        return []
    return await tuples(
        conn,
        """
        WITH due AS (
            SELECT j.id
            FROM unnest(%s::text[], %s::smallint[], %s::bigint[], %s::bigint[], %s::integer[])
                 AS l (queue, priority, owner, strand, jobs)
            CROSS JOIN LATERAL (
                SELECT id FROM clarion.job
                WHERE queue = l.queue AND priority = l.priority AND owner = l.owner AND strand = l.strand
                  AND run_at <= clock_timestamp()
                ORDER BY run_at LIMIT l.jobs
                FOR UPDATE SKIP LOCKED
            ) AS j
        )
        UPDATE clarion.job AS j
        SET run_at = clock_timestamp() + make_interval(secs => %s), attempts = attempts + 1, lease = lease + 1
        FROM due WHERE j.id = due.id
        RETURNING j.id, j.queue, j.kind, j.args, j.attempts, j.max_attempts, j.lease, j.key, j.owner, j.strand
        """,
        (
            [line.queue for line, _ in lines],
            [line.priority for line, _ in lines],
            [line.owner for line, _ in lines],
            [line.strand for line, _ in lines],
            [jobs for _, jobs in lines],
            lease,
        ),
    )


async def hold(conn: Conn, owner: int, strand: int, until: datetime) -> None:
    """Nobody claims jobs of this line before `until`, which is on Clarion's clock."""
    await execute(
        conn,
        """
        INSERT INTO clarion.job_hold (owner, strand, until) VALUES (%s, %s, %s)
        ON CONFLICT (owner, strand) DO UPDATE SET until = excluded.until
        """,
        (owner, strand, until),
    )


async def release_hold(conn: Conn, owner: int, strand: int) -> bool:
    """Jobs of this line may be claimed again; whether they were held."""
    return await execute(conn, "DELETE FROM clarion.job_hold WHERE owner = %s AND strand = %s", (owner, strand)) == 1


async def next_due(conn: Conn, queues: Sequence[str]) -> float | None:
    """Seconds until the earliest job of these queues is due (negative when it is); None when there is none."""
    return min((line.due_in for line in await waiting(conn, queues)), default=None)


async def extend(conn: Conn, ids: Sequence[int], leases: Sequence[int], seconds: float) -> list[int]:
    """Push the end of these leases to `seconds` from now; the ids that are still held."""
    return await values(
        conn,
        """
        UPDATE clarion.job AS j SET run_at = clock_timestamp() + make_interval(secs => %s)
        FROM unnest(%s::bigint[], %s::bigint[]) AS held (id, lease)
        WHERE j.id = held.id AND j.lease = held.lease
        RETURNING j.id
        """,
        (seconds, list(ids), list(leases)),
    )


async def delete(conn: Conn, job_id: int, lease: int) -> bool:
    """Delete a job held under this lease; False when it is no longer held."""
    return await execute(conn, "DELETE FROM clarion.job WHERE id = %s AND lease = %s", (job_id, lease)) == 1


async def release(conn: Conn, job_id: int, lease: int, delay: float, reason: str, *, count: bool) -> bool:
    """Give a job back, due in `delay` seconds. `count=False` returns the attempt. A new lease number shuts out the
    old holder."""
    return (
        await execute(
            conn,
            """
            UPDATE clarion.job
            SET run_at = clock_timestamp() + make_interval(secs => %s), last_error = %s,
                attempts = attempts - %s, lease = lease + 1
            WHERE id = %s AND lease = %s
            """,
            (delay, reason, 0 if count else 1, job_id, lease),
        )
        == 1
    )


async def bury(conn: Conn, job_id: int, lease: int, reason: str) -> bool:
    """Move a job to the dead letters with the reason."""
    return (
        await execute(
            conn,
            """
            WITH gone AS (
                DELETE FROM clarion.job WHERE id = %s AND lease = %s
                RETURNING id, queue, kind, key, args, attempts, created_at
            )
            INSERT INTO clarion.dead_job (id, queue, kind, key, args, attempts, created_at, reason)
            SELECT id, queue, kind, key, args, attempts, created_at, %s FROM gone
            """,
            (job_id, lease, reason),
        )
        == 1
    )


async def depth(conn: Conn) -> list[tuple[Any, ...]]:
    """Per queue: jobs waiting, jobs held or due later, age in seconds of the oldest due one; then the dead letters."""
    return await tuples(
        conn,
        """
        SELECT queue, count(*) FILTER (WHERE run_at <= clock_timestamp()),
               count(*) FILTER (WHERE run_at > clock_timestamp()),
               coalesce(extract(epoch FROM clock_timestamp()
                                - min(run_at) FILTER (WHERE run_at <= clock_timestamp())), 0)::float8
        FROM clarion.job GROUP BY queue
        UNION ALL SELECT 'dead', count(*), 0, 0 FROM clarion.dead_job
        """,
    )


async def claim_timer(conn: Conn, name: str, every: float) -> bool:
    """True for the one process that runs timer `name` now. Missed runs are not made up for: it runs once, late."""
    await execute(
        conn,
        "INSERT INTO clarion.timer (name, next_run) VALUES (%s, clock_timestamp()) ON CONFLICT (name) DO NOTHING",
        (name,),
    )
    claimed = await value(
        conn,
        """
        UPDATE clarion.timer SET last_run = clock_timestamp(),
               next_run = CASE WHEN next_run + make_interval(secs => %s) > clock_timestamp()
                               THEN next_run ELSE clock_timestamp() END + make_interval(secs => %s)
        WHERE name = %s AND next_run <= clock_timestamp()
        RETURNING name
        """,
        (every, every, name),
    )
    return claimed is not None


async def timer_due_in(conn: Conn, names: Sequence[str]) -> float:
    """Seconds until the first of these timers is due; 0 when one has never run."""
    found = await tuples(
        conn,
        """
        SELECT count(*), extract(epoch FROM min(next_run) - clock_timestamp())::float8
        FROM clarion.timer WHERE name = ANY(%s)
        """,
        (list(names),),
    )
    known, seconds = found[0]
    return 0.0 if known < len(names) else max(0.0, float(seconds))
