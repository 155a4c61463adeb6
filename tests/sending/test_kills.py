"""Senders killed at any point: nothing is lost, sums are exact, each guarantee is kept by the gateway's own book."""

import asyncio
import random

import pytest

from clarion.content.model import Guarantee
from clarion.db.sql import execute
from clarion.gateways.seam import Fate, Notification, Scope, Verdict
from clarion.queue import Job, Lease, LeaseLost
from clarion.queue.store import claim
from clarion.results.model import Counts, Outcome
from clarion.sending.model import QUEUE, SendState
from tests.sending.journey import Journey
from tests.sending.scripted import Mortal, ScriptedGateway, leases_end

DELIVERED = Verdict(Fate.DELIVERED)
DEVICES = 240


class Moods:
    """A gateway of bad temper: retries, lost answers, refusals, dead tokens, and deliveries."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __call__(self, notification: Notification) -> Verdict:
        draw = self._chance.random()
        if draw < 0.10:
            return Verdict(Fate.RETRY, "TooManyRequests", 0.01, Scope.DEVICE)
        if draw < 0.14:
            return Verdict(Fate.UNKNOWN, "answer lost")
        if draw < 0.18:
            return Verdict(Fate.UNKNOWN, "not taken")
        if draw < 0.21:
            return Verdict(Fate.REFUSED, "PayloadTooLarge")
        if draw < 0.24:
            return Verdict(Fate.DEAD_TOKEN, "Unregistered")
        return DELIVERED


async def killed_often(journey: Journey, gateway: ScriptedGateway, seed: int, longest: float) -> int:
    """Kill senders after random short lives until the send has ended; the last one may live. How many were killed."""
    chance = random.Random(seed)
    for kills in range(40):
        sender = journey.sender(chunk=40, opener=lambda _config: gateway)
        life = None if kills == 39 else chance.uniform(0.03, longest)
        finished = await Mortal(journey.database, sender.handlers()).live(life)
        await sender.aclose()
        if finished:
            return kills
        await leases_end(journey.database)
    raise AssertionError("the last sender may live until the end")


@pytest.mark.parametrize("seed", range(4))
async def test_at_least_once_reaches_everybody_whatever_is_killed(journey: Journey, seed: int) -> None:
    ids = await journey.add_devices(DEVICES)
    gateway = ScriptedGateway(Moods(random.Random(seed)), delay=0.06, room=20)
    send = await journey.send(await journey.message())
    assert await killed_often(journey, gateway, seed, 0.4) > 3
    ended = await journey.progress(send)
    assert ended.state is SendState.CLOSED
    assert ended.counts.total == ended.audience == DEVICES
    assert ended.counts.unknown == ended.counts.expired == 0
    outcomes = {
        device: outcome
        for chunk in await journey.chunks(send)
        for device, outcome in zip(chunk.device_ids, chunk.outcomes, strict=True)
    }
    assert sorted(outcomes) == sorted(ids)
    delivered = sum(outcome == Outcome.DELIVERED for outcome in outcomes.values())
    assert ended.counts.delivered == delivered
    assert len(gateway.taken) >= delivered, "every device called delivered was taken by the gateway"
    assert len(gateway.handed) == DEVICES, "each device kept its delivery id over all kills"


@pytest.mark.parametrize("seed", range(4))
async def test_at_most_once_reaches_nobody_twice_whatever_is_killed(journey: Journey, seed: int) -> None:
    await journey.add_devices(DEVICES)
    gateway = ScriptedGateway(Moods(random.Random(seed)), delay=0.06, room=20)
    send = await journey.send(await journey.message(guarantee=Guarantee.AT_MOST_ONCE))
    assert await killed_often(journey, gateway, seed, 0.1) > 0
    ended = await journey.progress(send)
    assert ended.state is SendState.CLOSED
    assert ended.counts.total == ended.audience == DEVICES
    assert max(gateway.taken.values()) == 1
    assert ended.counts.delivered <= len(gateway.taken) <= ended.counts.delivered + ended.counts.unknown
    assert ended.counts.unknown > 0, "lost answers are told as such"


async def test_a_sender_that_stops_in_order_leaves_nothing_unknown(journey: Journey) -> None:
    """Intents that were not handed over are taken back, answers under way are waited for."""
    await journey.add_devices(DEVICES)
    gateway = ScriptedGateway(lambda _notification: DELIVERED, delay=0.03, room=10)
    send = await journey.send(await journey.message(guarantee=Guarantee.AT_MOST_ONCE))
    stops = 0
    while (await journey.progress(send)).state is not SendState.CLOSED:
        sender = journey.sender(chunk=100, opener=lambda _config: gateway)
        mortal = Mortal(journey.database, sender.handlers())
        living = asyncio.create_task(mortal.live())
        before = len(gateway.taken)
        while len(gateway.taken) < before + 25 and not living.done():
            await asyncio.sleep(0.001)
        mortal.stopping.set()
        await living
        stops += 1
        await sender.aclose()
        await leases_end(journey.database)
    assert stops > 3
    ended = await journey.progress(send)
    assert ended.counts == Counts(delivered=DEVICES)
    assert set(gateway.taken.values()) == {1}


async def test_a_sender_that_lost_its_lease_stops_and_records_nothing(journey: Journey) -> None:
    await journey.add_devices(60)
    gateway = ScriptedGateway(lambda _notification: DELIVERED, delay=0.05, room=5)
    sender = journey.sender(chunk=100, opener=lambda _config: gateway)
    send = await journey.send(await journey.message())
    planner = Mortal(journey.database, {"sending.plan": sender.plan})
    async with asyncio.timeout(10):
        while "sending.plan" in await journey.jobs():
            await asyncio.gather(planner.live(0.05), return_exceptions=True)
            await leases_end(journey.database)
    async with journey.database.connection() as conn:
        [columns] = await claim(conn, [QUEUE], 1, 60.0)
    lease = Lease(Job(*columns), asyncio.Event())
    running = asyncio.create_task(sender.deliver(lease))
    async with asyncio.timeout(10):
        while not gateway.taken:
            await asyncio.sleep(0.001)
    async with journey.database.connection() as conn:
        await execute(conn, "UPDATE clarion.job SET lease = lease + 1")
    with pytest.raises(LeaseLost):
        await running
    handed = len(gateway.handed)
    await sender.aclose()
    assert handed < 60
    assert len(gateway.handed) == handed
    assert (await journey.progress(send)).counts.total < handed + 1
    async with journey.database.connection() as conn:
        assert await execute(conn, "SELECT FROM clarion.job WHERE lease = %s", (columns[6] + 1,)) == 1
