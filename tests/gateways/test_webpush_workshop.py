"""Helper processes make material ahead; without them, or when they fail, everything is sent all the same."""

import asyncio
import gc
import io
import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clarion.gateways.seam import Fate, Preparing, Verdict
from clarion.gateways.stub import StubServer
from clarion.gateways.webpush import helper, service, workshop
from clarion.gateways.webpush.encryption import MATERIAL, seal
from clarion.gateways.webpush.stock import Keys
from clarion.gateways.webpush.workshop import Workshop, of_loop
from tests.gateways.delivering import book, deliver, gateway_to, web_notifications
from tests.gateways.test_webpush_encryption import AUTH, DEVICE, P256DH, decrypt
from tests.support import alive, until

PATIENCE = 60.0
"""Seconds a helper may take to start and to do its work on a busy machine."""


@pytest.fixture
def from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Helpers start with the first subscription that is announced."""
    monkeypatch.setattr(workshop, "WORTH", 1)


def fresh(count: int) -> list[Keys]:
    points = (ec.generate_private_key(ec.SECP256R1()).public_key() for _ in range(count))
    return [(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), os.urandom(16)) for point in points]


async def ready(shop: Workshop, count: int) -> None:
    async def filled() -> bool:
        return len(shop.stock) == count and not shop.stock.open

    await until(filled, PATIENCE)


def test_a_helper_answers_in_order_and_marks_keys_that_are_none() -> None:
    asked = len(range(3)).to_bytes(2, "big") + P256DH + AUTH + bytes(81) + P256DH + AUTH
    answers = io.BytesIO()
    helper.serve(io.BytesIO(asked + asked[:50]), answers)
    first, none, last = (answers.getvalue()[at : at + MATERIAL] for at in range(0, 3 * MATERIAL, MATERIAL))
    assert len(answers.getvalue()) == 3 * MATERIAL
    assert none == helper.NONE
    assert first != last
    assert [decrypt(seal(piece, b"hi"), DEVICE, AUTH) for piece in (first, last)] == [b"hi", b"hi"]


@pytest.mark.usefixtures("from_the_first")
async def test_material_comes_from_a_helper_of_low_priority_that_ends_with_the_workshop() -> None:
    shop = Workshop()
    shop.announce([*fresh(250), (bytes(65), bytes(16)), (b"short", bytes(16))])
    await ready(shop, 250)
    (pid,) = shop.pids
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
    await shop.aclose()
    assert not alive(pid)
    assert (len(shop.stock), shop.pids) == (0, [])


@pytest.mark.usefixtures("from_the_first")
async def test_a_sender_that_gives_its_event_loop_no_turn_gets_material_all_the_same() -> None:
    """Several times what a helper has in hand at once is made while this test holds the loop."""
    shop = Workshop()
    shop.announce(fresh(1))
    await ready(shop, 1)
    many = fresh(600)
    shop.announce(many)
    (absent,) = fresh(1)
    give_up = time.monotonic() + PATIENCE
    while len(shop.stock) < 601 and time.monotonic() < give_up:
        shop.stock.take(*absent)
    assert all(shop.stock.take(*each) is not None for each in many)
    await shop.aclose()


@pytest.mark.usefixtures("from_the_first")
async def test_a_helper_that_says_what_nobody_asked_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    shop = Workshop()
    shop.announce(fresh(3))
    assert shop._starting is not None
    await asyncio.wait([shop._starting])

    async def noticed() -> bool:
        return not shop.pids and not shop.stock.open

    await until(noticed, PATIENCE)
    assert len(shop.stock) == 0
    await shop.aclose()


async def test_a_few_subscriptions_start_no_helper() -> None:
    shop = Workshop()
    shop.announce(fresh(5))
    assert shop._starting is None
    await shop.aclose()


@pytest.mark.usefixtures("from_the_first")
async def test_helpers_end_when_nothing_is_wanted_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Workshop(helpers=2)
    shop.announce(fresh(3))
    await ready(shop, 3)
    pids = shop.pids
    assert len(pids) == 2
    monkeypatch.setattr(workshop, "IDLE", 0.01)
    shop.announce([])

    async def gone() -> bool:
        return not any(alive(pid) for pid in pids)

    await until(gone, PATIENCE)
    assert (len(shop.stock), shop.pids) == (0, [])
    shop.announce(fresh(2))
    await until_started(shop)
    await shop.aclose()


async def until_started(shop: Workshop) -> None:
    async def started() -> bool:
        return bool(shop.pids)

    await until(started, PATIENCE)


@pytest.mark.usefixtures("from_the_first")
async def test_a_killed_helper_is_missed_by_nobody_and_not_replaced_at_once() -> None:
    shop = Workshop()
    shop.announce(fresh(3))
    await ready(shop, 3)
    os.kill(shop.pids[0], signal.SIGKILL)

    async def noticed() -> bool:
        return not shop.pids

    await until(noticed, PATIENCE)
    assert len(shop.stock) == 3
    shop.announce(fresh(300))
    assert shop._starting is None
    await shop.aclose()


@pytest.mark.usefixtures("from_the_first")
async def test_a_helper_that_cannot_start_is_gone_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    shop = Workshop()
    shop.announce(fresh(3))
    assert shop._starting is not None
    await asyncio.wait([shop._starting])
    assert (shop.pids, shop.stock.wanted) == ([], 3)
    await shop.aclose()


@pytest.mark.usefixtures("from_the_first")
async def test_prepared_notifications_arrive_and_open_without_encryption_of_their_own(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateway_to(stub, "webpush")
    many = web_notifications(stub, 120)
    assert isinstance(gateway, Preparing)
    gateway.prepare([each.keys for each in many if each.keys])
    await ready(of_loop(), 120)
    with monkeypatch.context() as patch:
        patch.delattr(service, "material")
        assert await deliver(gateway, many) == [Verdict(Fate.DELIVERED)] * 120
    assert len(of_loop().stock) == 0
    again = await deliver(gateway, many)
    pids = of_loop().pids
    await gateway.aclose()
    assert again == [Verdict(Fate.DELIVERED)] * 120
    assert len(await book(stub, "webpush")) == 240
    assert not any(alive(pid) for pid in pids)


@pytest.mark.usefixtures("from_the_first")
async def test_a_workshop_is_shared_and_closes_with_its_last_gateway(stub: StubServer) -> None:
    one, two = gateway_to(stub, "webpush"), gateway_to(stub, "webpush")
    for gateway in (one, two):
        assert isinstance(gateway, Preparing)
        gateway.prepare(fresh(2))
    await ready(of_loop(), 4)
    (pid,) = of_loop().pids
    await one.aclose()
    assert alive(pid)
    await two.aclose()
    assert not alive(pid)


async def test_without_announcement_no_helper_runs(stub: StubServer) -> None:
    gateway = gateway_to(stub, "webpush")
    await deliver(gateway, web_notifications(stub, 3))
    assert of_loop().pids == []
    await gateway.aclose()


def test_a_helper_ends_with_its_input_and_leaves_its_senders_interrupt_to_the_sender() -> None:
    command = [sys.executable, "-m", "clarion.gateways.webpush.helper"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    question = (1).to_bytes(2, "big") + P256DH + AUTH
    process.stdin.write(question)
    process.stdin.flush()
    assert len(process.stdout.read(MATERIAL)) == MATERIAL
    process.send_signal(signal.SIGINT)
    process.stdin.write(question)
    process.stdin.flush()
    assert len(process.stdout.read(MATERIAL)) == MATERIAL
    process.stdin.close()
    assert process.wait(PATIENCE) == 0
    process.stdout.close()


@pytest.mark.usefixtures("from_the_first")
async def test_a_workshop_that_is_closed_while_its_helper_starts_leaves_no_process_to_itself() -> None:
    for turns in range(6):
        shop = Workshop()
        shop.announce(fresh(1))
        for _ in range(turns):
            await asyncio.sleep(0)
        await shop.aclose()
        assert not shop.pids
    gc.collect()  # a process that nobody closed tells of itself now, and fails the test


@pytest.mark.usefixtures("from_the_first")
async def test_a_workshop_is_closed_when_a_helper_that_was_killed_has_been_waited_for() -> None:
    shop = Workshop()
    shop.announce(fresh(1))
    await ready(shop, 1)
    [pid] = shop.pids
    os.kill(pid, signal.SIGKILL)
    await until(partial(_gone, shop), PATIENCE)
    await shop.aclose()
    assert not alive(pid)
    gc.collect()


async def _gone(shop: Workshop) -> bool:
    return not shop.pids
