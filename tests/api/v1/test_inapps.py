"""In-apps on the wire (v1 rules 38, 40, 91, 103); what they share with alarms is in `test_triggered`."""

from typing import Any

import pytest

from clarion.apps import declarations
from clarion.apps.model import DeclarationKind
from clarion.content import service as content
from clarion.content.model import ActionKind
from tests.api.v1.client import V1Client
from tests.api.v1.triggered import INAPP, POPUP, declare, named

BROWSER = {"type": "browser", "url": "https://shop.example"}
CUSTOM = {"type": "custom", "templateValue": "gold"}
PRINTED: dict[str, Any] = {
    "name": "Rate us",
    "externalId": "rate-us",
    "messages": [{"template": {**POPUP, "buttons": [{"title": "Later", "action": "close"}]}}],
    "triggers": {"displayCapping": 1, "events": {"inclusion": [1010]}},
    "segments": {},
}
"""The in-app of the contract's example."""


def with_templates(*templates: Any) -> dict[str, Any]:
    """An in-app with these templates, each in a language of its own."""
    return {"name": "x", "messages": [{"language": f"x{n}", "template": each} for n, each in enumerate(templates)]}


async def shown(v1: V1Client, body: dict[str, Any], path: str | None = None) -> list[Any]:
    """The language versions of an in-app that was made of this body."""
    path = path or v1.path("inapps")
    created = (await v1.post(path, body)).id
    messages: list[Any] = (await v1.get(f"{path}/{created}")).json["messages"]
    return messages


async def test_the_example_of_the_contract_comes_back(v1: V1Client) -> None:
    assert (await v1.post(v1.path("inapps"), PRINTED)).refused(404, "API_ERR_DATA")
    await declare(v1, v1.android, event="1010")
    created = (await v1.post(v1.path("inapps"), PRINTED)).id
    found = (await v1.get(v1.path("inapps/external/rate-us"))).json
    assert {**found, "triggers": None} == {**PRINTED, "id": created, "isActive": False, "triggers": None}
    assert {name: found["triggers"][name] for name in PRINTED["triggers"]} == PRINTED["triggers"]


async def test_a_popup_comes_back_as_it_was(v1: V1Client) -> None:
    entry = {
        "language": "en",
        "title": "Rating",
        "template": {
            **POPUP,
            "buttons": [
                {
                    "title": "Yes",
                    "action": "store",
                    "url": "market://details?id=shop",
                    "icon": "ic_yes",
                    "clickCustomParams": {"screen": "rating"},
                },
                {"title": "Later", "action": "close"},
            ],
        },
        "displayCustomParams": {"promo": "SPRING"},
        "clickCustomParams": {"a": "b"},
    }
    assert await shown(v1, {"name": "x", "messages": [entry, {"template": POPUP}]}) == [entry, {"template": POPUP}]


async def test_a_custom_in_app_comes_back_as_it_was(v1: V1Client) -> None:
    await declare(v1, v1.android, inapp_template="gold")
    template = {
        **CUSTOM,
        "title": "New",
        "body": "<b>Look</b>",
        "url": "https://shop.example/banner",
        "interstitial": True,
        "autoclose": 5,
        "inAnimation": "fade",
        "outAnimation": "slide",
        "action": {
            "type": "webview",
            "templateValue": "gold",
            "url": "https://shop.example",
            "title": "Landing",
            "body": "x",
        },
    }
    assert await shown(v1, with_templates(template)) == [{"language": "x0", "template": template}]
    plain = {"type": "custom", "templateValue": "gold", "interstitial": False}
    assert await shown(v1, with_templates(CUSTOM)) == [{"language": "x0", "template": plain}]
    empty = {**plain, "action": {"type": "none"}}
    assert await shown(v1, with_templates({**CUSTOM, "action": {}})) == [{"language": "x0", "template": empty}]


async def test_rule_91_the_browser_template_is_for_ios_only(v1: V1Client) -> None:
    assert await shown(v1, with_templates(BROWSER), v1.path("inapps", v1.ios)) == [
        {"language": "x0", "template": BROWSER}
    ]
    for app in (v1.android, v1.web):
        answer = await v1.post(v1.path("inapps", app), with_templates(BROWSER))
        assert answer.refused(400, "API_ERR_FORMAT")
        assert named(answer.errors) == ["messages/0/template/type"]


