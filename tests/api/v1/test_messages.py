"""Push messages on the wire (v1 rules 22, 26, 27, 35 to 44, 107)."""

from typing import Any

import pytest

from clarion.apps import declarations
from clarion.apps import service as apps
from clarion.apps.model import DeclarationKind
from clarion.audience import service as audience
from clarion.content import service as content
from clarion.content.model import MessageState
from tests.api.v1.client import V1Client

PLAIN = {"name": "Hello", "messages": [{"text": "Hello"}]}

ANDROID = {
    "language": "en",
    "title": "Order shipped",
    "text": "Hi ${firstname}, order ${order_id} is on its way",
    "longText": "A longer text",
    "bigPicture": "https://shop.example/big.png",
    "icon": "https://shop.example/icon.png",
    "smallIcon": "ic_small",
    "template": "BigTextStyle",
    "badge": "+1",
    "accentColor": "#FF8800",
    "priority": 1,
    "channel": "orders",
    "foreground": True,
    "sound": {"sound": "custom", "soundName": "bell.wav"},
    "richPushUrl": "https://shop.example/orders",
    "openRichPushIn": "browser",
    "popup": {"okButtonLabel": "Show", "cancelButtonLabel": "Later"},
    "collapseKey": "orders",
    "interactiveButtons": {
        "template": "yes_no",
        "buttons": [
            {
                "id": "1",
                "action": "webview",
                "url": "https://shop.example/cart",
                "title": "Open cart",
                "icon": "ic_cart",
                "destructive": False,
                "customParams": {"screen": "basket"},
            },
            {"id": "2", "action": "close", "destructive": True},
        ],
    },
    "clickCustomParams": {"screen": "basket"},
    "displayCustomParams": {"promo": "SPRING"},
    "delayTimerForAppliOff": True,
}

IOS = {
    "language": "fr",
    "title": "Commande partie",
    "subtitle": "Bientôt chez vous",
    "text": "Votre colis arrive demain",
    "badge": "+1",
    "sound": {"sound": "none"},
    "actionButtonLabel": "Voir",
    "richPushUrl": "https://shop.example/orders",
    "openRichPushIn": "webview",
    "contentAvailable": True,
    "mediaUrl": "https://shop.example/m.mp4",
    "collapseKey": "orders",
    "interactiveButtons": {
        "template": "yes_no",
        "buttons": [{"id": "1", "action": "browser", "url": "https://shop.example", "customParams": {"a": "b"}}],
    },
    "clickCustomParams": {"screen": "basket"},
    "displayCustomParams": {"promo": "SPRING"},
    "delayTimerForAppliOff": False,
    "aps": {"thread-id": "orders", "interruption-level": "active"},
}

WEB = {
    "title": "Back in stock",
    "text": "Your size is available",
    "icon": "https://shop.example/i.png",
    "bigPicture": "https://shop.example/b.png",
    "url": "https://shop.example/p/1",
    "buttons": [{"id": "a", "title": "Buy", "icon": "https://shop.example/x.png", "url": "https://shop.example/buy"}],
    "requireInteraction": True,
    "clickCustomParams": {"screen": "basket"},
    "displayCustomParams": {"promo": "SPRING"},
}


@pytest.fixture
async def shop(v1: V1Client) -> V1Client:
    """Every application declares the collapse key `orders` and the button template `yes_no`."""
    async with v1.database.transaction() as conn:
        for app in v1.apps.values():
            await declarations.declare(conn, app.id, DeclarationKind.COLLAPSE_KEY, "orders")
            await declarations.declare(conn, app.id, DeclarationKind.BUTTON_TEMPLATE, "yes_no")
    return v1


async def segment(v1: V1Client, name: str) -> int:
    """The id of a new segment of the Android application."""
    async with v1.database.transaction() as conn:
        scheme = await apps.load_scheme(conn, v1.android.id)
        predicate = {"column": "language", "op": "eq", "value": "en"}
        return (await audience.create_segment(conn, v1.android.id, scheme, name, predicate)).id


