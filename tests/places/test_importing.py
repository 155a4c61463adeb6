"""Places from CSV files (v1 rule 88): all lines or none, known ones by external id, the limit holds."""

from pathlib import Path

import pytest

from clarion.apps.model import App
from clarion.base.errors import Conflict, Invalid
from clarion.db.pool import Database
from clarion.db.sql import value
from clarion.places import importing
from clarion.places import service as places
from clarion.places.model import Beacon, BeaconDraft, Geofence, GeofenceDraft, GeogroupDraft, Merged, PlaceKind
from clarion.places.store import geofences

STORES = """name;latitude;longitude;radius;externalId;city;phone
Lyon store;45.764;4.8357;150;store-69;Lyon;
"Nice; old port";43,695;7.285;80;store-06;Nice;+33 4
"""
AISLES = """Name;UUID;Major;Minor;ExternalID;floor
Shoes;0f9d2b6c-1111-4222-8333-444455556666;1;12;shoes;2
Anything;0F9D2B6C-1111-4222-8333-444455556666;;;;
"""


def nobody_watches(done: int, total: int) -> None:
    assert 0 < done <= total


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "places.csv"


async def load_geofences(database: Database, app: App, file: Path) -> Merged:
    drafts = importing.read_geofences(file)
    async with database.transaction() as conn:
        return await importing.import_geofences(conn, app.id, drafts, nobody_watches)


async def load_beacons(database: Database, app: App, file: Path) -> Merged:
    drafts = importing.read_beacons(file)
    async with database.transaction() as conn:
        return await importing.import_beacons(conn, app.id, drafts, nobody_watches)


async def stored(database: Database, app: App) -> tuple[list[Geofence], list[Beacon]]:
    async with database.connection() as conn:
        return (
            await places.list_geofences(conn, app.id, 30_000, 0),
            await places.list_beacons(conn, app.id, 30_000, 0),
        )


async def test_v1_rule_88_geofences_are_read_with_their_own_values(database: Database, app: App, file: Path) -> None:
    file.write_text(STORES)
    assert await load_geofences(database, app, file) == Merged(created=2, updated=0, unchanged=0)
    found, _ = await stored(database, app)
    assert [each.draft for each in found] == [
        GeofenceDraft("Lyon store", 45.764, 4.8357, 150, "store-69", {"city": "Lyon"}),
        GeofenceDraft("Nice; old port", 43.695, 7.285, 80, "store-06", {"city": "Nice", "phone": "+33 4"}),
    ]


async def test_v1_rule_88_a_line_replaces_the_place_of_its_external_id(
    database: Database, app: App, other: App, file: Path
) -> None:
    file.write_text(STORES)
    await load_geofences(database, app, file)
    await load_geofences(database, other, file)
    before, _ = await stored(database, app)
    async with database.transaction() as conn:
        group = await places.create_geogroup(conn, app.id, GeogroupDraft("South"))
        await places.add_to_group(conn, app.id, group, PlaceKind.GEOFENCE, before[0].id)
    assert await load_geofences(database, app, file) == Merged(created=0, updated=0, unchanged=2)
    file.write_text("externalId,name,radius,longitude,latitude\nstore-69,Lyon,10,4.8,45.7\nstore-13,Marseille,9,5.3,43")
    assert await load_geofences(database, app, file) == Merged(created=1, updated=1, unchanged=0)
    found, _ = await stored(database, app)
    assert found[0] == Geofence(before[0].id, GeofenceDraft("Lyon", 45.7, 4.8, 10, "store-69"), (group,))
    assert found[1] == before[1]
    assert found[2].draft == GeofenceDraft("Marseille", 43.0, 5.3, 9, "store-13")
    assert len((await stored(database, other))[0]) == 2


async def test_v1_rule_88_beacons_without_external_id_are_new_each_time(
    database: Database, app: App, file: Path
) -> None:
    file.write_text(AISLES)
    uuid = "0F9D2B6C-1111-4222-8333-444455556666"
    assert await load_beacons(database, app, file) == Merged(created=2, updated=0, unchanged=0)
    assert await load_beacons(database, app, file) == Merged(created=1, updated=0, unchanged=1)
    _, found = await stored(database, app)
    assert [each.draft for each in found] == [
        BeaconDraft("Shoes", uuid, 1, 12, "shoes", {"floor": "2"}),
        BeaconDraft("Anything", uuid),
        BeaconDraft("Anything", uuid),
    ]


