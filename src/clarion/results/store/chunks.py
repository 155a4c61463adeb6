"""Chunks while they are delivered and after: one at a time, and summed for their send."""

from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.db.sql import Conn, execute, row, tuples
from clarion.results import ledger
from clarion.results.model import Chunk, Counts


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


# A step of a statement in which an earlier one, `held`, says whether the caller still holds the chunk's job; `written`
# has a row when this wrote, which it does not when the chunk is closed already.
RECORDING = sql.SQL(
    """
    written AS (
        UPDATE clarion.send_chunk
        SET outcomes = %(outcomes)s, targets = %(targets)s, reasons = %(reasons)s,
            delivered = %(delivered)s, refused = %(refused)s, suppressed = %(suppressed)s,
            expired = %(expired)s, cancelled = %(cancelled)s, unknown = %(unknown)s,
            started_at = coalesce(started_at, %(started_at)s),
            closed_at = CASE WHEN %(closed)s THEN clarion.now() END
        WHERE app_id = %(app_id)s AND send_id = %(send_id)s AND no = %(no)s AND closed_at IS NULL
          AND EXISTS (SELECT FROM held)
        RETURNING no
    )
    """
)


def recorded(
    no: int, outcomes: bytes, counts: Counts, reasons: dict[str, int], started_at: datetime | None, *, closed: bool
) -> dict[str, Any]:
    """The parameters of `RECORDING` beside `app_id` and `send_id`: how far a chunk has come; `closed` makes it final.

    A chunk that was never begun (no gateway) has refusals, but no targets: nobody was handed anything.
    """
    return {
        "no": no,
        "outcomes": outcomes,
        "targets": ledger.targets_of(outcomes) if started_at is not None else 0,
        "reasons": Jsonb(reasons),
        "delivered": counts.delivered,
        "refused": counts.refused,
        "suppressed": counts.suppressed,
        "expired": counts.expired,
        "cancelled": counts.cancelled,
        "unknown": counts.unknown,
        "started_at": started_at,
        "closed": closed,
    }


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