def named(errors: list[tuple[str, str]]) -> list[str]:
    """The places the errors are about."""
    return [message.split("`")[1] for _, message in errors]


@pytest.mark.parametrize(("platform", "entry"), [("android", ANDROID), ("ios", IOS), ("web", WEB)])
async def test_rule_37_a_message_of_each_platform_comes_back_as_it_was(
    shop: V1Client, platform: str, entry: dict[str, Any]
) -> None:
    app = shop.apps[platform]
    created = (await shop.post(shop.path("messages", app), {"name": "Order", "messages": [entry]})).id
    shown = (await shop.get(shop.path(f"messages/{created}", app))).json
    assert shown == {
        "id": created,
        "name": "Order",
        "usePressure": True,
        "segments": {"testSegments": [], "campaignSegments": []},
        "lists": [],
        "messages": [entry],
        "state": "draft",
    }


@pytest.mark.parametrize("platform", ["android", "ios", "web"])
async def test_a_plain_message_shows_the_defaults(v1: V1Client, platform: str) -> None:
    app = v1.apps[platform]
    created = (await v1.post(v1.path("messages", app), PLAIN)).id
    shown = (await v1.get(v1.path(f"messages/{created}", app))).json["messages"]
    mobile = {"text": "Hello", "sound": {"sound": "default"}, "openRichPushIn": "webview"}
    expected: dict[str, Any] = {
        "android": {**mobile, "priority": 0, "foreground": False, "popup": False},
        "ios": {**mobile, "contentAvailable": False},
        "web": {"text": "Hello", "requireInteraction": False},
    }
    assert shown == [expected[platform]]


async def test_the_envelope_comes_back_as_it_was(v1: V1Client) -> None:
    test, one, two = [await segment(v1, name) for name in ("test", "one", "two")]
    async with v1.database.transaction() as conn:
        newsletter = await audience.create_list(conn, v1.android.id, "Newsletter", "newsletter")
        unnamed = await audience.create_list(conn, v1.android.id, "Unnamed")
    campaign = (await v1.post(v1.path("campaigns"), {"name": "Spring"})).id
    body = {
        "name": "Order shipped",
        "externalId": "order-shipped",
        "campaignId": campaign,
        "usePressure": False,
        "segments": {"testSegments": [test], "campaignSegments": [one, two]},
        "lists": [{"externalId": "newsletter"}, {"listId": unnamed.id}],
        "messages": [{"language": "en", "text": "Hello"}, {"text": "Bonjour"}],
    }
    created = (await v1.post(v1.path("messages"), body)).id
    shown = (await v1.get(v1.path(f"messages/{created}"))).json
    lists = [{"listId": newsletter.id, "externalId": "newsletter"}, {"listId": unnamed.id}]
    assert {**shown, "messages": None} == {**body, "lists": lists, "messages": None, "id": created, "state": "draft"}
    assert [(entry.get("language"), entry["text"]) for entry in shown["messages"]] == [
        ("en", "Hello"),
        (None, "Bonjour"),
    ]
    assert (await v1.get(v1.path("messages"))).json["data"] == [shown]


async def test_title_is_another_spelling_of_name(v1: V1Client) -> None:
    created = (await v1.post(v1.path("messages"), {"title": "Hello", "messages": [{"text": "x"}]})).id
    assert (await v1.get(v1.path(f"messages/{created}"))).json["name"] == "Hello"
    assert (await v1.post(v1.path("messages"), {"messages": [{"text": "x"}]})).refused(400, "API_ERR_FORMAT")
    for title in ("", "x" * 256):
        answer = await v1.post(v1.path("messages"), {"title": title, "messages": [{"text": "x"}]})
        assert answer.refused(400, "API_ERR_FORMAT")
        assert named(answer.errors) == ["title"]


