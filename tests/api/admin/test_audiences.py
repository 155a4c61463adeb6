"""Segments: kept, counted, replaced, and not deleted from under what still names them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from clarion.apps import service as apps
from clarion.audience import service as audience
from clarion.base import clock
from clarion.content import service as content
from clarion.content.model import Content, MessageDraft, MessageState
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord
from tests.api.admin.client import AdminClient

FRENCH = {"column": "language", "op": "eq", "value": "fr"}


@pytest.fixture
async def base(operator: AdminClient) -> AdminClient:
    """An operator whose Android application has three devices, two of them French."""
    async with operator.database.transaction() as conn:
        language = (await apps.load_scheme(conn, operator.android.id)).find("language")
        assert language is not None
        records = [DeviceRecord(f"d{n}", {language: spoken}) for n, spoken in enumerate(("fr", "en", "fr"))]
        await devices.upsert(conn, operator.android, records)
    return operator


async def message(client: AdminClient, test: Sequence[int] = (), real: Sequence[int] = ()) -> int:
    draft = MessageDraft("Spring", (Content(text="Hello"),), test_segments=tuple(test), campaign_segments=tuple(real))
    async with client.database.transaction() as conn:
        return await content.create_message(conn, client.android, draft)


async def test_a_segment_is_kept_and_counted(base: AdminClient, viewer: AdminClient) -> None:
    path = base.path("segments")
    answer = await base.post(path, {"name": "French", "where": FRENCH})
    made = answer.ok(201)
    assert made == {"id": made["id"], "name": "French", "test": False, "where": FRENCH}
    assert answer.headers["location"] == f"https://push.example{path}/{made['id']}"
    assert (await viewer.get(f"{path}/{made['id']}")).ok() == made
    assert (await viewer.get(f"{path}/{made['id']}/count")).ok()["count"] == 2
    assert (await viewer.post(f"{path}/count", {"where": {"not": FRENCH}})).ok()["count"] == 1
    assert (await base.post(path, {"name": "FRENCH", "where": FRENCH})).problem == (409, "duplicate_value")
    assert await base.everything(path, 10) == [made]


async def test_a_count_says_where_it_comes_from_and_of_when_it_is(viewer: AdminClient, base: AdminClient) -> None:
    path = viewer.path("segments/count")
    before = clock.now()
    for wanted in ("", "?exact=true", "?exact=false"):
        found = (await viewer.post(f"{path}{wanted}", {"where": FRENCH})).ok()
        assert (found["count"], found["source"]) == (2, "sql")
        assert before <= datetime.fromisoformat(found["asOf"]) <= clock.now()
    assert (await viewer.post(f"{path}?exact=perhaps", {"where": FRENCH})).problem[0] == 400


async def test_asking_for_a_number_is_no_write(base: AdminClient) -> None:
    (await base.post(base.path("segments/count"), {"where": FRENCH})).ok()
    assert await base.audited() == []


async def test_a_segment_is_replaced_as_a_whole(base: AdminClient) -> None:
    path = base.path("segments")
    first = (await base.post(path, {"name": "French", "where": FRENCH, "test": True})).ok(201)
    second = (await base.post(path, {"name": "Others", "where": {"not": FRENCH}})).ok(201)
    changed = (await base.put(f"{path}/{first['id']}", {"name": "french", "where": {"all": []}})).ok()
    assert changed == {"id": first["id"], "name": "french", "test": False, "where": {"all": []}}
    answer = await base.put(f"{path}/{second['id']}", {"name": "French", "where": FRENCH})
    assert answer.problem == (409, "duplicate_value")
    assert (await base.get(f"{path}/{second['id']}")).ok() == second
    assert [segment["name"] for segment in await base.everything(path, 1)] == ["french", "Others"]


@pytest.mark.parametrize(
    ("draft", "findings"),
    [
        ({"where": {"column": "colour", "op": "eq", "value": "red"}}, [("#/where/column", "invalid_value")]),
        ({"where": {"all": [FRENCH, {"column": "feedback"}]}}, [("#/where/all/1/value", "required")]),
        ({"where": {"list": 77}}, [("#/where", "invalid_value")]),
        ({"where": []}, [("#/where", "invalid_type")]),
        ({"where": {"column": "language", "op": "eq", "value": "a\x00"}}, [("#/where/value", "invalid_format")]),
        ({"where": {"column": "id", "op": "eq", "value": 2**64}}, [("#/where/value", "out_of_range")]),
        ({"where": FRENCH, "name": " "}, [("#/name", "invalid_value")]),
        ({"where": FRENCH, "name": ""}, [("#/name", "too_short")]),
        ({"where": FRENCH, "size": 1}, [("#/size", "unknown_field")]),
        ({}, [("#/where", "required")]),
    ],
)
async def test_what_is_wrong_with_a_segment_is_told_with_its_place(
    base: AdminClient, draft: Any, findings: list[tuple[str, str]]
) -> None:
    path = base.path("segments")
    kept = (await base.post(path, {"name": "Kept", "where": FRENCH})).ok(201)
    assert (await base.post(path, {"name": "New", **draft})).findings == findings
    assert (await base.put(f"{path}/{kept['id']}", {"name": "New", **draft})).findings == findings
    if "name" not in draft and "size" not in draft:
        assert (await base.post(f"{path}/count", draft)).findings == findings
    assert await base.everything(path, 10) == [kept]


async def test_a_segment_of_another_application_is_none(base: AdminClient) -> None:
    path = base.path("segments")
    made = (await base.post(path, {"name": "French", "where": FRENCH})).ok(201)
    elsewhere = f"{base.path('segments', base.apps['ios'])}/{made['id']}"
    for method, rest, body in (
        ("GET", "", None),
        ("GET", "/count", None),
        ("PUT", "", {"name": "Mine", "where": FRENCH}),
        ("DELETE", "", None),
    ):
        answer = await base.call(method, elsewhere + rest, *([body] if body else []))
        assert answer.problem == (404, "not_found")
    assert (await base.get(f"{path}/{made['id']}")).ok() == made


async def test_a_segment_in_use_stays_and_its_users_are_named(base: AdminClient) -> None:
    path = base.path("segments")
    made = (await base.post(path, {"name": "French", "where": FRENCH})).ok(201)
    users = [await message(base, test=[made["id"]]), await message(base, real=[made["id"]])]
    answer = await base.delete(f"{path}/{made['id']}")
    assert answer.problem == (409, "resource_in_use")
    assert all(f"message {user}" in answer.json["detail"] for user in users)
    async with base.database.transaction() as conn:
        await content.set_state(conn, base.android.id, users[0], MessageState.SENT)
        await content.delete_message(conn, base.android.id, users[1])
    (await base.delete(f"{path}/{made['id']}")).ok(204)
    assert (await base.delete(f"{path}/{made['id']}")).problem == (404, "not_found")


async def test_the_same_number_in_another_application_is_another_segment(base: AdminClient) -> None:
    """A message of one application that names segment n does not keep segment n of another."""
    own = (await base.post(base.path("segments"), {"name": "French", "where": FRENCH})).ok(201)
    ios = base.apps["ios"]
    async with base.database.transaction() as conn:
        scheme = await apps.load_scheme(conn, ios.id)
        twin = await audience.create_segment(conn, ios.id, scheme, "French", FRENCH)
        await conn.execute("UPDATE clarion.segment SET id = %s WHERE app_id = %s", (own["id"], ios.id))
    assert twin.name == "French"
    await message(base, real=[own["id"]])
    (await base.delete(f"{base.path('segments', ios)}/{own['id']}")).ok(204)
    assert (await base.delete(f"{base.path('segments')}/{own['id']}")).status == 409


async def test_lists_are_created_and_listed(operator: AdminClient, viewer: AdminClient) -> None:
    path = operator.path("lists")
    answer = await operator.post(path, {"name": "Club", "externalId": "club"})
    club = answer.ok(201)
    assert (club["name"], club["externalId"]) == ("Club", "club")
    assert (await viewer.get(answer.headers["location"])).ok() == {**club, "members": 0, "expiring": 0, "waiting": 0}
    plain = (await operator.post(path, {"name": "Club"})).ok(201)
    assert plain["externalId"] is None
    assert (await operator.post(path, {"name": "Other", "externalId": "club"})).problem == (409, "duplicate_value")
    assert await viewer.everything(path, 1) == [club, plain]
    elsewhere = operator.path("lists", operator.apps["ios"])
    assert await operator.everything(elsewhere, 1) == []
    assert (await operator.get(f"{elsewhere}/{club['id']}")).problem == (404, "not_found")
    assert (await operator.post(path, {"name": ""})).findings == [("#/name", "too_short")]


async def test_a_segment_may_be_made_of_a_list(base: AdminClient) -> None:
    club = (await base.post(base.path("lists"), {"name": "Club"})).ok(201)
    where = {"all": [FRENCH, {"list": club["id"]}]}
    made = (await base.post(base.path("segments"), {"name": "French club", "where": where})).ok(201)
    assert (await base.get(base.path(f"segments/{made['id']}/count"))).ok()["count"] == 0
