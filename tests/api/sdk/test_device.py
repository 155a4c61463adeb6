"""Writing the profile and the push token of the device that calls, and of no other."""

import asyncio
from typing import Any

import pytest

from clarion.devices import service as devices
from clarion.devices.model import DeadToken, SendRow
from tests.api.sdk.client import APNS_TOKEN, DEVICE, ENDPOINT, FCM_TOKEN, KEYS, TOKEN, Phone, SdkClient, findings


async def row(sdk: SdkClient, phone: Phone) -> SendRow:
    async with sdk.database.connection() as conn:
        [found] = await devices.for_sending(conn, phone.app.id, [phone.id], [])
    return found


async def test_fields_are_written_unset_and_left_alone(sdk: SdkClient) -> None:
    phone = await sdk.register({"profile": {"language": "fr", "model": "X", "fields": {"points": 1, "nickname": "Z"}}})
    body = {"language": "en", "model": None, "inAppsEnabled": False, "fields": {"points": 2, "nickname": None}}
    assert (await sdk.put(phone, DEVICE, body)).status == 204
    found = await sdk.profile(phone)
    assert (found["language"], found["model"], found["points"], found["nickname"]) == ("en", None, 2, None)
    assert (found["enabled_inapps"], found["enabled_notifs"]) == ("N", "Y")


async def test_a_switch_that_is_unset_is_on_again(sdk: SdkClient, phone: Phone) -> None:
    for value, shown in ((False, "N"), (None, "Y")):
        await sdk.put(phone, DEVICE, {"notificationsAllowed": value, "notificationsEnabled": value})
        found = await sdk.profile(phone)
        assert (found["system_optin_notifs"], found["enabled_notifs"]) == (shown, shown)


async def test_nothing_to_write_is_no_mistake(sdk: SdkClient, phone: Phone) -> None:
    before = await sdk.profile(phone)
    bodies: list[dict[str, Any]] = [{}, {"fields": {}}]
    for body in bodies:
        assert (await sdk.put(phone, DEVICE, body)).status == 204
    assert await sdk.profile(phone) == before


async def test_only_the_caller_is_written(sdk: SdkClient, phone: Phone) -> None:
    others = [await sdk.register(), await sdk.register(name="other")]
    before = [await sdk.profile(other) for other in others]
    await sdk.put(phone, DEVICE, {"language": "fr"})
    await sdk.put(phone, TOKEN, {"token": FCM_TOKEN, "notificationsAllowed": False})
    assert [await sdk.profile(other) for other in others] == before


@pytest.mark.parametrize(
    "name",
    ["UDID", "deviceId", "id", "token", "feedback", "opencount", "lastopen", "randomId", "Language", "country_code"],
)
async def test_columns_of_the_system_are_not_fields(sdk: SdkClient, phone: Phone, name: str) -> None:
    code = "unknown_field" if name == "country_code" else "inconsistent"
    answer = await sdk.put(phone, DEVICE, {"fields": {name: "1"}})
    assert findings(answer) == [(code, f"#/fields/{name}")]


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("language", "français", "invalid_format"),
        ("language", "f", "invalid_format"),
        ("language", 5, "invalid_type"),
        ("country", "FRA", "invalid_format"),
        ("timeZone", "Europe/Pa ris", "invalid_format"),
        ("timeZone", "", "invalid_format"),
        ("model", "x" * 256, "too_long"),
        ("model", "a\x00b", "invalid_format"),
        ("notificationsAllowed", "Y", "invalid_type"),
        ("fields", None, "invalid_type"),
        ("fields", [], "invalid_type"),
    ],
)
async def test_what_cannot_be_is_found(sdk: SdkClient, phone: Phone, member: str, value: object, code: str) -> None:
    assert findings(await sdk.put(phone, DEVICE, {member: value})) == [(code, f"#/{member}")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("points", 2**63),
        ("points", 1.5),
        ("points", "1e3"),
        ("points", True),
        ("price", "NaN"),
        ("price", "1e999"),
        ("since", "2031-02-30"),
        ("since", "0000-01-01"),
        ("since", "2031-03-02 09:00:60"),
        ("since", "99999-01-01"),
        ("since", 5),
        ("vip", "maybe"),
        ("vip", 2),
        ("nickname", 5),
        ("nickname", "x" * 5000),
    ],
)
async def test_a_value_of_another_kind_is_found(sdk: SdkClient, phone: Phone, field: str, value: object) -> None:
    [(code, place)] = findings(await sdk.put(phone, DEVICE, {"fields": {field: value}}))
    assert place == f"#/fields/{field}"
    assert code in ("invalid_value", "out_of_range")