@pytest.mark.parametrize(
    ("action", "kept"),
    [
        ("urlsheme", "urlscheme"),
        ("urlScheme", "urlscheme"),
        ("webView", "webview"),
        ("BROWSER", "browser"),
        ("email", "email"),
        ("phone", "phone"),
        ("store", "store"),
        ("sms", "sms"),
        ("request", "request"),
        ("Close", "close"),
        (None, "close"),
    ],
)
@pytest.mark.parametrize("platform", ["android", "ios"])
async def test_rule_40_actions_of_buttons(shop: V1Client, platform: str, action: str | None, kept: str) -> None:
    app = shop.apps[platform]
    button = {"id": 1, "url": "shop://cart"} | ({} if action is None else {"action": action})
    entry = {"text": "x", "interactiveButtons": {"template": "yes_no", "buttons": [button]}}
    created = (await shop.post(shop.path("messages", app), {"name": "x", "messages": [entry]})).id
    shown = (await shop.get(shop.path(f"messages/{created}", app))).json["messages"][0]["interactiveButtons"]["buttons"]
    assert (shown[0]["id"], shown[0]["action"], shown[0]["url"]) == ("1", kept, "shop://cart")


async def test_rule_40_an_unknown_action_is_refused(v1: V1Client) -> None:
    entry = {"text": "x", "interactiveButtons": {"buttons": [{"id": 1, "action": "explode"}]}}
    answer = await v1.post(v1.path("messages"), {"name": "x", "messages": [entry]})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == ["messages/0/interactiveButtons/buttons/0/action"]


async def test_rule_41_the_template_is_mandatory_on_ios_only(v1: V1Client) -> None:
    entry = {"text": "x", "interactiveButtons": {"buttons": [{"id": 1}]}}
    assert (await v1.post(v1.path("messages"), {"name": "x", "messages": [entry]})).status == 200
    answer = await v1.post(v1.path("messages", v1.ios), {"name": "x", "messages": [entry]})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == ["messages/0/interactiveButtons/template"]


async def test_rule_41_destructive_is_true_unless_said_otherwise(v1: V1Client) -> None:
    entry = {"text": "x", "interactiveButtons": {"buttons": [{"id": 1}, {"id": 2, "destructive": False}]}}
    created = (await v1.post(v1.path("messages"), {"name": "x", "messages": [entry]})).id
    shown = (await v1.get(v1.path(f"messages/{created}"))).json["messages"][0]["interactiveButtons"]["buttons"]
    assert [button["destructive"] for button in shown] == [True, False]


@pytest.mark.parametrize(
    ("sound", "kept"),
    [
        ({"sound": "NONE"}, {"sound": "none"}),
        ({"sound": "Custom", "soundName": "a.wav"}, None),
        ({"sound": "Default"}, None),
    ],
)
async def test_rule_42_sounds_are_matched_without_case(
    v1: V1Client, sound: dict[str, str], kept: dict[str, str] | None
) -> None:
    body = {"name": "x", "messages": [{"text": "x", "sound": sound}]}
    created = (await v1.post(v1.path("messages"), body)).id
    shown = (await v1.get(v1.path(f"messages/{created}"))).json["messages"][0]["sound"]
    assert shown == (kept or {**sound, "sound": sound["sound"].lower()})


@pytest.mark.parametrize(
    "sound", [{"sound": "Custom"}, {"sound": "custom", "soundName": ""}, {"sound": "loud"}, {}, "none"]
)
async def test_rule_42_a_custom_sound_needs_its_file(v1: V1Client, sound: Any) -> None:
    answer = await v1.post(v1.path("messages"), {"name": "x", "messages": [{"text": "x", "sound": sound}]})
    assert answer.refused(400, "API_ERR_FORMAT")


@pytest.mark.parametrize(("badge", "shown"), [(3, "3"), ("3", "3"), ("+2", "+2"), (0, "0")])
async def test_rule_42_badges(v1: V1Client, badge: str | int, shown: str) -> None:
    body = {"name": "x", "messages": [{"text": "x", "badge": badge}]}
    created = (await v1.post(v1.path("messages", v1.ios), body)).id
    assert (await v1.get(v1.path(f"messages/{created}", v1.ios))).json["messages"][0]["badge"] == shown
    wrong = {"name": "x", "messages": [{"text": "x", "badge": "many"}]}
    assert (await v1.post(v1.path("messages", v1.ios), wrong)).refused(400, "API_ERR_FORMAT")


