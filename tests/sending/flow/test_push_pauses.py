"""What a push service of the Web asks one process to wait holds for all of them, and for no other push service."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from clarion.apps.model import Platform
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import execute, tuples
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from clarion.devices.values import parse_web_keys
from clarion.gateways.registry import open_gateway
from clarion.gateways.seam import Fate, Gateway, Scope, Verdict
from clarion.gateways.stub import StubServer, derive_subscriptions
from clarion.gateways.webpush.credentials import parse
from clarion.queue import Worker
from clarion.results.model import Counts
from clarion.sending import service as sending
from clarion.sending.flow import store
from clarion.sending.flow.watch import Watch
from clarion.sending.model import QUEUE
from tests.gateways.delivering import at_two_services, deliver
from tests.sending.journey import Journey
from tests.support import until

DELIVERED = Verdict(Fate.DELIVERED)
WAIT = 4


class Told:
    """A waiter that notes what it is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pauses: list[tuple[int, float]] = []

    def wait_along(self, no: int, seconds: float) -> None:
        self.pauses.append((no, seconds))


class Process:
    """What a process has: a watch and a gateway. `secret` are the stub's credentials."""

    def __init__(self, database: Database, stub: StubServer, secret: bytes) -> None:
        self.secret = secret
        self.watch = Watch(database)
        self.gateway: Gateway = open_gateway("webpush", secret, None, str(stub.ca_file), pauses=self.watch)

    async def aclose(self) -> None:
        await self.gateway.aclose(drain=0.1)
        await self.watch.aclose()


@pytest.fixture
async def web(database: Database, sealer: Sealer, stub: StubServer) -> Journey:
    """An application of the Web."""
    journey = await Journey.begin(database, sealer, "shop-web", Platform.WEB)
    await journey.connect(stub)
    return journey


@asynccontextmanager
async def processes(journey: Journey, stub: StubServer, number: int) -> AsyncIterator[list[Process]]:
    """Processes that deliver a send of the application, and so watch."""
    secret = json.dumps(stub.issue("webpush")).encode()
    send_id = await journey.send(await journey.message())
    async with journey.database.connection() as conn:
        send = await sending.get(conn, journey.app.id, send_id)
    running = [Process(journey.database, stub, secret) for _ in range(number)]
    try:
        with running[0].watch.following(journey.app.id, send), running[1].watch.following(journey.app.id, send):
            yield running
    finally:
        for process in running:
            await process.aclose()


def name_of(secret: bytes, origin: str) -> str:
    return f"webpush:{parse(secret).application_server_key}:{origin}"


async def test_no_process_sends_anything_before_the_time_not_even_one_that_begins_later(
    web: Journey, stub: StubServer
) -> None:
    here, there = at_two_services(stub, 3)
    loop = asyncio.get_running_loop()
    async with processes(web, stub, 3) as (asked, other, later):
        told = Told(name_of(other.secret, stub.url))
        other.watch.add(told)
        for process in (asked, other):
            assert await deliver(process.gateway, [here[0], there[0]]) == [DELIVERED] * 2
        stub.set_knobs({"webpush": {"refuse": {"unavailable": 1.0}, "retry_after": WAIT}})
        before = loop.time()
        (verdict,) = await deliver(asked.gateway, here[1:2])
        stub.set_knobs({})
        assert (verdict.fate, verdict.scope) == (Fate.RETRY, Scope.DEVICE)

        async def heard() -> bool:
            return bool(told.pauses)

        await until(heard)
        requests = stub.stats().webpush.requests
        for process in (asked, other):
            assert await deliver(process.gateway, there[1:2]) == [DELIVERED], "another push service"
        arrived: list[float] = []
        refused: list[Verdict] = []

        async def try_until_it_arrives(process: Process) -> None:
            async def arrives() -> bool:
                (verdict,) = await deliver(process.gateway, here[2:3])
                if verdict == DELIVERED:
                    arrived.append(loop.time() - before)
                    return True
                refused.append(verdict)
                return False

            await until(arrives, 60)

        await asyncio.gather(*(try_until_it_arrives(process) for process in (asked, other, later)))
        assert min(arrived) >= WAIT
        assert {verdict.fate for verdict in refused} <= {Fate.RETRY}
        assert all(verdict.reason.startswith("ServiceUnavailable: ") for verdict in refused)
        assert stub.stats().webpush.requests == requests + 2 + 3


