"""Registration: who a device is, what it brings along, and what it may not bring (v1 rule 70)."""

import asyncio
import json
from typing import Any

import pytest

from clarion.apps.model import App
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from tests.api.asgi import Answer
from tests.api.sdk.client import (
    APNS_TOKEN,
    CONFIG,
    ENDPOINT,
    FCM_TOKEN,
    KEYS,
    REGISTER,
    Phone,
    SdkClient,
    findings,
)


async def asked(sdk: SdkClient, body: Any, name: str = "android") -> Answer:
    return await sdk.call("POST", REGISTER, body, authorization=sdk.key(name))


async def registered(sdk: SdkClient, body: Any) -> dict[str, Any]:
    answer = await asked(sdk, body)
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def works(sdk: SdkClient, app: App, secret: str) -> bool:
    answer = await sdk.call("GET", CONFIG, authorization=Phone(app, "", secret).authorization)
    return answer.status == 200


async def test_a_device_nobody_knows_gets_a_name_and_a_secret(sdk: SdkClient) -> None:
    first, second = await registered(sdk, {}), await registered(sdk, {})
    assert first["created"]
    assert first["udid"] != second["udid"]
    assert first["secret"] != second["secret"]
    assert await works(sdk, sdk.app(), first["secret"])


async def test_a_name_made_up_by_a_device_is_not_taken(sdk: SdkClient) -> None:
    found = await registered(sdk, {"udid": "mine", "secret": "guessed"})
    assert found["created"]
    assert found["udid"] != "mine"


async def test_name_and_secret_together_are_recognised_and_kept(sdk: SdkClient, phone: Phone) -> None:
    found = await registered(sdk, {"udid": phone.udid, "secret": phone.secret})
    assert found == {"udid": phone.udid, "secret": phone.secret, "created": False}


async def test_a_name_without_its_secret_is_answered_with_another(sdk: SdkClient, phone: Phone) -> None:
    for body in ({"udid": phone.udid}, {"udid": phone.udid, "secret": phone.secret + "x"}):
        assert (await registered(sdk, body))["udid"] != phone.udid
    assert await works(sdk, phone.app, phone.secret)


async def test_v1_rule_70_a_known_token_is_answered_with_the_name_on_record(sdk: SdkClient) -> None:
    first = await registered(sdk, {"token": FCM_TOKEN})
    again = await registered(sdk, {"token": FCM_TOKEN, "udid": "forgotten"})
    assert (again["udid"], again["created"]) == (first["udid"], False)
    assert await works(sdk, sdk.app(), again["secret"])
    assert not await works(sdk, sdk.app(), first["secret"])


async def test_v1_rule_70_an_imported_profile_goes_by_its_name_once(sdk: SdkClient) -> None:
    async with sdk.database.transaction() as conn:
        await devices.upsert(conn, sdk.app(), [DeviceRecord("imported", {TOKEN: "old-token"})])
    first = await registered(sdk, {"udid": "imported"})
    assert (first["udid"], first["created"]) == ("imported", False)
    assert (await registered(sdk, {"udid": "imported"}))["udid"] != "imported"


async def test_v1_rule_70_a_known_name_with_a_new_token_changes_the_token(sdk: SdkClient, phone: Phone) -> None:
    await registered(sdk, {"udid": phone.udid, "secret": phone.secret, "token": "new-token"})
    assert (await sdk.profile(phone))["token"] == "new-token"


async def test_the_token_of_one_application_is_free_in_another(sdk: SdkClient) -> None:
    first = await sdk.register({"token": FCM_TOKEN})
    second = await sdk.register({"token": FCM_TOKEN}, "other")
    assert first.udid != second.udid
    assert (await sdk.profile(first))["token"] == (await sdk.profile(second))["token"] == FCM_TOKEN


async def test_the_same_device_at_the_same_time_is_one(sdk: SdkClient) -> None:
    found = await asyncio.gather(*(registered(sdk, {"token": FCM_TOKEN}) for _ in range(6)))
    assert len({each["udid"] for each in found}) == 1
    assert sum(each["created"] for each in found) == 1
    assert [await works(sdk, sdk.app(), each["secret"]) for each in found].count(True) == 1


async def test_a_profile_is_written_with_the_first_call(sdk: SdkClient) -> None:
    phone = await sdk.register(
        {
            "token": FCM_TOKEN,
            "profile": {
                "language": "fr-CA",
                "country": "ca",
                "timeZone": "America/Toronto",
                "model": "Pixel 9",
                "osVersion": "16",
                "sdkVersion": "2.1",
                "appVersion": "4.2.1",
                "swVersion": "b3.1.0",
                "notificationsAllowed": False,
                "notificationsEnabled": True,
                "inAppsEnabled": False,
                "fields": {"POINTS": 12, "price": "12.5", "since": "2031-03-02", "vip": True, "nickname": "Zoé"},
            },
        }
    )
    found = await sdk.profile(phone)
    wanted = {
        "UDID": phone.udid,
        "token": FCM_TOKEN,
        "language": "fr-CA",
        "countryCode": "CA",
        "time_zone": "America/Toronto",
        "model": "Pixel 9",
        "version": "16",
        "versionsdk": "2.1",
        "bundleversion": "4.2.1",
        "sw_version": "b3.1.0",
        "system_optin_notifs": "N",
        "enabled_notifs": "Y",
        "enabled_inapps": "N",
        "points": 12,
        "price": 12.5,
        "since": "2031-03-02 00:00:00",
        "vip": True,
        "nickname": "Zoé",
        "opencount": 0,
        "feedback": 0,
    }
    assert {name: found[name] for name in wanted} == wanted


