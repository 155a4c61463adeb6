"""Pausing, resuming, throttling a send that runs: nothing more is handed over than may be, and the sums stay exact."""

import asyncio
from datetime import timedelta

import pytest

from clarion.base import clock
from clarion.base.errors import Conflict
from clarion.content.model import Guarantee
from clarion.db.sql import execute, value
from clarion.gateways.seam import Fate, Verdict
from clarion.queue import Worker
from clarion.results.model import Counts
from clarion.sending import service as sending
from clarion.sending.model import QUEUE, SendState
from tests.sending.journey import Journey
from tests.sending.scripted import Mortal, ScriptedGateway, leases_end
from tests.support import until

DELIVERED = Verdict(Fate.DELIVERED)
DEVICES = 200


def slow() -> ScriptedGateway:
    return ScriptedGateway(lambda _notification: DELIVERED, delay=0.1, room=6)


async def pause(journey: Journey, send: int) -> None:
    async with journey.database.transaction() as conn:
        await sending.pause(conn, journey.app.id, send)


async def resume(journey: Journey, send: int) -> None:
    async with journey.database.transaction() as conn:
        await sending.resume(conn, journey.app.id, send)


async def nothing_runs(journey: Journey, gateway: ScriptedGateway) -> None:
    """Wait until every chunk has been given back with its outcomes recorded."""

    async def still() -> bool:
        async with journey.database.connection() as conn:
            held = await value(conn, "SELECT count(*) FROM clarion.job WHERE run_at > clock_timestamp()")
        return gateway.in_hand == 0 and held == 0

    await until(still, 30)


async def taken(gateway: ScriptedGateway, number: int) -> None:
    async def enough() -> bool:
        return len(gateway.taken) >= number

    await until(enough, 30)


@pytest.mark.parametrize("guarantee", Guarantee)
async def test_a_paused_send_hands_nothing_over_until_it_is_resumed(journey: Journey, guarantee: Guarantee) -> None:
    await journey.add_devices(DEVICES)
    gateway = slow()
    send = await journey.send(await journey.message(guarantee=guarantee))
    running = asyncio.create_task(journey.run(send, journey.sender(opener=lambda _config: gateway), 60))
    await taken(gateway, 20)
    await pause(journey, send)
    await nothing_runs(journey, gateway)
    handed = len(gateway.handed)
    standing = await journey.progress(send)
    assert (standing.state, standing.counts) == (SendState.PAUSED, Counts(delivered=handed))
    assert handed < DEVICES
    await resume(journey, send)
    ended = await running
    assert (ended.state, ended.counts) == (SendState.CLOSED, Counts(delivered=DEVICES))
    assert max(gateway.handed.values()) == 1


async def test_a_paused_send_that_is_cancelled_ends_so(journey: Journey) -> None:
    await journey.add_devices(DEVICES)
    gateway = slow()
    send = await journey.send(await journey.message())
    running = asyncio.create_task(journey.run(send, journey.sender(opener=lambda _config: gateway), 60))
    await taken(gateway, 20)
    await pause(journey, send)
    await nothing_runs(journey, gateway)
    handed = len(gateway.handed)
    await journey.cancel(send)
    ended = await running
    assert ended.state is SendState.CANCELLED
    assert ended.counts == Counts(delivered=handed, cancelled=DEVICES - handed)


async def test_the_time_to_live_of_a_paused_send_runs_on(journey: Journey) -> None:
    await journey.add_devices(DEVICES)
    gateway = slow()
    send = await journey.send(await journey.message(time_to_live=600))
    running = asyncio.create_task(journey.run(send, journey.sender(opener=lambda _config: gateway), 60))
    await taken(gateway, 20)
    await pause(journey, send)
    await nothing_runs(journey, gateway)
    handed = len(gateway.handed)
    async with journey.database.connection() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = interval '11 minutes'")
    clock.shift(timedelta(minutes=11))
    ended = await running
    assert ended.counts == Counts(delivered=handed, expired=DEVICES - handed)
    assert len(gateway.handed) == handed