async def test_custom_parameters_become_texts(v1: V1Client) -> None:
    params = {"text": "a", "number": 7, "decimal": 1.5, "whole": 2.0, "yes": True, "no": False}
    body = {"name": "x", "messages": [{"text": "x", "clickCustomParams": params}]}
    created = (await v1.post(v1.path("messages"), body)).id
    shown = (await v1.get(v1.path(f"messages/{created}"))).json["messages"][0]["clickCustomParams"]
    assert shown == {"text": "a", "number": "7", "decimal": "1.5", "whole": "2", "yes": "true", "no": "false"}


@pytest.mark.parametrize(
    ("popup", "shown"), [(True, True), (False, False), ({}, True), ({"okButtonLabel": "Go"}, {"okButtonLabel": "Go"})]
)
async def test_a_popup_is_a_switch_or_its_labels(v1: V1Client, popup: Any, shown: Any) -> None:
    created = (await v1.post(v1.path("messages"), {"name": "x", "messages": [{"text": "x", "popup": popup}]})).id
    assert (await v1.get(v1.path(f"messages/{created}"))).json["messages"][0]["popup"] == shown


async def test_rule_37_members_of_another_platform_are_ignored(v1: V1Client) -> None:
    body = {"name": "x", "messages": [{"text": "x", "subtitle": 7, "requireInteraction": "?", "aps": []}]}
    created = (await v1.post(v1.path("messages"), body)).id
    assert {"subtitle", "aps", "requireInteraction"}.isdisjoint(
        (await v1.get(v1.path(f"messages/{created}"))).json["messages"][0]
    )
    body = {"name": "x", "messages": [{"text": "x", "longText": 7}]}
    assert (await v1.post(v1.path("messages"), body)).refused(400, "API_ERR_FORMAT")
    assert (await v1.post(v1.path("messages", v1.ios), body)).status == 200


async def test_only_a_silent_ios_message_may_be_without_text(v1: V1Client) -> None:
    silent = {"name": "x", "messages": [{"text": "", "contentAvailable": True}]}
    empty = {"name": "x", "messages": [{"text": ""}]}
    assert (await v1.post(v1.path("messages", v1.ios), silent)).status == 200
    assert (await v1.post(v1.path("messages", v1.ios), empty)).refused(400, "API_ERR_FORMAT")
    for app in (v1.android, v1.web):
        assert (await v1.post(v1.path("messages", app), silent)).refused(400, "API_ERR_FORMAT")


async def test_web_buttons_without_id_are_counted(v1: V1Client) -> None:
    entry = {"text": "x", "buttons": [{"title": "Buy", "url": "https://shop.example"}, {"title": "Later"}]}
    created = (await v1.post(v1.path("messages", v1.web), {"name": "x", "messages": [entry]})).id
    shown = (await v1.get(v1.path(f"messages/{created}", v1.web))).json["messages"][0]["buttons"]
    assert [button["id"] for button in shown] == ["1", "2"]


@pytest.mark.parametrize(
    ("languages", "place"),
    [
        ((None, None), "messages/1/language"),
        (("en", "fr", "EN"), "messages/2/language"),
        (("", None), "messages/1/language"),
    ],
)
async def test_rule_38_languages_are_distinct_and_one_fallback_is_allowed(
    v1: V1Client, languages: tuple[str | None, ...], place: str
) -> None:
    entries = [{"text": "x"} | ({} if language is None else {"language": language}) for language in languages]
    answer = await v1.post(v1.path("messages"), {"name": "x", "messages": entries})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == [place]


