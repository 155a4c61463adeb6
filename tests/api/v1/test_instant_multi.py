"""Instant messages of several applications at once on the wire (v1 rule 57)."""

from typing import Any

import pytest

from clarion.apps import service as apps
from clarion.apps.model import Platform
from clarion.db.sql import execute, tuples
from tests.api.v1.client import V1Client
from tests.api.v1.shop import Shop, text_of

ADA = {"clientId": "C-1", "data": {"n": 1}}
PATH = "/v1/me/send"


class Shops:
    """The Android and the iOS application of one company, with a customer who has a device of each."""

    def __init__(self, v1: V1Client, android: Shop, ios: Shop, parents: dict[str, int]) -> None:
        self.v1 = v1
        self.android = android
        self.ios = ios
        self.parents = parents

    def apps(self, **more: Any) -> dict[str, Any]:
        """Both applications as they are named in a body."""
        return {f"demo-{name}": {"parentMessageId": number, **more} for name, number in self.parents.items()}

    async def nothing_sent(self) -> bool:
        return await self.android.nothing_sent() and await self.ios.nothing_sent()


@pytest.fixture
async def shops(v1: V1Client) -> Shops:
    android, ios = await Shop.open(v1, v1.android), await Shop.open(v1, v1.ios)
    for shop in (android, ios):
        await shop.device("d1", clientId="C-1")
    parents = {"android": await android.parent("A${n}", externalId="order"), "ios": await ios.parent("I${n}")}
    return Shops(v1, android, ios, parents)


async def test_v1_rule_57_every_application_gets_its_own_message_and_answer(shops: Shops) -> None:
    answer = await shops.v1.post(PATH, {"apps": shops.apps(), "targets": [ADA, {**ADA, "clientId": "nobody"}]})
    entries = answer.json["apps"]
    assert answer.status == 200
    assert {name: entry["statusCode"] for name, entry in entries.items()} == {"demo-android": 200, "demo-ios": 200}
    assert [entry["body"]["rejectedTargets"] for entry in entries.values()] == [[1], [1]]
    assert len({entry["body"]["messageId"] for entry in entries.values()}) == 2
    await shops.android.deliver()
    assert sorted(text_of(payload) for payload in shops.android.handed) == ["A1", "I1"]


async def test_v1_rule_57_one_may_fail_while_another_is_sent(shops: Shops) -> None:
    """What fails says what the route of one application would have answered (v1 rules 49, 54)."""
    for broken in (
        {"parentMessageId": 99999},
        {"parentMessageId": "x"},
        {"parentMessageId": shops.parents["android"], "parentMessageExternalId": "other"},
        {"parentMessageId": shops.parents["android"], "message": {"collapseKey": "unknown"}},
        {"parentMessageId": shops.parents["android"], "message": {"priority": 9}},
        {"parentMessageId": shops.parents["android"], "message": {"text": "${missing}"}},
        {"parentMessageExternalId": "order", "message": {"language": "xx"}},
        {"parentMessageId": True},
        {},
        5,
    ):
        named = {**shops.apps(), "demo-android": broken}
        answer = await shops.v1.post(PATH, {"apps": named, "targets": [ADA]})
        entries = answer.json["apps"]
        assert (answer.status, entries["demo-ios"]["statusCode"]) == (200, 200)
        failed = entries["demo-android"]
        assert failed["statusCode"] in (400, 404), broken
        if isinstance(broken, dict):
            alone = await shops.android.send({**broken, "targets": [ADA]})
            assert (alone.status, alone.json) == (failed["statusCode"], failed["body"])
    assert await shops.android.nothing_sent()


async def test_v1_rules_18_and_57_each_application_needs_a_right(shops: Shops) -> None:
    """Unknown ones and those of others are one to the caller, and are told in their entries."""
    async with shops.v1.database.transaction() as conn:
        await apps.create_app(conn, shops.v1.sealer, "else", Platform.IOS, "Else")
    strange = {name: {"parentMessageId": 1} for name in ("else", "nobody", "", "a/b", "../x")}
    answer = await shops.v1.post(PATH, {"apps": {**strange, **shops.apps()}, "targets": [ADA]})
    entries = answer.json["apps"]
    for name in strange:
        assert entries[name]["statusCode"] == 403
        assert [error["label"] for error in entries[name]["body"]["errors"]] == ["API_ERR_FORBIDDEN"]
    assert entries["else"]["body"] == entries["nobody"]["body"]
    assert entries["demo-ios"]["statusCode"] == 200


async def test_v1_rules_12_and_57_who_may_only_read_and_who_manages_nothing_send_nothing(
    shops: Shops, viewer: V1Client, stranger: V1Client
) -> None:
    body = {"apps": shops.apps(), "targets": [ADA]}
    assert (await viewer.post(PATH, body)).refused(403, "API_ERR_FORBIDDEN")
    refused = await stranger.post(PATH, body)
    assert [entry["statusCode"] for entry in refused.json["apps"].values()] == [403, 403]
    assert await shops.nothing_sent()


