"""Marketing pressure: no device gets more campaign pushes in a period than the application allows, none when quiet."""

import asyncio
import random
from collections import defaultdict
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from clarion.apps import pressure
from clarion.apps.model import Ceiling, PressureRules, QuietHours
from clarion.base import clock
from clarion.content.model import Content, Guarantee, MessageState
from clarion.db.sql import execute
from clarion.gateways.seam import Fate, Notification, Verdict
from clarion.results.model import Counts, Outcome
from clarion.sending import store
from clarion.sending.model import NewSend, Progress, SendKind, SendState
from clarion.sending.pressure import Pressure, in_quiet_hours
from tests.sending.journey import Journey, token_of
from tests.sending.scripted import Mortal, ScriptedGateway, leases_end

DAY = 86_400
DELIVERED = Verdict(Fate.DELIVERED)


async def rule(journey: Journey, rules: PressureRules) -> None:
    async with journey.database.transaction() as conn:
        await pressure.set_rules(conn, journey.app.id, rules)


async def later(journey: Journey, shift: timedelta) -> None:
    """Move both clocks to this long after the machine's."""
    async with journey.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (shift,))
    clock.shift(shift)


async def campaign(journey: Journey, *, use_pressure: bool = True, segments: tuple[int, ...] = ()) -> Progress:
    message = await journey.message(use_pressure=use_pressure, campaign_segments=segments)
    return await journey.run(await journey.send(message))


async def outcomes_of(journey: Journey, send_id: int) -> dict[int, Outcome]:
    return {
        device: Outcome(outcome)
        for chunk in await journey.chunks(send_id)
        for device, outcome in zip(chunk.device_ids, chunk.outcomes, strict=True)
    }


async def test_a_device_that_has_had_its_pushes_gets_no_more_until_the_period_is_over(journey: Journey) -> None:
    await rule(journey, PressureRules(Ceiling(2, DAY)))
    await journey.add_devices(120)
    assert [(await campaign(journey)).counts for _ in range(2)] == [Counts(delivered=120)] * 2
    await journey.add_devices(30, start=1000)
    message = await journey.message()
    send = await journey.send(message)
    ended = await journey.run(send)
    assert (ended.state, ended.counts) == (SendState.CLOSED, Counts(delivered=30, suppressed=120))
    assert ended.reasons == {"suppressed: pressure": 120}
    assert list((await outcomes_of(journey, send)).values()).count(Outcome.SUPPRESSED_PRESSURE) == 120
    await later(journey, timedelta(hours=23))
    assert (await campaign(journey)).counts == Counts(delivered=30, suppressed=120)
    await later(journey, timedelta(hours=25))
    assert (await campaign(journey)).counts == Counts(delivered=150)
    assert (await campaign(journey)).counts == Counts(delivered=120, suppressed=30)


async def test_a_send_that_pressure_keeps_from_everybody_has_not_failed(journey: Journey) -> None:
    await rule(journey, PressureRules(Ceiling(1, DAY)))
    await journey.add_devices(5)
    await campaign(journey)
    message = await journey.message()
    ended = await journey.run(await journey.send(message))
    assert (ended.state, ended.counts) == (SendState.CLOSED, Counts(suppressed=5))
    assert await journey.message_state(message) is MessageState.SENT


async def test_a_message_without_pressure_goes_to_everybody_and_counts(journey: Journey) -> None:
    await rule(journey, PressureRules(Ceiling(2, DAY)))
    await journey.add_devices(10)
    for _ in range(3):
        assert (await campaign(journey, use_pressure=False)).counts == Counts(delivered=10)
    assert (await campaign(journey)).counts == Counts(suppressed=10)


async def test_tests_are_under_no_pressure_and_put_none_on_others(journey: Journey) -> None:
    """v1 rule 62: a test is for those who make the message."""
    await rule(journey, PressureRules(Ceiling(1, DAY)))
    await journey.add_devices(3)
    everyone = await journey.segment("Everyone", {"all": []}, test=True)
    message = await journey.message(test_segments=[everyone.id])
    for _ in range(3):
        assert (await journey.run(await journey.send(message, test=True))).counts == Counts(delivered=3)
    assert (await journey.run(await journey.send(message))).counts == Counts(delivered=3)
    assert (await journey.run(await journey.send(message, test=True))).counts == Counts(delivered=3)


