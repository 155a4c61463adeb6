"""Alarms on the wire (v1 rules 90, 92 to 98)."""

from typing import Any

import pytest

from clarion.content import service as content
from clarion.content.model import ActionKind
from tests.api.v1.client import V1Client
from tests.api.v1.triggered import ALARM, declare, named

PRINTED: dict[str, Any] = {
    "name": "My Alarm",
    "messages": [
        {
            "title": "My message title",
            "sound": {"sound": "default"},
            "openRichPushIn": "webview",
            "delayTimerForAppliOff": True,
            "text": "Here you go",
            "clickCustomParams": {"Key1": "Value1"},
            "displayCustomParams": {"Key2": "Value2"},
        }
    ],
    "triggers": {
        "displayCapping": 30,
        "globalClickCapping": 0,
        "sessionClickCapping": 0,
        "priority": 3,
        "cappingDelay": 0,
        "offlineDisplay": False,
        "geolocations": {},
        "beacons": {},
        "usePressure": False,
        "useDelay": False,
        "timer": {"duration": 0, "type": "lifetime"},
        "events": {"displayOnceByEvent": True},
        "views": {},
        "states": {"allStatesActive": True, "inclusion": [{"name": "myState", "contains": "BlueSky"}]},
    },
    "segments": {},
    "settings": {
        "programmation": {"useLocalDate": False, "type": "timer", "duration": 518400},
        "exclusionRanges": [],
    },
    "isActive": False,
}
"""The alarm as the reference document prints it."""


def with_settings(programmation: dict[str, Any] | None = None, *ranges: dict[str, Any]) -> dict[str, Any]:
    """An alarm with this programmation, a timer unless given, and these exclusion ranges."""
    timer = {"type": "timer", "duration": 60}
    return {**ALARM, "settings": {"programmation": programmation or timer, "exclusionRanges": list(ranges)}}


async def shown(v1: V1Client, body: dict[str, Any], path: str | None = None) -> Any:
    """The alarm that was made of this body."""
    path = path or v1.path("alarms")
    created = (await v1.post(path, body)).id
    return (await v1.get(f"{path}/{created}")).json


@pytest.mark.parametrize("platform", ["android", "ios"])
async def test_the_printed_alarm_comes_back_as_it_is_printed(v1: V1Client, platform: str) -> None:
    app = v1.apps[platform]
    assert (await v1.post(v1.path("alarms", app), PRINTED)).refused(404, "API_ERR_DATA")
    await declare(v1, app, state="myState")
    created = (await v1.post(v1.path("alarms", app), {"id": 12345, **PRINTED})).id
    answer = await v1.get(v1.path(f"alarms/{created}", app))
    assert answer.json == {"id": created, **PRINTED}
    assert (await v1.put(v1.path(f"alarms/{created}", app), answer.json)).id == created
    assert (await v1.get(v1.path("alarms", app))).json["data"] == [answer.json]


async def test_an_alarm_of_the_web_keeps_what_its_platform_knows(v1: V1Client) -> None:
    await declare(v1, v1.web, state="myState")
    [entry] = (await shown(v1, PRINTED, v1.path("alarms", v1.web)))["messages"]
    [printed] = PRINTED["messages"]
    kept = ("title", "text", "clickCustomParams", "displayCustomParams")
    assert entry == {name: printed[name] for name in kept}


async def test_rule_92_a_language_version_is_a_push_message(v1: V1Client) -> None:
    await declare(v1, v1.android, collapse_key="orders", button_template="yes_no")
    entry = {
        "language": "en",
        "title": "Title",
        "text": "Hi ${firstname}",
        "longText": "Longer",
        "template": "BigTextStyle",
        "badge": "+1",
        "priority": 2,
        "foreground": True,
        "popup": {"okButtonLabel": "Show"},
        "sound": {"sound": "custom", "soundName": "bell.wav"},
        "openRichPushIn": "browser",
        "richPushUrl": "https://shop.example",
        "collapseKey": "orders",
        "interactiveButtons": {
            "template": "yes_no",
            "buttons": [{"id": "1", "action": "webview", "url": "https://shop.example", "destructive": True}],
        },
        "delayTimerForAppliOff": False,
    }
    assert (await shown(v1, {**ALARM, "messages": [entry]}))["messages"] == [entry]


@pytest.mark.parametrize(
    ("entry", "status", "label", "place"),
    [
        ({"text": "x", "collapseKey": "nope"}, 404, "API_ERR_DATA", "collapseKey"),
        ({"text": "x", "interactiveButtons": {"template": "x"}}, 404, "API_ERR_DATA", "interactiveButtons/template"),
        ({"text": "x", "badge": "many"}, 400, "API_ERR_FORMAT", "badge"),
        ({"text": "x", "sound": {"sound": "Custom"}}, 400, "API_ERR_FORMAT", "sound/soundName"),
        (
            {"text": "x", "interactiveButtons": {"buttons": [{"id": 1, "action": "urlsheme"}]}},
            400,
            "API_ERR_FORMAT",
            "interactiveButtons/buttons/0/url",
        ),
    ],
)
async def test_rules_39_to_42_hold_for_the_versions_of_an_alarm(
    v1: V1Client, entry: dict[str, Any], status: int, label: str, place: str
) -> None:
    answer = await v1.post(v1.path("alarms"), {**ALARM, "messages": [entry]})
    assert answer.refused(status, label)
    assert named(answer.errors) == [f"messages/0/{place}"]