async def test_v1_rule_57_the_platform_of_each_application_decides_its_message(shops: Shops) -> None:
    message = {"interactiveButtons": {"buttons": [{"id": 1, "action": "WebView", "url": "https://shop.example"}]}}
    answer = await shops.v1.post(PATH, {"apps": shops.apps(message=message), "targets": [ADA]})
    entries = answer.json["apps"]
    assert entries["demo-android"]["statusCode"] == 200
    assert entries["demo-ios"]["statusCode"] == 400, "the template of the buttons is mandatory on iOS"
    assert "message/interactiveButtons/template" in entries["demo-ios"]["body"]["errors"][0]["message"]


@pytest.mark.parametrize("target", [{"segmentId": 1}, {"staticListId": 1}, {"staticListExternalId": "x"}])
async def test_v1_rule_57_segments_and_lists_are_not_allowed(shops: Shops, target: Any) -> None:
    for targets in ([target], [target, target]):
        answer = await shops.v1.post(PATH, {"apps": shops.apps(), "targets": targets})
        assert answer.refused(400, "API_ERR_FORMAT")
    mixed = await shops.v1.post(PATH, {"apps": shops.apps(), "targets": [ADA, target]})
    assert mixed.refused(400, "API_ERR_FORMAT")
    assert await shops.nothing_sent()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"apps": {}},
        {"targets": [ADA]},
        {"apps": {}, "targets": [ADA]},
        {"apps": {"demo-ios": {"parentMessageId": 1}}, "targets": []},
        {"apps": {"demo-ios": {"parentMessageId": 1}}, "targets": [5, {"clientId": []}]},
        {"apps": [], "targets": [ADA]},
        {"apps": {"demo-ios": {"parentMessageId": 1}}, "targets": [ADA] * 101},
        {"apps": {f"a{n}": {"parentMessageId": 1} for n in range(101)}, "targets": [ADA]},
    ],
)
async def test_v1_rule_57_without_applications_and_targets_the_whole_request_is_refused(
    shops: Shops, body: Any
) -> None:
    answer = await shops.v1.post(PATH, body)
    assert (answer.status, set(answer.labels)) == (400, {"API_ERR_FORMAT"})
    assert await shops.nothing_sent()


async def test_v1_rules_50_and_57_a_target_may_be_valid_in_one_application_only(shops: Shops) -> None:
    await shops.ios.device("d2", clientId="C-2")
    answer = await shops.v1.post(PATH, {"apps": shops.apps(), "targets": [{"clientId": "C-2", "data": {"n": 2}}]})
    entries = answer.json["apps"]
    assert (entries["demo-ios"]["statusCode"], entries["demo-android"]["statusCode"]) == (200, 400)
    assert await shops.android.nothing_sent()


async def test_a_failure_of_ours_in_one_application_is_told_in_its_entry(shops: Shops) -> None:
    async with shops.v1.database.transaction() as conn:
        await execute(conn, f'DROP TABLE "app_{shops.android.app.id}".device')
    answer = await shops.v1.post(PATH, {"apps": shops.apps(), "targets": [ADA]})
    entries = answer.json["apps"]
    assert answer.status == 200
    assert entries["demo-android"]["statusCode"] == 500
    assert [error["label"] for error in entries["demo-android"]["body"]["errors"]] == ["API_ERR_DB"]
    assert entries["demo-ios"]["statusCode"] == 200


async def test_the_audit_trail_has_a_line_for_every_application(shops: Shops) -> None:
    named = {**shops.apps(), "demo-android": {"parentMessageId": 99999}, "nobody": {"parentMessageId": 1}}
    await shops.v1.post(PATH, {"apps": named, "targets": [ADA]})
    async with shops.v1.database.connection() as conn:
        lines = await tuples(
            conn, "SELECT app_id, status FROM clarion.audit WHERE operation = 'sendInstantMessageMultiApp' ORDER BY id"
        )
    assert sorted(lines, key=str) == sorted(
        [(shops.ios.app.id, 200), (shops.android.app.id, 404), (None, 200)], key=str
    )


async def test_v1_rule_16_token_and_signature_come_before_everything(shops: Shops, stranger: V1Client) -> None:
    body = {"apps": shops.apps(), "targets": [ADA]}
    assert (await shops.v1.post(PATH, body, token=None)).refused(403, "API_ERR_TOKEN")
    assert (await shops.v1.post(PATH, body, token="0" * 43)).refused(400, "API_ERR_TOKEN")
    assert (await shops.v1.post(PATH, body, sign=False)).refused(400, "API_ERR_SIGNATURE")
    assert (await stranger.post(PATH, body, token=shops.v1.token)).refused(400, "API_ERR_SIGNATURE")
    assert await shops.nothing_sent()