@pytest.mark.parametrize(
    ("line", "reasons"),
    [
        ("x;1;2;3;a;b;c", ["7 values where the header has 6 names"]),
        (";1;2;3;a;b", ["`name` is empty"]),
        (f"{'x' * 256};1;2;3;{'y' * 256};b", ["`name` has more than 255", "`externalId` has more than 255"]),
        ("x;90.1;-181;3;a;b", ["`latitude` must be a number from -90", "`longitude` must be a number from -180"]),
        ("x;nan;1e5;3;a;b", ["`latitude`", "`longitude`"]),
        ("x;;;;a;b", ["`latitude`", "`longitude`", "`radius` is empty"]),
        ("x;1;2;0;a;b", ["`radius` must be a whole number of at least 1"]),
        ("x;1;2;1.5;a;b", ["`radius`"]),
        ("x;1;2;99999999999999999999;a;b", ["`radius`"]),
        ("x;1;2;3;a;b\x00", ["NUL"]),
        (f"x;1;2;3;a;{'b' * 40_000}", ["own values"]),
        ("x;1;2;3;first;b", ["line 2 has the same `externalId`"]),
    ],
)
async def test_lines_that_do_not_fit_are_all_told_and_nothing_is_written(
    database: Database, app: App, file: Path, line: str, reasons: list[str]
) -> None:
    file.write_text(f"name;latitude;longitude;radius;externalId;city\nok;1;2;3;first;\n{line}\nok;1;2;3;last;\n")
    with pytest.raises(Invalid) as raised:
        await load_geofences(database, app, file)
    *found, verdict = [finding.message for finding in raised.value.findings]
    assert len(found) == len(reasons), found
    assert all(message.startswith("Line 3: ") for message in found)
    assert all(any(reason in message for message in found) for reason in reasons)
    assert verdict == "1 line does not fit: nothing was written."
    assert await stored(database, app) == ([], [])


def test_beacons_that_do_not_fit(file: Path) -> None:
    file.write_text("name;uuid;major;minor\nx;0F9D2B6C;1;1\ny;0F9D2B6C-1111-4222-8333-444455556666;65536;-1\n")
    with pytest.raises(Invalid) as raised:
        importing.read_beacons(file)
    found = [finding.message for finding in raised.value.findings]
    assert "`uuid`" in found[0]
    assert "`major`" in found[1]
    assert "`minor`" in found[2]
    assert found[3] == "2 lines do not fit: nothing was written."


def test_of_many_wrong_lines_the_first_hundred_are_told(file: Path) -> None:
    file.write_text("name;latitude;longitude;radius\n" + "x;1;2;0\n" * 500)
    with pytest.raises(Invalid) as raised:
        importing.read_geofences(file)
    assert len(raised.value.findings) == 101
    assert raised.value.findings[-1].message.startswith("500 lines")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "name"),
        ("name;latitude;longitude", "radius"),
        ("name;NAME;latitude;longitude;radius", "twice"),
        ("name;latitude;longitude;radius;city;city", "twice"),
        ("name;latitude;longitude;radius;a\x00b", "NUL"),
    ],
)
def test_a_header_that_does_not_do(file: Path, header: str, reason: str) -> None:
    file.write_text(f"{header}\n")
    with pytest.raises(Invalid, match=reason):
        importing.read_geofences(file)


def test_a_value_needs_a_column_with_a_name(file: Path) -> None:
    file.write_text("name;latitude;longitude;radius;\nx;1;2;3;\n")
    assert importing.read_geofences(file) == [GeofenceDraft("x", 1.0, 2.0, 3)]
    file.write_text("name;latitude;longitude;radius;\nx;1;2;3;y\n")
    with pytest.raises(Invalid, match="column without name"):
        importing.read_geofences(file)


def test_a_line_in_another_encoding_is_told(file: Path) -> None:
    file.write_bytes(b"name;latitude;longitude;radius\nCaf\xe9;1;2;3\nx;1;2;3\n")
    with pytest.raises(Invalid, match="Line 2"):
        importing.read_geofences(file)


async def test_v1_rule_88_a_file_cannot_make_more_geofences_than_there_may_be(
    database: Database, app: App, file: Path
) -> None:
    most = places.MOST_GEOFENCES
    drafts = [GeofenceDraft(f"g{n}", 1.0, 2.0, 3, f"g{n}") for n in range(most)]
    async with database.transaction() as conn:
        await importing.import_geofences(conn, app.id, drafts[:-1], nobody_watches)
    file.write_text("name;latitude;longitude;radius;externalId\ng0;1;2;3;g0\nnew;1;2;3;n1\nnew;1;2;3;n2\n")
    with pytest.raises(Conflict, match="25,001") as raised:
        await load_geofences(database, app, file)
    assert raised.value.code == "too_many_geofences"
    async with database.transaction() as conn:
        assert await importing.import_geofences(conn, app.id, drafts, nobody_watches) == Merged(1, 0, most - 1)
    async with database.connection() as conn:
        assert await geofences.count(conn, app.id) == most
        assert await value(conn, "SELECT count(*) FROM clarion.geofence WHERE starts_with(external_id, 'n')") == 0
    with pytest.raises(Conflict, match="30,000"):
        async with database.transaction() as conn:
            await importing.import_geofences(conn, app.id, [drafts[0]] * 30_000, nobody_watches)
