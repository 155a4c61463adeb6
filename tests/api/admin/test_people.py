"""People: letting in, shutting out, roles, keys, grants."""

import asyncio
from typing import Any

import pytest

from tests.api.admin.client import APPS, ME, PEOPLE, AdminClient


async def test_a_new_person_signs_in_with_the_key_that_was_shown(boss: AdminClient) -> None:
    draft = {"email": "ana@shop.example", "role": "viewer", "applications": ["demo-ios"]}
    answer = await boss.post(PEOPLE, draft)
    made = answer.ok(201)
    person = made["person"]
    assert (person["email"], person["role"], person["disabled"]) == ("ana@shop.example", "viewer", False)
    assert (await boss.get(answer.headers["location"])).ok() == person
    assert answer.headers["location"] == f"https://push.example{PEOPLE}/{person['id']}"
    token = (await boss.sign_in("ana@shop.example", made["apiKey"])).ok(201)["token"]
    seen = (await boss.get(APPS, token=token)).ok()
    assert [app["partnerId"] for app in seen["data"]] == ["demo-ios"]


async def test_a_key_is_shown_once(boss: AdminClient) -> None:
    key = (await boss.post(PEOPLE, {"email": "ana@shop.example"})).ok(201)["apiKey"]
    for path in (PEOPLE, f"{PEOPLE}/{boss.person.id}", ME, "/admin/audit"):
        assert key not in str((await boss.get(path)).body)


async def test_people_are_operators_unless_said_otherwise(boss: AdminClient) -> None:
    assert (await boss.post(PEOPLE, {"email": "ana@shop.example"})).ok(201)["person"]["role"] == "operator"


@pytest.mark.parametrize(
    ("draft", "findings"),
    [
        ({"email": "not an address"}, [("#/email", "invalid_value")]),
        ({"email": "a@b.c", "role": "king"}, [("#/role", "invalid_value")]),
        ({"email": "a@b.c", "applications": ["demo-ios", "none"]}, [("#/applications/1", "invalid_value")]),
        ({"email": "a@b.c", "applications": ["a/b"]}, [("#/applications/0", "invalid_format")]),
        ({"role": "viewer", "admin": True}, [("#/email", "required"), ("#/admin", "unknown_field")]),
    ],
)
async def test_what_is_wrong_with_a_draft_is_told_and_nobody_is_made(
    boss: AdminClient, draft: Any, findings: list[tuple[str, str]]
) -> None:
    assert (await boss.post(PEOPLE, draft)).findings == findings
    assert len((await boss.get(PEOPLE)).ok()["data"]) == 1


async def test_an_address_is_taken_once_in_any_case(boss: AdminClient) -> None:
    answer = await boss.post(PEOPLE, {"email": "BOSS@shop.example"})
    assert answer.problem == (409, "duplicate_value")
    racing = await asyncio.gather(*(boss.post(PEOPLE, {"email": "ana@shop.example"}) for _ in range(4)))
    assert sorted(answer.status for answer in racing) == [201, 409, 409, 409]


async def test_everybody_is_listed_page_by_page(boss: AdminClient) -> None:
    for n in range(6):
        (await boss.post(PEOPLE, {"email": f"p{n}@shop.example", "applications": ["demo-web"][: n % 2]})).ok(201)
    (await boss.patch(f"{PEOPLE}/{(await boss.get(PEOPLE)).ok()['data'][3]['id']}", {"disabled": True})).ok()
    listed = await boss.everything(PEOPLE, 3)
    assert [person["email"] for person in listed] == ["boss@shop.example", *(f"p{n}@shop.example" for n in range(6))]
    assert [person["applications"] for person in listed[1:]] == [[], ["demo-web"]] * 3
    assert [person["disabled"] for person in listed] == [False, False, False, True, False, False, False]


async def test_role_and_access_change_together_or_not_at_all(boss: AdminClient, operator: AdminClient) -> None:
    address = f"{PEOPLE}/{operator.person.id}"
    changed = (await boss.patch(address, {"role": "viewer", "disabled": True})).ok()
    assert (changed["role"], changed["disabled"]) == ("viewer", True)
    assert (await boss.patch(address, {})).findings == [("#", "too_short")]
    assert (await boss.patch(address, {"role": "king"})).findings == [("#/role", "invalid_value")]
    own = f"{PEOPLE}/{boss.person.id}"
    assert (await boss.patch(own, {"role": "administrator", "disabled": True})).problem == (409, "conflict")
    assert (await boss.get(own)).ok()["disabled"] is False