async def test_v1_rule_55_only_real_sends_that_want_it_are_under_pressure(unconnected: Journey) -> None:
    """Instant messages never are, whatever their parent says."""
    await rule(unconnected, PressureRules(Ceiling(1, DAY), (QuietHours(time(0), time(0)),)))
    under = set()
    async with unconnected.database.transaction() as conn:
        for kind in SendKind:
            for wanted in (False, True):
                new = NewSend(1, None, kind, 1, [], {}, Guarantee.AT_LEAST_ONCE, 100, 60, wanted)
                send = await store.find(conn, unconnected.app.id, await store.insert(conn, unconnected.app.id, new, 60))
                assert send is not None
                if await Pressure.on(conn, unconnected.app.id, send) is not None:
                    under.add((kind, wanted))
    assert under == {(SendKind.REAL, True)}


async def test_v1_rule_55_instant_messages_leave_room_for_campaigns(journey: Journey) -> None:
    """What a device got by its own doing (an order, a code) is no marketing."""
    await rule(journey, PressureRules(Ceiling(1, DAY)))
    await journey.add_devices(4)
    await campaign(journey)
    async with journey.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.send SET kind = 'instant' WHERE app_id = %s", (journey.app.id,))
    assert (await campaign(journey)).counts == Counts(delivered=4)


async def test_another_applications_pushes_are_not_counted(journey: Journey) -> None:
    other = await Journey.begin(journey.database, journey.sealer, "demo02")
    for each in (journey, other):
        await rule(each, PressureRules(Ceiling(1, DAY)))
        await each.add_devices(3)
    gateway = ScriptedGateway(lambda _notification: DELIVERED)
    await campaign(journey)
    async with other.database.transaction() as conn:
        await execute(
            conn,
            """
            INSERT INTO clarion.gateway_credential (app_id, kind, secret)
            SELECT %s, kind, %s FROM clarion.gateway_credential WHERE app_id = %s
            """,
            (other.app.id, other.sealer.seal(b"{}", f"gateway:{other.app.id}".encode()), journey.app.id),
        )
    sender = other.sender(opener=lambda _config: gateway)
    ended = await other.run(await other.send(await other.message()), sender)
    assert ended.counts == Counts(delivered=3)


@pytest.mark.parametrize(
    ("guarantee", "verdict", "counted"),
    [
        (Guarantee.AT_LEAST_ONCE, Verdict(Fate.REFUSED, "PayloadTooLarge"), False),
        (Guarantee.AT_MOST_ONCE, Verdict(Fate.UNKNOWN, "answer lost"), True),
    ],
)
async def test_what_a_device_did_not_get_is_not_counted_what_it_may_have_got_is(
    journey: Journey, guarantee: Guarantee, verdict: Verdict, counted: bool
) -> None:
    await rule(journey, PressureRules(Ceiling(1, DAY)))
    await journey.add_devices(40)
    unlucky = {token_of(number) for number in range(15)}
    gateway = ScriptedGateway(lambda notification: verdict if notification.token in unlucky else DELIVERED)
    message = await journey.message(guarantee=guarantee)
    await journey.run(await journey.send(message), journey.sender(opener=lambda _config: gateway))
    reached = 0 if counted else 15
    assert (await campaign(journey)).counts == Counts(delivered=reached, suppressed=40 - reached)


async def test_those_who_cannot_be_reached_keep_their_own_reason(journey: Journey) -> None:
    """Pressure is looked at last."""
    await rule(journey, PressureRules(Ceiling(1, DAY)))
    await journey.add_devices(6)
    await campaign(journey)
    await journey.add_devices(2, feedback=3)
    everyone = await journey.segment("Everyone", {"all": []})
    send = await journey.send(await journey.message(campaign_segments=[everyone.id]))
    await journey.run(send)
    found = list((await outcomes_of(journey, send)).values())
    assert found.count(Outcome.SUPPRESSED_BOUNCED) == 2
    assert found.count(Outcome.SUPPRESSED_PRESSURE) == 4


# Quiet hours

NIGHT = QuietHours(time(22), time(7))
NOON = QuietHours(time(12), time(14))
SUNDAY = QuietHours(time(0), time(0), (7,))
FRIDAY_NIGHT = QuietHours(time(23), time(6), (5,))


