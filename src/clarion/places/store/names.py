"""Which places there are, whatever their kind: by technical ids and external ids."""

from collections.abc import Collection
from typing import Final, LiteralString

from clarion.db.sql import Conn, rows
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


async def known(
    conn: Conn, app_id: int, kind: PlaceKind, ids: Collection[int], external_ids: Collection[str]
) -> list[PlaceName]:
    """The places of a kind that have one of these ids or external ids, by ascending id."""
    return await rows(conn, _NAMES[kind], (app_id, sorted(ids), sorted(external_ids)), of=PlaceName)
