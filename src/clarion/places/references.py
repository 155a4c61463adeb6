"""Whether what triggers and devices name exists: many references in two statements."""

from collections.abc import Collection, Sequence

from msgspec import Struct

from clarion.db.sql import Conn
from clarion.places.model import ALL_GROUPS, PlaceKind, PlaceName, PlaceRef
from clarion.places.store import names as store

_HIGHEST = 2**63
_DIGITS = 19


class _Known(Struct, frozen=True):
    ids: frozenset[int] = frozenset()
    external_ids: frozenset[str | None] = frozenset()


async def known(
    conn: Conn, app_id: int, kind: PlaceKind, *, ids: Collection[int] = (), external_ids: Collection[str] = ()
) -> list[PlaceName]:
    """Those of a kind that the application has, by ascending id; ids and texts that nothing can have are nobody's."""
    numbers = {number for number in ids if 0 < number < _HIGHEST}
    texts = {text for text in external_ids if "\x00" not in text}
    return await store.known(conn, app_id, kind, numbers, texts) if numbers or texts else []


async def held(conn: Conn, app_ids: Collection[int], kind: PlaceKind, ids: Collection[int]) -> frozenset[int]:
    """Those of these ids of a kind that lie in one of the applications; they stay until the transaction ends."""
    numbers = {number for number in ids if 0 < number < _HIGHEST}
    return frozenset(await store.held(conn, app_ids, kind, numbers)) if numbers and app_ids else frozenset()


async def unknown_geolocations(conn: Conn, app_id: int, refs: Sequence[PlaceRef]) -> list[int]:
    """The indexes of the references that name no geofence or geogroup of the application, ascending."""
    return await _unknown(conn, app_id, PlaceKind.GEOFENCE, refs)


async def unknown_beacons(conn: Conn, app_id: int, refs: Sequence[PlaceRef]) -> list[int]:
    """The indexes of the references that name no beacon or geogroup of the application, ascending."""
    return await _unknown(conn, app_id, PlaceKind.BEACON, refs)


def group_number(given: int | str) -> int | None:
    """The number of a group as a number or decimal text; None for what cannot be one."""
    if isinstance(given, str):
        digits = given.lstrip("0")
        if not (given.isascii() and given.isdecimal() and 0 < len(digits) <= _DIGITS):
            return None
        given = int(digits)
    return given if 0 < given < _HIGHEST else None


async def _unknown(conn: Conn, app_id: int, kind: PlaceKind, refs: Sequence[PlaceRef]) -> list[int]:
    places = await _look_up(conn, app_id, kind, [ref.id for ref in refs], [ref.external_id for ref in refs])
    groups = await _look_up(
        conn,
        app_id,
        PlaceKind.GEOGROUP,
        [None if ref.geogroup_id is None else group_number(ref.geogroup_id) for ref in refs],
        [ref.geogroup_external_id for ref in refs],
    )
    return [at for at, ref in enumerate(refs) if not _names_something(ref, places, groups)]


async def _look_up(
    conn: Conn, app_id: int, kind: PlaceKind, ids: Sequence[int | None], external_ids: Sequence[str | None]
) -> _Known:
    found = await known(
        conn,
        app_id,
        kind,
        ids={number for number in ids if number is not None},
        external_ids={text for text in external_ids if text is not None},
    )
    return _Known(frozenset(each.id for each in found), frozenset(each.external_id for each in found))


def _names_something(ref: PlaceRef, places: _Known, groups: _Known) -> bool:
    """Whether every member that is given names something, and one is given."""
    checks = []
    if ref.id is not None:
        checks.append(ref.id in places.ids)
    if ref.external_id is not None:
        checks.append(ref.external_id in places.external_ids)
    if ref.geogroup_id is not None:
        checks.append(ref.geogroup_id == ALL_GROUPS or group_number(ref.geogroup_id) in groups.ids)
    if ref.geogroup_external_id is not None:
        checks.append(ref.geogroup_external_id in groups.external_ids)
    return bool(checks) and all(checks)
