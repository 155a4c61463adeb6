"""Instant messages of one application on the wire: their parents, what overrides them, what they become (v1 rules 47 to
49)."""

from typing import Any
from uuid import uuid4

import pytest

from clarion.apps import declarations
from clarion.apps.model import DeclarationKind
from clarion.base import clock
from clarion.content import service as content
from clarion.content.model import MessageState
from clarion.devices.model import device_id
from clarion.results.model import Counts
from clarion.sending.model import SendKind, SendState
from clarion.tracking import service as tracking
from clarion.tracking.model import EventKind, Report
from tests.api.v1.client import V1Client
from tests.api.v1.shop import Shop

ADA = {"clientId": "C-1"}


@pytest.fixture
async def shop(v1: V1Client) -> Shop:
    """The Android application with two customers."""
    shop = await Shop.open(v1, v1.android)
    await shop.device("d1", clientId="C-1", firstname="Ada", language="en")
    await shop.device("d2", clientId="C-2", firstname="Bob", language="fr")
    return shop


async def test_v1_rule_47_an_existing_message_is_said_again_to_given_devices(shop: Shop) -> None:
    parent = await shop.parent("Your order is on its way")
    made = await shop.say(parent, ADA)
    assert made != parent
    payloads = await shop.deliver()
    assert [(udid, each["a4scontent"], each["a4sid"]) for udid, each in payloads.items()] == [
        ("d1", "Your order is on its way", str(made))
    ]
    assert shop.ended.counts == Counts(delivered=1)


OVERRIDES: dict[str, tuple[Any, str, Any]] = {
    "title": ("Look", "a4stitle", "Look"),
    "text": ("Instead", "a4scontent", "Instead"),
    "longText": ("Long", "a4sbigcontent", "Long"),
    "richPushUrl": ("https://shop.example/2", "a4surl", "https://shop.example/2"),
    "openRichPushIn": ("browser", "openWithSafari", "true"),
    "sound": ({"sound": "CUSTOM", "soundName": "bell.wav"}, "a4snotifsound", "bell.wav"),
    "badge": (7, "a4sbadgecount", "7"),
    "priority": (2, "a4spriority", "2"),
    "clickCustomParams": ({"b": 2}, "ccp", '{"b":"2"}'),
    "displayCustomParams": ({"shown": True}, "shown", "true"),
    "interactiveButtons": ({"buttons": [{"id": 9, "action": "urlSheme", "url": "x:y"}]}, "a4sb", '"urlscheme"'),
}


@pytest.mark.parametrize("member", OVERRIDES)
async def test_v1_rule_47_whatever_the_call_gives_overrides_the_parent_field_by_field(shop: Shop, member: str) -> None:
    """Case and both spellings of `urlscheme` are matched as in messages (v1 rule 40)."""
    version = {
        "title": "Title",
        "text": "Text",
        "richPushUrl": "https://shop.example/1",
        "clickCustomParams": {"a": 1},
        "interactiveButtons": {"buttons": [{"id": 1}]},
    }
    parent = await shop.parent(messages=[version])
    value, key, wanted = OVERRIDES[member]
    await shop.say(parent, ADA)
    plain = (await shop.deliver())["d1"]
    made = await shop.say(parent, ADA, message={member: value})
    payload = (await shop.deliver())["d1"]
    assert payload[key] == wanted or wanted in payload[key]
    own = {"a4sid": str(made), "clarion_delivery": payload["clarion_delivery"]}
    assert {**plain, **own, key: payload[key]} == payload, "all the rest is the parent's"
    stored = (await shop.v1.get(shop.v1.path(f"messages/{parent}"))).json
    assert stored["messages"][0]["text"] == "Text", "the parent stays what it was"


async def test_v1_rule_47_without_a_language_every_version_is_overridden(shop: Shop) -> None:
    parent = await shop.parent(messages=[{"language": "fr", "title": "Bonjour", "text": "a"}, {"text": "b"}])
    await shop.say(parent, ADA, {"clientId": "C-2"}, message={"text": "Now"})
    found = await shop.deliver()
    assert {udid: (each["a4stitle"], each["a4scontent"]) for udid, each in found.items()} == {
        "d1": ("Shop android", "Now"),
        "d2": ("Bonjour", "Now"),
    }