async def test_rule_39_unknown_campaign_400_unknown_key_and_template_404(shop: V1Client) -> None:
    path = shop.path("messages")
    assert (await shop.post(path, {**PLAIN, "campaignId": 999})).refused(400, "API_ERR_DATA")
    key = {"name": "x", "messages": [{"text": "x", "collapseKey": "Orders"}]}
    assert (await shop.post(path, key)).refused(404, "API_ERR_DATA")
    template = {"name": "x", "messages": [{"text": "x", "interactiveButtons": {"template": "nope"}}]}
    assert (await shop.post(path, template)).refused(404, "API_ERR_DATA")
    elsewhere = (await shop.post(shop.path("campaigns", shop.ios), {"name": "Spring"})).id
    assert (await shop.post(path, {**PLAIN, "campaignId": elsewhere})).refused(400, "API_ERR_DATA")


async def test_rule_43_unknown_segments_and_lists_are_refused(v1: V1Client) -> None:
    known = await segment(v1, "known")
    body = {
        **PLAIN,
        "segments": {"testSegments": [known, 998], "campaignSegments": [999]},
        "lists": [{"listId": 7}, {"externalId": "nope"}],
    }
    answer = await v1.post(v1.path("messages"), body)
    assert (answer.status, answer.labels) == (400, ["API_ERR_DATA"] * 4)
    assert named(answer.errors) == ["segments/testSegments/1", "segments/campaignSegments/0", "lists/0", "lists/1"]


async def test_a_list_named_twice_over_must_be_one(v1: V1Client) -> None:
    async with v1.database.transaction() as conn:
        one = await audience.create_list(conn, v1.android.id, "One", "one")
    right = {**PLAIN, "lists": [{"listId": one.id, "externalId": "one"}]}
    assert (await v1.post(v1.path("messages"), right)).status == 200
    wrong = {**PLAIN, "lists": [{"listId": one.id, "externalId": "two"}]}
    assert (await v1.post(v1.path("messages"), wrong)).refused(400, "API_ERR_DATA")


async def test_rule_107_form_comes_before_data_and_members_keep_their_order(v1: V1Client) -> None:
    body = {
        "messages": [{"text": "x", "collapseKey": "nope"}, {"text": "y"}],
        "campaignId": 999,
        "name": "x",
    }
    answer = await v1.post(v1.path("messages"), body)
    assert (answer.status, answer.labels) == (400, ["API_ERR_FORMAT", "API_ERR_DATA", "API_ERR_DATA"])
    assert named(answer.errors) == ["messages/1/language", "messages/0/collapseKey", "campaignId"]


async def test_rule_107_within_a_label_the_first_member_gives_the_status(v1: V1Client) -> None:
    entries = [{"text": "x", "collapseKey": "nope"}]
    key_first = await v1.post(v1.path("messages"), {"name": "x", "messages": entries, "campaignId": 999})
    assert (key_first.status, key_first.labels) == (404, ["API_ERR_DATA"] * 2)
    campaign_first = await v1.post(v1.path("messages"), {"campaignId": 999, "name": "x", "messages": entries})
    assert (campaign_first.status, campaign_first.labels) == (400, ["API_ERR_DATA"] * 2)
    with_form = [{**entries[0], "language": "en"}, {"text": "x", "language": "en"}]
    mixed = await v1.post(v1.path("messages"), {"name": "x", "messages": with_form, "campaignId": 999})
    assert (mixed.status, mixed.labels) == (400, ["API_ERR_FORMAT", "API_ERR_DATA", "API_ERR_DATA"])
    assert named(mixed.errors) == ["messages/1/language", "messages/0/collapseKey", "campaignId"]


async def test_rule_20_every_malformed_field_is_named_and_nothing_is_written(v1: V1Client) -> None:
    entry = {"text": "", "priority": 3, "accentColor": "red", "popup": "yes", "badge": [], "openRichPushIn": "window"}
    answer = await v1.post(v1.path("messages"), {"name": "", "campaignId": "x", "messages": [entry, 7]})
    assert set(answer.labels) == {"API_ERR_FORMAT"}
    assert named(answer.errors) == [
        "name",
        "campaignId",
        *(f"messages/0/{member}" for member in entry),
        "messages/1",
    ]
    assert (await v1.get(v1.path("messages"))).json["data"] == []


