"""Clicks and targets on the wire (v1 rules 27 to 33 and 79 to 82)."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from clarion.api.v1.reactions import instant_of
from clarion.base import clock
from clarion.content import service as content
from clarion.content.model import Button, CampaignDraft, Content, MessageDraft
from clarion.db.sql import execute
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, device_id
from clarion.results import service as results
from clarion.results.model import Outcome
from clarion.tracking import service as tracking
from clarion.tracking.model import EventKind, Report
from tests.api.v1.client import V1Client

CLICKED, DISPLAYED = EventKind.CLICKED, EventKind.DISPLAYED
KINDS = ("clicks", "targets")
MALFORMED = ("2031-02-30", "soon", "2031-1-1", "2031-01-01T00:00:00", "2031-01-01 24:00:00", "2031-01-01 10:00", "")


class Reported:
    """A message of a campaign with 250 targets (one of them bounced) and 105 clicks."""

    def __init__(self, v1: V1Client, campaign: int, message: int, action: int, at: datetime) -> None:
        self.v1 = v1
        self.campaign = campaign
        self.message = message
        self.action = action
        self.at = at

    def path(self, kind: str, of: str = "messages") -> str:
        number = self.message if of == "messages" else self.campaign
        return self.v1.path(f"{of}/{number}/{kind}")


@pytest.fixture
async def reported(v1: V1Client) -> Reported:
    app = v1.android
    at = clock.now() - timedelta(days=1)
    ids = sorted(device_id(app.id, f"d{n}") for n in range(250))
    outcomes = bytes([Outcome.REFUSED_DEAD, *[Outcome.DELIVERED] * 249])
    async with v1.database.transaction() as conn:
        await devices.upsert(conn, app, [DeviceRecord(f"d{n}", {}) for n in range(250)])
        campaign = await content.create_campaign(conn, app.id, CampaignDraft("Spring"))
        contents = (Content("Hello", buttons=(Button(id="1"),)),)
        message = await content.create_message(conn, app, MessageDraft("Spring", contents, campaign_id=campaign))
        [action] = await content.actions(conn, app.id, message)
        for no in range(2):
            half = slice(125 * no, 125 * no + 125)
            await execute(
                conn,
                """
                INSERT INTO clarion.send_chunk (app_id, send_id, no, message_id, campaign_id, size, device_ids,
                                                outcomes, min_id, max_id, started_at, targets)
                VALUES (%s, 1, %s, %s, %s, 125, %s, %s, 0, 0, %s, 125)
                """,
                (app.id, no, message, campaign, ids[half], outcomes[half], at + timedelta(seconds=no)),
            )
        clicks = [
            Report(ids[n], UUID(int=n), EventKind.CLICKED, at, message_id=message, button="1" if n else None)
            for n in range(105)
        ]
        await tracking.record(conn, app.id, [clicks])
    return Reported(v1, campaign, message, action.id, at)


@pytest.mark.parametrize("of", ["campaigns", "messages"])
async def test_targets_are_paged_with_their_links(reported: Reported, of: str) -> None:
    """v1 rules 29 to 33, 79, 82."""
    v1, path = reported.v1, reported.path("targets", of)
    found, sizes, next_page = [], [], path
    while next_page:
        answer = await v1.get(next_page)
        assert answer.status == 200
        assert answer.links == answer.json["links"]
        found += answer.json["data"]
        sizes.append(len(answer.json["data"]))
        next_page = answer.links.get("next", "")
    assert sizes == [100, 100, 50]
    assert len({target["deviceId"] for target in found}) == 250
    assert [target["date"] for target in found] == sorted(target["date"] for target in found)
    assert [target["bounce"] for target in found] == [True] + [False] * 249
    assert {(target["messageId"], target["campaignId"]) for target in found} == {(reported.message, reported.campaign)}
    assert "data" not in found[0]
    assert found[0]["date"] == reported.at.replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("of", ["campaigns", "messages"])
async def test_clicks_are_paged_and_name_their_action(reported: Reported, of: str) -> None:
    """v1 rules 30, 79, 81."""
    first = await reported.v1.get(reported.path("clicks", of))
    second = await reported.v1.get(reported.path("clicks", of), params={"page": 2})
    clicks = first.json["data"] + second.json["data"]
    assert (len(first.json["data"]), len(second.json["data"])) == (100, 5)
    assert "next" not in second.links
    assert sorted(click.get("actionId", 0) for click in clicks) == [0] + [reported.action] * 104
    assert {(click["messageId"], click["campaignId"]) for click in clicks} == {(reported.message, reported.campaign)}


@pytest.mark.parametrize("kind", KINDS)
async def test_pages_outside_are_empty(reported: Reported, kind: str) -> None:
    """v1 rules 30 and 32."""
    for page, relations in ((0, {"first"}), (-3, {"first"}), (9, {"first", "prev"}), (10**30, {"first", "prev"})):
        answer = await reported.v1.get(reported.path(kind), params={"page": page})
        assert (answer.status, answer.json["data"]) == (200, [])
        assert set(answer.links) == relations
    assert (await reported.v1.get(reported.path(kind), params={"page": "x"})).refused(400, "API_ERR_FORMAT")


@pytest.mark.parametrize("kind", KINDS)
async def test_device_columns_are_added_on_request(reported: Reported, kind: str) -> None:
    """v1 rule 80; names are found without case (v1 rule 69)."""
    asked = [("data[]", "bundleversion"), ("data[]", "OPENCOUNT"), ("data[]", "system_optin_notifs")]
    answer = await reported.v1.get(reported.path(kind), params=asked)
    assert answer.json["data"][0]["data"] == {"bundleversion": None, "opencount": 0, "system_optin_notifs": "Y"}
    assert "data%5B%5D=bundleversion" in answer.links["next"]
    without = await reported.v1.get(reported.path(kind), params={"data[]": "token"})
    assert without.json["data"][0]["data"] == {"token": "-"}
    unknown = await reported.v1.get(reported.path(kind), params=[("data[]", "shoeSize"), ("data[]", "hat")])
    assert (unknown.status, unknown.labels) == (400, ["API_ERR_FORMAT"] * 2)
    assert "shoeSize" in unknown.text


@pytest.mark.parametrize("kind", KINDS)
async def test_periods_are_inclusive(reported: Reported, kind: str) -> None:
    """v1 rule 79: a bare end day reaches to its last second."""
    at = reported.at if kind == "targets" else clock.now()
    day, second = at.strftime("%Y-%m-%d"), at.strftime("%Y-%m-%d %H:%M:%S")
    before = (at - timedelta(days=2)).strftime("%Y-%m-%d")

    async def count(**period: str) -> int:
        answer = await reported.v1.get(reported.path(kind), params=period)
        assert answer.status == 200
        return len(answer.json["data"])

    assert await count(startDate=before) == 100
    assert await count(startDate=before, endDate=(at + timedelta(days=1)).strftime("%Y-%m-%d")) == 100
    assert await count(endDate=before) == 0
    if kind == "targets":
        assert await count(startDate=second, endDate=second) == 100
        assert await count(endDate=day) == 100


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", MALFORMED)
async def test_malformed_dates_are_refused_all_at_once(reported: Reported, kind: str, text: str) -> None:
    """v1 rules 20 and 22."""
    answer = await reported.v1.get(reported.path(kind), params={"startDate": text, "endDate": text})
    assert (answer.status, answer.labels) == (400, ["API_ERR_FORMAT"] * 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of", ["campaigns", "messages"])
async def test_an_object_of_another_application_is_forbidden_and_an_unknown_one_is_not_found(
    reported: Reported, kind: str, of: str
) -> None:
    """v1 rules 26 and 27."""
    v1 = reported.v1
    number = reported.message if of == "messages" else reported.campaign
    assert (await v1.get(v1.path(f"{of}/{number}/{kind}", v1.ios))).refused(403, "API_ERR_FORBIDDEN")
    assert (await v1.get(v1.path(f"{of}/999999/{kind}"))).refused(404, "API_ERR_DATA")
    assert (await v1.get(v1.path(f"{of}/abc/{kind}"))).refused(400, "API_ERR_FORMAT")


async def test_targets_older_than_three_months_are_not_listed(reported: Reported) -> None:
    """v1 rule 82."""
    async with reported.v1.database.transaction() as conn:
        await execute(
            conn,
            """
            UPDATE clarion.send_chunk SET started_at = clarion.now() - interval '4 months'
            WHERE app_id = %s AND no = 0
            """,
            (reported.v1.android.id,),
        )
    answer = await reported.v1.get(reported.path("targets"), params={"page": 2})
    assert len(answer.json["data"]) == 25


def test_bounds_are_instants_in_utc() -> None:
    """v1 section L."""
    last = instant_of("2031-03-02", last=True)
    first = instant_of("2031-03-02 10:00:00", last=False)
    assert last is not None
    assert first is not None
    assert last.isoformat() == "2031-03-02T23:59:59.999999+00:00"
    assert first.isoformat() == "2031-03-02T10:00:00+00:00"


BUTTONS = [{"title": "Yes", "action": "close"}, {"title": "No", "action": "close"}]
BODIES: dict[str, dict[str, Any]] = {
    "messages": {"name": "x", "messages": [{"text": "x", "interactiveButtons": {"buttons": [{"id": 1}]}}]},
    "inapps": {
        "name": "x",
        "messages": [{"template": {"type": "popup", "title": "x", "text": "x", "buttons": BUTTONS}}],
    },
    "alarms": {
        "name": "x",
        "messages": [{"text": "x", "interactiveButtons": {"buttons": [{"id": 1}]}}],
        "settings": {"programmation": {"type": "timer", "duration": 60}},
    },
    "inboxes": {
        "name": "x",
        "messages": [
            {
                "title": "x",
                "content": {
                    "type": "text", "body": "x", "buttons": [{"id": 1, "title": "Yes", "action": {"type": "close"}}]
                },
            }
        ],
        "sendingDate": "2031-03-02T09:00:00Z",
    },
}  # fmt: skip


async def happened(v1: V1Client, message: int, *kinds: EventKind, button: str | None = None) -> None:
    """The device d0 reports these of a message."""
    number = device_id(v1.android.id, "d0")
    reports = [
        Report(number, uuid4(), kind, clock.now(), message_id=message, button=button if kind == CLICKED else None)
        for kind in kinds
    ]
    await results.intake(v1.database).receive(v1.android.id, reports)


@pytest.mark.parametrize("kind", BODIES)
async def test_v1_rule_81_a_click_names_its_action_whatever_the_kind_of_message(v1: V1Client, kind: str) -> None:
    """Its values are those of the actions of the message."""
    async with v1.database.transaction() as conn:
        await devices.upsert(conn, v1.android, [DeviceRecord("d0")])
    campaign = (await v1.post(v1.path("campaigns"), {"name": "Spring"})).id
    message = (await v1.post(v1.path(kind), {**BODIES[kind], "campaignId": campaign})).id
    [*_, action] = (await v1.get(v1.path(f"messages/{message}/actions"))).json["data"]
    await happened(v1, message, CLICKED, CLICKED, button=action["buttonId"])
    await happened(v1, message, CLICKED)
    for path in (f"messages/{message}/clicks", f"campaigns/{campaign}/clicks"):
        clicks = (await v1.get(v1.path(path))).json["data"]
        assert [click.get("actionId") for click in clicks] == [action["id"], action["id"], None]
        assert {(click["deviceId"], click["messageId"], click["campaignId"]) for click in clicks} == {
            ("d0", message, campaign)
        }


@pytest.mark.parametrize("kind", ["inapps", "alarms"])
async def test_v1_rule_79_targets_of_what_devices_show_are_its_displays(v1: V1Client, kind: str) -> None:
    """v1 rule 80 as well: device columns on request."""
    async with v1.database.transaction() as conn:
        await devices.upsert(conn, v1.android, [DeviceRecord("d0")])
    campaign = (await v1.post(v1.path("campaigns"), {"name": "Spring"})).id
    message = (await v1.post(v1.path(kind), {**BODIES[kind], "campaignId": campaign})).id
    await happened(v1, message, DISPLAYED, CLICKED, DISPLAYED)
    for path in (f"messages/{message}/targets", f"campaigns/{campaign}/targets"):
        found = (await v1.get(v1.path(path), params={"data[]": "openCount"})).json["data"]
        assert len(found) == 2
        assert {(each["deviceId"], each["messageId"], each["campaignId"], each["bounce"]) for each in found} == {
            ("d0", message, campaign, False)
        }
        assert found[0]["data"] == {"opencount": 0}
        yesterday = (clock.now() - timedelta(days=1)).strftime("%Y-%m-%d")
        assert (await v1.get(v1.path(path), params={"endDate": yesterday})).json["data"] == []


@pytest.mark.parametrize("report", KINDS)
@pytest.mark.parametrize("kind", BODIES)
async def test_v1_rule_27_a_message_of_another_application_is_forbidden_whatever_its_kind(
    v1: V1Client, kind: str, report: str
) -> None:
    message = (await v1.post(v1.path(kind), BODIES[kind])).id
    assert (await v1.get(v1.path(f"messages/{message}/{report}"))).json["data"] == []
    assert (await v1.get(v1.path(f"messages/{message}/{report}", v1.ios))).refused(403, "API_ERR_FORBIDDEN")
    assert (await v1.get(v1.path(f"messages/{message}/actions", v1.ios))).refused(404, "API_ERR_DATA")


async def test_v1_rule_35_a_report_of_a_deleted_message_is_gone_with_it(v1: V1Client) -> None:
    message = (await v1.post(v1.path("messages"), BODIES["messages"])).id
    await happened(v1, message, CLICKED)
    assert (await v1.delete(v1.path(f"messages/{message}"))).status == 200
    for report in KINDS:
        assert (await v1.get(v1.path(f"messages/{message}/{report}"))).refused(404, "API_ERR_DATA")


@pytest.mark.parametrize("kind", KINDS)
async def test_v1_rules_20_and_80_what_is_wrong_with_a_query_is_told_at_once(reported: Reported, kind: str) -> None:
    asked = [("data[]", "hat"), ("startDate", "soon"), ("data[]", "x\x00"), ("endDate", "2031-13-01"), ("page", "x")]
    answer = await reported.v1.get(reported.path(kind), params=asked)
    assert answer.status == 400
    assert set(answer.labels) == {"API_ERR_FORMAT"}
    assert [message.split("`")[1] for _, message in answer.errors] == ["data[]", "page", "startDate", "endDate"]
    del asked[-1], asked[2]
    answer = await reported.v1.get(reported.path(kind), params=asked)
    assert [message.split("`")[1] for _, message in answer.errors] == ["startDate", "endDate", "hat"]
    many = [("data[]", f"c{number}") for number in range(300)]
    answer = await reported.v1.get(reported.path(kind), params=many)
    assert (answer.status, len(answer.labels)) == (400, 100)
    twice = [("data[]", "openCount"), ("data[]", "OPENCOUNT")]
    assert (await reported.v1.get(reported.path(kind), params=twice)).json["data"][0]["data"] == {"opencount": 0}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of", ["campaigns", "messages"])
@pytest.mark.parametrize("asked", [{"startDate": "soon"}, {"data[]": "hat"}])
async def test_v1_rule_107_a_malformed_query_comes_before_whose_the_object_is(
    reported: Reported, kind: str, of: str, asked: dict[str, str]
) -> None:
    v1 = reported.v1
    assert (await v1.get(v1.path(f"{of}/999999/{kind}"), params=asked)).refused(400, "API_ERR_FORMAT")
    foreign = v1.path(f"{of}/{reported.message if of == 'messages' else reported.campaign}/{kind}", v1.ios)
    assert (await v1.get(foreign, params=asked)).refused(400, "API_ERR_FORMAT")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bound", ["0001-01-01", "9999-12-31", "9999-12-31 23:59:59", "0001-01-01 00:00:00"])
async def test_v1_rule_79_the_ends_of_the_calendar_are_dates_like_others(
    reported: Reported, kind: str, bound: str
) -> None:
    for name in ("startDate", "endDate"):
        answer = await reported.v1.get(reported.path(kind), params={name: bound})
        inside = (name == "startDate") == bound.startswith("0001")
        assert (answer.status, bool(answer.json["data"])) == (200, inside)