async def test_rule_91_all_languages_use_the_same_template(v1: V1Client) -> None:
    await declare(v1, v1.ios, inapp_template="gold")
    await declare(v1, v1.ios, inapp_template="silver")
    silver = {**CUSTOM, "templateValue": "silver"}
    path = v1.path("inapps", v1.ios)
    for templates, place in (
        ((POPUP, BROWSER), "messages/1/template/type"),
        ((POPUP, POPUP, CUSTOM), "messages/2/template/type"),
        ((CUSTOM, CUSTOM, silver), "messages/2/template/templateValue"),
    ):
        answer = await v1.post(path, with_templates(*templates))
        assert answer.refused(400, "API_ERR_FORMAT")
        assert named(answer.errors) == [place]
    assert (await v1.post(path, with_templates(silver, silver))).status == 200


async def test_rule_91_the_type_of_the_template_cannot_change(v1: V1Client) -> None:
    for value in ("gold", "silver"):
        await declare(v1, v1.ios, inapp_template=value)
    created = (await v1.post(v1.path("inapps", v1.ios), with_templates(POPUP))).id
    path = v1.path(f"inapps/{created}", v1.ios)
    for template in (BROWSER, CUSTOM):
        answer = await v1.put(path, with_templates(template))
        assert answer.refused(400, "API_ERR_FORMAT")
        assert named(answer.errors) == ["messages/0/template/type"]
    assert (await v1.put(path, with_templates({**POPUP, "text": "Other"}))).id == created
    custom = (await v1.post(v1.path("inapps", v1.ios), with_templates(CUSTOM))).id
    silver = {**CUSTOM, "templateValue": "silver"}
    assert (await v1.put(v1.path(f"inapps/{custom}", v1.ios), with_templates(silver))).id == custom


async def test_rule_91_a_template_that_is_not_declared_is_404(v1: V1Client) -> None:
    await declare(v1, v1.ios, inapp_template="gold")
    answer = await v1.post(v1.path("inapps"), with_templates(CUSTOM))
    assert answer.refused(404, "API_ERR_DATA")
    assert named(answer.errors) == ["messages/0/template/templateValue"]
    landing = {**CUSTOM, "action": {"type": "webview", "templateValue": "nope", "url": "https://shop.example"}}
    answer = await v1.post(v1.path("inapps", v1.ios), with_templates(landing))
    assert answer.refused(404, "API_ERR_DATA")
    assert named(answer.errors) == ["messages/0/template/action/templateValue"]


async def test_rule_91_the_template_decides_which_members_are_mandatory(v1: V1Client) -> None:
    details = {"kind": "banner", "required": ["title", "url", "inAnimation", "action"]}
    async with v1.database.transaction() as conn:
        await declarations.declare(conn, v1.android.id, DeclarationKind.INAPP_TEMPLATE, "gold", details=details)
    path = v1.path("inapps")
    answer = await v1.post(path, with_templates({**CUSTOM, "title": ""}))
    assert (answer.status, set(answer.labels)) == (400, {"API_ERR_FORMAT"})
    at = "messages/0/template"
    assert named(answer.errors) == [f"{at}/title", f"{at}/url", f"{at}/inAnimation", f"{at}/action"]
    full = {**CUSTOM, "title": "x", "url": "https://shop.example", "inAnimation": "fade", "action": {}}
    assert (await v1.post(path, with_templates(full))).status == 200
    full["action"] = {"type": "webview", "templateValue": "gold", "title": "x"}
    answer = await v1.post(path, with_templates(full))
    assert set(named(answer.errors)) == {f"{at}/action/url"}


@pytest.mark.parametrize("kind", ["browser", "urlscheme", "request", "webview"])
async def test_a_landing_page_needs_its_address(v1: V1Client, kind: str) -> None:
    await declare(v1, v1.android, inapp_template="gold")
    answer = await v1.post(v1.path("inapps"), with_templates({**CUSTOM, "action": {"type": kind}}))
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == ["messages/0/template/action/url"]
    for given in ({"url": "shop://x"}, *([{"body": "Text"}] if kind == "webview" else [])):
        body = with_templates({**CUSTOM, "action": {"type": kind, **given}})
        assert (await v1.post(v1.path("inapps"), body)).status == 200