async def test_a_payload_no_gateway_takes_is_a_format_error(v1: V1Client) -> None:
    for app in v1.apps.values():
        body = {"name": "x", "messages": [{"text": "ok", "language": "en"}, {"text": "x" * 5000}]}
        answer = await v1.post(v1.path("messages", app), body)
        assert answer.refused(400, "API_ERR_FORMAT")
        assert named(answer.errors) == ["messages/1"]


async def test_rule_44_an_external_id_is_used_once(v1: V1Client) -> None:
    first = (await v1.post(v1.path("messages"), {**PLAIN, "externalId": "hello"})).id
    second = (await v1.post(v1.path("messages"), PLAIN)).id
    answer = await v1.post(v1.path("messages"), {**PLAIN, "externalId": "hello"})
    assert answer.refused(400, "API_ERR_DATA")
    assert (await v1.put(v1.path(f"messages/{second}"), {**PLAIN, "externalId": "hello"})).refused(400, "API_ERR_DATA")
    assert (await v1.put(v1.path(f"messages/{first}"), {**PLAIN, "externalId": "hello"})).id == first
    assert (await v1.post(v1.path("messages", v1.web), {**PLAIN, "externalId": "hello"})).status == 200


async def test_rule_35_a_delete_is_for_good_and_not_idempotent(v1: V1Client) -> None:
    path = v1.path(f"messages/{(await v1.post(v1.path('messages'), PLAIN)).id}")
    answer = await v1.delete(path)
    assert (answer.status, answer.body) == (200, b"")
    for again in (
        await v1.delete(path),
        await v1.get(path),
        await v1.put(path, PLAIN),
        await v1.get(f"{path}/actions"),
    ):
        assert again.refused(404, "API_ERR_DATA")


async def test_rule_27_a_message_of_another_application_is_absent(v1: V1Client) -> None:
    created = (await v1.post(v1.path("messages"), PLAIN)).id
    elsewhere = v1.path(f"messages/{created}", v1.ios)
    for answer in (await v1.get(elsewhere), await v1.put(elsewhere, PLAIN), await v1.delete(elsewhere)):
        assert answer.refused(404, "API_ERR_DATA")
    assert (await v1.get(v1.path(f"messages/{created}"))).status == 200


@pytest.mark.parametrize("message_id", ["abc", "0", "-5", "1.0", str(2**63)])
async def test_rule_26_an_id_that_is_no_positive_number_is_a_format_error(v1: V1Client, message_id: str) -> None:
    for rest in (f"messages/{message_id}", f"messages/{message_id}/actions"):
        assert (await v1.get(v1.path(rest))).refused(400, "API_ERR_FORMAT")


async def test_an_update_replaces_the_message_and_keeps_what_v1_cannot_say(v1: V1Client) -> None:
    created = (await v1.post(v1.path("messages"), {**PLAIN, "externalId": "hello", "usePressure": False})).id
    path = v1.path(f"messages/{created}")
    assert (await v1.put(path, {"name": "Bye", "messages": [{"text": "Bye", "language": "en"}]})).id == created
    shown = (await v1.get(path)).json
    assert (shown["name"], shown["usePressure"], shown["messages"][0]["text"]) == ("Bye", True, "Bye")
    assert "externalId" not in shown


async def test_rule_63_a_message_being_sent_is_neither_changed_nor_deleted(v1: V1Client) -> None:
    created = (await v1.post(v1.path("messages"), PLAIN)).id
    path = v1.path(f"messages/{created}")
    async with v1.database.transaction() as conn:
        await content.set_state(conn, v1.android.id, created, MessageState.SENDING)
    assert (await v1.put(path, {**PLAIN, "name": "Bye"})).refused(400, "API_ERR_MESSAGE_SENDING")
    assert (await v1.delete(path)).refused(400, "API_ERR_MESSAGE_SENDING")
    shown = (await v1.get(path)).json
    assert (shown["name"], shown["state"]) == ("Hello", "sending")
