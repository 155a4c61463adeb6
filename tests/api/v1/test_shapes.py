"""What is done to bodies before the schema sees them (v1 rules 40, 42, 68, 106)."""

from typing import Any

import pytest

from clarion.api.v1 import shapes
from clarion.apps.model import App, Platform

IOS = App(id=1, partner_id="demo", name="Demo", platform=Platform.IOS)


@pytest.mark.parametrize(
    ("operation", "app", "body", "case"),
    [
        ("createMessage", IOS, {}, "ios"),
        ("createCampaign", IOS, {}, "ios"),
        ("createAccessToken", None, {}, ""),
        ("sendInstantMessageMultiApp", None, {}, "multi"),
        ("updateDeviceGroup", IOS, {"matchingKeys": [], "users": []}, "shared_keys"),
        ("updateDeviceGroup", IOS, {"users": []}, "own_keys"),
        ("updateDeviceGroup", IOS, [], "own_keys"),
    ],
)
def test_the_case_of_the_schema_pass(operation: str, app: App | None, body: Any, case: str) -> None:
    assert shapes.case_of(operation, app, body) == case


@pytest.mark.parametrize(
    ("operation", "wrap"),
    [
        ("createMessage", lambda entry: {"messages": [entry]}),
        ("updateMessage", lambda entry: {"messages": [entry]}),
        ("createAlarm", lambda entry: {"messages": [entry]}),
        ("sendInstantMessage", lambda entry: {"message": entry}),
    ],
)
def test_rules_40_and_42_sounds_and_actions_are_folded_wherever_a_message_stands(operation: str, wrap: Any) -> None:
    given = {"sound": {"sound": "NONE"}, "interactiveButtons": {"buttons": [{"action": "WebView", "id": "A"}]}}
    kept = {"sound": {"sound": "none"}, "interactiveButtons": {"buttons": [{"action": "webview", "id": "A"}]}}
    assert shapes.folded(operation, wrap(given)) == wrap(kept)


@pytest.mark.parametrize("operation", ["createMessage", "sendInstantMessage", "createCampaign"])
@pytest.mark.parametrize(
    "body",
    [
        None,
        7,
        [],
        {},
        {"messages": 7, "message": 7},
        {"messages": [None, [], {"sound": 7, "interactiveButtons": 7}], "message": None},
        {"messages": [{"interactiveButtons": {"buttons": {}}, "sound": {"sound": 7}}]},
        {"messages": [{"interactiveButtons": {"buttons": [7, {"action": 7}]}}]},
    ],
)
def test_what_has_another_shape_is_left_for_the_schema(operation: str, body: Any) -> None:
    assert shapes.folded(operation, body) == body


def test_rule_106_operations_with_the_larger_limit() -> None:
    large = {"createStaticList", "upsertListUsers", "removeListUsers", "updateDeviceGroup"}
    assert all(shapes.takes_large_body(operation) for operation in large)
    assert not shapes.takes_large_body("createMessage")
