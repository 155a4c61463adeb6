"""Static lists over v1 (v1 rules 7, 20 to 22, 26 to 33, 72 to 78, 103, 106, 107, section L)."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind
from clarion.audience.lists import service as lists
from clarion.audience.lists.worker import tender
from clarion.base import clock
from clarion.db.sql import value
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord
from clarion.queue import Job, Lease
from clarion.queue.store import claim
from tests.api.v1.client import Answer, V1Client
from tests.api.v1.test_odd_bodies import mutations
from tests.api.v1.test_races import together

ONE = {"users": [{"deviceId": "d1"}]}
LATER = (clock.now() + timedelta(days=365)).replace(microsecond=0)


@pytest.fixture(autouse=True)
async def base(v1: V1Client) -> None:
    """Devices d0 to d9 of the Android application, with the indexed fields `clientId` and `score`; no index of
    `remark`."""
    async with v1.database.transaction() as conn:
        app = v1.android
        client = await apps.add_column(conn, app, "clientId", ColumnKind.TEXT, indexed=True)
        score = await apps.add_column(conn, app, "score", ColumnKind.INTEGER, indexed=True)
        await apps.add_column(conn, app, "remark", ColumnKind.TEXT)
        records = [DeviceRecord(f"d{n}", {client: f"c{n // 2}", score: n}) for n in range(10)]
        await devices.upsert(conn, app, records)


async def new_list(v1: V1Client, app: App | None = None, **body: Any) -> int:
    answer = await v1.post(v1.path("lists", app), {"name": "List", **body})
    assert answer.status == 200, answer.body
    assert answer.json["id"] == answer.json["listId"]
    return answer.id


async def applied(v1: V1Client) -> None:
    """What is queued, applied as a worker does."""
    async with v1.database.connection() as conn:
        jobs = [Job(*found) for found in await claim(conn, ["default"], 100, 30.0)]
    for job in jobs:
        if job.kind == lists.TEND:
            await tender(v1.database)(Lease(job, asyncio.Event()))


async def members(v1: V1Client, list_id: int) -> list[dict[str, Any]]:
    """Everybody on the list, page by page, by device id."""
    found: list[dict[str, Any]] = []
    url = v1.path(f"lists/{list_id}")
    while url:
        answer = await v1.get(url)
        assert answer.status == 200
        found += answer.json["data"]
        url = answer.links.get("next", "")
    return sorted(found, key=lambda member: str(member["deviceId"]))


async def change(v1: V1Client, list_id: int, *users: dict[str, Any], remove: bool = False) -> None:
    """A change that is accepted and applied."""
    answer = await v1.request("DELETE" if remove else "PUT", v1.path(f"lists/{list_id}"), {"users": users})
    assert (answer.status, answer.body) == (200, b""), answer.body
    await applied(v1)


# --- lists themselves ------------------------------------------------------------------------------------------------


async def test_rule_73_numbers_are_generated_or_chosen_and_external_ids_are_optional(v1: V1Client) -> None:
    answer = await v1.post(v1.path("lists"), {"name": "Newsletter", "externalId": "newsletter", "id": 5})
    generated = answer.json["listId"]
    assert answer.json == {"id": generated, "listId": generated, "externalId": "newsletter"}
    answer = await v1.post(v1.path("lists"), {"name": "Loyal buyers", "listId": 1234})
    assert answer.json == {"id": 1234, "listId": 1234}
    shown = (await v1.get(v1.path("lists"))).json["data"]
    assert shown == [
        {"id": 1234, "listId": 1234, "name": "Loyal buyers"},
        {"id": generated, "listId": generated, "name": "Newsletter", "externalId": "newsletter"},
    ]


async def test_rule_73_a_number_that_is_taken_is_409_and_so_is_an_external_id(v1: V1Client) -> None:
    taken = await new_list(v1, externalId="vip")
    path = v1.path("lists")
    assert (await v1.post(path, {"name": "x", "listId": taken})).refused(409, "API_ERR_DATA")
    assert (await v1.post(path, {"name": "x", "externalId": "vip"})).refused(409, "API_ERR_DATA")
    other = await new_list(v1, listId=7)
    both = await v1.post(path, {"name": "x", "listId": other, "externalId": "vip"})
    assert (both.status, both.labels) == (409, ["API_ERR_DATA"] * 2)
    assert {text.split("`")[1] for _, text in both.errors} == {"listId", "externalId"}
    assert [found["id"] for found in (await v1.get(path)).json["data"]] == [7, taken]


async def test_rule_73_generated_numbers_meet_no_chosen_one_whichever_comes_first(v1: V1Client) -> None:
    first = await new_list(v1)
    chosen = [await new_list(v1, listId=first + ahead) for ahead in (1, 2)]
    assert await new_list(v1) not in (first, *chosen)
    assert await new_list(v1, listId=2**63 - 1) == 2**63 - 1
    assert await new_list(v1) < 2**53, "a generated number is one that JavaScript holds exactly"


async def test_numbers_and_external_ids_are_those_of_an_application(v1: V1Client) -> None:
    await new_list(v1, listId=1234, externalId="vip")
    assert await new_list(v1, v1.ios, listId=1234, externalId="vip") == 1234
    assert len((await v1.get(v1.path("lists", v1.ios))).json["data"]) == 1


@pytest.mark.parametrize("own", [{"listId": 4711}, {"externalId": "vip"}, {"listId": 1, "externalId": "x"}])
async def test_rule_73_of_equal_lists_created_at_once_one_is_made(v1: V1Client, own: dict[str, Any]) -> None:
    found = await together(v1.post(v1.path("lists"), {"name": "x", **own}) for _ in range(8))
    assert found == {(200, ""): 1, (409, "API_ERR_DATA"): 7}
    assert len((await v1.get(v1.path("lists"))).json["data"]) == 1


async def test_rule_73_lists_created_at_once_have_numbers_of_their_own(v1: V1Client) -> None:
    first = await new_list(v1)
    bodies = [{"name": "x"}, {"name": "x", "listId": first + 3}, {"name": "x", "listId": first + 5}]
    answers = await asyncio.gather(*(v1.post(v1.path("lists"), bodies[n % 3]) for n in range(12)))
    made = [answer.id for answer in answers if answer.status == 200]
    assert len(made) == len(set(made)) >= 4
    assert sorted([first, *made]) == [each["id"] for each in (await v1.get(v1.path("lists"))).json["data"]]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": "x" * 256}, ["name"]),
        ({"name": "x", "listId": 0}, ["listId"]),
        ({"name": "x", "listId": 2**63}, ["listId"]),
        ({"name": "x", "listId": "7"}, ["listId"]),
        ({"name": 5, "listId": 1.5, "externalId": ""}, ["name", "listId", "externalId"]),
        ({"name": "a\x00b"}, ["name"]),
    ],
)
async def test_rules_20_and_22_a_malformed_list_is_not_made(v1: V1Client, body: Any, named: list[str]) -> None:
    answer = await v1.post(v1.path("lists"), body)
    assert (answer.status, answer.labels) == (400, ["API_ERR_FORMAT"] * len(named))
    assert [text.split("`")[1] for _, text in answer.errors] == named
    assert (await v1.get(v1.path("lists"))).json["data"] == []


async def test_rules_30_and_33_lists_come_by_ascending_number_in_pages(v1: V1Client) -> None:
    for number in range(150, 0, -1):
        await new_list(v1, listId=number)
    first = await v1.get(v1.path("lists"))
    assert [found["id"] for found in first.json["data"]] == [*range(1, 101)]
    second = await v1.get(first.links["next"])
    assert [found["id"] for found in second.json["data"]] == [*range(101, 151)]
    assert "next" not in second.links


async def test_rule_77_a_list_is_not_renamed_or_deleted(v1: V1Client) -> None:
    made = await new_list(v1, externalId="vip")
    await change(v1, made, {"deviceId": "d1"})
    assert (await v1.post(v1.path(f"lists/{made}"), {"name": "Other"})).refused(404, "API_ERR_UNKNOW_ROUTE")
    assert (await v1.put(v1.path(f"lists/{made}"), {"name": "Other"})).refused(400, "API_ERR_FORMAT")
    assert (await v1.delete(v1.path(f"lists/{made}"))).refused(400, "API_ERR_FORMAT")
    await change(v1, made, {"deviceId": "d1"}, remove=True)
    [shown] = (await v1.get(v1.path("lists"))).json["data"]
    assert (shown["id"], shown["name"]) == (made, "List")


# --- who is on a list ------------------------------------------------------------------------------------------------


async def test_rule_72_a_change_is_acknowledged_before_it_is_applied(v1: V1Client) -> None:
    made = await new_list(v1)
    answer = await v1.put(v1.path(f"lists/{made}"), ONE)
    assert (answer.status, answer.body) == (200, b"")
    assert await members(v1, made) == []
    await applied(v1)
    assert await members(v1, made) == [{"deviceId": "d1"}]


async def test_rules_74_and_76_members_are_shown_with_expiry_and_values(v1: V1Client) -> None:
    made = await new_list(v1)
    await change(
        v1,
        made,
        {"deviceId": "d0", "expireAt": LATER.isoformat(), "data": {"a4p_gift": "mug"}},
        {"CLIENTID": "c2", "expireAt": None},
        {"score": 9, "data": {}},
        {"deviceId": "nobody"},
    )
    until = LATER.isoformat().replace("+00:00", "Z")
    assert await members(v1, made) == [
        {"deviceId": "d0", "expireAt": until, "data": {"gift": "mug"}},
        {"deviceId": "d4"},
        {"deviceId": "d5"},
        {"deviceId": "d9"},
    ]
    await change(v1, made, {"clientId": "c2"}, {"score": "9"}, remove=True)
    assert [member["deviceId"] for member in await members(v1, made)] == ["d0"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2131-12-31", "2131-12-31T00:00:00Z"),
        ("2131-12-31T10:00:00", "2131-12-31T10:00:00Z"),
        ("2131-12-31T10:00:00.500+02:00", "2131-12-31T08:00:00.500000Z"),
        ("Tue, 31 Dec 2131 23:59:59 GMT", "2131-12-31T23:59:59Z"),
        ("Dec 31, 2131", "2131-12-31T00:00:00Z"),
        ("31 December 2131 10:00 UTC", "2131-12-31T10:00:00Z"),
        ("2131/12/31", "2131-12-31T00:00:00Z"),
        (5_112_201_600_000, "2132-01-01T00:00:00Z"),
    ],
)
async def test_rule_76_an_expiry_is_any_date_of_javascript(v1: V1Client, given: str | int, shown: str) -> None:
    """Section L; without offset it is UTC."""
    made = await new_list(v1)
    await change(v1, made, {"deviceId": "d1", "expireAt": given})
    assert await members(v1, made) == [{"deviceId": "d1", "expireAt": shown}]


async def test_rule_76_an_expiry_gone_by_takes_the_device_off(v1: V1Client) -> None:
    made = await new_list(v1)
    await change(v1, made, {"deviceId": "d1"}, {"deviceId": "d2"})
    await change(v1, made, {"deviceId": "d1", "expireAt": "2001-01-01"}, {"deviceId": "d2", "expireAt": -1})
    assert await members(v1, made) == []


async def test_rules_75_and_103_an_unknown_list_is_empty_to_read_and_unknown_to_change(v1: V1Client) -> None:
    elsewhere = await new_list(v1, v1.ios)
    for number in (elsewhere, 999, 2**63 - 1):
        answer = await v1.get(v1.path(f"lists/{number}"))
        assert (answer.status, answer.json["data"]) == (200, [])
        assert answer.json["links"].keys() == {"first"}
        assert (await v1.put(v1.path(f"lists/{number}"), ONE)).refused(404, "API_ERR_DATA")
        assert (await v1.delete(v1.path(f"lists/{number}"), ONE)).refused(404, "API_ERR_DATA")


@pytest.mark.parametrize("list_id", ["abc", "0", "-1", "1.5", "99999999999999999999"])
async def test_rule_26_a_number_that_is_none_is_a_format_error(v1: V1Client, list_id: str) -> None:
    path = v1.path(f"lists/{list_id}")
    for answer in (await v1.get(path), await v1.put(path, ONE), await v1.delete(path, ONE)):
        assert answer.refused(400, "API_ERR_FORMAT")
        assert "`listId`" in answer.errors[0][1]


async def test_rules_30_to_32_members_come_in_pages(v1: V1Client) -> None:
    async with v1.database.transaction() as conn:
        await devices.upsert(conn, v1.android, [DeviceRecord(f"e{n}") for n in range(240)])
    made = await new_list(v1)
    await change(v1, made, *({"deviceId": f"e{n}"} for n in range(240)))
    path = v1.path(f"lists/{made}")
    pages = [await v1.get(path, params={"page": page}) for page in (1, 2, 3)]
    assert [len(page.json["data"]) for page in pages] == [100, 100, 40]
    assert len({member["deviceId"] for page in pages for member in page.json["data"]}) == 240
    assert [page.links.keys() for page in pages] == [
        {"first", "next"}, {"first", "prev", "next"}, {"first", "prev"},
    ]  # fmt: skip
    beyond, under = await v1.get(path, params={"page": 4}), await v1.get(path, params={"page": 0})
    assert (beyond.json["data"], list(beyond.links)) == ([], ["first", "prev"])
    assert (under.json["data"], list(under.links)) == ([], ["first"])
    assert (await v1.get(path, params={"page": "two"})).refused(400, "API_ERR_FORMAT")


# --- what is wrong with users ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "label", "place"),
    [
        ({}, "API_ERR_FORMAT", "users/1"),
        ({"expireAt": None}, "API_ERR_FORMAT", "users/1"),
        ({"deviceId": "d1", "clientId": "c1"}, "API_ERR_FORMAT", "users/1"),
        ({"deviceId": "d1", "UDID": "d1"}, "API_ERR_FORMAT", "users/1"),
        ({"score": 1, "clientId": "c1"}, "API_ERR_FORMAT", "users/1"),
        ({"colour": "red"}, "API_ERR_DATA", "users/1/colour"),
        ({"remark": "x"}, "API_ERR_DATA", "users/1/remark"),
        ({"deviceId": "d1", "colour": "red"}, "API_ERR_DATA", "users/1/colour"),
        ({"a~b/c`d": "red"}, "API_ERR_DATA", None),
        ({"score": "many"}, "API_ERR_FORMAT", "users/1/score"),
        ({"score": 1.5}, "API_ERR_FORMAT", "users/1/score"),
        ({"score": 2**63}, "API_ERR_FORMAT", "users/1/score"),
        ({"clientId": 7}, "API_ERR_FORMAT", "users/1/clientId"),
        ({"clientId": True}, "API_ERR_FORMAT", "users/1/clientId"),
        ({"clientId": None}, "API_ERR_FORMAT", "users/1/clientId"),
        ({"deviceId": 7}, "API_ERR_FORMAT", "users/1/deviceId"),
        ({"deviceId": "a\x00b"}, "API_ERR_FORMAT", "users/1/deviceId"),
        ({"deviceId": "d1", "expireAt": "tomorrow"}, "API_ERR_FORMAT", "users/1/expireAt"),
        ({"deviceId": "d1", "expireAt": ""}, "API_ERR_FORMAT", "users/1/expireAt"),
        ({"deviceId": "d1", "expireAt": "1735689600000"}, "API_ERR_FORMAT", "users/1/expireAt"),
        ({"deviceId": "d1", "expireAt": 8_640 * 10**12}, "API_ERR_FORMAT", "users/1/expireAt"),
        ({"deviceId": "d1", "expireAt": 1.5}, "API_ERR_FORMAT", "users/1/expireAt"),
        ({"deviceId": "d1", "expireAt": True}, "API_ERR_FORMAT", "users/1/expireAt"),
        ({"deviceId": "d1", "data": {str(n): "x" for n in range(11)}}, "API_ERR_FORMAT", "users/1/data"),
        ({"deviceId": "d1", "data": {"gift": "x" * 256}}, "API_ERR_FORMAT", "users/1/data/gift"),
        ({"deviceId": "d1", "data": {"gift": 5}}, "API_ERR_FORMAT", "users/1/data/gift"),
        ({"deviceId": "d1", "data": {"gift": "a", "a4p_gift": "b"}}, "API_ERR_FORMAT", "users/1/data/a4p_gift"),
        ({"deviceId": "d1", "data": {"": "a"}}, "API_ERR_FORMAT", None),
        ({"deviceId": "d1", "data": None}, "API_ERR_FORMAT", "users/1/data"),
        ("d1", "API_ERR_FORMAT", "users/1"),
        (None, "API_ERR_FORMAT", "users/1"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_rules_74_and_78_a_user_that_is_wrong_is_named_and_nothing_is_queued(
    v1: V1Client, method: str, user: Any, label: str, place: str | None
) -> None:
    made = await new_list(v1)
    answer = await v1.request(method, v1.path(f"lists/{made}"), {"users": [{"deviceId": "d2"}, user]})
    assert answer.refused(400, label)
    if place is not None:
        assert f"`{place}`" in answer.errors[0][1]
    async with v1.database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM clarion.list_change") == 0


@pytest.mark.parametrize("body", [{}, {"users": []}, {"users": None}, {"users": {"deviceId": "d1"}}, [], None])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_rule_74_users_are_mandatory(v1: V1Client, method: str, body: Any) -> None:
    made = await new_list(v1)
    answer = await v1.request(method, v1.path(f"lists/{made}"), body)
    assert answer.refused(400, "API_ERR_FORMAT")
    if isinstance(body, dict):
        assert "`users`" in answer.errors[0][1]


async def test_rules_20_and_107_every_wrong_user_is_named_with_form_before_data(v1: V1Client) -> None:
    made = await new_list(v1)
    good = [{"deviceId": "d1", "expireAt": LATER.isoformat()}] * 40_000
    users = [
        {"colour": "red"}, *good, {"deviceId": "d1", "expireAt": "soon"}, {"deviceId": 5}, {"remark": "x"}, {},
    ]  # fmt: skip
    answer = await v1.put(v1.path(f"lists/{made}"), {"users": users})
    assert answer.status == 400
    assert [(label, text.split("`")[1]) for label, text in answer.errors] == [
        ("API_ERR_FORMAT", "users/40001/expireAt"),
        ("API_ERR_FORMAT", "users/40002/deviceId"),
        ("API_ERR_FORMAT", "users/40004"),
        ("API_ERR_DATA", "users/0/colour"),
        ("API_ERR_DATA", "users/40003/remark"),
    ]


async def test_rule_107_a_hundred_errors_are_listed_and_form_gives_the_status(v1: V1Client) -> None:
    made = await new_list(v1)
    users: list[Any] = [{"colour": "red"}] * 1000 + [{"deviceId": 7}] * 1000
    answer = await v1.put(v1.path(f"lists/{made}"), {"users": users})
    assert answer.labels == ["API_ERR_FORMAT"] * 100
    assert "`users/1000/deviceId`" in answer.errors[0][1]


async def test_rule_106_a_hundred_thousand_users_fit_a_body_of_5_mebibytes(v1: V1Client) -> None:
    made = await new_list(v1)
    users: list[dict[str, Any]] = [{"deviceId": str(uuid.uuid4())} for _ in range(99_999)] + [{"clientId": "c3"}]
    body = msgspec.json.encode({"users": users})
    assert 4.9 * 1024 * 1024 < len(body) < 5 * 1024 * 1024
    assert (await v1.put(v1.path(f"lists/{made}"), body=body)).status == 200
    await applied(v1)
    assert [member["deviceId"] for member in await members(v1, made)] == ["d6", "d7"]
    too_much = body + b" " * (5 * 1024 * 1024 + 1 - len(body))
    assert (await v1.put(v1.path(f"lists/{made}"), body=too_much)).refused(400, "API_ERR_FORMAT")
    assert (await v1.delete(v1.path(f"lists/{made}"), body=too_much)).refused(400, "API_ERR_FORMAT")


async def test_rule_7_a_delete_is_signed_with_its_body_or_with_none(v1: V1Client) -> None:
    made = await new_list(v1)
    await change(v1, made, {"deviceId": "d1"}, {"deviceId": "d2"})
    path = v1.path(f"lists/{made}")
    body = msgspec.json.encode(ONE)
    answer = await v1.delete(path, body=body, sign=False, headers=v1.signature_headers(b""))
    assert answer.status == 200
    await applied(v1)
    assert [member["deviceId"] for member in await members(v1, made)] == ["d2"]


async def test_rule_72_changes_that_come_at_once_are_all_queued(v1: V1Client) -> None:
    made = await new_list(v1)
    path = v1.path(f"lists/{made}")
    answers: list[Answer] = await asyncio.gather(*(v1.put(path, {"users": [{"deviceId": f"d{n}"}]}) for n in range(10)))
    assert {answer.status for answer in answers} == {200}
    await applied(v1)
    assert len(await members(v1, made)) == 10


async def test_odd_values_in_lists_and_users(v1: V1Client) -> None:
    """v1 rule 22: no value anywhere in a body is a failure of ours."""
    for changed in mutations({"name": "x", "listId": 88, "externalId": "odd"}):
        answer = await v1.post(v1.path("lists"), changed)
        assert answer.status in (200, 400, 409), (changed, answer.body)
    path = v1.path(f"lists/{await new_list(v1)}")
    users = [{"deviceId": "d1", "expireAt": "2131-01-01", "data": {"gift": "x"}}, {"clientId": "c1"}]
    for changed in mutations({"users": users}):
        for method in ("PUT", "DELETE"):
            answer = await v1.request(method, path, changed)
            assert answer.status in (200, 400), (changed, answer.body)
    await applied(v1)
    assert (await v1.get(path)).status == 200
