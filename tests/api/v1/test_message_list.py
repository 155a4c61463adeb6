"""The list of messages, its filters, and the actions of a message (v1 rules 33, 36, 81)."""

from typing import Any

import pytest

from tests.api.v1.client import V1Client

NAMES = {
    "Order shipped": "order-1",
    "order cancelled": "order-2",
    "100% off": "sale_100",
    "1000 off": "saleX100",
    r"back\slash": r"back\slash",
    "Underscore_": None,
    "Größe": "ÄRGER",
}


@pytest.fixture
async def shop(v1: V1Client) -> V1Client:
    """One message for every name, in an application that also has a message with a language title."""
    for name, external_id in NAMES.items():
        body: dict[str, Any] = {"name": name, "messages": [{"text": "x"}]}
        if external_id is not None:
            body["externalId"] = external_id
        await v1.post(v1.path("messages"), body)
    titled = {
        "name": "Titled",
        "messages": [{"text": "x", "language": "en", "title": "Summer Sale"}, {"text": "x", "title": "Soldes d'été"}],
    }
    await v1.post(v1.path("messages"), titled)
    return v1


async def shown(v1: V1Client, **params: str) -> list[str]:
    """The names of the messages a filter lets through."""
    answer = await v1.get(v1.path("messages"), params=params)
    assert answer.status == 200
    return [message["name"] for message in answer.json["data"]]


async def test_rule_33_messages_come_by_ascending_id(shop: V1Client) -> None:
    assert await shown(shop) == [*NAMES, "Titled"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("Order shipped", ["Order shipped"]),
        ("ORDER SHIPPED", ["Order shipped"]),
        ("Order", []),
        ("order%", ["Order shipped", "order cancelled"]),
        ("%off", ["100% off", "1000 off"]),
        ("%er%", ["Order shipped", "order cancelled", "Underscore_", "Titled"]),
        ("100% off", ["100% off", "1000 off"]),
        ("Underscore_", ["Underscore_"]),
        ("Underscor__", []),
        ("%_", ["Underscore_"]),
        (r"back\slash", [r"back\slash"]),
        (r"back\%", [r"back\slash"]),
        ("grÖSSe", []),
        ("grÖßE", ["Größe"]),
        ("summer sale", ["Titled"]),
        ("soldes%", ["Titled"]),
        ("%", [*NAMES, "Titled"]),
        ("", []),
        ("'; DROP TABLE clarion.message; --", []),
    ],
)
async def test_rule_36_the_title_filter(shop: V1Client, pattern: str, names: list[str]) -> None:
    assert await shown(shop, title=pattern) == names


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("order-1", ["Order shipped"]),
        ("ORDER-%", ["Order shipped", "order cancelled"]),
        ("sale_100", ["100% off"]),
        ("sale%100", ["100% off", "1000 off"]),
        ("%", [name for name, external_id in NAMES.items() if external_id]),
        ("nothing", []),
    ],
)
async def test_rule_36_the_external_id_filter(shop: V1Client, pattern: str, names: list[str]) -> None:
    assert await shown(shop, externalId=pattern) == names


async def test_rule_36_both_filters_must_hold(shop: V1Client) -> None:
    assert await shown(shop, externalId="order%", title="%cancel%") == ["order cancelled"]
    assert await shown(shop, externalId="sale%", title="order%") == []


async def test_rules_31_and_36_links_keep_the_filters(shop: V1Client) -> None:
    answer = await shop.get(shop.path("messages"), params={"title": "100% off", "page": "2"})
    assert answer.links["first"].endswith("messages?title=100%25+off&page=1")
    assert [message["name"] for message in (await shop.get(answer.links["first"])).json["data"]] == [
        "100% off",
        "1000 off",
    ]


@pytest.mark.parametrize("query", ["title=%00", "title=%ff", "externalId=%zz"])
async def test_a_filter_that_cannot_be_read_is_a_format_error(v1: V1Client, query: str) -> None:
    assert (await v1.get(f"{v1.path('messages')}?{query}")).refused(400, "API_ERR_FORMAT")


BUTTONS = {"buttons": [{"id": "1", "title": "Go", "action": "webview", "url": "https://shop.example"}, {"id": 2}]}


async def actions(v1: V1Client, message_id: int) -> list[dict[str, Any]]:
    """The actions of a message of the Android application."""
    answer = await v1.get(v1.path(f"messages/{message_id}/actions"))
    assert answer.status == 200
    data: list[dict[str, Any]] = answer.json["data"]
    return data


async def test_rule_81_actions_are_buttons_and_rich_pages_by_language(v1: V1Client) -> None:
    entries = [
        {"text": "x", "language": "en", "richPushUrl": "https://shop.example/en", "interactiveButtons": BUTTONS},
        {"text": "x", "language": "fr", "richPushUrl": "https://shop.example/fr", "openRichPushIn": "browser"},
    ]
    created = (await v1.post(v1.path("messages"), {"name": "x", "messages": entries})).id
    found = await actions(v1, created)
    rich, first, second = found[0]["id"], found[1]["id"], found[2]["id"]
    assert len({rich, first, second}) == 3
    assert found == [
        {"id": rich, "type": "richpush", "action": "webview", "url": "https://shop.example/en", "language": "en"},
        {
            "id": first,
            "type": "button",
            "buttonId": "1",
            "action": "webview",
            "title": "Go",
            "url": "https://shop.example",
            "language": "en",
        },
        {"id": second, "type": "button", "buttonId": "2", "action": "close", "language": "en"},
        {"id": rich, "type": "richpush", "action": "browser", "url": "https://shop.example/fr", "language": "fr"},
    ]


async def test_a_button_keeps_its_action_id_over_updates(v1: V1Client) -> None:
    body = {"name": "x", "messages": [{"text": "x", "interactiveButtons": BUTTONS}]}
    created = (await v1.post(v1.path("messages"), body)).id
    before = {action["buttonId"]: action["id"] for action in await actions(v1, created)}
    changed = {"buttons": [{"id": 2, "title": "New"}, {"id": 3}]}
    await v1.put(
        v1.path(f"messages/{created}"), {"name": "x", "messages": [{"text": "x", "interactiveButtons": changed}]}
    )
    after = {action["buttonId"]: action["id"] for action in await actions(v1, created)}
    assert set(after) == {"2", "3"}
    assert after["2"] == before["2"]
    assert after["3"] not in before.values()
    await v1.put(v1.path(f"messages/{created}"), body)
    assert {action["buttonId"]: action["id"] for action in await actions(v1, created)} == before


async def test_a_message_without_anything_to_press_has_no_actions(v1: V1Client) -> None:
    created = (await v1.post(v1.path("messages"), {"name": "x", "messages": [{"text": "x"}]})).id
    assert await actions(v1, created) == []


async def test_actions_come_in_pages(v1: V1Client) -> None:
    entries = [{"text": "x", "language": f"l{n}", "interactiveButtons": BUTTONS} for n in range(51)]
    created = (await v1.post(v1.path("messages"), {"name": "x", "messages": entries})).id
    first = await v1.get(v1.path(f"messages/{created}/actions"))
    second = await v1.get(first.links["next"])
    assert (len(first.json["data"]), len(second.json["data"])) == (100, 2)
    assert "next" not in second.links
