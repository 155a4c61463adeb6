"""Sends that another system made, written as closed chunks."""

from datetime import datetime

from psycopg import sql

from clarion.db.sql import Conn, tuples
from clarion.results.model import Counts, Outcome
from clarion.results.store.freezing import ChunkOrigin

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
