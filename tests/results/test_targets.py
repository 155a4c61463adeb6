"""Targets, clicks and daily figures as they are read: pages are slices of one ordered whole."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.content import service as content
from clarion.content.model import Button, CampaignDraft, Content, MessageDraft
from clarion.db.pool import Database
from clarion.db.sql import execute
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, device_id
from clarion.results import service as results
from clarion.results.model import OPEN, TARGETED, Outcome, Period, Subject
from clarion.tracking import service as tracking
from clarion.tracking.model import EventKind, Report
from tests.results.world import add_chunk

ALL = Period()


@pytest.fixture
async def app(database: Database, sealer: Sealer) -> App:
    async with database.transaction() as conn:
        made, _ = await apps.create_app(conn, sealer, "demo01", Platform.IOS, "Demo")
    return made


@pytest.mark.parametrize("seed", range(3))
async def test_pages_of_targets_equal_the_whole_read_naively(database: Database, app: App, seed: int) -> None:
    """v1 rules 30, 33, 79, 82: by date, then id; inclusive bounds; nothing older than 3 months, nothing not begun."""
    chance = random.Random(seed)
    now = clock.now()
    whole: list[tuple[datetime, int, int, int, int, int | None]] = []
    for send in range(1, 7):
        message, campaign = chance.choice([(1, 9), (2, 9), (3, None)])
        for no in range(chance.randrange(1, 5)):
            started = now - timedelta(days=chance.choice([0, 1, 5, 60, 120]), seconds=chance.randrange(3))
            started_at = None if chance.random() < 0.1 else started
            ids = sorted(chance.sample(range(-500, 500), chance.randrange(1, 12)))
            outcomes = bytes(chance.choice(list(Outcome)) for _ in ids)
            await add_chunk(database, app, send, no, message, campaign, started_at, ids, outcomes)
            if started_at is not None and started_at > now - timedelta(days=89):
                whole += [
                    (started_at, send, no, number, message, campaign)
                    for number, outcome in zip(ids, outcomes, strict=True)
                    if outcome in TARGETED
                ]
    assert whole
    whole.sort()
    bounds = [Period(), Period(now - timedelta(days=6), now), Period(None, now - timedelta(days=1))]
    async with database.connection() as conn:
        for subject in (Subject(message_id=1), Subject(message_id=3), Subject(campaign_id=9)):
            for period in bounds:
                expected = [
                    (at, message, campaign)
                    for at, _send, _no, _id, message, campaign in whole
                    if (message == subject.message_id or campaign == (subject.campaign_id or 0))
                    and (period.start is None or at >= period.start)
                    and (period.end is None or at <= period.end)
                ]
                size, pages = chance.randrange(1, 9), []
                for offset in range(0, len(expected) + 2 * size, size):
                    found = await results.targets(conn, app.id, subject, period, [], limit=size, offset=offset)
                    assert len(found) <= size
                    pages += [(target.at, target.message_id, target.campaign_id) for target in found]
                assert pages == expected


async def test_a_target_shows_its_device_its_columns_and_whether_it_bounced(database: Database, app: App) -> None:
    """v1 rules 80 and 84. A perhaps delivered device was a target; the UDID of a purged profile is empty."""
    async with database.transaction() as conn:
        scheme = await apps.load_scheme(conn, app.id)
        model, opens = scheme.find("model"), scheme.find("openCount")
        assert model is not None
        assert opens is not None
        await devices.upsert(conn, app, [DeviceRecord(f"d{n}", {model: f"m{n}"}) for n in range(3)])
    ids = sorted(device_id(app.id, f"d{n}") for n in range(4))
    named = {device_id(app.id, f"d{n}"): f"d{n}" for n in range(3)}
    outcomes = bytes((Outcome.DELIVERED, Outcome.REFUSED_DEAD, Outcome.UNKNOWN, Outcome.REFUSED))
    await add_chunk(database, app, 1, 0, 7, None, clock.now(), ids, outcomes)
    async with database.connection() as conn:
        found = await results.targets(conn, app.id, Subject(message_id=7), ALL, [model, opens], limit=10, offset=0)
    assert [target.udid for target in found] == [named.get(number, "") for number in ids]
    assert [target.bounced for target in found] == [False, True, False, False]
    assert found[0].data == ({"model": f"m{found[0].udid[1:]}", "opencount": 0} if found[0].udid else {})
    assert {tuple(target.data) for target in found} == {("model", "opencount"), ()}


async def test_open_and_suppressed_devices_are_no_targets(database: Database, app: App) -> None:
    """v1 rule 82."""
    codes = sorted(set(Outcome) - TARGETED)
    assert set(codes) >= OPEN
    await add_chunk(database, app, 1, 0, 7, None, clock.now(), list(range(len(codes))), bytes(codes))
    async with database.connection() as conn:
        assert await results.targets(conn, app.id, Subject(message_id=7), ALL, [], limit=10, offset=0) == []


async def test_ledgers_are_dropped_after_four_months(database: Database, app: App) -> None:
    """v1 rule 82 hides them after three."""
    for send, days in ((1, 200), (2, 100), (3, 1)):
        await add_chunk(database, app, send, 0, 7, None, clock.now() - timedelta(days=days), [1], b"\x02")
    assert await results.drop_old(database) == 1
    assert await results.drop_old(database) == 0


async def test_clicks_name_the_action_that_was_pressed(database: Database, app: App) -> None:
    """v1 rules 79 and 81."""
    buttons = (Button(id="1"), Button(id="2"))
    async with database.transaction() as conn:
        campaign = await content.create_campaign(conn, app.id, CampaignDraft("Spring"))
        plain = await content.create_message(
            conn, app, MessageDraft("plain", (Content("Hello"),), campaign_id=campaign)
        )
        rich = MessageDraft("rich", (Content("Hello", rich_url="https://shop.example/", buttons=buttons),))
        message = await content.create_message(conn, app, rich)
        actions = {(each.kind.value, each.button): each.id for each in await content.actions(conn, app.id, message)}
        await devices.upsert(conn, app, [DeviceRecord("d1", {})])
        device = device_id(app.id, "d1")
        reports = [
            Report(device, UUID(int=n), EventKind.CLICKED, clock.now(), message_id=message_id, button=button)
            for n, (message_id, button) in enumerate([(message, None), (message, "2"), (message, "9"), (plain, None)])
        ]
        for report in reports:
            await tracking.record(conn, app.id, [[report]])
    async with database.connection() as conn:
        pressed = await results.clicks(conn, app.id, Subject(message_id=message), ALL, [], limit=10, offset=0)
        of_campaign = await results.clicks(conn, app.id, Subject(campaign_id=campaign), ALL, [], limit=10, offset=0)
        later = Period(clock.now() + timedelta(minutes=1), None)
        none = await results.clicks(conn, app.id, Subject(message_id=message), later, [], limit=10, offset=0)
    wanted = sorted([actions["rich", ""], actions["button", "2"], 0])
    assert sorted(click.action_id or 0 for click in pressed) == wanted
    assert {click.udid for click in pressed} == {"d1"}
    assert [(click.message_id, click.campaign_id, click.action_id) for click in of_campaign] == [
        (plain, campaign, None)
    ]
    assert none == []


async def test_days_come_with_their_figures_in_order(database: Database, app: App) -> None:
    """v1 rules 83 and 84: days without data are left out."""
    days = [datetime(2031, 3, day, tzinfo=UTC).date() for day in (1, 2, 5)]
    async with database.transaction() as conn:
        for number, day in enumerate(days, start=1):
            await execute(
                conn,
                "INSERT INTO clarion.stat_day (app_id, day, opens, push_sent, registered) VALUES (%s, %s, %s, %s, %s)",
                (app.id, day, number, 10 * number, None if number == 1 else 100),
            )
    async with database.connection() as conn:
        found = await results.stats(conn, app.id, None, None, limit=10, offset=0)
        middle = await results.stats(conn, app.id, days[1], days[2], limit=10, offset=0)
    assert [(stat.day, stat.opens, stat.push_sent, stat.registered) for stat in found] == [
        (days[0], 1, 10, None),
        (days[1], 2, 20, 100),
        (days[2], 3, 30, 100),
    ]
    assert middle == found[1:]