async def test_a_process_that_was_not_watching_for_a_while_catches_up_with_all_pauses(
    web: Journey, stub: StubServer
) -> None:
    """As the lane of a send begins; nothing is handed over before."""
    (here, *_), _ = at_two_services(stub, 1)
    secret = json.dumps(stub.issue("webpush")).encode()
    process = Process(web.database, stub, secret)
    assert await deliver(process.gateway, [here]) == [DELIVERED]
    async with web.database.connection() as conn:
        await store.pause(conn, name_of(secret, stub.url), 50)
    lane = Told("app:1")
    process.watch.add(lane)
    await process.watch.refresh(lane)
    (verdict,) = await deliver(process.gateway, [here])
    await process.aclose()
    assert verdict.fate is Fate.RETRY
    assert 20 < verdict.retry_after <= 50.5
    assert "asked another process to wait" in verdict.reason
    assert stub.stats().webpush.requests == 1


async def test_nothing_is_sent_while_the_pause_in_force_cannot_be_known(web: Journey, stub: StubServer) -> None:
    (here, *_), _ = at_two_services(stub, 1)
    away = await Database.open(web.database.conninfo)
    await away.close()
    process = Process(away, stub, json.dumps(stub.issue("webpush")).encode())
    (verdict,) = await deliver(process.gateway, [here])
    await process.aclose()
    assert (verdict.fate, verdict.retry_after) == (Fate.RETRY, 1.0)
    assert "may have asked to wait" in verdict.reason
    assert stub.stats().webpush.requests == 0


async def test_a_longer_pause_is_told_even_while_a_shorter_one_is_being_told(database: Database) -> None:
    watch = Watch(database)
    watch.tell("a", 5)
    watch.tell("a", 500)
    watch.tell("a", 50)

    async def told() -> bool:
        async with database.connection() as conn:
            return [pause.name for pause in await store.pauses(conn, ["a"]) if pause.seconds > 100] == ["a"]

    await until(told)
    await watch.aclose()


async def test_pauses_that_are_long_over_are_forgotten_and_their_numbers_do_not_come_again(database: Database) -> None:
    async with database.connection() as conn:
        for name in ("old", "new"):
            await store.pause(conn, name, 50)
        [(first,)] = await tuples(conn, "SELECT no FROM clarion.gateway_pause WHERE name = 'old'")
        await execute(conn, "UPDATE clarion.gateway_pause SET until = until - interval '2 days' WHERE name = 'old'")
        await store.forget_pauses(conn)
        assert await tuples(conn, "SELECT name FROM clarion.gateway_pause") == [("new",)]
        await store.pause(conn, "old", 50)
        [(second,)] = await tuples(conn, "SELECT no FROM clarion.gateway_pause WHERE name = 'old'")
    assert second > first


async def test_a_send_goes_on_in_another_process_after_the_time_and_not_before(web: Journey, stub: StubServer) -> None:
    """The pause is the push service's, under its name; the application as such was not asked to wait."""
    records = [
        DeviceRecord(f"d{number}", {TOKEN: each.endpoint}, parse_web_keys(each.p256dh, each.auth))
        for number, each in enumerate(derive_subscriptions(stub.seed, stub.url, 0, 40))
    ]
    async with web.database.transaction() as conn:
        await devices.upsert(conn, web.app, records)
    stub.set_knobs({"webpush": {"refuse": {"unavailable": 1.0}, "retry_after": WAIT}})
    loop = asyncio.get_running_loop()
    send = await web.send(await web.message())
    async with working(web):

        async def paused() -> bool:
            async with web.database.connection() as conn:
                return bool(await tuples(conn, "SELECT FROM clarion.gateway_pause"))

        before = loop.time()
        await until(paused, 60)
    refused = stub.stats().webpush.requests
    stub.set_knobs({})
    async with working(web):

        async def resumed() -> bool:
            return stub.stats().webpush.requests > refused

        await until(resumed, 60)
        assert loop.time() - before >= WAIT
        ended = await web.closed(send, 60)
    assert ended.counts == Counts(delivered=40)
    assert stub.stats().webpush.requests == refused + 40
    async with web.database.connection() as conn:
        [(name,)] = await tuples(conn, "SELECT name FROM clarion.gateway_pause")
    assert name.startswith("webpush:")
    assert name.endswith(f":{stub.url}")


@asynccontextmanager
async def working(journey: Journey) -> AsyncIterator[None]:
    """A sender process."""
    sender = journey.sender()
    stop = asyncio.Event()
    worker = Worker(journey.database, [QUEUE], sender.handlers(), concurrency=2, lease=5.0, grace=5.0)
    running = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running
        await sender.aclose()