@pytest.mark.parametrize(
    ("windows", "at", "quiet"),
    [
        ((NIGHT,), "2026-03-02T21:59:59", False),
        ((NIGHT,), "2026-03-02T22:00:00", True),
        ((NIGHT,), "2026-03-03T06:59:59", True),
        ((NIGHT,), "2026-03-03T07:00:00", False),
        ((NIGHT, NOON), "2026-03-03T13:00:00", True),
        ((NOON,), "2026-03-03T14:00:00", False),
        ((SUNDAY,), "2026-03-07T23:59:59", False),
        ((SUNDAY,), "2026-03-08T00:00:00", True),
        ((SUNDAY,), "2026-03-08T23:59:59", True),
        ((SUNDAY,), "2026-03-09T00:00:00", False),
        ((FRIDAY_NIGHT,), "2026-03-06T22:59:59", False),
        ((FRIDAY_NIGHT,), "2026-03-06T23:00:00", True),
        ((FRIDAY_NIGHT,), "2026-03-07T05:59:59", True),
        ((FRIDAY_NIGHT,), "2026-03-07T23:30:00", False),
        ((FRIDAY_NIGHT,), "2026-03-06T05:00:00", False),
    ],
)
def test_quiet_hours_may_pass_midnight_and_belong_to_the_day_they_begin_on(
    windows: tuple[QuietHours, ...], at: str, quiet: bool
) -> None:
    local = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Paris"))
    assert in_quiet_hours(windows, local) is quiet


def around(zone: str) -> QuietHours:
    """Two hours around the present, by the clocks of a zone."""
    local = clock.now().astimezone(ZoneInfo(zone))
    return QuietHours((local - timedelta(hours=1)).time(), (local + timedelta(hours=1)).time())


@pytest.mark.parametrize(("default", "others_quiet"), [("Asia/Tokyo", True), ("America/Lima", False)])
async def test_quiet_hours_go_by_the_clock_of_the_device_and_else_by_that_of_the_application(
    journey: Journey, default: str, others_quiet: bool
) -> None:
    await rule(journey, PressureRules(quiet=(around("Asia/Tokyo"),), zone=default))
    zones = ["Asia/Tokyo", "Europe/Paris", None, "Mars/Base", "../../etc/passwd"]
    ids = [await journey.add_devices(10, start=100 * place, time_zone=zone) for place, zone in enumerate(zones)]
    send = await journey.send(await journey.message())
    ended = await journey.run(send)
    quiet = 10 + (30 if others_quiet else 0)
    assert (ended.state, ended.counts) == (SendState.CLOSED, Counts(delivered=50 - quiet, suppressed=quiet))
    assert ended.reasons == {"suppressed: quiet hours": quiet}
    outcomes = await outcomes_of(journey, send)
    assert {outcomes[device] for device in ids[0]} == {Outcome.SUPPRESSED_QUIET}
    assert {outcomes[device] for device in ids[1]} == {Outcome.DELIVERED}
    assert (await campaign(journey, use_pressure=False)).counts == Counts(delivered=50)


async def test_texts_find_their_values_beside_quiet_hours(journey: Journey) -> None:
    """The zone is read beside the columns that the texts use."""
    await rule(journey, PressureRules(Ceiling(1, DAY), (around("Asia/Tokyo"),), "Europe/Paris"))
    await journey.add_devices(1, model="Pad", time_zone="Europe/Paris")
    handed: list[Notification] = []

    def judge(notification: Notification) -> Verdict:
        handed.append(notification)
        return DELIVERED

    message = await journey.message(version=Content(text="Your ${model}, ${language}."))
    await journey.run(await journey.send(message), journey.sender(opener=lambda _config: ScriptedGateway(judge)))
    assert b"Your Pad, ." in handed[0].payload


# Exactness, whatever runs side by side or is killed


class Book:
    """A gateway that delivers everything and writes down who got which delivery when."""

    def __init__(self, seed: int) -> None:
        self.first: dict[tuple[str, bytes], datetime] = {}
        self.gateway = ScriptedGateway(self._judge, delay=0.02, room=25, seed=seed)

    def _judge(self, notification: Notification) -> Verdict:
        self.first.setdefault((notification.token, notification.delivery_id), clock.now())
        return DELIVERED

    def times(self) -> dict[str, list[datetime]]:
        found = defaultdict(list)
        for (token, _), at in self.first.items():
            found[token].append(at)
        return {token: sorted(times) for token, times in found.items()}

    def most(self, seconds: int) -> int:
        """The most that any device got in any window of so many seconds."""
        window = timedelta(seconds=seconds)
        return max(sum(at - window < other <= at for other in times) for times in self.times().values() for at in times)