async def test_the_place_of_a_finding_is_a_pointer_whatever_the_name(sdk: SdkClient, phone: Phone) -> None:
    answer = await sdk.put(phone, DEVICE, {"fields": {"a/b~c": 1, "": 2}})
    assert sorted(findings(answer)) == [("unknown_field", "#/fields/"), ("unknown_field", "#/fields/a~1b~0c")]


async def test_a_name_that_cannot_be_stored_is_found(sdk: SdkClient, phone: Phone) -> None:
    assert findings(await sdk.put(phone, DEVICE, {"fields": {"a\x00": 1}})) == [("invalid_format", "#/fields")]


# Tokens


async def test_a_token_is_set_and_removed(sdk: SdkClient, phone: Phone) -> None:
    assert (await sdk.put(phone, TOKEN, {"token": FCM_TOKEN, "notificationsAllowed": False})).status == 204
    found = await row(sdk, phone)
    assert (found.token, found.opted_in) == (FCM_TOKEN, False)
    assert (await sdk.put(phone, TOKEN, {"token": None})).status == 204
    found = await row(sdk, phone)
    assert (found.token, found.opted_in) == (None, False)


async def test_v1_rule_70_a_token_moves_to_the_device_that_brings_it(sdk: SdkClient) -> None:
    first = await sdk.register({"token": FCM_TOKEN})
    second = await sdk.register()
    await sdk.put(second, TOKEN, {"token": FCM_TOKEN})
    assert ((await row(sdk, first)).token, (await row(sdk, second)).token) == (None, FCM_TOKEN)
    third = await sdk.register({"token": FCM_TOKEN})
    assert third.udid == second.udid


async def test_a_new_token_forgives_what_the_old_one_did(sdk: SdkClient) -> None:
    phone = await sdk.register({"token": FCM_TOKEN})
    async with sdk.database.transaction() as conn:
        assert await devices.switch_off(conn, phone.app.id, [DeadToken(phone.id, FCM_TOKEN)]) == 1
    assert (await row(sdk, phone)).feedback == 1
    await sdk.put(phone, TOKEN, {"token": "another"})
    assert (await row(sdk, phone)).feedback == 0


async def test_a_subscription_of_the_web_comes_and_goes_with_its_keys(sdk: SdkClient) -> None:
    phone = await sdk.register(name="web")
    await sdk.put(phone, TOKEN, {"token": ENDPOINT, "keys": KEYS})
    found = await row(sdk, phone)
    assert found.p256dh is not None
    assert (len(found.p256dh), len(found.auth or b"")) == (65, 16)
    await sdk.put(phone, TOKEN, {"token": None})
    found = await row(sdk, phone)
    assert (found.token, found.p256dh, found.auth) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "body", "wanted"),
    [
        ("android", {}, [("required", "#/token")]),
        ("android", {"token": ""}, [("too_short", "#/token")]),
        ("android", {"token": 5}, [("invalid_type", "#/token")]),
        ("android", {"token": None, "keys": KEYS}, [("inconsistent", "#/keys")]),
        ("android", {"token": "ok", "notificationsAllowed": None}, [("invalid_type", "#/notificationsAllowed")]),
        ("ios", {"token": APNS_TOKEN + "g"}, [("invalid_format", "#/token")]),
        ("web", {"token": ENDPOINT}, [("required", "#/keys")]),
        ("web", {"token": None, "keys": KEYS}, [("inconsistent", "#/keys")]),
    ],
)
async def test_a_token_that_cannot_be_is_found(
    sdk: SdkClient, name: str, body: Any, wanted: list[tuple[str, str]]
) -> None:
    assert findings(await sdk.put(await sdk.register(name=name), TOKEN, body)) == wanted


async def test_devices_that_take_tokens_from_each_other_all_get_an_answer(sdk: SdkClient) -> None:
    phones = [await sdk.register() for _ in range(4)]
    tokens = ["token-a", "token-b"]
    answers = await asyncio.gather(
        *(sdk.put(phone, TOKEN, {"token": token}) for phone in phones for token in tokens for _ in range(2))
    )
    assert {answer.status for answer in answers} == {204}
    held = [(await row(sdk, phone)).token for phone in phones]
    assert sorted(token for token in held if token) == sorted({token for token in held if token})
