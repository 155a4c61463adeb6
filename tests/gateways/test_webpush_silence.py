"""A push service that goes silent with notifications under way gives their room to the others."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial

import pytest

from clarion.gateways.registry import open_gateway
from clarion.gateways.seam import Fate, Notification, Verdict
from clarion.gateways.stub import StubServer
from clarion.gateways.webpush import client as webpush_client
from clarion.gateways.webpush import service
from clarion.gateways.webpush.client import WebPushGateway
from clarion.gateways.webpush.credentials import parse
from clarion.http.h2 import Channel
from tests.gateways.delivering import at_two_services, deliver
from tests.support import until

DELIVERED = Verdict(Fate.DELIVERED)
ROOM = 64


@pytest.fixture
async def gateway(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WebPushGateway]:
    """A gateway with little room that notices silence soon and gives nothing up meanwhile."""
    monkeypatch.setattr(webpush_client, "_IN_FLIGHT", ROOM)
    monkeypatch.setattr(service, "PROBES", ROOM // 2)
    monkeypatch.setattr(service, "SILENT", 1.0)
    monkeypatch.setattr(service, "Channel", partial(Channel, timeout=600))
    opened = WebPushGateway(parse(stub.issue("webpush")), ca_file=str(stub.ca_file))
    yield opened
    await opened.aclose(drain=0.1)


async def stall(stub: StubServer, gateway: WebPushGateway, here: list[Notification]) -> list[Verdict]:
    """Fill the room with notifications that are never answered; where their verdicts will be."""
    settled: list[Verdict] = []
    before = stub.stats().webpush.requests
    stub.set_knobs({"webpush": {"stall_rate": 1.0}})
    sent = 0
    while gateway.room > 0:
        gateway.send(here[sent], settled.append)
        sent += 1
    assert sent == ROOM

    async def taken() -> bool:
        return stub.stats().webpush.requests == before + ROOM

    await until(taken, 60)
    stub.set_knobs({})
    return settled


async def test_one_service_hangs_and_everything_for_the_other_is_delivered(
    stub: StubServer, gateway: WebPushGateway
) -> None:
    here, there = at_two_services(stub, 2_001)
    assert await deliver(gateway, [here[0], there[0]]) == [DELIVERED] * 2
    settled = await stall(stub, gateway, here)
    assert await deliver(gateway, there[1:], 240) == [DELIVERED] * 2_000
    assert settled == [], "the first one still hangs"
    assert gateway.aside == ROOM
    assert gateway.room == ROOM


async def test_what_comes_for_a_silent_service_waits_and_holds_no_room(
    stub: StubServer, gateway: WebPushGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_WAITING", 20)
    here, there = at_two_services(stub, 100)
    assert await deliver(gateway, [here[0], there[0]]) == [DELIVERED] * 2
    hanging = await stall(stub, gateway, here)
    requests = stub.stats().webpush.requests
    async with asyncio.timeout(60):
        await gateway.wait_room()
    settled: list[Verdict] = []
    for notification in here[70:100]:
        gateway.send(notification, settled.append)
    assert await deliver(gateway, there[1:10]) == [DELIVERED] * 9
    assert gateway.room == ROOM
    assert gateway.aside == ROOM + 20
    assert [verdict.fate for verdict in settled] == [Fate.RETRY] * 10
    assert stub.stats().webpush.requests == requests + 9
    await gateway.aclose(drain=0.1)
    assert [verdict.fate for verdict in hanging] == [Fate.UNKNOWN] * ROOM
    assert [verdict.fate for verdict in settled] == [Fate.RETRY] * 30


async def test_one_that_answers_again_has_its_part_of_the_room_again(
    stub: StubServer, gateway: WebPushGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = at_two_services(stub, 100)
    assert await deliver(gateway, [here[0], there[0]]) == [DELIVERED] * 2
    await stall(stub, gateway, here)
    async with asyncio.timeout(60):
        await gateway.wait_room()
    assert gateway.aside == ROOM
    monkeypatch.setattr(service, "PROBES", ROOM + 1)
    settled: list[Verdict] = []
    for notification in here[70:100]:
        gateway.send(notification, settled.append)
    assert gateway.aside == ROOM + 30
    assert gateway.room == ROOM

    async def answered() -> bool:
        return len(settled) == 30

    await until(answered, 60)
    assert settled == [DELIVERED] * 30

    async def silent_again() -> bool:
        return gateway.aside == ROOM and gateway.room == ROOM

    await until(silent_again, 60)


async def test_the_only_service_keeps_its_room_until_there_is_another_one(
    stub: StubServer, gateway: WebPushGateway
) -> None:
    """There is nobody to lend it to, and who hands over may as well wait."""
    here, there = at_two_services(stub, 100)
    assert await deliver(gateway, here[:1]) == [DELIVERED]
    await stall(stub, gateway, here)
    loop = asyncio.get_running_loop()
    since = loop.time()

    async def for_long() -> bool:
        return loop.time() - since > 3 * service.SILENT

    await until(for_long)
    assert (gateway.room, gateway.aside) == (0, 0)
    settled: list[Verdict] = []
    gateway.send(there[0], settled.append)  # an urgent one: it does not wait for room

    async def lent() -> bool:
        return settled == [DELIVERED] and (gateway.room, gateway.aside) == (ROOM, ROOM)

    await until(lent, 60)


async def test_a_measured_gateway_tells_what_is_set_aside(stub: StubServer) -> None:
    for kind in ("apns", "webpush"):
        opened = open_gateway(kind, json.dumps(stub.issue(kind)).encode(), stub.url, str(stub.ca_file))
        assert opened.aside == 0
        await opened.aclose()
