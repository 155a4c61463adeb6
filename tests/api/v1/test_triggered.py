"""What holds for in-apps and alarms alike on the wire (v1 rules 26 to 33, 44 to 46, 90 to 96, 98, 104)."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from clarion.apps import service as apps
from clarion.audience import service as audience
from clarion.base import clock
from tests.api.v1.client import V1Client
from tests.api.v1.triggered import BODIES, build_places, declare, named

EMPTY = {
    "displayCapping": 0,
    "globalClickCapping": 0,
    "sessionClickCapping": 0,
    "priority": 0,
    "cappingDelay": 0,
    "offlineDisplay": False,
    "geolocations": {},
    "beacons": {},
    "usePressure": False,
    "useDelay": False,
    "timer": {"duration": 0, "type": "lifetime"},
    "events": {},
    "views": {},
    "states": {},
}
"""The triggers of a message of which nothing is said."""

pytestmark = pytest.mark.parametrize("kind", ["inapps", "alarms"])


async def test_rules_28_and_94_a_small_body_is_answered_with_the_defaults(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), BODIES[kind])).id
    shown = (await v1.get(v1.path(f"{kind}/{created}"))).json
    assert (shown["id"], shown["name"], shown["triggers"]) == (created, BODIES[kind]["name"], EMPTY)
    assert (shown["segments"], shown["isActive"]) == ({}, False)
    assert {"externalId", "campaignId", "lists", "webservice"}.isdisjoint(shown)


async def test_rules_94_to_96_all_triggers_come_back_as_they_were_given(v1: V1Client, kind: str) -> None:
    await declare(v1, v1.android, event="1005", view="checkout", state="weather")
    places = await build_places(v1, v1.android)
    triggers = {
        "displayCapping": 3,
        "globalClickCapping": 1,
        "sessionClickCapping": 2,
        "priority": 5,
        "cappingDelay": 3600,
        "offlineDisplay": True,
        "usePressure": True,
        "useDelay": True,
        "timer": {"duration": 30, "type": "session"},
        "geolocations": {
            "inclusion": [{"id": places.geofence, "transition": "exit"}, {"geogroupId": "all", "transition": "enter"}],
            "exclusion": [{"externalId": "store", "geogroupExternalId": "store", "transition": "enter"}],
        },
        "beacons": {
            "inclusion": [{"id": places.beacon, "transition": "enter", "accuracy": "near"}],
            "exclusion": [{"geogroupId": places.geogroup, "transition": "exit"}],
        },
        "events": {
            "displayOnceByEvent": True,
            "allEventsTriggered": False,
            "inclusion": [1005, {"code": 1005}, {"code": 1005, "contains": "a", "equals": "abc", "regex": "^a"}],
            "exclusion": [{"code": 1005, "equals": "x"}],
        },
        "views": {"inclusion": ["checkout"], "exclusion": ["checkout"]},
        "states": {
            "allStatesActive": True,
            "inclusion": [{"name": "weather", "regex": "(?i)sun|blue"}],
            "exclusion": [{"name": "weather"}],
        },
        "connection": "wifi",
        "startDate": "2031-03-01T08:00:00Z",
        "endDate": "2031-03-31T22:00:00Z",
    }
    created = (await v1.post(v1.path(kind), {**BODIES[kind], "triggers": triggers})).id
    assert (await v1.get(v1.path(f"{kind}/{created}"))).json["triggers"] == triggers


async def test_a_place_may_be_named_without_transition_which_is_enter(v1: V1Client, kind: str) -> None:
    await build_places(v1, v1.android)
    triggers = {"geolocations": {"inclusion": [{"externalId": "store"}]}}
    created = (await v1.post(v1.path(kind), {**BODIES[kind], "triggers": triggers})).id
    shown = (await v1.get(v1.path(f"{kind}/{created}"))).json["triggers"]["geolocations"]
    assert shown == {"inclusion": [{"externalId": "store", "transition": "enter"}]}


async def test_dates_are_read_with_their_offset_and_null_is_none(v1: V1Client, kind: str) -> None:
    triggers = {"startDate": "2031-03-01 08:00:00+0100", "endDate": None}
    created = (await v1.post(v1.path(kind), {**BODIES[kind], "triggers": triggers})).id
    shown = (await v1.get(v1.path(f"{kind}/{created}"))).json["triggers"]
    assert shown == {**EMPTY, "startDate": "2031-03-01T07:00:00Z"}


async def test_an_end_before_the_start_is_refused(v1: V1Client, kind: str) -> None:
    triggers = {"startDate": "2031-03-02T00:00:00Z", "endDate": "2031-03-01T23:59:59Z"}
    answer = await v1.post(v1.path(kind), {**BODIES[kind], "triggers": triggers})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == ["triggers/endDate"]


@pytest.mark.parametrize(
    ("triggers", "place"),
    [
        ({"events": {"inclusion": [1005, 9]}}, "triggers/events/inclusion/1/code"),
        ({"events": {"exclusion": [{"code": -1}]}}, "triggers/events/exclusion/0/code"),
        ({"views": {"inclusion": ["basket"]}}, "triggers/views/inclusion/0"),
        ({"views": {"exclusion": ["checkout", ""]}}, "triggers/views/exclusion/1"),
        ({"states": {"inclusion": [{"name": "Weather"}]}}, "triggers/states/inclusion/0/name"),
        ({"states": {"exclusion": [{"name": "season"}]}}, "triggers/states/exclusion/0/name"),
        ({"geolocations": {"inclusion": [{"id": 999}]}}, "triggers/geolocations/inclusion/0"),
        ({"geolocations": {"exclusion": [{"externalId": "nope"}]}}, "triggers/geolocations/exclusion/0"),
        ({"geolocations": {"inclusion": [{"geogroupId": 999}]}}, "triggers/geolocations/inclusion/0"),
        ({"geolocations": {"inclusion": [{"geogroupExternalId": "nope"}]}}, "triggers/geolocations/inclusion/0"),
        ({"beacons": {"inclusion": [{"id": 2**63 - 1}]}}, "triggers/beacons/inclusion/0"),
        ({"beacons": {"exclusion": [{"externalId": "store", "geogroupId": 999}]}}, "triggers/beacons/exclusion/0"),
    ],
)
async def test_rules_91_and_92_a_missing_resource_is_404(
    v1: V1Client, kind: str, triggers: dict[str, Any], place: str
) -> None:
    await declare(v1, v1.android, event="1005", view="checkout", state="weather")
    await build_places(v1, v1.android)
    body = {**BODIES[kind], "triggers": triggers}
    answer = await v1.post(v1.path(kind), body)
    assert answer.refused(404, "API_ERR_DATA")
    assert named(answer.errors) == [place]
    created = (await v1.post(v1.path(kind), BODIES[kind])).id
    assert (await v1.put(v1.path(f"{kind}/{created}"), body)).refused(404, "API_ERR_DATA")
    assert (await v1.get(v1.path(f"{kind}/{created}"))).json["triggers"] == EMPTY


async def test_rule_27_what_another_application_declares_is_missing_here(v1: V1Client, kind: str) -> None:
    await declare(v1, v1.ios, event="1005", view="checkout", state="weather")
    foreign = await build_places(v1, v1.ios)
    for triggers in (
        {"events": {"inclusion": [1005]}},
        {"views": {"inclusion": ["checkout"]}},
        {"states": {"inclusion": [{"name": "weather"}]}},
        {"geolocations": {"inclusion": [{"id": foreign.geofence}]}},
        {"beacons": {"inclusion": [{"externalId": "store"}]}},
    ):
        answer = await v1.post(v1.path(kind), {**BODIES[kind], "triggers": triggers})
        assert answer.refused(404, "API_ERR_DATA")


async def test_rules_91_and_92_unknown_segments_lists_and_campaigns_are_missing_resources(
    v1: V1Client, kind: str
) -> None:
    for member, place in (
        ({"campaignId": 999}, "campaignId"),
        ({"segments": {"campaignSegments": [999]}}, "segments/campaignSegments/0"),
        ({"segments": {"testSegments": [999]}}, "segments/testSegments/0"),
        ({"lists": [{"listId": 999}]}, "lists/0"),
        ({"lists": [{"externalId": "nope"}]}, "lists/0"),
    ):
        answer = await v1.post(v1.path(kind), {**BODIES[kind], **member})
        assert answer.refused(404, "API_ERR_DATA")
        assert named(answer.errors) == [place]


async def test_rule_107_errors_about_form_come_first_and_all_are_told(v1: V1Client, kind: str) -> None:
    triggers = {
        "views": {"inclusion": ["nope"]},
        "startDate": "2031-03-02T00:00:00Z",
        "endDate": "2031-03-01T00:00:00Z",
    }
    answer = await v1.post(v1.path(kind), {**BODIES[kind], "campaignId": 9, "triggers": triggers})
    assert (answer.status, answer.labels) == (400, ["API_ERR_FORMAT", "API_ERR_DATA", "API_ERR_DATA"])


async def test_whom_it_is_for_comes_back(v1: V1Client, kind: str) -> None:
    async with v1.database.transaction() as conn:
        scheme = await apps.load_scheme(conn, v1.android.id)
        predicate = {"column": "language", "op": "eq", "value": "en"}
        one, two = [
            (await audience.create_segment(conn, v1.android.id, scheme, name, predicate)).id for name in ("one", "two")
        ]
        newsletter = (await audience.create_list(conn, v1.android.id, "Newsletter", "newsletter")).id
    campaign = (await v1.post(v1.path("campaigns"), {"name": "Spring"})).id
    given = {
        "externalId": "rate-us",
        "campaignId": campaign,
        "segments": {"testSegments": [one], "campaignSegments": [two, one]},
        "lists": [{"externalId": "newsletter"}],
    }
    created = (await v1.post(v1.path(kind), {**BODIES[kind], **given})).id
    shown = (await v1.get(v1.path(f"{kind}/{created}"))).json
    assert {name: shown[name] for name in given} == {
        **given,
        "lists": [{"listId": newsletter, "externalId": "newsletter"}],
    }
    assert (await v1.get(v1.path(kind))).json["data"] == [shown]


async def test_rule_35_a_campaign_leaves_its_messages(v1: V1Client, kind: str) -> None:
    campaign = (await v1.post(v1.path("campaigns"), {"name": "Spring"})).id
    created = (await v1.post(v1.path(kind), {**BODIES[kind], "campaignId": campaign})).id
    assert (await v1.delete(v1.path(f"campaigns/{campaign}"))).status == 200
    assert "campaignId" not in (await v1.get(v1.path(f"{kind}/{created}"))).json


@pytest.mark.parametrize("message_id", ["abc", "0", "-5", "1.0", str(2**63)])
async def test_rule_26_an_id_that_is_no_positive_number_is_a_format_error(
    v1: V1Client, kind: str, message_id: str
) -> None:
    path = v1.path(f"{kind}/{message_id}")
    assert (await v1.get(path)).refused(400, "API_ERR_FORMAT")
    assert (await v1.put(path, BODIES[kind])).refused(400, "API_ERR_FORMAT")
    assert (await v1.put(f"{path}/status", {"isActive": True})).refused(400, "API_ERR_FORMAT")


async def test_rule_27_messages_of_another_application_or_kind_are_unknown(v1: V1Client, kind: str) -> None:
    other_kind = "alarms" if kind == "inapps" else "inapps"
    foreign = (await v1.post(v1.path(kind, v1.ios), {**BODIES[kind], "externalId": "x"})).id
    other = (await v1.post(v1.path(other_kind), {**BODIES[other_kind], "externalId": "y"})).id
    push = (await v1.post(v1.path("messages"), {"name": "x", "messages": [{"text": "x"}]})).id
    for address in (str(foreign), str(other), str(push), "999", "external/x", "external/y", "external/nope"):
        path = v1.path(f"{kind}/{address}")
        assert (await v1.get(path)).refused(404, "API_ERR_DATA")
        assert (await v1.put(path, BODIES[kind])).refused(404, "API_ERR_DATA")
        assert (await v1.put(f"{path}/status", {"isActive": True})).refused(404, "API_ERR_DATA")


async def test_rules_29_to_33_lists_are_pages_by_ascending_id(v1: V1Client, kind: str) -> None:
    created = [(await v1.post(v1.path(kind), {**BODIES[kind], "name": f"n{n}"})).id for n in range(3)]
    for other in BODIES:
        await v1.post(v1.path(other, v1.ios), BODIES[other])
        if other != kind:
            await v1.post(v1.path(other), BODIES[other])
    answer = await v1.get(v1.path(kind))
    assert [message["id"] for message in answer.json["data"]] == sorted(created) == created
    assert answer.links == answer.json["links"]
    assert set(answer.links) == {"first"}
    past = await v1.get(v1.path(kind), params={"page": 2})
    assert (past.json["data"], set(past.links)) == ([], {"first", "prev"})
    assert (await v1.get(v1.path(kind), params={"page": "x"})).refused(400, "API_ERR_FORMAT")


async def test_rule_44_an_external_id_is_unique_by_application_and_kind(v1: V1Client, kind: str) -> None:
    body = {**BODIES[kind], "externalId": "rate-us"}
    created = (await v1.post(v1.path(kind), body)).id
    for other in BODIES:
        assert (await v1.post(v1.path(other, v1.ios), {**BODIES[other], "externalId": "rate-us"})).status == 200
        if other != kind:
            assert (await v1.post(v1.path(other), {**BODIES[other], "externalId": "rate-us"})).status == 200
    assert (await v1.post(v1.path(kind), body)).refused(400, "API_ERR_DATA")
    second = (await v1.post(v1.path(kind), {**body, "externalId": "second"})).id
    assert (await v1.put(v1.path(f"{kind}/{second}"), body)).refused(400, "API_ERR_DATA")
    assert (await v1.put(v1.path(f"{kind}/{created}"), body)).id == created


async def test_rule_44_of_two_creations_at_once_one_wins(v1: V1Client, kind: str) -> None:
    body = {**BODIES[kind], "externalId": "race"}
    answers = await asyncio.gather(*(v1.post(v1.path(kind), body) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400, 400, 400]
    assert len((await v1.get(v1.path(kind))).json["data"]) == 1


@pytest.mark.parametrize("external_id", ["rate-us", "a/b c", "ü%2F+&?#", "123", "status"])
async def test_rule_90_the_external_id_is_another_address(v1: V1Client, kind: str, external_id: str) -> None:
    created = (await v1.post(v1.path(kind), {**BODIES[kind], "externalId": external_id})).id
    path = v1.path(f"{kind}/external/{quote(external_id, safe='')}")
    shown = (await v1.get(path)).json
    assert shown == (await v1.get(v1.path(f"{kind}/{created}"))).json
    assert (shown["id"], shown["externalId"]) == (created, external_id)
    assert (await v1.put(f"{path}/status", {"isActive": True})).status == 200
    assert (await v1.put(path, {**BODIES[kind], "name": "New"})).id == created
    shown = (await v1.get(path)).json
    assert (shown["name"], shown["externalId"], shown["isActive"]) == ("New", external_id, True)
    assert (await v1.put(path, {**BODIES[kind], "externalId": "other"})).id == created
    assert (await v1.get(path)).refused(404, "API_ERR_DATA")
    assert (await v1.get(v1.path(f"{kind}/external/other"))).json["id"] == created


async def test_an_external_id_with_a_nul_is_no_address(v1: V1Client, kind: str) -> None:
    for method, rest, body in (("GET", "", None), ("PUT", "", BODIES[kind]), ("PUT", "/status", {"isActive": True})):
        path = v1.path(f"{kind}/external/a%00b{rest}")
        answer = await (v1.get(path) if method == "GET" else v1.put(path, body))
        assert answer.refused(400, "API_ERR_FORMAT")


async def test_an_update_replaces_the_whole_message_but_for_its_switch(v1: V1Client, kind: str) -> None:
    await declare(v1, v1.android, event="1005")
    triggers = {"displayCapping": 3, "events": {"inclusion": [1005]}, "connection": "cell"}
    body = {**BODIES[kind], "externalId": "x", "triggers": triggers}
    created = (await v1.post(v1.path(kind), body)).id
    path = v1.path(f"{kind}/{created}")
    assert (await v1.put(f"{path}/status", {"isActive": True})).status == 200
    assert (await v1.put(path, {**BODIES[kind], "name": "New"})).id == created
    shown = (await v1.get(path)).json
    assert (shown["name"], shown["triggers"], shown["isActive"]) == ("New", EMPTY, True)
    assert "externalId" not in shown
    assert (await v1.put(path, {**BODIES[kind], "isActive": False})).id == created
    assert (await v1.get(path)).json["isActive"] is False


async def test_rule_98_status_200_changed_204_already_so_404_unknown(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), BODIES[kind])).id
    path = v1.path(f"{kind}/{created}")
    assert (await v1.get(path)).json["isActive"] is False
    for active, status in ((False, 204), (True, 200), (True, 204), (False, 200), (False, 204)):
        answer = await v1.put(f"{path}/status", {"isActive": active})
        assert (answer.status, answer.body) == (status, b"")
        assert (await v1.get(path)).json["isActive"] is active
    assert (await v1.put(v1.path(f"{kind}/999/status"), {"isActive": False})).refused(404, "API_ERR_DATA")
    wrong: list[Any] = [{}, {"isActive": "yes"}, {"isActive": None}, []]
    for body in wrong:
        assert (await v1.put(f"{path}/status", body)).refused(400, "API_ERR_FORMAT")


async def test_rule_98_a_body_may_switch_a_new_message_on(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), {**BODIES[kind], "isActive": True})).id
    assert (await v1.get(v1.path(f"{kind}/{created}"))).json["isActive"] is True
    assert (await v1.put(v1.path(f"{kind}/{created}/status"), {"isActive": True})).status == 204


async def test_rule_98_the_switch_is_shown_whatever_the_dates_say(v1: V1Client, kind: str) -> None:
    """What is read can be written back: a message that waits for its start is not switched off by that."""
    start = (clock.now() + timedelta(days=7)).isoformat()
    created = (await v1.post(v1.path(kind), {**BODIES[kind], "triggers": {"startDate": start}})).id
    path = v1.path(f"{kind}/{created}")
    assert (await v1.put(f"{path}/status", {"isActive": True})).status == 200
    shown = (await v1.get(path)).json
    assert shown["isActive"] is True
    assert (await v1.put(path, shown)).id == created
    assert (await v1.get(path)).json == shown


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "*", "a**", "(a+)+", "\\q", "a" * 501, "(?P<n>a)"])
@pytest.mark.parametrize("group", ["events", "states"])
async def test_a_pattern_is_one_that_devices_can_run(v1: V1Client, kind: str, group: str, pattern: str) -> None:
    await declare(v1, v1.android, event="1005", state="weather")
    entries: dict[str, dict[str, Any]] = {"events": {"code": 1005}, "states": {"name": "weather"}}
    entry = entries[group]
    body = {**BODIES[kind], "triggers": {group: {"exclusion": [entry, {**entry, "regex": pattern}]}}}
    answer = await v1.post(v1.path(kind), body)
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == [f"triggers/{group}/exclusion/1/regex"]


async def test_triggers_are_bounded(v1: V1Client, kind: str) -> None:
    await declare(v1, v1.android, event="1005")
    body = {**BODIES[kind], "triggers": {"events": {"inclusion": [1005] * 20_000}}}
    answer = await v1.post(v1.path(kind), body)
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == ["triggers"]


@pytest.mark.parametrize(
    "triggers",
    [
        {"displayCapping": -1},
        {"displayCapping": 2**63},
        {"timer": {"duration": 1}},
        {"timer": {"duration": 1, "type": "never"}},
        {"events": {"inclusion": ["1005"]}},
        {"events": {"inclusion": [{}]}},
        {"views": {"inclusion": "checkout"}},
        {"states": {"inclusion": [{"contains": "x"}]}},
        {"geolocations": {"inclusion": [{"transition": "enter"}]}},
        {"beacons": {"inclusion": [{"id": 1, "accuracy": "close"}]}},
        {"connection": "3g"},
        {"startDate": "tomorrow"},
        {"startDate": "0000-01-01T00:00:00Z"},
    ],
)
async def test_rule_22_malformed_triggers(v1: V1Client, kind: str, triggers: dict[str, Any]) -> None:
    assert (await v1.post(v1.path(kind), {**BODIES[kind], "triggers": triggers})).status == 400


async def test_rules_45_46_and_93_texts_may_hold_marks_of_any_name(v1: V1Client, kind: str) -> None:
    """Nothing is refused for a name that no device has: it is an empty text."""
    text = "Hi ${firstname}, ${:city}, ${a4p_code} #{name}"
    entry = {"text": text} if kind == "alarms" else {"template": {"type": "popup", "title": "x", "text": text}}
    created = (await v1.post(v1.path(kind), {**BODIES[kind], "messages": [entry]})).id
    shown = (await v1.get(v1.path(f"{kind}/{created}"))).json["messages"][0]
    assert (shown.get("template") or shown)["text"] == text


@pytest.mark.parametrize(
    ("languages", "place"),
    [
        ((None, None), "messages/1/language"),
        (("en", "fr", "EN"), "messages/2/language"),
        (("", None), "messages/1/language"),
    ],
)
async def test_rule_38_languages_are_distinct_and_one_fallback_is_allowed(
    v1: V1Client, kind: str, languages: tuple[str | None, ...], place: str
) -> None:
    [entry] = BODIES[kind]["messages"]
    entries = [entry | ({} if language is None else {"language": language}) for language in languages]
    answer = await v1.post(v1.path(kind), {**BODIES[kind], "messages": entries})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert named(answer.errors) == [place]


async def test_rule_104_the_method_of_an_update_is_put(v1: V1Client, kind: str) -> None:
    created = (await v1.post(v1.path(kind), BODIES[kind])).id
    assert (await v1.post(v1.path(f"{kind}/{created}"), BODIES[kind])).refused(404, "API_ERR_UNKNOW_ROUTE")
    assert (await v1.delete(v1.path(f"{kind}/{created}"))).refused(404, "API_ERR_UNKNOW_ROUTE")


async def test_ids_are_never_those_of_another_kind_of_message(v1: V1Client, kind: str) -> None:
    push = (await v1.post(v1.path("messages"), {"name": "x", "messages": [{"text": "x"}]})).id
    assert (await v1.post(v1.path(kind), BODIES[kind])).id == push + 1
