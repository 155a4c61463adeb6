"""The SQL of openings: the number, the first and the last, which every report of a session changes."""

from collections.abc import Sequence
from datetime import datetime

from psycopg import sql

from clarion.db.arrays import array_text
from clarion.db.sql import Conn, app_table, values


async def add(
    conn: Conn,
    app_id: int,
    ids: Sequence[int],
    numbers: Sequence[int],
    firsts: Sequence[datetime],
    lasts: Sequence[datetime],
) -> list[int]:
    """Add openings to profiles, given by ascending id; the ids of those that had never been opened before."""
    query = sql.SQL(
        """
        WITH given AS (
            SELECT * FROM unnest(
                %s::text::bigint[], %s::text::integer[], %s::text::timestamptz[], %s::text::timestamptz[]
            ) AS g (id, number, first_at, last_at)
        ), held AS (
            SELECT d.id, d.firstopen IS NULL AS fresh FROM {device} AS d
            WHERE d.id IN (SELECT id FROM given) ORDER BY d.id FOR UPDATE
        ), changed AS (
            UPDATE {device} AS d
            SET opencount = least(d.opencount::bigint + g.number, 2147483647),
                firstopen = least(coalesce(d.firstopen, g.first_at), g.first_at),
                lastopen = greatest(coalesce(d.lastopen, g.last_at), g.last_at)
            FROM given AS g JOIN held AS h ON h.id = g.id
            WHERE d.id = g.id
        )
        SELECT id FROM held WHERE fresh
        """
    ).format(device=app_table(app_id, "device"))
    return await values(conn, query, [array_text(each) for each in (ids, numbers, firsts, lasts)])