@pytest.mark.parametrize("update", [{"disabled": True}, {"role": "operator"}, {"role": "viewer"}])
async def test_the_last_administrator_stays(boss: AdminClient, update: Any) -> None:
    address = f"{PEOPLE}/{boss.person.id}"
    assert (await boss.patch(address, update)).problem == (409, "conflict")
    second = (await boss.post(PEOPLE, {"email": "second@shop.example", "role": "administrator"})).ok(201)["person"]
    (await boss.patch(f"{PEOPLE}/{second['id']}", {"disabled": True})).ok()
    assert (await boss.patch(address, update)).problem == (409, "conflict"), "who is shut out does not count"
    (await boss.patch(f"{PEOPLE}/{second['id']}", {"disabled": False})).ok()
    (await boss.patch(address, update)).ok()


async def test_two_administrators_cannot_shut_each_other_out_at_once(boss: AdminClient) -> None:
    made = (await boss.post(PEOPLE, {"email": "second@shop.example", "role": "administrator"})).ok(201)
    second = boss.as_person(
        boss.person,
        made["apiKey"],
        (await boss.sign_in("second@shop.example", made["apiKey"])).ok(201)["token"],
    )
    answers = await asyncio.gather(
        boss.patch(f"{PEOPLE}/{made['person']['id']}", {"disabled": True}),
        second.patch(f"{PEOPLE}/{boss.person.id}", {"disabled": True}),
    )
    assert sum(answer.status == 200 for answer in answers) == 1, [answer.status for answer in answers]


async def test_who_is_shut_out_gets_no_key(boss: AdminClient, viewer: AdminClient) -> None:
    (await boss.patch(f"{PEOPLE}/{viewer.person.id}", {"disabled": True})).ok()
    assert (await boss.post(f"{PEOPLE}/{viewer.person.id}/api-key")).problem == (409, "conflict")


async def test_grants_can_be_given_and_taken_twice(boss: AdminClient, stranger: AdminClient) -> None:
    address = f"{PEOPLE}/{stranger.person.id}"
    for _ in range(2):
        (await boss.put(f"{address}/apps/demo-web")).ok(204)
    assert (await boss.get(address)).ok()["applications"] == ["demo-web"]
    (await stranger.get(f"{APPS}/demo-web")).ok()
    for _ in range(2):
        (await boss.delete(f"{address}/apps/demo-web")).ok(204)
    assert (await boss.get(address)).ok()["applications"] == []


@pytest.mark.parametrize("person_id", ["999999", "0", "-1", "me", "9223372036854775808", "1%00", "%ff", "1.5"])
async def test_a_person_there_is_not_is_not_found(boss: AdminClient, person_id: str) -> None:
    for method, rest, body in (
        ("GET", "", None),
        ("PATCH", "", {"disabled": True}),
        ("POST", "/api-key", None),
        ("PUT", "/apps/demo-ios", None),
        ("DELETE", "/apps/demo-ios", None),
    ):
        answer = await boss.call(method, f"{PEOPLE}/{person_id}{rest}", *([body] if body else []))
        assert answer.problem == (404, "not_found"), (method, rest)


async def test_what_was_done_to_people_stands_in_the_trail(boss: AdminClient, viewer: AdminClient) -> None:
    address = f"{PEOPLE}/{viewer.person.id}"
    await boss.post(PEOPLE, {"email": "nonsense"})
    await boss.patch(address, {"role": "operator"})
    await boss.get(PEOPLE)
    await boss.post(f"{address}/api-key")
    assert [(line.operation, line.target, line.status, line.person_id) for line in await boss.audited()] == [
        ("createPerson", PEOPLE, 422, boss.person.id),
        ("updatePerson", address, 200, boss.person.id),
        ("renewApiKey", f"{address}/api-key", 201, boss.person.id),
    ]
