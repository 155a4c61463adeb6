"""The figures of a day: kept in step with what they count (v1 rules 83 and 84)."""

import random
from collections import Counter
from datetime import UTC, date, timedelta
from uuid import UUID, uuid4

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.content.model import MessageKind
from clarion.db.pool import Database
from clarion.db.sql import tuples
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, device_id
from clarion.gateways.seam import Fate, Notification, Verdict
from clarion.results import service as results
from clarion.results.model import TARGETED, Outcome, Period, Subject
from clarion.tracking.model import DayStats, EventKind, Recorded, Report
from tests.results.world import add_message, move_clock
from tests.sending.journey import Journey
from tests.sending.scripted import ScriptedGateway

UDIDS = tuple(f"d{number}" for number in range(12))
REACTIONS = (EventKind.DISPLAYED, EventKind.CLICKED)


@pytest.fixture
async def app(database: Database, sealer: Sealer) -> App:
    async with database.transaction() as conn:
        made, _ = await apps.create_app(conn, sealer, "demo01", Platform.IOS, "Demo")
        await devices.upsert(conn, made, [DeviceRecord(udid) for udid in UDIDS])
    return made


async def days_of(database: Database, app: App) -> dict[date, DayStats]:
    async with database.connection() as conn:
        found = await results.stats(conn, app.id, None, None, limit=100, offset=0)
    return {stats.day: stats for stats in found}


def report(
    app: App, kind: EventKind, message: int | None = None, udid: str = "d0", again: UUID | None = None
) -> Report:
    return Report(device_id(app.id, udid), again or uuid4(), kind, clock.now(), message_id=message)


async def test_v1_rule_84_displays_and_clicks_count_for_the_kind_of_their_message(database: Database, app: App) -> None:
    """Those of alarms and inbox messages belong to no figure; a message that is gone was a push."""
    push, inapp, alarm, inbox = [await add_message(database, app, kind) for kind in MessageKind]
    numbers = {push: 2, inapp: 3, alarm: 4, inbox: 5, 4711: 1}
    batch = [report(app, EventKind.DISPLAYED, message) for message, number in numbers.items() for _ in range(number)]
    batch += [report(app, EventKind.CLICKED, message) for message in numbers]
    assert await results.intake(database).receive(app.id, batch) == Recorded(len(batch), 0)
    assert await results.intake(database).receive(app.id, batch) == Recorded(0, len(batch))
    [day] = (await days_of(database, app)).values()
    assert (day.push_displays, day.push_clicks) == (3, 2)
    assert (day.inapp_displays, day.inapp_clicks) == (3, 1)


@pytest.mark.parametrize("seed", range(3))
async def test_v1_rules_83_and_84_figures_agree_with_the_events_they_count(
    database: Database, app: App, seed: int
) -> None:
    """Whatever is reported, again or late or for messages of any kind, over several days."""
    chance = random.Random(seed)
    messages = {await add_message(database, app, kind): kind for kind in MessageKind for _ in range(2)}
    repeated: list[Report] = []
    for day in range(4):
        await move_clock(database, timedelta(days=day))
        for _ in range(chance.randrange(1, 6)):
            batch = chance.sample(repeated, min(len(repeated), 3))
            for _ in range(chance.randrange(12)):
                kind = chance.choice(list(EventKind))
                message = chance.choice([*messages, 4711]) if kind in REACTIONS else None
                batch.append(report(app, kind, message, chance.choice(UDIDS)))
            repeated += batch
            await results.intake(database).receive(app.id, batch)
    counted: dict[date, Counter[str]] = {}
    opened: set[int] = set()
    async with database.connection() as conn:
        query = "SELECT ts, kind, message_id, device_id FROM clarion.event WHERE app_id = %s ORDER BY ts"
        for ts, number, message, device in await tuples(conn, query, (app.id,)):
            figures = counted.setdefault(ts.astimezone(UTC).date(), Counter())
            kind = EventKind(number)
            of = {MessageKind.INAPP: "inapp", MessageKind.PUSH: "push"}.get(messages.get(message, MessageKind.PUSH), "")
            if kind is EventKind.OPEN:
                figures["opens"] += 1
                figures["installs"] += device not in opened
                opened.add(device)
            elif kind in REACTIONS and of:
                figures[f"{of}_{'clicks' if kind is EventKind.CLICKED else 'displays'}"] += 1
    found = await days_of(database, app)
    names = ("opens", "installs", "push_displays", "push_clicks", "inapp_displays", "inapp_clicks")
    expected = {day: {name: figures[name] for name in names} for day, figures in counted.items() if figures.total()}
    assert {day: {name: getattr(stats, name) for name in names} for day, stats in found.items()} == expected


VERDICTS = (
    *(Verdict(Fate.DELIVERED) for _ in range(5)),
    Verdict(Fate.DEAD_TOKEN, "Unregistered"),
    Verdict(Fate.REFUSED, "BadTopic"),
)


