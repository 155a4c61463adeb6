"""How often devices have been pushed to lately, for marketing pressure."""

from collections.abc import Sequence

from psycopg import sql

from clarion.db.sql import Conn, values
from clarion.results.model import PRESSED

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
