"""The SQL of `geogroup` and of what belongs to a group."""

from typing import Final, LiteralString

import msgspec

from clarion.db.sql import Conn, execute, rows, value
from clarion.places.model import Geogroup, GeogroupDraft, PlaceKind


class _Row(GeogroupDraft, frozen=True, kw_only=True):
    id: int
    geofences: tuple[int, ...]
    beacons: tuple[int, ...]


_ADD: Final[dict[PlaceKind, LiteralString]] = {
    PlaceKind.GEOFENCE: """
        INSERT INTO clarion.geogroup_geofence (app_id, geogroup_id, geofence_id) VALUES (%s, %s, %s)
        ON CONFLICT DO NOTHING
    """,
    PlaceKind.BEACON: """
        INSERT INTO clarion.geogroup_beacon (app_id, geogroup_id, beacon_id) VALUES (%s, %s, %s)
        ON CONFLICT DO NOTHING
    """,
}
_REMOVE: Final[dict[PlaceKind, LiteralString]] = {
    PlaceKind.GEOFENCE: """
        DELETE FROM clarion.geogroup_geofence WHERE app_id = %s AND geogroup_id = %s AND geofence_id = %s
    """,
    PlaceKind.BEACON: """
        DELETE FROM clarion.geogroup_beacon WHERE app_id = %s AND geogroup_id = %s AND beacon_id = %s
    """,
}


async def insert(conn: Conn, app_id: int, draft: GeogroupDraft) -> int | None:
    """The id, or None when the external id is taken."""
    inserted: int | None = await value(
        conn,
        """
        INSERT INTO clarion.geogroup (app_id, name, external_id) VALUES (%s, %s, %s)
        ON CONFLICT (app_id, external_id) DO NOTHING RETURNING id
        """,
        (app_id, draft.name, draft.external_id),
    )
    return inserted


async def page(conn: Conn, app_id: int, limit: int, offset: int) -> list[Geogroup]:
    """Geogroups of the application by ascending id."""
    found = await rows(
        conn,
        """
        SELECT g.id, g.name, g.external_id,
               ARRAY(SELECT m.geofence_id FROM clarion.geogroup_geofence AS m
                     WHERE m.app_id = g.app_id AND m.geogroup_id = g.id ORDER BY m.geofence_id) AS geofences,
               ARRAY(SELECT m.beacon_id FROM clarion.geogroup_beacon AS m
                     WHERE m.app_id = g.app_id AND m.geogroup_id = g.id ORDER BY m.beacon_id) AS beacons
        FROM clarion.geogroup AS g WHERE g.app_id = %s ORDER BY g.id LIMIT %s OFFSET %s
        """,
        (app_id, limit, offset),
        of=_Row,
    )
    return [
        Geogroup(each.id, msgspec.convert(each, GeogroupDraft, from_attributes=True), each.geofences, each.beacons)
        for each in found
    ]


async def add(conn: Conn, app_id: int, geogroup_id: int, kind: PlaceKind, place_id: int) -> None:
    """Make a place, which exists, a member of a group, which exists; nothing happens when it is one."""
    await execute(conn, _ADD[kind], (app_id, geogroup_id, place_id))


async def remove(conn: Conn, app_id: int, geogroup_id: int, kind: PlaceKind, place_id: int) -> None:
    """Make a place no member of a group; nothing happens when it is none."""
    await execute(conn, _REMOVE[kind], (app_id, geogroup_id, place_id))
