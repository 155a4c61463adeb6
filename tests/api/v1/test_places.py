"""Geofences, beacons and geogroups (v1 rules 26 to 33, 85 to 89, 104)."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from clarion.identity.signature import sign
from clarion.places import importing
from clarion.places import service as places
from clarion.places.model import BeaconDraft, GeofenceDraft, GeogroupDraft
from tests.api.v1.client import V1Client
from tests.api.v1.test_odd_bodies import mutations
from tests.api.v1.test_races import together

UUID = "0F9D2B6C-AAAA-4222-8333-444455556666"
LYON = {
    "info": {"name": "Lyon store", "externalId": "store-69", "latitude": 45.764, "longitude": 4.8357, "radius": 150},
    "data": {"city": "Lyon"},
}
SHOES = {
    "info": {"name": "Shoe aisle", "externalId": "shoes", "uuid": UUID, "major": 1, "minor": 12},
    "data": {"floor": "2"},
}
SOUTH = {"name": "South stores", "externalId": "south"}
KINDS = {"geofences": LYON, "beacons": SHOES}
BARE: dict[str, dict[str, Any]] = {
    "geofences": {"info": {"name": "x", "latitude": 0.0, "longitude": 0.0, "radius": 1}},
    "beacons": {"info": {"name": "x", "uuid": UUID}},
    "geogroups": {"name": "x"},
}
each_kind = pytest.mark.parametrize("kind", list(KINDS))
each_member = pytest.mark.parametrize(("kind", "method"), [(k, m) for k in KINDS for m in ("POST", "DELETE")])


def named(kind: str, external_id: str) -> dict[str, Any]:
    """A body with an external id."""
    if kind == "geogroups":
        return {**BARE[kind], "externalId": external_id}
    return {"info": {**BARE[kind]["info"], "externalId": external_id}}


async def shown(v1: V1Client, kind: str) -> list[Any]:
    data: list[Any] = (await v1.get(v1.path(kind))).json["data"]
    return data


@each_kind
async def test_v1_rule_28_create_answers_the_id_and_what_was_written_can_be_read(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), KINDS[kind])).id
    expected = {**KINDS[kind], "id": created, "groups": []}
    assert (await v1.get(v1.path(f"{kind}/{created}"))).json == expected
    assert await shown(v1, kind) == [expected]


@each_kind
@pytest.mark.parametrize("body", [{}, {"data": {"a": "b"}}, {"info": None}, {"info": {}}, {"info": {"name": "x"}}, []])
async def test_v1_rule_85_info_is_mandatory_on_create_and_update(v1: V1Client, kind: str, body: Any) -> None:
    created = (await v1.post(v1.path(kind), KINDS[kind])).id
    for answer in (await v1.post(v1.path(kind), body), await v1.put(v1.path(f"{kind}/{created}"), body)):
        assert answer.status == 400
        assert set(answer.labels) == {"API_ERR_FORMAT"}
    assert (await shown(v1, kind))[0]["info"] == KINDS[kind]["info"]


@each_kind
async def test_v1_rules_85_and_104_an_update_is_a_put_that_replaces_the_whole_object(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), KINDS[kind])).id
    path = v1.path(f"{kind}/{created}")
    assert (await v1.put(path, BARE[kind])).id == created
    assert (await v1.get(path)).json == {**BARE[kind], "id": created, "data": {}, "groups": []}
    assert (await v1.post(path, KINDS[kind])).refused(404, "API_ERR_UNKNOW_ROUTE")


@each_kind
async def test_v1_rule_85_members_only_the_server_sets_are_passed_over(v1: V1Client, kind: str) -> None:
    body = {**BARE[kind], "id": 4711, "groups": [1, 2], "colour": "green"}
    created = (await v1.post(v1.path(kind), body)).id
    assert created != 4711
    assert (await v1.put(v1.path(f"{kind}/{created}"), body)).id == created
    assert (await v1.get(v1.path(f"{kind}/{created}"))).json["groups"] == []
    group = (await v1.post(v1.path("geogroups"), {**SOUTH, "id": 4711, "geofences": [created], "beacons": [1]})).id
    assert await shown(v1, "geogroups") == [{**SOUTH, "id": group, "geofences": [], "beacons": []}]


async def test_a_uuid_is_compared_in_upper_case_and_answered_so(v1: V1Client) -> None:
    created = (await v1.post(v1.path("beacons"), {"info": {"name": "x", "uuid": UUID.lower()}})).id
    path = v1.path(f"beacons/{created}")
    assert (await v1.get(path)).json["info"]["uuid"] == UUID
    await v1.put(path, {"info": {"name": "x", "uuid": UUID.lower(), "major": 0, "minor": 65535}})
    assert (await v1.get(path)).json["info"] == {"name": "x", "uuid": UUID, "major": 0, "minor": 65535}


@pytest.mark.parametrize("kind", [*KINDS, "geogroups"])
async def test_v1_rules_25_and_44_an_external_id_is_unique_per_application_and_kind(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), named(kind, "same"))).id
    assert (await v1.post(v1.path(kind), named(kind, "same"))).refused(400, "API_ERR_DATA")
    assert (await v1.post(v1.path(kind, v1.ios), named(kind, "same"))).status == 200
    for other in {*KINDS, "geogroups"} - {kind}:
        assert (await v1.post(v1.path(other), named(other, "same"))).status == 200
    if kind != "geogroups":
        assert (await v1.put(v1.path(f"{kind}/{created}"), named(kind, "same"))).id == created
        second = (await v1.post(v1.path(kind), BARE[kind])).id
        assert (await v1.put(v1.path(f"{kind}/{second}"), named(kind, "same"))).refused(400, "API_ERR_DATA")
        assert (await v1.put(v1.path(f"{kind}/{created}"), BARE[kind])).id == created
        assert (await v1.put(v1.path(f"{kind}/{second}"), named(kind, "same"))).id == second


@pytest.mark.parametrize("kind", [*KINDS, "geogroups"])
async def test_v1_rule_44_of_writers_of_one_external_id_one_wins(v1: V1Client, kind: str) -> None:
    found = await together(v1.post(v1.path(kind), named(kind, "same")) for _ in range(8))
    assert found == {(200, ""): 1, (400, "API_ERR_DATA"): 7}
    if kind != "geogroups":
        ids = [(await v1.post(v1.path(kind), BARE[kind])).id for _ in range(8)]
        found = await together(v1.put(v1.path(f"{kind}/{number}"), named(kind, "other")) for number in ids)
        assert found == {(200, ""): 1, (400, "API_ERR_DATA"): 7}


@each_kind
@pytest.mark.parametrize("number", ["abc", "0", "-1", "1.5", "99999999999999999999", "%00"])
async def test_v1_rule_26_an_id_that_is_no_positive_number_is_a_format_error(
    v1: V1Client, kind: str, number: str
) -> None:
    path = v1.path(f"{kind}/{number}")
    for answer in (await v1.get(path), await v1.put(path, KINDS[kind])):
        if number == "99999999999999999999":
            assert answer.status in (400, 404)
        else:
            assert answer.refused(400, "API_ERR_FORMAT")


@each_kind
async def test_v1_rule_27_places_of_another_application_are_unknown(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), KINDS[kind])).id
    elsewhere = v1.path(f"{kind}/{created}", v1.ios)
    for answer in (
        await v1.get(elsewhere),
        await v1.put(elsewhere, BARE[kind]),
        await v1.get(v1.path(f"{kind}/{created + 1}")),
        await v1.put(v1.path(f"{kind}/{created + 1}"), {**BARE[kind], "data": {"a": "x" * 40_000}}),
    ):
        assert answer.refused(404, "API_ERR_DATA")
    assert (await v1.get(v1.path(f"{kind}/{created}"))).json["info"] == KINDS[kind]["info"]


@each_kind
async def test_v1_rule_86_nothing_can_be_deleted(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), KINDS[kind])).id
    assert (await v1.delete(v1.path(f"{kind}/{created}"))).refused(404, "API_ERR_UNKNOW_ROUTE")
    group = (await v1.post(v1.path("geogroups"), SOUTH)).id
    assert (await v1.delete(v1.path(f"geogroups/{group}"))).refused(404, "API_ERR_UNKNOW_ROUTE")


@each_kind
async def test_own_values_have_a_bound(v1: V1Client, kind: str) -> None:
    body = {**BARE[kind], "data": {"a": "x" * 40_000}}
    assert (await v1.post(v1.path(kind), body)).refused(400, "API_ERR_FORMAT")
    answer = await v1.post(v1.path(kind), {**BARE[kind], "data": {"a": "x" * 32_000}})
    assert answer.status == 200
    answer = await v1.put(v1.path(f"{kind}/{answer.id}"), {**named(kind, "x"), "data": {"a": "x" * 40_000}})
    assert answer.refused(400, "API_ERR_FORMAT")


@pytest.mark.parametrize("kind", [*KINDS, "geogroups"])
async def test_v1_rules_29_to_33_lists_come_in_pages_by_ascending_id(v1: V1Client, kind: str) -> None:
    async with v1.database.transaction() as conn:
        for number in range(101):
            if kind == "geofences":
                await places.create_geofence(conn, v1.android.id, GeofenceDraft(f"{number}", 0.0, 0.0, 1))
            elif kind == "beacons":
                await places.create_beacon(conn, v1.android.id, BeaconDraft(f"{number}", UUID))
            else:
                await places.create_geogroup(conn, v1.android.id, GeogroupDraft(f"{number}"))
    first = await v1.get(v1.path(kind))
    assert first.links.keys() == {"first", "next"}
    second = await v1.get(first.links["next"])
    assert second.links.keys() == {"first", "prev"}
    ids = [place["id"] for place in first.json["data"] + second.json["data"]]
    assert len(ids) == 101
    assert ids == sorted(ids)
    assert (await v1.get(v1.path(kind), params={"page": 3})).json["data"] == []
    assert (await v1.get(v1.path(kind, v1.ios))).json["data"] == []


async def test_v1_rule_87_members_come_and_go_and_both_sides_show_them(v1: V1Client) -> None:
    geofences = [(await v1.post(v1.path("geofences"), BARE["geofences"])).id for _ in range(3)]
    beacon = (await v1.post(v1.path("beacons"), SHOES)).id
    south = (await v1.post(v1.path("geogroups"), SOUTH)).id
    north = (await v1.post(v1.path("geogroups"), {"name": "North"})).id
    for group, kind, number in (
        (north, "geofences", geofences[2]),
        (f"ext:{SOUTH['externalId']}", "geofences", geofences[2]),
        (south, "geofences", geofences[0]),
        (f"00{south}", "geofences", geofences[0]),
        (south, "beacons", beacon),
    ):
        answer = await v1.post(v1.path(f"geogroups/{group}/{kind}"), {"id": number})
        assert (answer.status, answer.body) == (200, b"")
    assert await shown(v1, "geogroups") == [
        {**SOUTH, "id": south, "geofences": [geofences[0], geofences[2]], "beacons": [beacon]},
        {"name": "North", "id": north, "geofences": [geofences[2]], "beacons": []},
    ]
    assert [place["groups"] for place in await shown(v1, "geofences")] == [[south], [], [south, north]]
    assert (await v1.get(v1.path(f"beacons/{beacon}"))).json["groups"] == [south]
    await v1.put(v1.path(f"beacons/{beacon}"), BARE["beacons"])
    assert (await v1.get(v1.path(f"beacons/{beacon}"))).json["groups"] == [south], "an update leaves the groups"
    for kind, number in (("geofences", geofences[2]), ("geofences", geofences[2]), ("beacons", beacon)):
        answer = await v1.delete(v1.path(f"geogroups/ext:south/{kind}"), {"id": number})
        assert (answer.status, answer.body) == (200, b"")
    assert [group["geofences"] for group in await shown(v1, "geogroups")] == [[geofences[0]], [geofences[2]]]
    assert (await v1.get(v1.path(f"beacons/{beacon}"))).json["groups"] == []


@each_member
async def test_v1_rule_87_a_member_needs_its_id(v1: V1Client, kind: str, method: str) -> None:
    group = (await v1.post(v1.path("geogroups"), SOUTH)).id
    path = v1.path(f"geogroups/{group}/{kind}")
    for body in ({}, {"id": None}, {"id": "1"}, {"id": 0}, {"id": 1.5}, {"id": 2**63}, [], [{"id": 1}]):
        assert (await v1.request(method, path, body)).refused(400, "API_ERR_FORMAT"), body
    assert (await v1.request(method, path)).refused(400, "API_ERR_FORMAT")


@each_member
async def test_v1_rule_87_an_unknown_group_or_object_is_not_found(v1: V1Client, kind: str, method: str) -> None:
    group = (await v1.post(v1.path("geogroups"), SOUTH)).id
    member = (await v1.post(v1.path(kind), KINDS[kind])).id
    for unknown in (
        group + 1, 0, "9" * 18, "9" * 19, 2**63, "9" * 5000, "ext:nobody", "ext:South", "ext:ext:south",
        "ext:" + "x" * 3000,
    ):  # fmt: skip
        answer = await v1.request(method, v1.path(f"geogroups/{unknown}/{kind}"), {"id": member})
        assert answer.refused(404, "API_ERR_DATA"), unknown
    for malformed in ("abc", "-1", "1.5", "ext:", "EXT:south", "south", "%00", "ext:%00", "ext:a%00", "%D9%A1", "%ff"):
        answer = await v1.request(method, v1.path(f"geogroups/{malformed}/{kind}"), {"id": member})
        assert answer.refused(400, "API_ERR_FORMAT"), malformed
    for number in (member + 1, 2**63 - 1):
        answer = await v1.request(method, v1.path(f"geogroups/{group}/{kind}"), {"id": number})
        assert answer.refused(404, "API_ERR_DATA"), number
    elsewhere = (await v1.post(v1.path(kind, v1.ios), KINDS[kind])).id
    answer = await v1.request(method, v1.path(f"geogroups/{group}/{kind}"), {"id": elsewhere})
    assert answer.refused(404, "API_ERR_DATA")
    for foreign in (group, "ext:south"):
        answer = await v1.request(method, v1.path(f"geogroups/{foreign}/{kind}", v1.ios), {"id": elsewhere})
        assert answer.refused(404, "API_ERR_DATA")


@pytest.mark.parametrize("external_id", ["a/b", "a b", "50%", "ext:x", "é/ü", "?#&=", "..", "12", "🏬", "x" * 255])
async def test_v1_rule_87_external_ids_are_percent_encoded(v1: V1Client, external_id: str) -> None:
    group = (await v1.post(v1.path("geogroups"), {"name": "x", "externalId": external_id})).id
    member = (await v1.post(v1.path("beacons"), SHOES)).id
    path = v1.path(f"geogroups/ext:{quote(external_id, safe='')}/beacons")
    assert (await v1.post(path, {"id": member})).status == 200
    assert (await v1.get(v1.path(f"beacons/{member}"))).json["groups"] == [group]
    encoded = v1.path(f"geogroups/{quote(f'ext:{external_id}', safe='')}/beacons")
    assert (await v1.delete(encoded, {"id": member})).status == 200
    assert (await v1.get(v1.path(f"beacons/{member}"))).json["groups"] == []


async def test_v1_rule_7_a_delete_is_signed_with_its_raw_or_an_empty_body(v1: V1Client) -> None:
    group = (await v1.post(v1.path("geogroups"), SOUTH)).id
    member = (await v1.post(v1.path("geofences"), LYON)).id
    path, body = v1.path(f"geogroups/{group}/geofences"), b'{ "id":%d }' % member
    for signed in (body, b""):
        await v1.post(path, {"id": member})
        time = v1.signature_headers(b"")["accengage-time"]
        headers = {"accengage-time": time, "accengage-signature": sign(signed, v1.api_key, time)}
        assert (await v1.request("DELETE", path, body=body, sign=False, headers=headers)).status == 200
        assert (await shown(v1, "geogroups"))[0]["geofences"] == []


async def test_v1_rule_87_the_same_member_added_at_once_is_in_the_group_once(v1: V1Client) -> None:
    group = (await v1.post(v1.path("geogroups"), SOUTH)).id
    member = (await v1.post(v1.path("geofences"), LYON)).id
    path = v1.path(f"geogroups/{group}/geofences")
    requests = [v1.post(path, {"id": member}) for _ in range(8)] + [v1.delete(path, {"id": member}) for _ in range(4)]
    assert await together(requests) == {(200, ""): 12}
    assert (await v1.post(path, {"id": member})).status == 200
    assert (await shown(v1, "geogroups"))[0]["geofences"] == [member]


async def test_v1_rule_88_an_application_has_at_most_25000_geofences(v1: V1Client) -> None:
    drafts = [GeofenceDraft("x", 0.0, 0.0, 1) for _ in range(24_998)]
    async with v1.database.transaction() as conn:
        await importing.import_geofences(conn, v1.android.id, drafts, lambda *_: None)
    last = (await v1.post(v1.path("geofences"), LYON)).id
    found = await together(v1.post(v1.path("geofences"), BARE["geofences"]) for _ in range(6))
    assert found == {(200, ""): 1, (400, "API_ERR_DATA"): 5}
    answer = await v1.post(v1.path("geofences"), BARE["geofences"])
    assert "25,000" in answer.errors[0][1]
    assert (await v1.put(v1.path(f"geofences/{last}"), BARE["geofences"])).id == last
    assert (await v1.post(v1.path("beacons"), SHOES)).status == 200
    assert (await v1.post(v1.path("geofences", v1.ios), LYON)).status == 200
    page = await v1.get(v1.path("geofences"), params={"page": 250})
    assert len(page.json["data"]) == 100
    assert "next" not in page.links


async def test_v1_rule_89_the_route_is_geogroups(v1: V1Client) -> None:
    assert (await v1.get(v1.path("geogroups"))).status == 200
    assert (await v1.get(v1.path("geolocation"))).refused(404, "API_ERR_UNKNOW_ROUTE")


@each_kind
async def test_odd_values_in_places(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), BARE[kind])).id
    for changed in mutations(KINDS[kind]):
        for answer in (await v1.post(v1.path(kind), changed), await v1.put(v1.path(f"{kind}/{created}"), changed)):
            assert answer.status in (200, 400), (changed, answer.body)
    assert (await v1.get(v1.path(kind))).status == 200


async def test_odd_values_in_geogroups(v1: V1Client) -> None:
    group = (await v1.post(v1.path("geogroups"), SOUTH)).id
    member = (await v1.post(v1.path("beacons"), SHOES)).id
    for changed in mutations(SOUTH):
        assert (await v1.post(v1.path("geogroups"), changed)).status in (200, 400), changed
    for changed in mutations({"id": member}):
        path = v1.path(f"geogroups/{group}/beacons")
        answers = await asyncio.gather(v1.post(path, changed), v1.delete(path, changed))
        assert all(answer.status in (200, 400, 404) for answer in answers), changed
    assert (await v1.get(v1.path("geogroups"))).status == 200