@pytest.mark.parametrize(
    ("action", "kept"),
    [
        ("urlsheme", "urlscheme"),
        ("urlScheme", "urlscheme"),
        ("WEBVIEW", "webview"),
        ("Close", "close"),
        (None, "close"),
    ],
)
async def test_rules_40_and_103_actions_of_buttons(v1: V1Client, action: str | None, kept: str) -> None:
    button = {"title": "Go", "url": "shop://cart"} | ({} if action is None else {"action": action})
    body = with_templates({**POPUP, "buttons": [button]})
    assert (await shown(v1, body))[0]["template"]["buttons"] == [{**button, "action": kept}]


async def test_rule_40_actions_of_landing_pages_are_matched_without_case(v1: V1Client) -> None:
    await declare(v1, v1.android, inapp_template="gold")
    body = with_templates({**CUSTOM, "action": {"type": "webView", "url": "https://shop.example"}})
    created = (await v1.post(v1.path("inapps"), body)).id
    for path in (v1.path(f"inapps/{created}"), v1.path("inapps/external/x")):
        assert (await v1.put(path, {**body, "externalId": "x"})).id == created
    assert (await v1.get(v1.path(f"inapps/{created}"))).json["messages"][0]["template"]["action"]["type"] == "webview"


async def test_a_button_needs_an_address_unless_it_closes(v1: V1Client) -> None:
    buttons = [{"title": "Later"}, {"title": "Yes", "action": "store"}]
    answer = await v1.post(v1.path("inapps"), with_templates({**POPUP, "buttons": buttons}))
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == ["messages/0/template/buttons/1/url"]


@pytest.mark.parametrize(
    "template",
    [
        None,
        "popup",
        {},
        {"type": "banner"},
        {"type": "popup", "title": "x"},
        {"type": "browser"},
        {"type": "custom"},
        {**POPUP, "buttons": [{"title": "x"}] * 4},
        {**POPUP, "buttons": [{"action": "close"}]},
        {**POPUP, "buttons": [{"title": "x", "action": "explode"}]},
        {**CUSTOM, "autoclose": -1},
        {**CUSTOM, "action": {"type": "explode"}},
    ],
)
async def test_rule_91_a_wrong_body_is_400(v1: V1Client, template: Any) -> None:
    answer = await v1.post(v1.path("inapps"), with_templates(template))
    assert answer.status == 400
    assert set(answer.labels) == {"API_ERR_FORMAT"}


async def test_a_language_version_is_bounded(v1: V1Client) -> None:
    answer = await v1.post(v1.path("inapps"), with_templates({**POPUP, "text": "x" * 40_000}))
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == ["messages/0"]
    answer = await v1.post(v1.path("inapps"), with_templates(*[POPUP] * 501))
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == ["messages"]


async def test_rule_81_buttons_and_landing_pages_have_action_ids(v1: V1Client) -> None:
    await declare(v1, v1.android, inapp_template="gold")
    buttons = [{"title": "Yes"}, {"title": "No"}]
    popup = (await v1.post(v1.path("inapps"), with_templates(POPUP, {**POPUP, "buttons": buttons}))).id
    landing = {**CUSTOM, "action": {"type": "browser", "url": "https://shop.example"}}
    custom = (await v1.post(v1.path("inapps"), with_templates(landing))).id
    still = (await v1.post(v1.path("inapps"), with_templates(CUSTOM))).id
    await v1.put(v1.path(f"inapps/{popup}"), with_templates({**POPUP, "buttons": [{"title": "Yes"}]}))
    async with v1.database.connection() as conn:
        found = [await content.actions(conn, v1.android.id, message_id) for message_id in (popup, custom, still)]
        listed = [
            (await v1.get(v1.path(f"messages/{message_id}/actions"))).json["data"] for message_id in (popup, custom)
        ]
    assert listed == [
        [{"id": action.id, "type": "button", "buttonId": action.button} for action in found[0]],
        [{"id": action.id, "type": "richpush"} for action in found[1]],
    ]
    pressed = [[(action.kind, action.button) for action in actions] for actions in found]
    assert pressed == [[(ActionKind.BUTTON, "1"), (ActionKind.BUTTON, "2")], [(ActionKind.RICH, "")], []]


async def test_a_web_application_keeps_in_apps_too(v1: V1Client) -> None:
    assert (await v1.post(v1.path("inapps", v1.web), INAPP)).status == 200
