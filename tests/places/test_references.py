"""What triggers and devices name: many references are looked up at once, and only in their own application."""

import pytest

from clarion.apps.model import App
from clarion.db.pool import Database
from clarion.places import service as places
from clarion.places.model import (
    ALL_GROUPS,
    BeaconDraft,
    GeofenceDraft,
    GeogroupDraft,
    PlaceKind,
    PlaceName,
    PlaceRef,
)

LYON = GeofenceDraft("Lyon", 45.764, 4.8357, 150, "store-69")
SHOES = BeaconDraft("Shoes", "0F9D2B6C-1111-4222-8333-444455556666", 1, 12, "shoes")


async def test_v1_rules_91_and_92_references_that_name_nothing_are_told_by_index(
    database: Database, app: App, other: App
) -> None:
    async with database.transaction() as conn:
        lyon = await places.create_geofence(conn, app.id, LYON)
        south = await places.create_geogroup(conn, app.id, GeogroupDraft("South", "south"))
        strange = await places.create_geofence(conn, other.id, GeofenceDraft("Nice", 43.7, 7.26, 10, "store-06"))
        foreign = await places.create_geogroup(conn, other.id, GeogroupDraft("North", "north"))
        sound = [
            PlaceRef(id=lyon),
            PlaceRef(external_id="store-69"),
            PlaceRef(geogroup_id=south),
            PlaceRef(geogroup_id=str(south)),
            PlaceRef(geogroup_id=f"00{south}"),
            PlaceRef(geogroup_id=ALL_GROUPS),
            PlaceRef(geogroup_external_id="south"),
            PlaceRef(id=lyon, external_id="store-69", geogroup_id=south, geogroup_external_id="south"),
        ]
        assert await places.unknown_geolocations(conn, app.id, sound) == []
        wrong = [
            PlaceRef(),
            PlaceRef(id=strange),
            PlaceRef(external_id="store-06"),
            PlaceRef(geogroup_id=foreign),
            PlaceRef(geogroup_external_id="north"),
            PlaceRef(geogroup_id="south"),
            PlaceRef(geogroup_id="All"),
            PlaceRef(geogroup_id=""),
            PlaceRef(geogroup_id="9" * 5000),
            PlaceRef(geogroup_id=2**63),
            PlaceRef(id=0),
            PlaceRef(id=-(2**70)),
            PlaceRef(id=2**63),
            PlaceRef(external_id="\x00"),
            PlaceRef(id=lyon, external_id="nowhere"),
            PlaceRef(id=lyon, geogroup_id="nowhere"),
        ]
        assert await places.unknown_geolocations(conn, app.id, wrong) == list(range(len(wrong)))
        assert await places.unknown_geolocations(conn, app.id, [sound[0], wrong[0], sound[1], wrong[1]]) == [1, 3]
        assert await places.unknown_geolocations(conn, app.id, []) == []


async def test_v1_rule_92_a_geofence_is_no_beacon(database: Database, app: App) -> None:
    async with database.transaction() as conn:
        lyon = await places.create_geofence(conn, app.id, LYON)
        await places.create_geofence(conn, app.id, GeofenceDraft("Nice", 43.7, 7.26, 10))
        beacon = await places.create_beacon(conn, app.id, SHOES)
        south = await places.create_geogroup(conn, app.id, GeogroupDraft("South", "south"))
        refs = [PlaceRef(id=beacon), PlaceRef(external_id="shoes"), PlaceRef(geogroup_id=south)]
        assert await places.unknown_beacons(conn, app.id, refs) == []
        assert await places.unknown_beacons(conn, app.id, [PlaceRef(external_id=LYON.external_id)]) == [0]
        assert await places.unknown_beacons(conn, app.id, [PlaceRef(id=lyon + 1)]) == [0]


@pytest.mark.parametrize("kind", list(PlaceKind))
async def test_known_names_of_every_kind(database: Database, app: App, other: App, kind: PlaceKind) -> None:
    async def create(owner: App, external_id: str | None) -> int:
        if kind is PlaceKind.GEOFENCE:
            return await places.create_geofence(conn, owner.id, GeofenceDraft("x", 0.0, 0.0, 1, external_id))
        if kind is PlaceKind.BEACON:
            return await places.create_beacon(conn, owner.id, BeaconDraft("x", SHOES.uuid, external_id=external_id))
        return await places.create_geogroup(conn, owner.id, GeogroupDraft("x", external_id))

    async with database.transaction() as conn:
        one, two = await create(app, "one"), await create(app, None)
        strange = await create(other, "three")
        found = await places.known(conn, app.id, kind, ids=[two, strange, 2**80], external_ids=["one", "three", "\x00"])
        assert found == [PlaceName(one, "one"), PlaceName(two, None)]
        assert await places.known(conn, app.id, kind) == []
