"""What messages of an application may name: declared, listed, withdrawn; and what every application has."""

from typing import Any
from urllib.parse import quote

import pytest

from clarion.apps.templates import BUILT_IN
from tests.api.admin.client import AdminClient

VALUES = {
    "collapse_key": "basket",
    "button_template": "offer",
    "inapp_template": "top banner/2",
    "event": "1001",
    "view": "Écran d'accueil",
    "state": "premium",
    "language": "fr-CA",
}


def place(client: AdminClient, kind: str, value: str | None = None) -> str:
    path = client.path(f"declarations/{kind}")
    return path if value is None else f"{path}/{quote(value, safe='')}"


@pytest.mark.parametrize(("kind", "value"), VALUES.items())
async def test_each_kind_is_declared_changed_and_withdrawn(
    operator: AdminClient, viewer: AdminClient, kind: str, value: str
) -> None:
    path = place(operator, kind, value)
    assert (await viewer.get(path)).problem == (404, "not_found")
    declared = {"kind": kind, "value": value, "name": value, "details": {}, "builtIn": False}
    assert (await operator.put(path, {})).ok() == declared
    changed = {**declared, "name": "For people"}
    assert (await operator.put(path, {"name": "For people"})).ok() == changed
    assert (await viewer.get(path)).ok() == changed
    own = [each for each in await viewer.everything(place(viewer, kind), 20) if not each["builtIn"]]
    assert own == [changed]
    other = place(operator, kind).replace("demo-android", "demo-ios")
    assert [each for each in await viewer.everything(other, 200) if not each["builtIn"]] == []
    (await operator.delete(path)).ok(204)
    assert (await operator.delete(path)).problem == (404, "not_found")


@pytest.mark.parametrize(
    ("kind", "value", "draft", "findings"),
    [
        ("event", "basket", {}, [("#/value", "invalid_value")]),
        ("event", "01001", {}, [("#/value", "invalid_value")]),
        ("event", "2147483648", {}, [("#/value", "invalid_value")]),
        ("language", "french!", {}, [("#/value", "invalid_value")]),
        ("language", "1005", {}, [("#/value", "invalid_value")]),
        ("view", "x" * 201, {"name": "X"}, [("#/value", "invalid_value")]),
        ("view", "a\nb", {"name": "X"}, [("#/value", "invalid_value")]),
        ("view", "home", {"name": ""}, [("#/name", "too_short")]),
        ("view", "home", {"details": {"a": "x" * 17_000}}, [("#/details", "invalid_value")]),
        ("view", "home", {"details": {"a": "\x00"}}, [("#/details/a", "invalid_format")]),
        ("view", "home", {"label": "Home"}, [("#/label", "unknown_field")]),
        ("button_template", "b", {"details": {"buttons": []}}, [("#/details/buttons", "invalid_value")]),
        ("button_template", "b", {"details": {"buttons": "x"}}, [("#/details/buttons", "invalid_value")]),
        (
            "button_template",
            "b",
            {"details": {"buttons": [{"title": "x"}]}},
            [("#/details/buttons/0", "invalid_value")],
        ),
        (
            "button_template",
            "b",
            {"details": {"buttons": [{"id": "1", "opensApp": 1, "icon": ""}, {"id": "1", "colour": "red"}]}},
            [
                ("#/details/buttons/0/opensApp", "invalid_value"),
                ("#/details/buttons/0/icon", "invalid_value"),
                ("#/details/buttons/1", "invalid_value"),
                ("#/details/buttons/1/id", "invalid_value"),
            ],
        ),
        ("inapp_template", "t", {"details": {"kind": "carpet"}}, [("#/details", "invalid_value")]),
        ("inapp_template", "t", {"details": {"required": "title"}}, [("#/details", "invalid_value")]),
    ],
)
async def test_what_cannot_be_declared_is_told(
    operator: AdminClient, kind: str, value: str, draft: Any, findings: list[tuple[str, str]]
) -> None:
    assert (await operator.put(place(operator, kind, value), draft)).findings == findings
    assert [each for each in await operator.everything(place(operator, kind), 200) if not each["builtIn"]] == []


async def test_details_of_templates_are_kept(operator: AdminClient) -> None:
    for kind, details in (
        ("button_template", {"buttons": [{"id": "1", "title": "Show", "icon": "more", "opensApp": True}], "note": 1}),
        ("inapp_template", {"kind": "interstitial", "required": ["title", "body"]}),
    ):
        assert (await operator.put(place(operator, kind, "x"), {"details": details})).ok()["details"] == details


async def test_the_templates_of_every_application_are_listed_and_stay(operator: AdminClient) -> None:
    listed = await operator.everything(place(operator, "button_template"), 10)
    assert [each["value"] for each in listed] == sorted(BUILT_IN)
    assert all(each["builtIn"] for each in listed)
    path = place(operator, "button_template", "yes_no_category")
    yes_no = (await operator.get(path)).ok()
    assert yes_no["details"]["buttons"] == [
        {"id": "1", "title": "Yes", "icon": "yes", "opensApp": True},
        {"id": "2", "title": "No", "icon": "no", "opensApp": False},
    ]
    assert (await operator.delete(path)).problem == (409, "conflict")
    mine = {"name": "Oui / Non", "details": {"buttons": [{"id": "1", "title": "Oui"}, {"id": "2", "title": "Non"}]}}
    assert (await operator.put(path, mine)).ok()["builtIn"] is False
    assert (await operator.get(path)).ok()["name"] == "Oui / Non"
    assert len(await operator.everything(place(operator, "button_template"), 200)) == len(BUILT_IN)
    (await operator.delete(path)).ok(204)
    assert (await operator.get(path)).ok() == yes_no


@pytest.mark.parametrize("rest", ["declarations/colour", "declarations/colour/red", "declarations/event/%00"])
async def test_what_is_no_kind_or_value_is_not_found(operator: AdminClient, rest: str) -> None:
    assert (await operator.get(operator.path(rest))).problem == (404, "not_found")