@pytest.mark.parametrize(("language", "title"), [("fr", "Bonjour"), ("FR", "Bonjour"), ("pt_BR", "Oi"), ("", "Hi")])
async def test_v1_rule_47_with_a_language_all_devices_get_that_version(shop: Shop, language: str, title: str) -> None:
    versions = [{"language": "fr", "title": "Bonjour"}, {"language": "pt-BR", "title": "Oi"}, {"title": "Hi"}]
    parent = await shop.parent(messages=[{**each, "text": "x"} for each in versions])
    await shop.say(parent, ADA, {"clientId": "C-2"}, message={"language": language})
    assert {each["a4stitle"] for each in (await shop.deliver()).values()} == {title}


async def test_v1_rule_47_an_unknown_language_is_refused(shop: Shop) -> None:
    parent = await shop.parent(messages=[{"language": "fr", "text": "a"}])
    for language in ("de", ""):
        body = {"parentMessageId": parent, "targets": [ADA], "message": {"language": language}}
        assert (await shop.send(body)).refused(400, "API_ERR_DATA")
    assert await shop.nothing_sent()


async def test_v1_rule_47_it_is_listed_nowhere_and_cannot_be_changed(shop: Shop) -> None:
    v1, parent = shop.v1, await shop.parent()
    made = await shop.say(parent, ADA)
    listed = await v1.get(v1.path("messages"))
    assert [each["id"] for each in listed.json["data"]] == [parent]
    assert (await v1.get(v1.path(f"messages/{made}"))).refused(404, "API_ERR_DATA")
    body = {"name": "x", "messages": [{"text": "x"}]}
    assert (await v1.put(v1.path(f"messages/{made}"), body)).refused(404, "API_ERR_DATA")
    assert (await v1.delete(v1.path(f"messages/{made}"))).refused(404, "API_ERR_DATA")
    assert (await v1.post(v1.path(f"messages/{made}/send"))).refused(404, "API_ERR_DATA")
    assert (await v1.get(v1.path(f"messages/{made}/schedules"))).refused(404, "API_ERR_DATA")


async def test_v1_rule_47_clicks_targets_and_actions_know_it_by_its_id(shop: Shop) -> None:
    """Its buttons have action ids of their own; the reports of its parent's campaign hold it (v1 rules 79, 81)."""
    v1 = shop.v1
    campaign = (await v1.post(v1.path("campaigns"), {"name": "Orders"})).id
    parent = await shop.parent(campaignId=campaign)
    buttons = {"interactiveButtons": {"buttons": [{"id": "7"}]}}
    made = await shop.say(parent, ADA, message=buttons)
    await shop.deliver()
    click = Report(device_id(shop.app.id, "d1"), uuid4(), EventKind.CLICKED, clock.now(), message_id=made, button="7")
    await tracking.receive(v1.database, shop.app.id, [[click]])
    [action] = (await v1.get(v1.path(f"messages/{made}/actions"))).json["data"]
    assert (action["type"], action["buttonId"]) == ("button", "7")
    assert (await v1.get(v1.path(f"messages/{parent}/actions"))).json["data"] == []
    for owner in (f"messages/{made}", f"campaigns/{campaign}"):
        [target] = (await v1.get(v1.path(f"{owner}/targets"))).json["data"]
        assert (target["deviceId"], target["messageId"], target["campaignId"]) == ("d1", made, campaign)
        [clicked] = (await v1.get(v1.path(f"{owner}/clicks"))).json["data"]
        assert (clicked["messageId"], clicked["campaignId"], clicked["actionId"]) == (made, campaign, action["id"])
    for report in ("targets", "clicks"):
        assert (await v1.get(v1.path(f"messages/{parent}/{report}"))).json["data"] == []
        foreign = await v1.get(v1.path(f"messages/{made}/{report}", v1.ios))
        assert foreign.refused(403, "API_ERR_FORBIDDEN")