async def test_rules_40_and_42_spellings_are_folded(v1: V1Client) -> None:
    buttons = {"buttons": [{"id": 1, "action": "urlScheme", "url": "shop://x"}]}
    body = {**ALARM, "messages": [{"text": "x", "sound": {"sound": "NONE"}, "interactiveButtons": buttons}]}
    created = (await v1.post(v1.path("alarms"), body)).id
    for path in (v1.path(f"alarms/{created}"), v1.path("alarms/external/x")):
        assert (await v1.put(path, {**body, "externalId": "x"})).id == created
    [entry] = (await v1.get(v1.path(f"alarms/{created}"))).json["messages"]
    assert entry["sound"] == {"sound": "none"}
    assert entry["interactiveButtons"]["buttons"][0]["action"] == "urlscheme"


async def test_rule_92_the_template_is_the_same_for_every_language(v1: V1Client) -> None:
    await declare(v1, v1.ios, button_template="one")
    await declare(v1, v1.ios, button_template="two")
    for app, first, other, place in (
        (v1.android, {"template": "BigTextStyle"}, {"template": "InboxStyle"}, "template"),
        (v1.android, {"template": "BigTextStyle"}, {}, "template"),
        (
            v1.ios,
            {"interactiveButtons": {"template": "one"}},
            {"interactiveButtons": {"template": "two"}},
            "interactiveButtons/template",
        ),
    ):
        versions = [{"text": "x", "language": "en", **first}, {"text": "y", "language": "fr", **other}]
        answer = await v1.post(v1.path("alarms", app), {**ALARM, "messages": versions})
        assert answer.refused(400, "API_ERR_FORMAT")
        assert named(answer.errors) == [f"messages/1/{place}"]
        same = [{"text": "x", "language": "en", **first}, {"text": "y", "language": "fr", **first}]
        assert (await v1.post(v1.path("alarms", app), {**ALARM, "messages": same})).status == 200


async def test_rule_92_a_webservice_is_for_android_and_ios_only(v1: V1Client) -> None:
    body = {**ALARM, "webservice": {"url": "https://shop.example/alarm"}}
    for app in (v1.android, v1.ios):
        assert (await shown(v1, body, v1.path("alarms", app)))["webservice"] == body["webservice"]
    answer = await v1.post(v1.path("alarms", v1.web), body)
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == ["webservice"]
    created = (await v1.post(v1.path("alarms", v1.web), ALARM)).id
    assert (await v1.put(v1.path(f"alarms/{created}", v1.web), body)).refused(400, "API_ERR_FORMAT")
    for url in ("", " ", "x" * 2049):
        answer = await v1.post(v1.path("alarms"), {**ALARM, "webservice": {"url": url}})
        assert answer.refused(400, "API_ERR_FORMAT")


@pytest.mark.parametrize(
    "programmation",
    [
        {"useLocalDate": False, "type": "timer", "duration": 0},
        {"useLocalDate": True, "type": "timer", "duration": 1, "allowUpdate": True},
        {"useLocalDate": True, "type": "date", "date": "2031-03-01T08:00:00+01:00"},
        {"useLocalDate": False, "type": "date", "date": "2031-03-01T08:00:00Z", "allowUpdate": False},
        {"useLocalDate": False, "type": "timer", "duration": 60, "date": "2031-03-01T08:00:00-05:30"},
    ],
)
async def test_rule_97_a_programmation_comes_back_as_it_was(v1: V1Client, programmation: dict[str, Any]) -> None:
    """A date keeps its clock face, which is what a device reads when it reads the date in its own zone."""
    assert (await shown(v1, with_settings(programmation)))["settings"]["programmation"] == programmation


@pytest.mark.parametrize(
    "programmation",
    [
        {"type": "timer"},
        {"type": "date"},
        {"type": "never"},
        {"duration": 5},
        {"type": "timer", "duration": -1},
        {"type": "timer", "duration": 2**63},
        {"type": "date", "date": "tomorrow"},
        {"type": "date", "date": "2031-02-30T00:00:00Z"},
    ],
)
async def test_rule_97_a_programmation_says_when(v1: V1Client, programmation: dict[str, Any]) -> None:
    answer = await v1.post(v1.path("alarms"), with_settings(programmation))
    assert answer.refused(400, "API_ERR_FORMAT")


