"""The rules of geofences, beacons and geogroups: what may be written, and what belongs together (v1 rules 85 to 88).

Nothing is ever deleted (v1 rule 86). Whole files of places come in through `importing`; whether what triggers and
devices name exists is told by `references`.
"""

import msgspec

from clarion.base.errors import Conflict, Finding, Invalid, NotFound, external_id_taken
from clarion.db.sql import Conn
from clarion.places.model import Beacon, BeaconDraft, Geofence, GeofenceDraft, Geogroup, GeogroupDraft, PlaceKind
from clarion.places.references import held, known, unknown_beacons, unknown_geolocations
from clarion.places.store import beacons, geofences, geogroups

__all__ = [
    "LARGEST_DATA",
    "MOST_GEOFENCES",
    "add_to_group",
    "check_data",
    "check_number",
    "create_beacon",
    "create_geofence",
    "create_geogroup",
    "get_beacon",
    "get_geofence",
    "held",
    "known",
    "list_beacons",
    "list_geofences",
    "list_geogroups",
    "remove_from_group",
    "unknown_beacons",
    "unknown_geolocations",
    "update_beacon",
    "update_geofence",
]

MOST_GEOFENCES = 25_000
"""Geofences of one application (v1 rule 88)."""
LARGEST_DATA = 32 * 1024
"""Bytes of a place's own values, as JSON: a page of 100 places stays cheap, and devices fetch them all."""
_SHOWN = 100


async def create_geofence(conn: Conn, app_id: int, draft: GeofenceDraft) -> int:
    """The id of the new geofence. Raises Invalid, Conflict (code `too_many_geofences`)."""
    findings = check_data(draft.data)
    await geofences.lock_number(conn, app_id)
    findings += await _taken(conn, app_id, PlaceKind.GEOFENCE, draft.external_id)
    if findings:
        raise Invalid(findings)
    created = await geofences.insert(conn, app_id, draft)
    if created is None:
        raise Invalid([external_id_taken(draft.external_id)])
    await check_number(conn, app_id)
    return created


async def update_geofence(conn: Conn, app_id: int, geofence_id: int, draft: GeofenceDraft) -> None:
    """Replace a geofence; its groups stay. Raises NotFound, Invalid."""
    await get_geofence(conn, app_id, geofence_id)
    findings = check_data(draft.data)
    findings += await _taken(conn, app_id, PlaceKind.GEOFENCE, draft.external_id, geofence_id)
    if findings:
        raise Invalid(findings)
    if not await geofences.update(conn, app_id, geofence_id, draft):
        raise Invalid([external_id_taken(draft.external_id)])


async def get_geofence(conn: Conn, app_id: int, geofence_id: int) -> Geofence:
    """One geofence. Raises NotFound, also for one of another application (v1 rule 27)."""
    found = await geofences.find(conn, app_id, geofence_id)
    if found is None:
        raise _unknown(PlaceKind.GEOFENCE, geofence_id)
    return found


async def list_geofences(conn: Conn, app_id: int, limit: int, offset: int) -> list[Geofence]:
    """Geofences by ascending id (v1 rule 33)."""
    return await geofences.page(conn, app_id, limit, offset)


async def check_number(conn: Conn, app_id: int) -> None:
    """Refuse what was just added when it makes too many geofences; the caller holds `geofences.lock_number`.

    Raises Conflict (code `too_many_geofences`).
    """
    number = await geofences.count(conn, app_id)
    if number > MOST_GEOFENCES:
        raise Conflict(
            f"An application has at most {MOST_GEOFENCES:,} geofences; this would make {number:,}.",
            "Update geofences that are no longer used, or put areas together.",
            code="too_many_geofences",
        )


async def create_beacon(conn: Conn, app_id: int, draft: BeaconDraft) -> int:
    """The id of the new beacon. Raises Invalid."""
    findings = check_data(draft.data)
    findings += await _taken(conn, app_id, PlaceKind.BEACON, draft.external_id)
    if findings:
        raise Invalid(findings)
    created = await beacons.insert(conn, app_id, draft)
    if created is None:
        raise Invalid([external_id_taken(draft.external_id)])
    return created


