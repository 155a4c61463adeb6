"""What the seam promises of every gateway, whatever it speaks: one verdict each, and none that claims too much."""

import asyncio

import pytest

from clarion.gateways.registry import KINDS
from clarion.gateways.seam import Fate
from clarion.gateways.stub import StubServer
from tests.gateways.delivering import deliver, gateway_to, notifications


@pytest.mark.parametrize("kind", KINDS)
async def test_an_answer_lost_after_delivery_is_unknown_and_never_called_undelivered(
    stub: StubServer, kind: str
) -> None:
    stub.set_knobs({kind: {"reset_rate": 0.5, "reset_delivered": True}})
    gateway = gateway_to(stub, kind)
    verdicts = await deliver(gateway, notifications(stub, kind, 100))
    await gateway.aclose()
    assert {verdict.fate for verdict in verdicts} == {Fate.DELIVERED, Fate.UNKNOWN}
    assert getattr(stub.stats(), kind).delivered == 100


@pytest.mark.parametrize("kind", KINDS)
async def test_goaway_loses_and_doubles_nothing(stub: StubServer, kind: str) -> None:
    """What a GOAWAY leaves unprocessed is delivered later or is a RETRY, never UNKNOWN."""
    stub.set_knobs({"goaway_every": 50})
    gateway = gateway_to(stub, kind)
    left, rounds = notifications(stub, kind, 500), 0
    while left and rounds < 10:
        verdicts = await deliver(gateway, left)
        assert {verdict.fate for verdict in verdicts} <= {Fate.DELIVERED, Fate.RETRY}
        left = [each for each, verdict in zip(left, verdicts, strict=True) if verdict.fate is Fate.RETRY]
        rounds += 1
        assert getattr(stub.stats(), kind).delivered == 500 - len(left)
    await gateway.aclose()
    assert not left
    figures = getattr(stub.stats(), kind)
    assert (figures.delivered, figures.doubles) == (500, 0)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_closed_gateway_has_no_room_and_still_gives_verdicts(stub: StubServer, kind: str) -> None:
    gateway = gateway_to(stub, kind)
    await gateway.aclose()
    assert gateway.room == 0
    async with asyncio.timeout(1):
        await gateway.wait_room()
    (notification,) = notifications(stub, kind, 1)
    pending = asyncio.get_running_loop().create_future()
    gateway.send(notification, pending.set_result)
    assert (await pending).fate is Fate.RETRY
