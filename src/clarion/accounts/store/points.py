"""The table of points of interest, with their live state.

Whether an observation is fresh is told by the clock of the database, so that lists can sort and filter by what holds.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct

from clarion.accounts.model import PointOfInterest, PoiState, WaitTime, WaitTimeKeys
from clarion.db.records import Records
from clarion.db.sql import Conn, rows, value, values

_WAIT_TIME = "CASE WHEN t.state = 'Operating' AND t.fresh_until >= clarion.now() THEN t.wait_time END"
_STATUS = f"""
    jsonb_build_object(
        'state', t.state, 'isOpen', t.state = 'Operating', 'waitTime', {_WAIT_TIME},
        'updatedDate', t.observed_date, 'isStale', coalesce(t.fresh_until < clarion.now(), false)
    )
"""

POINTS = Records(
    "clarion.point_of_interest",
    PointOfInterest,
    key="poi_id",
    casts={"type": "clarion.poi_type", "beacon_ids": "bigint[]", "geofence_ids": "bigint[]"},
    computed={"status": _STATUS},
    special={"Category": "t.categories @> ARRAY[{v}::text]"},
)
WAIT_TIMES = Records(
    "clarion.point_of_interest",
    WaitTime,
    key="poi_id",
    casts={"type": "clarion.poi_type", "state": "clarion.poi_state"},
    computed={"status": _STATUS, "wait_time": _WAIT_TIME},
    besides=WaitTimeKeys,
)


class Live(Struct, frozen=True):
    """The live state of a point of interest: `wait_time` as it holds now, in minutes."""

    poi_id: str
    state: PoiState
    wait_time: int | None
    observed_date: datetime | None
    fresh_until: datetime | None


async def has_points(conn: Conn, account_id: str, site_id: str) -> bool:
    """Whether a site has points of interest."""
    query = "SELECT EXISTS (SELECT FROM clarion.point_of_interest WHERE account_id = %s AND site_id = %s)"
    return bool(await value(conn, query, (account_id, site_id)))


async def lock_live(conn: Conn, account_id: str, site_id: str, poi_ids: Collection[str]) -> dict[str, Live]:
    """Those of these points of interest that a site has, locked in an order that all reports share."""
    found = await rows(
        conn,
        """
        SELECT poi_id, state, observed_date, fresh_until,
               CASE WHEN state = 'Operating' AND fresh_until >= clarion.now() THEN wait_time END AS wait_time
        FROM clarion.point_of_interest
        WHERE account_id = %s AND site_id = %s AND poi_id = ANY(%s::text[])
        ORDER BY poi_id FOR NO KEY UPDATE
        """,
        (account_id, site_id, sorted(poi_ids)),
        of=Live,
    )
    return {each.poi_id: each for each in found}


async def set_live(conn: Conn, account_id: str, changed: Sequence[Live]) -> None:
    """The live state of points of interest that are locked."""
    await values(
        conn,
        """
        UPDATE clarion.point_of_interest AS t
        SET state = n.state, wait_time = n.wait_time, observed_date = n.observed_date, fresh_until = n.fresh_until
        FROM unnest(%s::text[], %s::clarion.poi_state[], %s::integer[], %s::timestamptz[], %s::timestamptz[])
            AS n (poi_id, state, wait_time, observed_date, fresh_until)
        WHERE t.account_id = %s AND t.poi_id = n.poi_id RETURNING 1
        """,
        (
            [each.poi_id for each in changed],
            [each.state.value for each in changed],
            [each.wait_time for each in changed],
            [each.observed_date for each in changed],
            [each.fresh_until for each in changed],
            account_id,
        ),
    )