async def side_by_side(journey: Journey, book: Book, chance: random.Random, *, kills: int) -> None:
    """Two senders work on everything that is due; a few times both are killed."""
    for left in range(kills, -1, -1):
        senders = [journey.sender(chunk=chance.randint(7, 40), opener=lambda _config: book.gateway) for _ in range(2)]
        life = chance.uniform(0.03, 0.2) if left else None
        await asyncio.gather(*(Mortal(journey.database, sender.handlers()).live(life) for sender in senders))
        for sender in senders:
            await sender.aclose()
        await leases_end(journey.database)


@pytest.mark.parametrize("seed", range(3))
async def test_campaigns_side_by_side_share_the_ceiling_to_the_unit(journey: Journey, seed: int) -> None:
    """Four campaigns over the same devices, chunks of other bounds, two senders, kills: each device gets just two."""
    chance, book = random.Random(seed), Book(seed)
    await rule(journey, PressureRules(Ceiling(2, DAY)))
    await journey.add_devices(150)
    sends = [await journey.send(await journey.message()) for _ in range(4)]
    await side_by_side(journey, book, chance, kills=4)
    ended = [await journey.progress(send) for send in sends]
    assert [each.state for each in ended] == [SendState.CLOSED] * 4
    assert [each.counts.total for each in ended] == [150] * 4
    assert sum(each.counts.delivered for each in ended) == sum(each.counts.suppressed for each in ended) == 300
    assert {len(times) for times in book.times().values()} == {2}
    assert len(book.times()) == 150


async def test_a_chunk_that_is_resumed_is_not_under_its_own_pressure(journey: Journey) -> None:
    chance, book = random.Random(5), Book(5)
    await rule(journey, PressureRules(Ceiling(1, DAY)))
    await journey.add_devices(200)
    send = await journey.send(await journey.message())
    await side_by_side(journey, book, chance, kills=6)
    assert (await journey.progress(send)).counts == Counts(delivered=200)


@pytest.mark.parametrize("seed", range(5))
async def test_any_history_agrees_with_the_naive_count(journey: Journey, seed: int) -> None:
    """One send after the other, to random audiences at random times, some without pressure."""
    chance = random.Random(seed)
    most, seconds = chance.randint(1, 3), 60 * chance.randint(20, 120) + 30
    await rule(journey, PressureRules(Ceiling(most, seconds)))
    groups = {}
    for place, name in enumerate("abc"):
        ids = await journey.add_devices(chance.randint(5, 20), start=100 * place, model=name)
        segment = await journey.segment(name, {"column": "model", "op": "eq", "value": name})
        groups[segment.id] = ids
    got: dict[int, list[int]] = defaultdict(list)
    minutes = 0
    for _ in range(12):
        minutes += chance.randint(0, 50)
        await later(journey, timedelta(minutes=minutes))
        chosen = tuple(chance.sample(sorted(groups), chance.randint(1, 3)))
        subject = chance.random() < 0.8
        send = await journey.send(await journey.message(use_pressure=subject, campaign_segments=chosen))
        await journey.run(send, journey.sender(chunk=chance.randint(3, 20)))
        expected = {}
        for device in (device for group in chosen for device in groups[group]):
            recent = sum(60 * (minutes - at) < seconds for at in got[device])
            expected[device] = subject and recent >= most
        found = await outcomes_of(journey, send)
        assert {device: outcome is Outcome.SUPPRESSED_PRESSURE for device, outcome in found.items()} == expected
        for device, held in expected.items():
            if not held:
                got[device].append(minutes)


@pytest.mark.parametrize("seed", range(3))
async def test_no_device_gets_more_than_the_ceiling_in_any_window(journey: Journey, seed: int) -> None:
    """Rounds of campaigns side by side, senders killed, the clock moving on: the gateway's own book says so."""
    chance, book = random.Random(100 + seed), Book(seed)
    most, seconds = chance.randint(1, 2), 60 * chance.randint(20, 40)
    await rule(journey, PressureRules(Ceiling(most, seconds)))
    await journey.add_devices(60)
    half = await journey.add_devices(30, start=500, model="half")
    segment = await journey.segment("half", {"column": "model", "op": "eq", "value": "half"})
    minutes = 0
    for _ in range(4):
        await later(journey, timedelta(minutes=minutes))
        audiences: list[tuple[int, ...]] = [chance.choice([(), (segment.id,)]) for _ in range(chance.randint(2, 3))]
        for chosen in audiences:
            await journey.send(await journey.message(campaign_segments=chosen))
        await side_by_side(journey, book, chance, kills=chance.randint(0, 2))
        minutes += chance.randint(15, 45)
    assert len(half) == 30
    assert book.most(seconds) <= most
    assert book.most(10 * DAY) > most