@pytest.mark.parametrize(
    "excluded",
    [
        {"days": [6, 7], "startTime": "22:00", "endTime": "08:00", "useLocalDate": True},
        {"days": [1], "useLocalDate": False},
        {"startTime": "12:00", "endTime": "13:30", "useLocalDate": True},
        {"startDate": "2031-12-24T00:00:00+01:00", "endDate": "2031-12-26T23:59:59+01:00", "useLocalDate": True},
        {
            "days": [1, 2],
            "startTime": "08:00",
            "endTime": "09:00",
            "startDate": "2031-01-01T00:00:00Z",
            "endDate": "2031-02-01T00:00:00Z",
            "useLocalDate": False,
        },
    ],
)
async def test_rule_97_an_exclusion_range_comes_back_as_it_was(v1: V1Client, excluded: dict[str, Any]) -> None:
    settings = (await shown(v1, with_settings(None, excluded)))["settings"]
    assert settings == {
        "programmation": {"type": "timer", "duration": 60, "useLocalDate": False},
        "exclusionRanges": [excluded],
    }


async def test_rule_97_a_range_is_local_unless_it_says_otherwise(v1: V1Client) -> None:
    [excluded] = (await shown(v1, with_settings(None, {"days": [1]})))["settings"]["exclusionRanges"]
    assert excluded == {"days": [1], "useLocalDate": True}


@pytest.mark.parametrize(
    ("ranges", "place"),
    [
        ([{"days": [1], "startTime": "08:00"}], "/0/endTime"),
        ([{"days": [1]}, {"days": [1], "endTime": "08:00"}], "/1/startTime"),
        ([{"days": [1], "startDate": "2031-01-01T00:00:00Z"}], "/0/endDate"),
        ([{"startDate": "2031-01-02T00:00:00Z", "endDate": "2031-01-01T00:00:00Z"}], "/0/endDate"),
        ([{"days": []}], "/0/days"),
        ([{"days": [1, 2, 3, 4, 5, 6, 7]}], ""),
        ([{"days": [1, 2, 3, 4, 5]}, {"days": [6, 7]}], ""),
        ([{"startTime": "08:00", "endTime": "20:00"}, {"startTime": "20:00", "endTime": "08:00"}], ""),
        ([{"startTime": "00:00", "endTime": "00:00"}], ""),
        ([{"days": [1]}] * 51, ""),
    ],
)
async def test_rule_97_ranges_are_whole_and_leave_a_free_instant(
    v1: V1Client, ranges: list[dict[str, Any]], place: str
) -> None:
    answer = await v1.post(v1.path("alarms"), with_settings(None, *ranges))
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == [f"settings/exclusionRanges{place}"]


@pytest.mark.parametrize(
    "excluded",
    [
        {},
        {"startTime": "08:00"},
        {"startDate": "2031-01-01T00:00:00Z"},
        {"days": [0]},
        {"days": [8]},
        {"startTime": "24:00", "endTime": "01:00"},
        {"startTime": "8:00", "endTime": "09:00"},
        {"startDate": "x", "endDate": "y"},
    ],
)
async def test_rule_22_malformed_ranges(v1: V1Client, excluded: dict[str, Any]) -> None:
    answer = await v1.post(v1.path("alarms"), with_settings(None, excluded))
    assert answer.status == 400
    assert set(answer.labels) == {"API_ERR_FORMAT"}


async def test_rule_97_dates_at_the_ends_of_time_are_answered(v1: V1Client) -> None:
    """Whatever becomes of them, nothing fails."""
    for year in ("0001", "9999"):
        date = f"{year}-12-31T23:59:59Z" if year == "9999" else f"{year}-01-01T00:00:00Z"
        for local in (True, False):
            programmation = {"type": "date", "date": date, "useLocalDate": local}
            assert (await v1.post(v1.path("alarms"), with_settings(programmation))).status == 200
            answer = await v1.post(v1.path("alarms"), with_settings(programmation, {"days": [1, 2, 3, 4, 5, 6]}))
            assert answer.status in (200, 400)


async def test_an_alarm_needs_its_settings(v1: V1Client) -> None:
    wrong: list[Any] = [None, {}, {"exclusionRanges": []}]
    for settings in wrong:
        answer = await v1.post(v1.path("alarms"), {**ALARM, "settings": settings})
        assert answer.refused(400, "API_ERR_FORMAT")


async def test_rule_81_buttons_of_an_alarm_have_action_ids(v1: V1Client) -> None:
    buttons = {"buttons": [{"id": "a"}, {"id": "b"}]}
    entry = {"text": "x", "richPushUrl": "https://shop.example", "interactiveButtons": buttons}
    created = (await v1.post(v1.path("alarms"), {**ALARM, "messages": [entry]})).id
    async with v1.database.connection() as conn:
        found = await content.actions(conn, v1.android.id, created)
    assert {(action.kind, action.button) for action in found} == {
        (ActionKind.BUTTON, "a"),
        (ActionKind.BUTTON, "b"),
        (ActionKind.RICH, ""),
    }
