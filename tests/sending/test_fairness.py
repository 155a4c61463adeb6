"""A gateway that hangs or waits holds up nobody else; campaigns of an application run side by side."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from clarion.apps.model import GatewayConfig
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.gateways.seam import Done, Fate, Gateway, Notification, Scope, Verdict
from clarion.gateways.stub import StubServer
from clarion.queue import Worker
from clarion.results.model import Counts
from clarion.sending.model import QUEUE, SendState
from tests.sending.journey import Journey
from tests.sending.scripted import ScriptedGateway
from tests.support import until

DELIVERED = Verdict(Fate.DELIVERED)


class Hanging(ScriptedGateway):
    """Takes notifications and never answers until it is let go."""

    def __init__(self) -> None:
        super().__init__(lambda _notification: DELIVERED, room=10)
        self.kept: list[Done] = []

    def send(self, notification: Notification, done: Done) -> None:
        self.handed[notification.delivery_id] += 1
        self._open += 1
        self.kept.append(done)

    def let_go(self) -> None:
        kept, self.kept = self.kept, []
        for done in kept:
            asyncio.get_running_loop().call_soon(self._answer, Verdict(Fate.REFUSED, "let go"), done)


@asynccontextmanager
async def working(
    journey: Journey, opener: Callable[[GatewayConfig], Gateway], *, chunk: int = 5
) -> AsyncIterator[None]:
    """A sender as in an installation, its shares smaller."""
    sender = journey.sender(chunk=chunk, opener=opener)
    stop = asyncio.Event()
    worker = Worker(
        journey.database, [QUEUE], sender.handlers(), concurrency=4, share=2, reserve=4, lease=5.0, grace=0.5
    )
    running = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running
        await sender.aclose()


@pytest.mark.parametrize("number", [1, 3])
async def test_gateways_that_hang_hold_up_no_other_application(
    database: Database, sealer: Sealer, stub: StubServer, number: int
) -> None:
    """Not even those of so many applications that they could fill every slot with their shares."""
    hanging = [await Journey.begin(database, sealer, f"stuck-{no}") for no in range(number)]
    well = await Journey.begin(database, sealer, "well")
    gateways: dict[bytes, ScriptedGateway] = {}
    stuck = [Hanging() for _ in range(number)]
    opened: list[ScriptedGateway] = [*stuck, ScriptedGateway(lambda _notification: DELIVERED)]

    def opener(config: GatewayConfig) -> Gateway:
        if config.secret not in gateways:
            gateways[config.secret] = opened.pop(0)
        return gateways[config.secret]

    for journey in (*hanging, well):
        await journey.connect(stub)
        await journey.add_devices(100)
    async with working(well, opener):
        for journey in hanging:
            await journey.send(await journey.message())

        async def hang() -> bool:
            return all(len(gateway.handed) == 10 for gateway in stuck)

        await until(hang, 60)
        ended = await well_sent(well)
        assert ended == Counts(delivered=100)
        assert all(len(gateway.handed) == 10 for gateway in stuck), "the others still hang"
        for gateway in stuck:
            gateway.let_go()


async def well_sent(journey: Journey) -> Counts:
    """Send to everybody and wait for its end, whatever jobs of others are left."""
    send = await journey.send(await journey.message())

    async def closed() -> bool:
        return (await journey.progress(send)).state is SendState.CLOSED

    await until(closed, 60)
    return (await journey.progress(send)).counts


async def test_a_small_campaign_does_not_wait_for_the_end_of_a_large_one(journey: Journey) -> None:
    await journey.add_devices(400)
    gateway = ScriptedGateway(lambda _notification: DELIVERED, delay=0.1, room=8)
    few = await journey.segment("few", {"column": "udid", "op": "eq", "value": "d1"})
    async with working(journey, lambda _config: gateway):
        large = await journey.send(await journey.message())

        async def begun() -> bool:
            return len(gateway.taken) > 10

        await until(begun, 30)
        small = await journey.send(await journey.message(campaign_segments=(few.id,)))

        async def closed() -> bool:
            return (await journey.progress(small)).state is SendState.CLOSED

        await until(closed, 60)
        assert (await journey.progress(large)).pending > 0
        await journey.closed(large, 60)


async def test_a_pause_is_kept_by_processes_that_were_not_told_and_by_those_that_begin_later(
    journey: Journey,
) -> None:
    """`Retry-After` of one process holds for all, before the deadline nothing is handed over."""
    await journey.add_devices(40)
    loop = asyncio.get_running_loop()
    asked: list[float] = []
    after: list[float] = []

    def first(_notification: Notification) -> Verdict:
        asked.append(loop.time())
        return Verdict(Fate.RETRY, "QUOTA_EXCEEDED", 3.0, Scope.PROJECT)

    def second(_notification: Notification) -> Verdict:
        after.append(loop.time())
        return DELIVERED

    told = ScriptedGateway(first, room=1, delay=0.001)
    send = await journey.send(await journey.message())
    async with working(journey, lambda _config: told, chunk=40):

        async def paused() -> bool:
            async with journey.database.connection() as conn:
                cursor = await conn.execute("SELECT count(*) FROM clarion.gateway_pause")
                found = await cursor.fetchone()
            return bool(found and found[0])

        await until(paused, 30)
    async with working(journey, lambda _config: ScriptedGateway(second), chunk=40):
        ended = await journey.closed(send, 60)
    assert ended.counts == Counts(delivered=40)
    assert len(asked) == 1
    assert after[0] >= asked[0] + 3.0
