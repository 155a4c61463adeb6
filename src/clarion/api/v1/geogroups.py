"""Geogroups on the v1 wire, and what belongs to them (v1 rules 86, 87 and 89)."""

from collections.abc import Awaitable, Callable
from functools import partial

from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.exchange import Response
from clarion.api.v1.call import Call, empty_answer, id_answer
from clarion.api.v1.errors import spelled
from clarion.api.v1.pages import answer_page
from clarion.base.errors import NotFound
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.places import service as places
from clarion.places.model import Geogroup, GeogroupDraft, PlaceKind
from clarion.places.references import group_number

_NAMES = {"external_id": "externalId"}
_BY_EXTERNAL_ID = "ext:"

Change = Callable[[Conn, int, int | str, PlaceKind, int], Awaitable[None]]


class _Body(Struct, rename="camel"):
    name: str
    external_id: str | None = None


class _Geogroup(Struct, rename="camel"):
    id: int
    name: str
    external_id: str | UnsetType
    geofences: tuple[int, ...]
    beacons: tuple[int, ...]


async def list_geogroups(call: Call) -> Response:
    """Geogroups by ascending id, with their members."""
    async with call.services.db.connection() as conn:
        return await answer_page(call, partial(places.list_geogroups, conn, call.app.id), _write)


async def create_geogroup(call: Call) -> Response:
    """Create an empty geogroup."""
    wire = convert(call.body, _Body)

    async def work(conn: Conn) -> int:
        return await places.create_geogroup(conn, call.app.id, GeogroupDraft(wire.name, wire.external_id))

    with spelled(_NAMES):
        return id_answer(await retry.transact(call.services.db, work))


async def add_geogroup_geofence(call: Call) -> Response:
    """Make a geofence a member."""
    return await _change(call, places.add_to_group, PlaceKind.GEOFENCE)


async def remove_geogroup_geofence(call: Call) -> Response:
    """Make a geofence no member."""
    return await _change(call, places.remove_from_group, PlaceKind.GEOFENCE)


async def add_geogroup_beacon(call: Call) -> Response:
    """Make a beacon a member."""
    return await _change(call, places.add_to_group, PlaceKind.BEACON)


async def remove_geogroup_beacon(call: Call) -> Response:
    """Make a beacon no member."""
    return await _change(call, places.remove_from_group, PlaceKind.BEACON)


async def _change(call: Call, change: Change, kind: PlaceKind) -> Response:
    group = _addressed(call.path["geogroupId"])
    place_id: int = call.body["id"]

    async def work(conn: Conn) -> None:
        await change(conn, call.app.id, group, kind, place_id)

    await retry.transact(call.services.db, work)
    return empty_answer()


def _addressed(text: str) -> int | str:
    """The group a path names: its number, or its external id after `ext:`. Raises NotFound for no possible number."""
    if text.startswith(_BY_EXTERNAL_ID):
        return text.removeprefix(_BY_EXTERNAL_ID)
    number = group_number(text)
    if number is None:
        raise NotFound("This application has no such geogroup.")
    return number


def _write(geogroup: Geogroup) -> _Geogroup:
    draft = geogroup.draft
    return _Geogroup(geogroup.id, draft.name, draft.external_id or UNSET, geogroup.geofences, geogroup.beacons)
