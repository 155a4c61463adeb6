"""Geofences on the v1 wire (v1 rules 85, 86 and 88)."""

from functools import partial
from typing import Any

from msgspec import UNSET, Struct, UnsetType, convert

from clarion.api.exchange import Response
from clarion.api.v1.call import Call, id_answer, json_answer
from clarion.api.v1.errors import spelled
from clarion.api.v1.pages import answer_page
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.places import service as places
from clarion.places.model import Geofence, GeofenceDraft

_NAMES = {"external_id": "info/externalId"}


class _Info(Struct, rename="camel"):
    name: str
    latitude: float
    longitude: float
    radius: int
    external_id: str | UnsetType = UNSET


class _Body(Struct):
    info: _Info
    data: dict[str, str] = {}


class _Geofence(Struct):
    id: int
    info: _Info
    data: dict[str, str]
    groups: tuple[int, ...]


async def list_geofences(call: Call) -> Response:
    """Geofences by ascending id."""
    async with call.services.db.connection() as conn:
        return await answer_page(call, partial(places.list_geofences, conn, call.app.id), _write)


async def create_geofence(call: Call) -> Response:
    """Create a geofence."""

    async def work(conn: Conn) -> int:
        return await places.create_geofence(conn, call.app.id, _read(call.body))

    with spelled(_NAMES):
        return id_answer(await retry.transact(call.services.db, work))


async def get_geofence(call: Call) -> Response:
    """One geofence."""
    async with call.services.db.connection() as conn:
        return json_answer(_write(await places.get_geofence(conn, call.app.id, call.path["geofenceId"])))


async def update_geofence(call: Call) -> Response:
    """Replace a geofence."""
    geofence_id: int = call.path["geofenceId"]

    async def work(conn: Conn) -> None:
        await places.update_geofence(conn, call.app.id, geofence_id, _read(call.body))

    with spelled(_NAMES):
        await retry.transact(call.services.db, work)
    return id_answer(geofence_id)


def _read(body: Any) -> GeofenceDraft:
    wire = convert(body, _Body)
    return GeofenceDraft(
        name=wire.info.name,
        latitude=wire.info.latitude,
        longitude=wire.info.longitude,
        radius=wire.info.radius,
        external_id=wire.info.external_id or None,
        data=wire.data,
    )


def _write(geofence: Geofence) -> _Geofence:
    draft = geofence.draft
    info = _Info(draft.name, draft.latitude, draft.longitude, draft.radius, draft.external_id or UNSET)
    return _Geofence(geofence.id, info, draft.data, geofence.groups)