async def with_gateway(journey: Journey) -> None:
    """Any sealed credentials: what is handed over is judged before it reaches the network."""
    async with journey.database.transaction() as conn:
        await conn.execute(
            "INSERT INTO clarion.gateway_credential (app_id, kind, secret) VALUES (%s, 'apns', %s)",
            (journey.app.id, journey.sealer.seal(b"{}", f"gateway:{journey.app.id}".encode())),
        )


async def send_to_all(journey: Journey, chance: random.Random, *, test: bool = False) -> None:
    """A message to every device, whatever its state; the gateway says now this, now that."""
    everybody = await journey.segment(f"everybody {uuid4()}", {"all": []}, test=test)
    message = await journey.message(test_segments=[everybody.id], campaign_segments=[everybody.id])

    def judge(_notification: Notification) -> Verdict:
        return chance.choice(VERDICTS)

    sender = journey.sender(chunk=9, opener=lambda _config: ScriptedGateway(judge))
    await journey.run(await journey.send(message, test=test), sender)


async def test_v1_rule_84_sent_are_the_pushes_to_devices_with_feedback_under_3(
    database: Database, sealer: Sealer
) -> None:
    """Bounces are those whose token the gateway calls dead."""
    journey = await Journey.begin(database, sealer)
    await with_gateway(journey)
    await journey.add_devices(20)
    await journey.add_devices(7, start=20, feedback=2)
    await journey.add_devices(7, start=30, feedback=3)
    await journey.add_devices(7, start=40, system_optin_notifs=False)
    await send_to_all(journey, random.Random(1))
    [day] = (await days_of(database, journey.app)).values()
    assert day.push_sent == 27
    async with database.connection() as conn:
        query = "SELECT outcomes FROM clarion.send_chunk WHERE app_id = %s"
        outcomes = b"".join(part for (part,) in await tuples(conn, query, (journey.app.id,)))
    assert day.bounces == outcomes.count(Outcome.REFUSED_DEAD) > 0


@pytest.mark.parametrize("seed", range(2))
async def test_v1_rule_84_pushes_and_bounces_agree_with_the_ledger(
    database: Database, sealer: Sealer, seed: int
) -> None:
    chance = random.Random(seed)
    journey = await Journey.begin(database, sealer)
    await with_gateway(journey)
    await journey.add_devices(40)
    for day in range(3):
        await move_clock(database, timedelta(days=day))
        for _ in range(chance.randrange(1, 3)):
            await send_to_all(journey, chance, test=chance.random() < 0.3)
    found = await days_of(database, journey.app)
    sent: Counter[date] = Counter()
    bounced: Counter[date] = Counter()
    async with database.connection() as conn:
        query = "SELECT started_at, outcomes FROM clarion.send_chunk WHERE app_id = %s AND started_at IS NOT NULL"
        for started_at, outcomes in await tuples(conn, query, (journey.app.id,)):
            sent[started_at.date()] += sum(outcome in TARGETED for outcome in outcomes)
            bounced[started_at.date()] += outcomes.count(Outcome.REFUSED_DEAD)
    assert len(sent) == 3
    assert {day: (stats.push_sent, stats.bounces) for day, stats in found.items()} == {
        day: (sent[day], bounced[day]) for day in sent
    }


async def test_v1_rule_82_targets_are_listed_for_three_months_and_clicks_for_ever(
    database: Database, sealer: Sealer
) -> None:
    """Ledgers are dropped after four, which nobody notices."""
    journey = await Journey.begin(database, sealer)
    await with_gateway(journey)
    ids = await journey.add_devices(5)
    message = await journey.message()
    gateway = ScriptedGateway(lambda _: Verdict(Fate.DELIVERED))
    await journey.run(await journey.send(message), journey.sender(opener=lambda _config: gateway))
    click = Report(ids[0], uuid4(), EventKind.CLICKED, clock.now(), message_id=message)
    await results.intake(database).receive(journey.app.id, [click])

    async def seen() -> tuple[int, int, int]:
        of, whole = Subject(message_id=message), Period()
        async with database.connection() as conn:
            targets = await results.targets(conn, journey.app.id, of, whole, [], limit=10, offset=0)
            clicks = await results.clicks(conn, journey.app.id, of, whole, [], limit=10, offset=0)
            [(chunks,)] = await tuples(conn, "SELECT count(*) FROM clarion.send_chunk")
        return len(targets), len(clicks), chunks

    for days, listed, kept in ((0, 5, 1), (88, 5, 1), (93, 0, 1), (119, 0, 1), (124, 0, 0), (900, 0, 0)):
        await move_clock(database, timedelta(days=days))
        await results.drop_old(database)
        assert await seen() == (listed, 1, kept), days