async def test_v1_rule_47_it_outlives_its_parent_and_its_campaign(shop: Shop) -> None:
    v1 = shop.v1
    campaign = (await v1.post(v1.path("campaigns"), {"name": "Orders"})).id
    parent = await shop.parent(campaignId=campaign)
    made = await shop.say(parent, ADA)
    assert (await v1.delete(v1.path(f"messages/{parent}"))).status == 200
    assert (await v1.delete(v1.path(f"campaigns/{campaign}"))).status == 200
    assert await shop.texts() == {"d1": "Hello"}
    assert [each["deviceId"] for each in (await v1.get(v1.path(f"messages/{made}/targets"))).json["data"]] == ["d1"]


@pytest.mark.parametrize("state", MessageState)
async def test_v1_rule_47_the_state_of_the_parent_neither_matters_nor_changes(shop: Shop, state: MessageState) -> None:
    parent = await shop.parent()
    async with shop.v1.database.transaction() as conn:
        await content.set_state(conn, shop.app.id, parent, state)
    await shop.say(parent, ADA)
    assert await shop.texts() == {"d1": "Hello"}
    assert await shop.journey.message_state(parent) is state


@pytest.mark.parametrize(
    ("message", "status", "label", "named"),
    [
        ({"collapseKey": "unknown"}, 404, "API_ERR_DATA", "message/collapseKey"),
        ({"interactiveButtons": {"template": "unknown"}}, 404, "API_ERR_DATA", "message/interactiveButtons/template"),
        ({"text": ""}, 400, "API_ERR_FORMAT", "message/text"),
        ({"priority": 3}, 400, "API_ERR_FORMAT", "message/priority"),
        ({"sound": {"sound": "custom"}}, 400, "API_ERR_FORMAT", "message/sound/soundName"),
        ({"badge": "many"}, 400, "API_ERR_FORMAT", "message/badge"),
        ({"longText": "x" * 5000}, 400, "API_ERR_FORMAT", "message"),
        ({"displayCustomParams": {"gcm.x": 1}}, 400, "API_ERR_FORMAT", "message/displayCustomParams/gcm.x"),
        ({"interactiveButtons": {"buttons": [{"id": 1, "action": "browser"}]}}, 400, "API_ERR_FORMAT", "buttons/0/url"),
        ({"popup": "yes"}, 400, "API_ERR_FORMAT", "message/popup"),
    ],
)
async def test_v1_rules_39_and_47_what_it_says_is_checked_like_a_message(
    shop: Shop, message: dict[str, Any], status: int, label: str, named: str
) -> None:
    """Told once, however many language versions were overridden."""
    parent = await shop.parent(messages=[{"language": "fr", "text": "a"}, {"text": "b"}])
    answer = await shop.send({"parentMessageId": parent, "targets": [ADA], "message": message})
    assert answer.refused(status, label)
    assert named in answer.errors[0][1]
    assert await shop.nothing_sent()


async def test_v1_rule_37_fields_of_another_platform_are_passed_over(shop: Shop) -> None:
    parent = await shop.parent()
    await shop.say(parent, ADA, message={"subtitle": 5, "nonsense": [1], "requireInteraction": "x"})
    assert await shop.texts() == {"d1": "Hello"}


async def test_v1_rule_39_what_the_parent_names_it_may_go_on_naming(shop: Shop) -> None:
    """A collapse key that was withdrawn since keeps no instant message back, also when other fields are overridden."""
    async with shop.v1.database.transaction() as conn:
        await declarations.declare(conn, shop.app.id, DeclarationKind.COLLAPSE_KEY, "orders")
    parent = await shop.parent(messages=[{"text": "a", "collapseKey": "orders"}])
    async with shop.v1.database.transaction() as conn:
        await declarations.withdraw(conn, shop.app.id, DeclarationKind.COLLAPSE_KEY, "orders")
    await shop.say(parent, ADA, message={"title": "New"})
    assert (await shop.deliver())["d1"]["a4ssysid"] == "orders"


@pytest.mark.parametrize("platform", ["ios", "web"])
async def test_v1_rules_37_and_47_other_platforms_override_their_own_fields(v1: V1Client, platform: str) -> None:
    shop = await Shop.open(v1, v1.apps[platform])
    await shop.device("d1", clientId="C-1", sw_version="b3.1.0")
    parent = await shop.parent()
    override = {"ios": {"subtitle": "Sub", "aps": {"thread-id": "t"}}, "web": {"url": "https://shop.example/o"}}[
        platform
    ]
    await shop.say(parent, ADA, message=override)
    payload = (await shop.deliver())["d1"]
    if platform == "web":
        assert (payload["body"], payload["onClick"]["url"]) == ("Hello", "https://shop.example/o")
    else:
        assert payload["aps"]["alert"] == {"subtitle": "Sub", "body": "Hello"}
        assert payload["aps"]["thread-id"] == "t"