async def update_beacon(conn: Conn, app_id: int, beacon_id: int, draft: BeaconDraft) -> None:
    """Replace a beacon; its groups stay. Raises NotFound, Invalid."""
    await get_beacon(conn, app_id, beacon_id)
    findings = check_data(draft.data)
    findings += await _taken(conn, app_id, PlaceKind.BEACON, draft.external_id, beacon_id)
    if findings:
        raise Invalid(findings)
    if not await beacons.update(conn, app_id, beacon_id, draft):
        raise Invalid([external_id_taken(draft.external_id)])


async def get_beacon(conn: Conn, app_id: int, beacon_id: int) -> Beacon:
    """One beacon. Raises NotFound, also for one of another application (v1 rule 27)."""
    found = await beacons.find(conn, app_id, beacon_id)
    if found is None:
        raise _unknown(PlaceKind.BEACON, beacon_id)
    return found


async def list_beacons(conn: Conn, app_id: int, limit: int, offset: int) -> list[Beacon]:
    """Beacons by ascending id (v1 rule 33)."""
    return await beacons.page(conn, app_id, limit, offset)


async def create_geogroup(conn: Conn, app_id: int, draft: GeogroupDraft) -> int:
    """The id of the new geogroup, which is empty. Raises Invalid."""
    created = await geogroups.insert(conn, app_id, draft)
    if created is None:
        raise Invalid([external_id_taken(draft.external_id)])
    return created


async def list_geogroups(conn: Conn, app_id: int, limit: int, offset: int) -> list[Geogroup]:
    """Geogroups by ascending id (v1 rule 33)."""
    return await geogroups.page(conn, app_id, limit, offset)


async def add_to_group(conn: Conn, app_id: int, group: int | str, kind: PlaceKind, place_id: int) -> None:
    """Make a geofence or beacon a member of a group, named by number or external id. Safe to repeat.

    Raises NotFound for an unknown group or place (v1 rule 87).
    """
    await geogroups.add(conn, app_id, await _group(conn, app_id, group, kind, place_id), kind, place_id)


async def remove_from_group(conn: Conn, app_id: int, group: int | str, kind: PlaceKind, place_id: int) -> None:
    """Make a geofence or beacon no member of a group; nothing happens when it is none.

    Raises NotFound for an unknown group or place (v1 rule 87).
    """
    await geogroups.remove(conn, app_id, await _group(conn, app_id, group, kind, place_id), kind, place_id)


async def _group(conn: Conn, app_id: int, group: int | str, kind: PlaceKind, place_id: int) -> int:
    """The number of a group that exists, beside a place that does."""
    if isinstance(group, int):
        found = await known(conn, app_id, PlaceKind.GEOGROUP, ids=[group])
    else:
        found = await known(conn, app_id, PlaceKind.GEOGROUP, external_ids=[group])
    if not found:
        raise _unknown(PlaceKind.GEOGROUP, group)
    if not await known(conn, app_id, kind, ids=[place_id]):
        raise _unknown(kind, place_id)
    return found[0].id


def check_data(data: dict[str, str]) -> list[Finding]:
    """What is wrong with a place's own values: code `too_large` at `/data`."""
    if len(msgspec.json.encode(data)) <= LARGEST_DATA:
        return []
    return [Finding("/data", "too_large", f"more than {LARGEST_DATA:,} bytes of own values")]


async def _taken(
    conn: Conn, app_id: int, kind: PlaceKind, external_id: str | None, place_id: int | None = None
) -> list[Finding]:
    """The finding about an external id that a place other than this one has."""
    if external_id is None:
        return []
    found = await known(conn, app_id, kind, external_ids=[external_id])
    return [external_id_taken(external_id)] if found and found[0].id != place_id else []


def _unknown(kind: PlaceKind, named: int | str) -> NotFound:
    text = str(named) if isinstance(named, int) else f"with the external id {named[:_SHOWN]!r}"
    return NotFound(f"This application has no {kind.value} {text}.")
