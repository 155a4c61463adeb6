"""Inbox messages on the wire (v1 rules 26 to 28, 44, 59, 90, 99 to 101)."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from clarion.apps import declarations
from clarion.apps import service as apps
from clarion.apps.model import App, DeclarationKind
from clarion.audience import service as audience
from clarion.base import clock
from clarion.content.inbox import service as inbox
from clarion.content.inbox.model import InboxEntry, InboxMessage
from clarion.db.sql import execute
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, device_id
from clarion.sending import inbox as giving
from tests.api.v1.client import V1Client
from tests.api.v1.test_odd_bodies import mutations
from tests.sending.planned import plan_all

LETTER = {
    "language": "en",
    "title": "Welcome",
    "sender": "The shop",
    "category": "news",
    "text": "Three things to know",
    "icon": "https://shop.example/icon.png",
    "content": {
        "type": "web",
        "body": "https://shop.example/welcome",
        "buttons": [
            {"title": "Start", "action": {"type": "url", "data": "https://shop.example"}, "customParams": {"n": 1}},
            {"id": 7, "title": "Later", "action": {"type": "close"}},
        ],
    },
    "customParams": {"screen": "home"},
}
PLAIN = {"name": "Hello", "messages": [{"title": "Hello", "content": {"type": "text", "body": "Hello you"}}]}


def letter(**content: Any) -> dict[str, Any]:
    """A message of one language version with this content."""
    return {"name": "Hello", "messages": [{"title": "Hello", "content": content}]}


@pytest.fixture
async def shop(v1: V1Client) -> V1Client:
    """The Android application has three devices and declares the event 1001."""
    async with v1.database.transaction() as conn:
        await devices.upsert(conn, v1.android, [DeviceRecord(f"d{number}") for number in range(3)])
        await declarations.declare(conn, v1.android.id, DeclarationKind.EVENT, "1001")
    return v1


async def give(v1: V1Client) -> None:
    """What senders do: begin what is due, and carry it out."""
    await giving.give_due(v1.database)
    await plan_all(v1.database)


async def move_clock(v1: V1Client, by: timedelta) -> None:
    clock.shift(by)
    async with v1.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (by,))


async def entries(v1: V1Client, udid: str = "d0", app: App | None = None) -> list[InboxEntry]:
    """The inbox of a device."""
    of = app or v1.android
    async with v1.database.connection() as conn:
        return await inbox.for_device(conn, of.id, device_id(of.id, udid))


async def stored(v1: V1Client, message_id: int) -> InboxMessage:
    async with v1.database.connection() as conn:
        return await inbox.get(conn, v1.android.id, message_id)


def later(**by: float) -> str:
    """A date ahead of now, as it is written on the wire."""
    return (clock.now() + timedelta(**by)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("platform", ["android", "ios", "web"])
async def test_v1_rule_101_a_message_reaches_every_device_of_the_base(v1: V1Client, platform: str) -> None:
    """v1 rule 28 as well: the answer is the technical id. A web application takes inbox messages like the others."""
    app = v1.apps[platform]
    async with v1.database.transaction() as conn:
        await devices.upsert(conn, app, [DeviceRecord("d0")])
    answer = await v1.post(v1.path("inboxes", app), {"name": "Welcome letter", "messages": [LETTER]})
    assert answer.json == {"id": answer.id}
    await give(v1)
    [entry] = await entries(v1, app=app)
    assert entry.message_id == answer.id
    assert (entry.read_at, entry.archived_at, entry.displayed_at, entry.expired) == (None, None, None, False)
    content = entry.content
    assert (content.title, content.sender, content.category, content.text) == (
        "Welcome", "The shop", "news", "Three things to know"
    )  # fmt: skip
    assert (content.kind.value, content.body, content.target) == ("web", "https://shop.example/welcome", None)
    assert [(button.id, button.title, button.action, button.data) for button in content.buttons] == [
        ("1", "Start", "url", "https://shop.example"),
        ("7", "Later", "close", None),
    ]
    assert (content.params, content.buttons[0].params) == ({"screen": "home"}, {"n": "1"})


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ({"type": "text", "body": "Hello"}, ("text", "Hello", None)),
        ({"type": "web", "body": "https://shop.example"}, ("web", "https://shop.example", None)),
        ({"type": "richpush", "data": "https://shop.example"}, ("richpush", None, "https://shop.example")),
        ({"type": "event", "data": "1001"}, ("event", None, "1001")),
        ({"type": "url", "data": "https://shop.example"}, ("url", None, "https://shop.example")),
        ({"type": "urlscheme", "data": "shop://basket"}, ("urlscheme", None, "shop://basket")),
        ({"type": "system", "data": "https://shop.example/ping"}, ("system", None, "https://shop.example/ping")),
    ],
)
async def test_v1_rule_101_every_type_of_content(
    shop: V1Client, content: dict[str, Any], kept: tuple[str, ...]
) -> None:
    message = (await shop.post(shop.path("inboxes"), letter(**content))).id
    [version] = (await stored(shop, message)).draft.contents
    assert (version.kind.value, version.body, version.target) == kept


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ({"type": "url", "data": "https://shop.example"}, 200),
        ({"type": "system", "data": "https://shop.example/ping"}, 200),
        ({"type": "event", "data": "1001"}, 200),
        ({"type": "close"}, 200),
        ({"type": "text"}, 200),
        ({"type": "url"}, 400),
        ({"type": "event"}, 400),
        ({"type": "system", "data": ""}, 400),
        ({"type": "shout"}, 400),
    ],
)
async def test_v1_rule_101_types_of_buttons(shop: V1Client, action: dict[str, Any], status: int) -> None:
    body = letter(type="text", body="Hello", buttons=[{"title": "Press", "action": action}])
    answer = await shop.post(shop.path("inboxes"), body)
    assert answer.status == status or answer.refused(status, "API_ERR_FORMAT")


async def test_v1_rule_101_buttons_without_id_get_a_free_one(shop: V1Client) -> None:
    action = {"type": "close"}
    buttons = [{"title": "a", "action": action, "id": 2}, {"title": "b", "action": action}]
    buttons += [{"title": "c", "action": action}, {"title": "d", "action": action, "id": "1"}]
    message = (await shop.post(shop.path("inboxes"), letter(type="text", body="x", buttons=buttons))).id
    [version] = (await stored(shop, message)).draft.contents
    assert [button.id for button in version.buttons] == ["2", "3", "4", "1"]


@pytest.mark.parametrize(
    "content",
    [
        {"type": "url", "data": ""},
        {"type": "web", "body": ""},
        {"type": "web"},
        {"type": "event"},
        {"type": "letter", "data": "x"},
        {"type": "url", "data": "https://x", "buttons": [{"title": "a", "action": {"type": "close"}}]},
        {"type": "text", "body": "x", "buttons": [{"id": 1, "title": "a", "action": {"type": "close"}}] * 2},
        {"type": "text", "body": "x", "buttons": [{"id": "", "title": "a", "action": {"type": "close"}}]},
        {"type": "text", "body": "x", "buttons": [{"title": "a", "action": {"type": "close"}}] * 101},
        {"type": "text", "body": "x" * 33_000},
    ],
)
async def test_v1_rule_22_a_content_that_cannot_be_is_malformed(shop: V1Client, content: dict[str, Any]) -> None:
    assert (await shop.post(shop.path("inboxes"), letter(**content))).refused(400, "API_ERR_FORMAT")


async def test_v1_rule_38_one_version_a_language_and_one_fallback(shop: V1Client) -> None:
    def version(**more: str) -> dict[str, Any]:
        return {"title": "Hello", "content": {"type": "text", "body": "x"}, **more}

    for pair in ([version(), version()], [version(language="fr"), version(language="FR")]):
        answer = await shop.post(shop.path("inboxes"), {"name": "x", "messages": pair})
        assert answer.refused(400, "API_ERR_FORMAT")
        assert "messages/1/language" in answer.text
    good = {"name": "x", "messages": [version(), version(language="fr"), version(language="en")]}
    assert (await shop.post(shop.path("inboxes"), good)).status == 200


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ({"segments": {"campaignSegments": [4711]}}, "segments/campaignSegments/0"),
        ({"segments": {"testSegments": [4711]}}, "segments/testSegments/0"),
        ({"lists": [{"listId": 4711}]}, "lists/0"),
        ({"lists": [{"externalId": "nobody"}]}, "lists/0"),
        ({"campaignId": 4711}, "campaignId"),
        (letter(type="event", data="2002"), "messages/0/content/data"),
        (letter(type="event", data="no code"), "messages/0/content/data"),
        (
            letter(type="text", body="x", buttons=[{"title": "a", "action": {"type": "event", "data": "2002"}}]),
            "messages/0/content/buttons/0/action/data",
        ),
    ],
)
async def test_v1_rule_99_what_is_named_must_exist(shop: V1Client, reference: dict[str, Any], place: str) -> None:
    """404 on create and on update, where push messages answer 400 (v1 rule 39)."""
    answer = await shop.post(shop.path("inboxes"), {**PLAIN, **reference})
    assert answer.refused(404, "API_ERR_DATA")
    assert f"`{place}`" in answer.text
    waiting = (await shop.post(shop.path("inboxes"), {**PLAIN, "sendingDate": later(days=1)})).id
    answer = await shop.put(shop.path(f"inboxes/{waiting}"), {**PLAIN, **reference})
    assert answer.refused(404, "API_ERR_DATA")
    assert (await stored(shop, waiting)).revision == 1


async def test_v1_rule_107_form_gives_the_status_before_what_is_missing(shop: V1Client) -> None:
    """v1 rule 20: everything is told at once."""
    body = {**letter(type="event", data="2002"), "lists": [{"listId": 9}], "timezone": "Mars/Olympus"}
    answer = await shop.post(shop.path("inboxes"), body)
    assert (answer.status, answer.labels) == (400, ["API_ERR_FORMAT", "API_ERR_DATA", "API_ERR_DATA"])


async def test_v1_rule_99_a_message_is_for_its_segments_and_lists(shop: V1Client) -> None:
    async with shop.database.transaction() as conn:
        scheme = await apps.load_scheme(conn, shop.android.id)
        one = await audience.create_segment(
            conn, shop.android.id, scheme, "one", {"column": "UDID", "op": "eq", "value": "d1"}
        )
    body = {**PLAIN, "segments": {"campaignSegments": [one.id]}}
    assert (await shop.post(shop.path("inboxes"), body)).status == 200
    await give(shop)
    assert [len(await entries(shop, udid)) for udid in ("d0", "d1", "d2")] == [0, 1, 0]


async def test_v1_rule_99_before_its_date_a_message_can_be_replaced_and_nobody_has_it(shop: V1Client) -> None:
    body = {**PLAIN, "externalId": "welcome", "sendingDate": later(hours=2), "timezone": "Europe/Paris"}
    message = (await shop.post(shop.path("inboxes"), body)).id
    await give(shop)
    assert await entries(shop) == []
    changed = {**letter(type="text", body="new"), "externalId": "welcome", "sendingDate": later(hours=1)}
    assert (await shop.put(shop.path(f"inboxes/{message}"), changed)).id == message
    assert (await stored(shop, message)).draft.timezone is None, "an update replaces everything"
    await move_clock(shop, timedelta(minutes=61))
    await give(shop)
    [entry] = await entries(shop)
    assert (entry.message_id, entry.content.body) == (message, "new")


async def test_v1_rule_99_a_message_that_was_sent_stays_as_it_is(shop: V1Client) -> None:
    now = (await shop.post(shop.path("inboxes"), {**PLAIN, "externalId": "now"})).id
    past = (await shop.post(shop.path("inboxes"), {**PLAIN, "sendingDate": "2020-01-01T00:00:00Z"})).id
    waiting = (await shop.post(shop.path("inboxes"), {**PLAIN, "sendingDate": later(hours=1)})).id
    for message in (now, past):
        assert (await shop.put(shop.path(f"inboxes/{message}"), PLAIN)).refused(400, "API_ERR_DATA")
    assert (await shop.put(shop.path("inboxes/external/now"), PLAIN)).refused(400, "API_ERR_DATA")
    await move_clock(shop, timedelta(hours=1, minutes=1))
    answer = await shop.put(shop.path(f"inboxes/{waiting}"), PLAIN)
    assert answer.refused(400, "API_ERR_DATA"), "its date has come, though no sender has looked yet"
    await give(shop)
    assert (await shop.put(shop.path(f"inboxes/{waiting}"), PLAIN)).refused(400, "API_ERR_DATA")
    assert len(await entries(shop)) == 3


@pytest.mark.parametrize("date", [None, "2020-01-01T00:00:00Z", "absent"])
async def test_v1_rule_99_an_update_without_a_date_ahead_sends_at_once(shop: V1Client, date: str | None) -> None:
    message = (await shop.post(shop.path("inboxes"), {**PLAIN, "sendingDate": later(days=3)})).id
    body = PLAIN if date == "absent" else {**PLAIN, "sendingDate": date}
    assert (await shop.put(shop.path(f"inboxes/{message}"), body)).id == message
    await give(shop)
    assert [entry.message_id for entry in await entries(shop)] == [message]


async def test_v1_rule_59_a_date_without_offset_is_utc_and_the_zone_is_for_people(shop: V1Client) -> None:
    ahead = clock.now() + timedelta(days=1)
    plain = ahead.strftime("%Y-%m-%d %H:%M:%S")
    offset = ahead.strftime("%Y-%m-%dT%H:%M:%S+02:00")
    for text, hours in ((plain, 0), (offset, -2)):
        body = {**PLAIN, "sendingDate": text, "timezone": "Asia/Tokyo"}
        draft = (await stored(shop, (await shop.post(shop.path("inboxes"), body)).id)).draft
        assert draft.send_at == ahead.replace(microsecond=0) + timedelta(hours=hours)
        assert draft.timezone == "Asia/Tokyo"
    for zone in ("Mars/Olympus", "", "../etc/passwd", "x" * 300):
        answer = await shop.post(shop.path("inboxes"), {**PLAIN, "timezone": zone})
        assert answer.refused(400, "API_ERR_FORMAT")
        assert "timezone" in answer.text


async def test_v1_rule_99_a_message_expires_after_it_is_sent(shop: V1Client) -> None:
    for sent, expires in ((None, later(hours=-1)), (later(days=2), later(days=1)), (later(days=2), None)):
        body = {**PLAIN, "sendingDate": sent, "expirationDate": expires}
        answer = await shop.post(shop.path("inboxes"), body)
        assert answer.status == 200 if expires is None else answer.refused(400, "API_ERR_FORMAT")
    same = later(days=2)
    body = {**PLAIN, "sendingDate": same, "expirationDate": same}
    assert (await shop.post(shop.path("inboxes"), body)).refused(400, "API_ERR_FORMAT")
    message = (await shop.post(shop.path("inboxes"), {**PLAIN, "expirationDate": later(days=3)})).id
    await give(shop)
    assert [entry.expired for entry in await entries(shop)] == [False]
    await move_clock(shop, timedelta(days=3, minutes=1))
    await give(shop)
    found = {entry.message_id: entry.expired for entry in await entries(shop)}
    assert found[message] is True
    assert list(found.values()).count(False) == 1, "the one without an end, sent meanwhile"


async def test_v1_rules_44_and_90_messages_are_addressed_by_their_external_id(shop: V1Client) -> None:
    body = {**PLAIN, "externalId": "a/b c%", "sendingDate": later(days=1)}
    message = (await shop.post(shop.path("inboxes"), body)).id
    assert (await shop.post(shop.path("inboxes"), body)).refused(400, "API_ERR_DATA")
    path = shop.path("inboxes/external/a%2Fb%20c%25")
    assert (await shop.put(path, {**PLAIN, "name": "again", "sendingDate": later(days=1)})).id == message
    assert (await stored(shop, message)).draft.external_id == "a/b c%", "it keeps the id it was addressed by"
    assert (await shop.put(path, {**body, "externalId": "other"})).id == message
    assert (await shop.put(path, PLAIN)).refused(404, "API_ERR_DATA")
    second = (await shop.post(shop.path("inboxes"), {**PLAIN, "sendingDate": later(days=1)})).id
    answer = await shop.put(shop.path(f"inboxes/{second}"), {**PLAIN, "externalId": "other"})
    assert answer.refused(400, "API_ERR_DATA")
    assert (await shop.post(shop.path("inboxes", shop.ios), {**PLAIN, "externalId": "other"})).status == 200
    assert await shop.post(shop.path("messages"), {"name": "x", "externalId": "other", "messages": [{"text": "x"}]})


async def test_v1_rule_44_of_writers_of_one_external_id_one_wins(shop: V1Client) -> None:
    named = {**PLAIN, "externalId": "same", "sendingDate": later(days=1)}
    answers = await asyncio.gather(*(shop.post(shop.path("inboxes"), named) for _ in range(8)))
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 7}
    assert all(answer.status == 200 or answer.refused(400, "API_ERR_DATA") for answer in answers)


async def test_v1_rule_99_an_update_that_meets_the_sending_comes_before_it_or_is_refused(shop: V1Client) -> None:
    message = (await shop.post(shop.path("inboxes"), {**PLAIN, "sendingDate": later(days=1)})).id
    bodies = [letter(type="text", body=f"b{number}") for number in range(6)]
    path = shop.path(f"inboxes/{message}")
    answers = await asyncio.gather(*(shop.put(path, body) for body in bodies))
    assert Counter(answer.status for answer in answers) == {200: 1, 400: 5}, "the first sends at once"
    await give(shop)
    kept = await stored(shop, message)
    assert [entry.content for entry in await entries(shop)] == list(kept.draft.contents)
    assert kept.revision == 2


@pytest.mark.parametrize("by", ["id", "external"])
async def test_v1_rule_100_dates_are_set_and_cleared_for_one_device(shop: V1Client, by: str) -> None:
    message = (await shop.post(shop.path("inboxes"), {**PLAIN, "externalId": "welcome"})).id
    await give(shop)
    path = shop.path(f"inboxes/{message}/status" if by == "id" else "inboxes/external/welcome/status")

    async def change(udid: str = "d0", **body: str | None) -> list[str | None]:
        answer = await shop.put(path, body, params={"UDID": udid})
        assert (answer.status, answer.body) == (200, b"")
        [entry] = await entries(shop)
        dates = (entry.read_at, entry.archived_at)
        return [None if date is None else date.isoformat() for date in dates]

    read, archived = "2031-03-02T09:05:00+00:00", "2031-03-02T10:00:00+00:00"
    assert await change(readDate="2031-03-02T09:05:00Z") == [read, None]
    assert await change(archivedDate="2031-03-02T12:00:00+02:00") == [read, archived], "what is not named stays"
    assert await change("d1", readDate=None, archivedDate=None) == [read, archived], "somebody else's copy"
    assert await change(readDate=None) == [None, archived]
    assert await change(readDate="2031-03-02 09:05:00", archivedDate=None) == [read, None], "no offset is UTC"


async def test_v1_rule_100_the_device_must_be_named_and_have_the_message(shop: V1Client) -> None:
    given = (await shop.post(shop.path("inboxes"), {**PLAIN, "externalId": "given"})).id
    await give(shop)
    waiting = (await shop.post(shop.path("inboxes"), {**PLAIN, "sendingDate": later(days=1)})).id
    async with shop.database.transaction() as conn:
        await devices.upsert(conn, shop.android, [DeviceRecord("late")])
    body = {"readDate": "2031-03-02T09:05:00Z"}
    path = shop.path(f"inboxes/{given}/status")
    assert (await shop.put(path, body)).refused(400, "API_ERR_FORMAT")
    assert (await shop.put(path, body, params={"UDID": ""})).refused(400, "API_ERR_FORMAT")
    for udid in ("late", "nobody", "é" * 300):
        assert (await shop.put(path, body, params={"UDID": udid})).refused(404, "API_ERR_DATA")
    of_d0 = {"UDID": "d0"}
    assert (await shop.put(path, body, params={"UDID": "d\x000"})).refused(400, "API_ERR_FORMAT")
    for missing in (f"inboxes/{waiting}", "inboxes/999999", "inboxes/external/nothing"):
        assert (await shop.put(shop.path(f"{missing}/status"), body, params=of_d0)).refused(404, "API_ERR_DATA")
    for app in (shop.ios, shop.web):
        for foreign in (f"inboxes/{given}", "inboxes/external/given"):
            answer = await shop.put(shop.path(f"{foreign}/status", app), body, params=of_d0)
            assert answer.refused(404, "API_ERR_DATA"), "v1 rule 27"
    for malformed in ({}, {"readDate": "yesterday"}, {"readDate": 5}, {"archivedDate": ""}):
        assert (await shop.put(path, malformed, params=of_d0)).refused(400, "API_ERR_FORMAT")
    assert (await shop.put(shop.path("inboxes/abc/status"), body, params=of_d0)).refused(400, "API_ERR_FORMAT")
    assert [entry.read_at for entry in await entries(shop)] == [None]


async def test_v1_rule_27_the_message_of_another_application_is_unknown(shop: V1Client) -> None:
    body = {**PLAIN, "externalId": "mine", "sendingDate": later(days=1)}
    message = (await shop.post(shop.path("inboxes"), body)).id
    for path in (f"inboxes/{message}", "inboxes/external/mine"):
        assert (await shop.put(shop.path(path, shop.ios), PLAIN)).refused(404, "API_ERR_DATA")
    assert (await shop.put(shop.path("inboxes/999999"), PLAIN)).refused(404, "API_ERR_DATA")
    assert (await shop.put(shop.path("inboxes/abc"), PLAIN)).refused(400, "API_ERR_FORMAT")
    assert (await stored(shop, message)).revision == 1


async def test_v1_rule_35_a_deleted_campaign_leaves_its_inbox_messages_without_campaign(shop: V1Client) -> None:
    campaign = (await shop.post(shop.path("campaigns"), {"name": "Spring"})).id
    body = {**PLAIN, "campaignId": campaign, "sendingDate": later(days=1)}
    message = (await shop.post(shop.path("inboxes"), body)).id
    assert (await stored(shop, message)).draft.campaign_id == campaign
    assert (await shop.delete(shop.path(f"campaigns/{campaign}"))).status == 200
    assert (await stored(shop, message)).draft.campaign_id is None


async def test_v1_rules_81_and_82_reports_hold_inbox_messages(shop: V1Client) -> None:
    campaign = (await shop.post(shop.path("campaigns"), {"name": "Spring"})).id
    body = {"name": "x", "campaignId": campaign, "messages": [LETTER]}
    message = (await shop.post(shop.path("inboxes"), body)).id
    await give(shop)
    for path in (f"messages/{message}/targets", f"campaigns/{campaign}/targets"):
        found = (await shop.get(shop.path(path))).json["data"]
        assert sorted(target["deviceId"] for target in found) == ["d0", "d1", "d2"]
        assert {(target["messageId"], target["campaignId"], target["bounce"]) for target in found} == {
            (message, campaign, False)
        }
    assert (await shop.get(shop.path(f"messages/{message}/clicks"))).json["data"] == []
    actions = (await shop.get(shop.path(f"messages/{message}/actions"))).json["data"]
    assert [(action["type"], action["buttonId"]) for action in actions] == [("button", "1"), ("button", "7")]


async def test_odd_values_in_inbox_messages(shop: V1Client) -> None:
    """v1 rules 20 and 22: no value is a failure of ours."""
    body = {
        "name": "x",
        "externalId": "x",
        "campaignId": 1,
        "segments": {"campaignSegments": [1]},
        "lists": [{"listId": 1}],
        "messages": [LETTER],
        "sendingDate": "2031-03-02T09:05:00Z",
        "timezone": "Europe/Paris",
        "expirationDate": "2031-12-31T23:59:59Z",
    }
    for changed in mutations(body):
        answer = await shop.post(shop.path("inboxes"), changed)
        assert answer.status in (200, 400, 404), (changed, answer.body)
    message = (await shop.post(shop.path("inboxes"), PLAIN)).id
    await give(shop)
    for changed in mutations({"readDate": "2031-03-02T09:05:00Z", "archivedDate": None}):
        answer = await shop.put(shop.path(f"inboxes/{message}/status"), changed, params={"UDID": "d0"})
        assert answer.status in (200, 400), (changed, answer.body)


async def test_v1_rules_16_and_18_who_may_write_inbox_messages(
    shop: V1Client, viewer: V1Client, stranger: V1Client
) -> None:
    message = (await shop.post(shop.path("inboxes"), {**PLAIN, "externalId": "m"})).id
    await give(shop)
    for client in (viewer, stranger):
        assert (await client.post(shop.path("inboxes"), PLAIN)).refused(403, "API_ERR_FORBIDDEN")
        for path in (f"inboxes/{message}", "inboxes/external/m"):
            assert (await client.put(shop.path(path), PLAIN)).refused(403, "API_ERR_FORBIDDEN")
            answer = await client.put(shop.path(f"{path}/status"), {"readDate": None}, params={"UDID": "d0"})
            assert answer.refused(403, "API_ERR_FORBIDDEN")
