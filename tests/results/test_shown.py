"""In-apps and alarms are sent to nobody: their targets are the displays that devices reported (v1 rules 79 and 82)."""

import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.content.model import MessageKind
from clarion.db.pool import Database
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, device_id
from clarion.results import service as results
from clarion.results.model import TARGETED, Outcome, Period, Subject, Target
from clarion.results.targets import Before, slices
from clarion.tracking.model import EventKind
from tests.results.world import add_chunk, add_events, add_message

UDIDS = {f"d{number}" for number in range(40)}
Line = tuple[datetime, int, str]


@pytest.fixture
async def app(database: Database, sealer: Sealer) -> App:
    async with database.transaction() as conn:
        made, _ = await apps.create_app(conn, sealer, "demo01", Platform.IOS, "Demo")
        await devices.upsert(conn, made, [DeviceRecord(udid) for udid in UDIDS])
    return made


async def pages(database: Database, app: App, subject: Subject, period: Period, size: int, most: int) -> list[Target]:
    """All targets, read page by page; every page but the last ones is full."""
    found: list[Target] = []
    async with database.connection() as conn:
        for offset in range(0, most + 2 * size, size):
            page = await results.targets(conn, app.id, subject, period, [], limit=size, offset=offset)
            assert len(page) == max(0, min(size, most - offset))
            found += page
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_v1_rules_33_and_79_a_campaign_of_all_kinds_is_one_order_of_dates(
    database: Database, app: App, seed: int
) -> None:
    """Pages are slices of the whole read naively: by date, then device id; with bounds; nothing older than 3 months."""
    chance = random.Random(seed)
    now = clock.now().replace(microsecond=0)
    udid_of = {device_id(app.id, udid): udid for udid in UDIDS}
    kinds = [MessageKind.PUSH, MessageKind.INAPP, MessageKind.ALARM, MessageKind.INBOX, MessageKind.INAPP]
    messages = [(await add_message(database, app, kind, 9), kind) for kind in kinds]
    foreign = await add_message(database, app, MessageKind.INAPP, None)
    whole: list[Line] = []
    for send in range(1, 40):
        message, kind = chance.choice(messages)
        at = now - timedelta(days=chance.choice([0, 1, 1, 40, 100]), seconds=chance.randrange(3))
        ids = sorted(chance.sample(sorted(udid_of), chance.randrange(1, 9)))
        if kind in (MessageKind.PUSH, MessageKind.INBOX):
            outcomes = bytes(chance.choice(list(Outcome)) for _ in ids)
            await add_chunk(database, app, send, 0, message, 9, at, ids, outcomes)
            await add_events(database, app, EventKind.DISPLAYED, message, ids[:2], at)
            ids = [number for number, outcome in zip(ids, outcomes, strict=True) if outcome in TARGETED]
        else:
            await add_events(database, app, EventKind.DISPLAYED, message, ids, at)
            await add_events(database, app, EventKind.CLICKED, message, ids[:1], at)
            await add_events(database, app, EventKind.DISPLAYED, foreign, ids, at)
        if at > now - timedelta(days=80):
            whole += [(at, message, udid_of[number]) for number in ids]
    assert whole
    for period in (Period(), Period(now - timedelta(days=2), now), Period(None, now - timedelta(days=1))):
        expected = [
            line
            for line in whole
            if (period.start is None or line[0] >= period.start) and (period.end is None or line[0] <= period.end)
        ]
        found = await pages(database, app, Subject(campaign_id=9), period, chance.randrange(1, 30), len(expected))
        assert [target.at for target in found] == sorted(target.at for target in found)
        assert sorted((target.at, target.message_id, target.udid) for target in found) == sorted(expected)
        assert {target.campaign_id for target in found} <= {9}


@pytest.mark.parametrize("kind", [MessageKind.INAPP, MessageKind.ALARM])
async def test_v1_rule_79_every_display_of_a_message_is_a_target(
    database: Database, app: App, kind: MessageKind
) -> None:
    """A device that saw it twice is listed twice, each time with its date."""
    message = await add_message(database, app, kind, 9)
    now = clock.now()
    numbers = sorted(device_id(app.id, udid) for udid in UDIDS)
    dates = [now - timedelta(days=days) for days in (100, 3, 2, 1)]
    for at in dates:
        await add_events(database, app, EventKind.DISPLAYED, message, numbers, at)
        await add_events(database, app, EventKind.CLICKED, message, numbers[:3], at)
    found = await pages(database, app, Subject(message_id=message), Period(), 7, 3 * len(numbers))
    assert [(target.at, device_id(app.id, target.udid)) for target in found] == [
        (at, number) for at in dates[1:] for number in numbers
    ]
    assert {(target.message_id, target.campaign_id, target.bounced) for target in found} == {(message, 9, False)}


async def test_displays_of_a_push_are_no_targets(database: Database, app: App) -> None:
    """v1 rule 82: it was sent to whom it was sent, whoever looked at it."""
    push = await add_message(database, app, MessageKind.PUSH, 9)
    await add_events(database, app, EventKind.DISPLAYED, push, [1, 2, 3], clock.now())
    for subject in (Subject(message_id=push), Subject(campaign_id=9)):
        assert await pages(database, app, subject, Period(), 10, 0) == []


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8),
    st.integers(0, 6),
    st.integers(0, 60),
    st.integers(0, 20),
)
def test_slices_are_those_of_the_whole(pairs: list[tuple[int, int]], last: int, offset: int, limit: int) -> None:
    displays, targets = [shown for shown, _ in pairs] + [last], [sent for _, sent in pairs]
    whole: list[tuple[bool, int, int]] = []
    for at, shown in enumerate(displays):
        whole += [(True, at, place) for place in range(shown)]
        whole += [(False, at, place) for place in range(targets[at] if at < len(targets) else 0)]
    found = [
        (isinstance(part, Before), part.chunk, skip + place)
        for part, skip, take in slices(displays, targets, offset, limit)
        for place in range(take)
    ]
    assert found == whole[offset : offset + limit]