async def test_a_returning_device_keeps_what_it_does_not_mention(sdk: SdkClient) -> None:
    phone = await sdk.register({"profile": {"language": "fr", "fields": {"points": 3}}})
    await registered(sdk, {"udid": phone.udid, "secret": phone.secret, "profile": {"model": "X"}})
    found = await sdk.profile(phone)
    assert (found["language"], found["points"], found["model"]) == ("fr", 3, "X")


@pytest.mark.parametrize(
    ("name", "body", "wanted"),
    [
        ("android", {"udid": ""}, [("too_short", "#/udid")]),
        ("android", {"udid": "x" * 256}, [("too_long", "#/udid")]),
        ("android", {"udid": "a\x00b"}, [("invalid_format", "#/udid")]),
        ("android", {"udid": 5, "secret": None}, [("invalid_type", "#/udid"), ("invalid_type", "#/secret")]),
        ("android", {"token": "has space"}, [("invalid_format", "#/token")]),
        ("android", {"token": "-"}, [("invalid_format", "#/token")]),
        ("android", {"token": "é"}, [("invalid_format", "#/token")]),
        ("android", {"token": "x" * 4097}, [("too_long", "#/token")]),
        ("android", {"token": "ok", "keys": KEYS}, [("inconsistent", "#/keys")]),
        ("ios", {"token": "xyz"}, [("invalid_format", "#/token")]),
        ("ios", {"token": "abc"}, [("invalid_format", "#/token")]),
        ("ios", {"token": "ab" * 101}, [("invalid_format", "#/token")]),
        ("web", {"token": "http://push.example/1", "keys": KEYS}, [("invalid_format", "#/token")]),
        ("web", {"token": "https://user@push.example/1", "keys": KEYS}, [("invalid_format", "#/token")]),
        ("web", {"token": ENDPOINT}, [("required", "#/keys")]),
        ("web", {"keys": KEYS}, [("inconsistent", "#/keys")]),
        ("web", {"token": ENDPOINT, "keys": {**KEYS, "auth": "AAAA"}}, [("invalid_format", "#/keys")]),
        ("web", {"token": ENDPOINT, "keys": {**KEYS, "p256dh": "A" * 87}}, [("invalid_format", "#/keys")]),
        ("web", {"token": ENDPOINT, "keys": {**KEYS, "p256dh": "!"}}, [("invalid_format", "#/keys")]),
        (
            "web",
            {"token": ENDPOINT, "keys": {"auth": "A", "x": 1}},
            [("required", "#/keys/p256dh"), ("unknown_field", "#/keys/x")],
        ),
    ],
)
async def test_what_cannot_be_is_found(sdk: SdkClient, name: str, body: Any, wanted: list[tuple[str, str]]) -> None:
    assert findings(await asked(sdk, body, name)) == wanted


async def test_everything_wrong_is_told_at_once_and_nothing_is_written(sdk: SdkClient) -> None:
    async with sdk.database.transaction() as conn:
        await devices.upsert(conn, sdk.app(), [DeviceRecord("imported")])
    body = {
        "udid": "imported",
        "token": "-",
        "profile": {
            "fields": {"points": "many", "unknown": 1, "feedback": 0, "Points": 2, "price": True},
            "model": "X",
        },
    }
    assert sorted(findings(await asked(sdk, body))) == [
        ("inconsistent", "#/profile/fields/Points"),
        ("inconsistent", "#/profile/fields/feedback"),
        ("invalid_format", "#/token"),
        ("invalid_value", "#/profile/fields/points"),
        ("invalid_value", "#/profile/fields/price"),
        ("unknown_field", "#/profile/fields/unknown"),
    ]
    assert (await registered(sdk, {"udid": "imported"}))["udid"] == "imported"
    async with sdk.database.connection() as conn:
        udids = await devices.udids_of(conn, sdk.app().id, [Phone(sdk.app(), "imported", "").id])
    assert list(udids.values()) == ["imported"]


@pytest.mark.parametrize("platform", ["ios", "web"])
async def test_every_platform_registers_with_its_kind_of_token(sdk: SdkClient, platform: str) -> None:
    body = {"token": APNS_TOKEN} if platform == "ios" else {"token": ENDPOINT, "keys": KEYS}
    phone = await sdk.register(body, platform)
    async with sdk.database.connection() as conn:
        [row] = await devices.for_sending(conn, phone.app.id, [phone.id], [])
    assert row.token == body["token"]
    assert (row.p256dh is not None, row.auth is not None) == ((platform == "web"), (platform == "web"))