async def test_a_send_paused_while_it_is_planned_is_frozen_and_waits(journey: Journey) -> None:
    await journey.add_devices(DEVICES)
    gateway = slow()
    send = await journey.send(await journey.message())
    await pause(journey, send)
    await resume(journey, send)
    assert (await journey.progress(send)).state is SendState.PLANNING
    await pause(journey, send)
    assert (await journey.progress(send)).audience is None
    await resume(journey, send)
    ended = await journey.run(send, journey.sender(opener=lambda _config: gateway), 60)
    assert ended.counts == Counts(delivered=DEVICES)


async def test_a_pause_outlives_the_death_of_every_sender(journey: Journey) -> None:
    await journey.add_devices(DEVICES)
    gateway = slow()
    send = await journey.send(await journey.message())
    sender = journey.sender(opener=lambda _config: gateway)
    await Mortal(journey.database, sender.handlers()).live(0.5)
    await sender.aclose()
    await pause(journey, send)
    await leases_end(journey.database)
    handed = gateway.handed.total()
    other = journey.sender(opener=lambda _config: gateway)
    await Mortal(journey.database, other.handlers()).live(1.0)
    assert gateway.handed.total() == handed, "a sender that began later hands nothing over"
    await resume(journey, send)
    ended = await journey.run(send, other, 60)
    assert ended.counts == Counts(delivered=DEVICES)


async def test_a_send_that_has_nothing_left_ends_although_it_is_paused(journey: Journey) -> None:
    await journey.add_devices(6)
    gateway = ScriptedGateway(lambda _notification: DELIVERED, delay=0.3, room=6)
    send = await journey.send(await journey.message())
    running = asyncio.create_task(journey.run(send, journey.sender(opener=lambda _config: gateway), 60))
    await taken(gateway, 6)
    await pause(journey, send)
    ended = await running
    assert (ended.state, ended.counts) == (SendState.CLOSED, Counts(delivered=6))
    async with journey.database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM clarion.job_hold") == 0


async def test_only_what_runs_is_paused_and_only_what_is_paused_resumed(journey: Journey) -> None:
    await journey.add_devices(1)
    send = await journey.send(await journey.message())
    with pytest.raises(Conflict, match="not paused"):
        await resume(journey, send)
    await pause(journey, send)
    with pytest.raises(Conflict, match="paused already"):
        await pause(journey, send)
    await journey.cancel(send)
    with pytest.raises(Conflict, match="ended"):
        await resume(journey, send)


async def test_a_throttled_send_keeps_to_its_rate_over_all_chunks_and_processes(journey: Journey) -> None:
    """120 a minute: two at once and two a second, whoever sends."""
    await journey.add_devices(12)
    gateway = ScriptedGateway(lambda _notification: DELIVERED, room=100)
    message = await journey.message()
    async with journey.database.transaction() as conn:
        await sending.throttle_message(conn, journey.app.id, message, 120)
    send = await journey.send(message)
    senders = [journey.sender(chunk=3, opener=lambda _config: gateway) for _ in range(2)]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    began = loop.time()
    workers = [
        asyncio.create_task(Worker(journey.database, [QUEUE], sender.handlers(), lease=5.0).run(stop))
        for sender in senders
    ]
    ended = await journey.closed(send, 90)
    stop.set()
    await asyncio.gather(*workers)
    for sender in senders:
        await sender.aclose()
    assert ended.counts == Counts(delivered=12)
    assert loop.time() - began > (12 - 2) / 2 - 1.1
    async with journey.database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM clarion.allowance") == 0, "nothing of it is left"


async def test_a_throttle_is_lifted_while_the_send_runs(journey: Journey) -> None:
    await journey.add_devices(DEVICES)
    gateway = ScriptedGateway(lambda _notification: DELIVERED, room=100)
    message = await journey.message()
    async with journey.database.transaction() as conn:
        await sending.throttle_message(conn, journey.app.id, message, 60)
    send = await journey.send(message)
    running = asyncio.create_task(journey.run(send, journey.sender(opener=lambda _config: gateway), 60))
    await taken(gateway, 1)
    assert len(gateway.handed) < DEVICES
    async with journey.database.transaction() as conn:
        await sending.throttle(conn, journey.app.id, send, None)
    assert (await running).counts == Counts(delivered=DEVICES)
