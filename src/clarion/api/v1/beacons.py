"""Beacons on the v1 wire (v1 rules 85 and 86). Devices compare the UUID in upper case, which is how it is answered."""

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
from clarion.places.model import Beacon, BeaconDraft

_NAMES = {"external_id": "info/externalId"}


class _Info(Struct, rename="camel"):
    name: str
    uuid: str
    major: int | UnsetType = UNSET
    minor: int | UnsetType = UNSET
    external_id: str | UnsetType = UNSET


class _Body(Struct):
    info: _Info
    data: dict[str, str] = {}


class _Beacon(Struct):
    id: int
    info: _Info
    data: dict[str, str]
    groups: tuple[int, ...]


async def list_beacons(call: Call) -> Response:
    """Beacons by ascending id."""
    async with call.services.db.connection() as conn:
        return await answer_page(call, partial(places.list_beacons, conn, call.app.id), _write)


async def create_beacon(call: Call) -> Response:
    """Create a beacon."""

    async def work(conn: Conn) -> int:
        return await places.create_beacon(conn, call.app.id, _read(call.body))

    with spelled(_NAMES):
        return id_answer(await retry.transact(call.services.db, work))


async def get_beacon(call: Call) -> Response:
    """One beacon."""
    async with call.services.db.connection() as conn:
        return json_answer(_write(await places.get_beacon(conn, call.app.id, call.path["beaconId"])))


async def update_beacon(call: Call) -> Response:
    """Replace a beacon."""
    beacon_id: int = call.path["beaconId"]

    async def work(conn: Conn) -> None:
        await places.update_beacon(conn, call.app.id, beacon_id, _read(call.body))

    with spelled(_NAMES):
        await retry.transact(call.services.db, work)
    return id_answer(beacon_id)


def _read(body: Any) -> BeaconDraft:
    wire = convert(body, _Body)
    return BeaconDraft(
        name=wire.info.name,
        uuid=wire.info.uuid.upper(),
        major=None if wire.info.major is UNSET else wire.info.major,
        minor=None if wire.info.minor is UNSET else wire.info.minor,
        external_id=wire.info.external_id or None,
        data=wire.data,
    )


def _write(beacon: Beacon) -> _Beacon:
    draft = beacon.draft
    info = _Info(
        name=draft.name,
        uuid=draft.uuid,
        major=UNSET if draft.major is None else draft.major,
        minor=UNSET if draft.minor is None else draft.minor,
        external_id=draft.external_id or UNSET,
    )
    return _Beacon(beacon.id, info, draft.data, beacon.groups)
