"""Group updates of devices (v1 rules 68 to 70, 103, 106)."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import ColumnKind
from clarion.db.sql import app_table, execute, tuples
from clarion.devices import group_update
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from tests.api.v1.client import Answer, V1Client
from tests.api.v1.test_odd_bodies import mutations
from tests.api.v1.test_races import waits

UDIDS = ("A", "B", "C")


@pytest.fixture
async def base(v1: V1Client) -> V1Client:
    """An application with own columns and devices A, B and C of customers C-1, C-2, C-2; A and B have tokens."""
    async with v1.database.transaction() as conn:
        await apps.add_column(conn, v1.android, "clientId", ColumnKind.TEXT, True)
        await apps.add_column(conn, v1.android, "score", ColumnKind.INTEGER, True)
        await apps.add_column(conn, v1.android, "remark", ColumnKind.TEXT)
        scheme = await apps.load_scheme(conn, v1.android.id)
        client = scheme.find("clientId")
        assert client is not None
        records = [
            DeviceRecord("A", {client: "C-1", TOKEN: "token-a"}),
            DeviceRecord("B", {client: "C-2", TOKEN: "token-b"}),
            DeviceRecord("C", {client: "C-2"}),
        ]
        await devices.upsert(conn, v1.android, records)
    return v1


async def put(base: V1Client, users: Any, keys: Any = None) -> Answer:
    body = {"users": users} if keys is None else {"matchingKeys": keys, "users": users}
    return await base.put(base.path("devices"), body)


async def field(base: V1Client, name: str) -> dict[str, Any]:
    """A field of every device, by UDID."""
    found = {udid: await base.get(base.path("devices/search/by"), params={"UDID": udid}) for udid in UDIDS}
    return {udid: answer.json["data"][name] for udid, answer in found.items()}


def own(keys: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return {"matchingKeys": dict(keys), "fields": fields}


async def test_v1_rule_68_form_a_the_listed_columns_select_and_the_others_are_written(base: V1Client) -> None:
    users = [{"clientId": "C-1", "model": "Pixel 9", "score": 3}, {"clientId": "C-2", "model": "iPhone 17"}]
    answer = await put(base, users, ["clientId"])
    assert (answer.status, answer.body) == (200, b"")
    assert await field(base, "model") == {"A": "Pixel 9", "B": "iPhone 17", "C": "iPhone 17"}
    assert await field(base, "score") == {"A": 3, "B": None, "C": None}
    assert await field(base, "clientId") == {"A": "C-1", "B": "C-2", "C": "C-2"}


async def test_v1_rule_68_form_b_each_user_has_its_own_keys_and_fields(base: V1Client) -> None:
    users = [
        own({"UDID": "A"}, model="one"),
        own({"clientId": "C-2", "token": "token-b"}, model="two", clientId="C-3"),
        own({"deviceId": "C", "clientId": "C-2"}, model="three"),
    ]
    answer = await put(base, users)
    assert (answer.status, answer.body) == (200, b"")
    assert await field(base, "model") == {"A": "one", "B": "two", "C": "three"}
    assert await field(base, "clientId") == {"A": "C-1", "B": "C-3", "C": "C-2"}


async def test_v1_rule_68_devices_are_found_as_they_stood_before(base: V1Client) -> None:
    assert (
        await put(base, [own({"clientId": "C-1"}, clientId="C-9"), own({"clientId": "C-9"}, model="x")])
    ).status == 200
    assert await field(base, "clientId") == {"A": "C-9", "B": "C-2", "C": "C-2"}
    assert await field(base, "model") == {"A": None, "B": None, "C": None}
    assert (
        await put(base, [own({"UDID": "B"}, model="x", score=1), own({"clientId": "C-2"}, model="y")])
    ).status == 200
    assert await field(base, "model") == {"A": None, "B": "y", "C": "y"}
    assert await field(base, "score") == {"A": None, "B": 1, "C": None}


async def test_v1_rule_68_all_keys_must_match_and_several_devices_are_all_written(base: V1Client) -> None:
    users = [{"clientId": "C-2", "score": None}, {"clientId": "C-2", "score": 5}]
    assert (await put(base, [own({"clientId": "C-2"}, score=5)])).status == 200
    assert await field(base, "score") == {"A": None, "B": 5, "C": 5}
    answer = await put(base, users[1:], ["clientId", "score"])
    assert answer.status == 200
    users = [{"clientId": "C-1", "score": 5, "model": "x"}, {"clientId": "C-2", "score": "5", "model": "y"}]
    assert (await put(base, users, ["score", "clientId"])).status == 200
    assert await field(base, "model") == {"A": None, "B": "y", "C": "y"}


async def test_v1_rule_68_devices_not_found_are_skipped(base: V1Client) -> None:
    users = [{"clientId": "nobody", "model": "x"}, {"clientId": "C-1", "model": "y"}]
    assert (await put(base, users, ["clientId"])).status == 200
    assert await field(base, "model") == {"A": "y", "B": None, "C": None}
    assert (await put(base, [own({"UDID": "Z"}, model="x"), own({"token": "token-z"}, model="x")])).status == 200
    assert (await base.get(base.path("devices/search/by"), params={"UDID": "Z"})).refused(404, "API_ERR_DATA")


async def test_v1_rule_68_with_nothing_to_write_nothing_happens(base: V1Client) -> None:
    assert (await put(base, [{"clientId": "C-1"}], ["clientId"])).status == 200
    assert (await put(base, [own({"UDID": "A"})])).status == 200


@pytest.mark.parametrize(
    ("keys", "users", "status", "label", "named"),
    [
        (["colour"], [{"colour": "x", "model": "y"}], 400, "API_ERR_DATA", "matchingKeys/0"),
        (["clientId", "remark"], [{"clientId": "C-1", "remark": "y"}], 400, "API_ERR_DATA", "matchingKeys/1"),
        (["clientId", "CLIENTID"], [{"clientId": "C-1", "model": "y"}], 400, "API_ERR_DATA", "matchingKeys/1"),
        (["UDID", "deviceId"], [{"UDID": "A", "model": "y"}], 400, "API_ERR_DATA", "matchingKeys/1"),
        (["clientId"], [{"clientId": "C-1"}, {"model": "y"}], 400, "API_ERR_DATA", "users/1"),
        (["clientId"], [{"clientId": None, "model": "y"}], 400, "API_ERR_DATA", "users/0"),
        (["clientId"], [{"clientId": "", "model": "y"}], 400, "API_ERR_DATA", "users/0"),
        (["clientId"], [{"clientId": 7, "model": "y"}], 400, "API_ERR_FORMAT", "users/0"),
        (["clientId"], [{"clientId": "C-1", "CLIENTID": "C-1", "model": "y"}], 400, "API_ERR_FORMAT", "users/0"),
        (["clientId"], [{"clientId": "C-1", "colour": "y"}], 400, "API_ERR_DATA", "users/0"),
        (["clientId"], [{"clientId": "C-1"}, {"clientId": "C-2", "score": "y"}], 400, "API_ERR_FORMAT", "users/1"),
        (["clientId"], [{"clientId": "C-1", "model": "x", "MODEL": "y"}], 400, "API_ERR_FORMAT", "users/0"),
        (["clientId"], [{"clientId": "C-1", "UDID": "Z"}], 403, "API_ERR_DATA", "users/0"),
        (["clientId"], [{"clientId": "C-1", "deviceId": "Z"}], 403, "API_ERR_DATA", "users/0"),
        (["clientId"], [{"clientId": "C-1", "id": 7}], 403, "API_ERR_DATA", "users/0"),
        ([], [{"clientId": "C-1"}], 400, "API_ERR_DATA", "matchingKeys"),
        ([7], [{"clientId": "C-1"}], 400, "API_ERR_FORMAT", "matchingKeys/0"),
        ("clientId", [{"clientId": "C-1"}], 400, "API_ERR_FORMAT", "matchingKeys"),
        (["clientId"], [], 400, "API_ERR_FORMAT", "users"),
        (["clientId"], {}, 400, "API_ERR_FORMAT", "users"),
        (["clientId"], [{"clientId": "C-1"}, 7], 400, "API_ERR_FORMAT", "users/1"),
        (["clientId"], [{"clientId": "C-1", "model": ["x"]}], 400, "API_ERR_FORMAT", "users/0/model"),
        (None, [own({}, model="x")], 400, "API_ERR_DATA", "users/0"),
        (None, [own({"colour": "x"}, model="x")], 400, "API_ERR_DATA", "users/0"),
        (None, [own({"remark": "x"}, model="x")], 400, "API_ERR_DATA", "users/0"),
        (None, [own({"token": "-"}, model="x")], 400, "API_ERR_DATA", "users/0"),
        (None, [own({"score": "x"}, model="x")], 400, "API_ERR_FORMAT", "users/0"),
        (None, [own({"UDID": "A", "deviceId": "A"}, model="x")], 400, "API_ERR_FORMAT", "users/0"),
        (None, [own({"UDID": "A"}), own({"UDID": "B"}, colour="x")], 400, "API_ERR_DATA", "users/1"),
        (None, [own({"UDID": "A"}), own({"UDID": "B"}, UDID="Z")], 403, "API_ERR_DATA", "users/1"),
        (None, [own({"UDID": "A"}), own({"UDID": "B"}, Id=1)], 403, "API_ERR_DATA", "users/1"),
        (None, [{"fields": {"model": "x"}}], 400, "API_ERR_DATA", "users/0/matchingKeys"),
        (None, [{"clientId": "C-1", "model": "x"}], 400, "API_ERR_DATA", "users/0/matchingKeys"),
        (None, [{"matchingKeys": {"UDID": "A"}}], 400, "API_ERR_FORMAT", "users/0/fields"),
        (None, [own({"UDID": ["A"]}, model="x")], 400, "API_ERR_FORMAT", "users/0/matchingKeys/UDID"),
    ],
)
async def test_v1_rule_68_errors_name_the_index_of_the_user_and_nothing_is_written(
    base: V1Client, keys: Any, users: Any, status: int, label: str, named: str
) -> None:
    if isinstance(users, list):
        last = own({"UDID": "A"}, model="written") if keys is None else {"clientId": "C-1", "model": "written"}
        users = [*users, last] if users else users
    answer = await put(base, users, keys)
    assert answer.refused(status, label)
    assert f"`{named}" in answer.errors[0][1]
    assert await field(base, "model") == {"A": None, "B": None, "C": None}


async def test_v1_rules_20_68_and_107_all_errors_come_at_once_and_form_decides_the_status(base: V1Client) -> None:
    users = [
        {"clientId": "C-1", "UDID": "Z", "colour": "x"},
        {"model": "x", "clientId": ""},
        {"clientId": "C-2", "size": 1, "score": "y"},
    ]
    answer = await put(base, users, ["clientId"])
    assert answer.status == 400
    assert answer.labels == ["API_ERR_FORMAT", *["API_ERR_DATA"] * 4]
    found = [message.split("`")[1] + " " + message.split("`")[3] for _, message in answer.errors]
    assert found == ["users/2 score", "users/0 UDID", "users/0 colour", "users/1 clientId", "users/2 size"]
    answer = await put(base, users[:2], ["clientId"])
    assert (answer.status, set(answer.labels)) == (403, {"API_ERR_DATA"})
    answer = await put(base, [own({"UDID": "A"}, colour="x", id=1)])
    assert (answer.status, len(answer.errors)) == (400, 2)


async def test_v1_rules_68_and_107_missing_keys_are_about_data_and_come_after_what_is_malformed(base: V1Client) -> None:
    answer = await put(base, [{"model": "x"}, {"fields": {"model": ["x"]}}, 7])
    assert answer.status == 400
    assert answer.labels == ["API_ERR_FORMAT", "API_ERR_FORMAT", "API_ERR_DATA", "API_ERR_DATA"]
    assert [message.split("`")[1] for _, message in answer.errors] == [
        "users/1/fields/model",
        "users/2",
        "users/0/matchingKeys",
        "users/1/matchingKeys",
    ]
    assert (await base.put(base.path("devices"), {"matchingKeys": []})).labels == ["API_ERR_FORMAT", "API_ERR_DATA"]


async def test_v1_rule_68_at_most_100_users(base: V1Client) -> None:
    users = [{"clientId": "C-1", "score": n} for n in range(101)]
    assert (await put(base, users, ["clientId"])).refused(400, "API_ERR_FORMAT")
    assert (await put(base, users[:100], ["clientId"])).status == 200
    assert (await field(base, "score"))["A"] == 99
    assert (await put(base, [own({"clientId": "C-1"}, score=1)] * 101)).refused(400, "API_ERR_FORMAT")


async def test_v1_rule_69_field_names_are_matched_without_case(base: V1Client) -> None:
    assert (await put(base, [{"CLIENTID": "C-1", "Model": "x"}], ["clientid"])).status == 200
    assert (await put(base, [own({"udid": "B"}, MODEL="y")])).status == 200
    assert await field(base, "model") == {"A": "x", "B": "y", "C": None}


async def test_v1_rule_70_a_known_device_with_a_new_token_updates_the_token(base: V1Client) -> None:
    users = [own({"token": "token-a"}, token="token-new"), own({"clientId": "C-2", "UDID": "B"}, token="-")]
    assert (await put(base, users)).status == 200
    assert await field(base, "token") == {"A": "token-new", "B": "-", "C": "-"}
    found = await base.get(base.path("devices/search/by"), params={"token": "token-new"})
    assert found.json["data"]["UDID"] == "A"


async def test_v1_rule_70_a_token_that_another_profile_holds_moves(base: V1Client) -> None:
    assert (await put(base, [{"UDID": "C", "token": "token-a", "model": "x"}], ["UDID"])).status == 200
    assert await field(base, "token") == {"A": "-", "B": "token-b", "C": "token-a"}
    swap = [own({"UDID": "B"}, token="token-a"), own({"UDID": "C"}, token="token-b")]
    assert (await put(base, swap)).status == 200
    assert await field(base, "token") == {"A": "-", "B": "token-a", "C": "token-b"}


async def test_v1_rule_70_a_token_cannot_go_to_several_devices(base: V1Client) -> None:
    answer = await put(base, [own({"UDID": "A"}, model="x"), own({"clientId": "C-2"}, token="token-new")])
    assert answer.refused(400, "API_ERR_DATA")
    assert "`users/1`" in answer.errors[0][1]
    assert await field(base, "token") == {"A": "token-a", "B": "token-b", "C": "-"}
    assert await field(base, "model") == {"A": None, "B": None, "C": None}
    assert (await put(base, [own({"clientId": "C-2"}, token="-")])).status == 200
    assert await field(base, "token") == {"A": "token-a", "B": "-", "C": "-"}


async def test_a_selection_that_is_an_import_in_disguise_is_refused(
    base: V1Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_update, "MOST_DEVICES", 2)
    assert (await put(base, [own({"clientId": "C-2"}, model="x")])).status == 200
    answer = await put(base, [own({"clientId": "C-2"}, model="y"), own({"UDID": "A"}, model="y")])
    assert answer.refused(400, "API_ERR_DATA")
    assert "`users/1`" in answer.errors[0][1]
    answer = await put(base, [own({"UDID": "A"}, model="y"), own({"clientId": "C-2"}, model="y")])
    assert "`users/1`" in answer.errors[0][1]
    assert await field(base, "model") == {"A": None, "B": "x", "C": "x"}


async def test_v1_rule_18_a_group_is_found_in_its_own_application_only(base: V1Client) -> None:
    async with base.database.transaction() as conn:
        await devices.upsert(conn, base.ios, [DeviceRecord("A", {TOKEN: "token-a"})])
    users = [
        own({"UDID": "A"}, model="x"),
        own({"token": "token-b"}, model="x"),
        own({"token": "token-a"}, version="9"),
    ]
    assert (await base.put(base.path("devices", base.ios), {"users": users})).status == 200
    assert await field(base, "model") == {"A": None, "B": None, "C": None}
    found = await base.get(base.path("devices/search/by", base.ios), params={"UDID": "A"})
    assert (found.json["data"]["model"], found.json["data"]["version"]) == ("x", "9")


async def test_v1_rule_106_a_group_update_may_be_large(base: V1Client) -> None:
    users = [{"clientId": "C-1", "remark": "x" * 4000, "model": "y" * 4000, "version": "z" * 4000} for _ in range(100)]
    assert (await put(base, users, ["clientId"])).status == 200


async def test_v1_rule_70_of_groups_that_take_one_token_at_once_one_device_has_it(base: V1Client) -> None:
    def users(order: int) -> list[dict[str, Any]]:
        both = [own({"UDID": "A"}, token="one", model="x"), own({"UDID": "B"}, token="two", model="x")]
        return both[::order]

    answers = await asyncio.gather(*(put(base, users(1 if n % 2 else -1)) for n in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert await field(base, "token") == {"A": "one", "B": "two", "C": "-"}


async def test_a_device_that_is_purged_meanwhile_is_not_made_anew(base: V1Client) -> None:
    query = sql.SQL("DELETE FROM {} WHERE udid = 'A'").format(app_table(base.android.id, "device"))
    async with base.database.transaction() as conn:
        await execute(conn, query)
        group = asyncio.create_task(put(base, [own({"UDID": "A"}, model="x"), own({"UDID": "B"}, model="x")]))
        one = asyncio.create_task(base.put(base.path("devices/A"), {"model": "x"}))
        await waiting(base, 2)
    assert (await group).status == 200
    assert (await one).refused(404, "API_ERR_DATA")
    async with base.database.connection() as conn:
        table = app_table(base.android.id, "device")
        assert await tuples(conn, sql.SQL("SELECT udid, model FROM {} ORDER BY 1").format(table)) == [
            ("B", "x"),
            ("C", None),
        ]
    assert (await put(base, [own({"UDID": "B"}, token="token-a")])).status == 200, "what held it is no longer there"


async def waiting(base: V1Client, number: int) -> None:
    """Until that many sessions wait for a lock."""
    async with base.database.connection() as conn:
        await waits(conn, number)


async def test_odd_values_in_group_updates(base: V1Client) -> None:
    bodies = (
        {"matchingKeys": ["clientId"], "users": [{"clientId": "C-1", "score": 1, "token": "t"}]},
        {"users": [own({"score": 1, "token": "t"}, firstopen="2031-01-01", lat=1.5)]},
    )
    for body in bodies:
        for changed in mutations(body):
            answer = await base.put(base.path("devices"), changed)
            assert answer.status in (200, 400, 403), (changed, answer.body)
