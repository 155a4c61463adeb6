"""Which places there are, whatever their kind: by technical ids and external ids."""

from collections.abc import Collection
from typing import Final, LiteralString

from clarion.db.sql import Conn, rows, values
from clarion.places.model import PlaceKind, PlaceName

_NAMES: Final[dict[PlaceKind, LiteralString]] = {
    PlaceKind.GEOFENCE: """
        SELECT id, external_id FROM clarion.geofence
        WHERE app_id = %s AND (id = ANY(%s::bigint[]) OR external_id = ANY(%s::text[])) ORDER BY id
    """,
    PlaceKind.BEACON: """
        SELECT id, external_id FROM clarion.beacon
        WHERE app_id = %s AND (id = ANY(%s::bigint[]) OR external_id = ANY(%s::text[])) ORDER BY id
    """,
    PlaceKind.GEOGROUP: """
        SELECT id, external_id FROM clarion.geogroup
        WHERE app_id = %s AND (id = ANY(%s::bigint[]) OR external_id = ANY(%s::text[])) ORDER BY id
    """,
}
_HELD: Final[dict[PlaceKind, LiteralString]] = {
    PlaceKind.GEOFENCE: """
        SELECT id FROM clarion.geofence
        WHERE app_id = ANY(%s::integer[]) AND id = ANY(%s::bigint[]) ORDER BY app_id, id FOR KEY SHARE
    """,
    PlaceKind.BEACON: """
        SELECT id FROM clarion.beacon
        WHERE app_id = ANY(%s::integer[]) AND id = ANY(%s::bigint[]) ORDER BY app_id, id FOR KEY SHARE
    """,
    PlaceKind.GEOGROUP: """
        SELECT id FROM clarion.geogroup
        WHERE app_id = ANY(%s::integer[]) AND id = ANY(%s::bigint[]) ORDER BY app_id, id FOR KEY SHARE
    """,
}


async def known(
    conn: Conn, app_id: int, kind: PlaceKind, ids: Collection[int], external_ids: Collection[str]
) -> list[PlaceName]:
    """The places of a kind that have one of these ids or external ids, by ascending id."""
    return await rows(conn, _NAMES[kind], (app_id, sorted(ids), sorted(external_ids)), of=PlaceName)


async def held(conn: Conn, app_ids: Collection[int], kind: PlaceKind, ids: Collection[int]) -> list[int]:
    """Those of these ids that one of the applications has; the places stay until the transaction ends."""
    return [int(found) for found in await values(conn, _HELD[kind], (sorted(app_ids), sorted(ids)))]