async def test_v1_rule_48_it_is_accepted_before_anything_is_delivered(shop: Shop) -> None:
    parent = await shop.parent()
    answer = await shop.send({"parentMessageId": parent, "targets": [ADA]})
    assert (answer.status, answer.json) == (200, {"messageId": answer.json["messageId"]})
    [send] = await shop.sends()
    assert (send.kind, send.state, send.audience) == (SendKind.INSTANT, SendState.SENDING, 1)
    assert (await shop.journey.progress(send.id)).counts == Counts()
    assert await shop.journey.jobs() == ["apps.build_index", "sending.chunk"]


@pytest.mark.parametrize("spelling", ["number", "digits", "external", "both"])
async def test_v1_rule_49_the_parent_is_named_by_id_or_external_id(shop: Shop, spelling: str) -> None:
    parent = await shop.parent(externalId="order")
    names: dict[str, dict[str, Any]] = {
        "number": {"parentMessageId": parent},
        "digits": {"parentMessageId": str(parent)},
        "external": {"parentMessageExternalId": "order"},
        "both": {"parentMessageId": parent, "parentMessageExternalId": "order"},
    }
    assert (await shop.send({**names[spelling], "targets": [ADA]})).status == 200


async def test_v1_rule_49_two_names_must_mean_one_message(shop: Shop) -> None:
    one, other = await shop.parent(externalId="one"), await shop.parent(externalId="other")
    for number, name in ((one, "other"), (other, "one"), (one, "nobody"), (99999, "one")):
        body = {"parentMessageId": number, "parentMessageExternalId": name, "targets": [ADA]}
        assert (await shop.send(body)).refused(400, "API_ERR_DATA")
    assert await shop.nothing_sent()


async def test_v1_rule_49_a_parent_must_be_named(shop: Shop) -> None:
    assert (await shop.send({"targets": [ADA]})).refused(400, "API_ERR_FORMAT")


@pytest.mark.parametrize("given", ["", "abc", "1.0", "-1", " 1", "١", "9" * 19, "9" * 30, 0, -5])
async def test_v1_rules_26_and_49_an_id_that_is_no_number_is_malformed(shop: Shop, given: Any) -> None:
    answer = await shop.send({"parentMessageId": given, "targets": [ADA]})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert "parentMessageId" in answer.errors[0][1]


async def test_v1_rule_27_a_parent_that_does_not_exist_here_is_not_found(shop: Shop) -> None:
    """Nor is an instant message a parent, nor a message of another application."""
    foreign = (
        await shop.v1.post(
            shop.v1.path("messages", shop.v1.ios), {"name": "x", "messages": [{"text": "x"}], "externalId": "e"}
        )
    ).id
    made = await shop.say(await shop.parent(), ADA)
    for named in (
        {"parentMessageId": 99999},
        {"parentMessageId": foreign},
        {"parentMessageId": made},
        {"parentMessageExternalId": "e"},
        {"parentMessageId": 99999, "parentMessageExternalId": "e"},
    ):
        assert (await shop.send({**named, "targets": [ADA]})).refused(404, "API_ERR_DATA")


async def test_v1_rule_12_who_may_only_read_may_not_send(shop: Shop, viewer: V1Client) -> None:
    parent = await shop.parent()
    body = {"parentMessageId": parent, "targets": [ADA]}
    assert (await viewer.post(viewer.path("send"), body)).refused(403, "API_ERR_FORBIDDEN")
    assert await shop.nothing_sent()


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud800"])
async def test_a_text_that_cannot_be_stored_is_refused(shop: Shop, text: str) -> None:
    raw = f'{{"parentMessageId": 1, "targets": [{{"clientId": "{text}"}}, {{"clientId": "C-1"}}]}}'
    assert (await shop.v1.post(shop.v1.path("send"), body=raw.encode())).refused(400, "API_ERR_FORMAT")
