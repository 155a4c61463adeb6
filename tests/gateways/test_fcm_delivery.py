"""The FCM gateway against the strict stub: access tokens, pauses of the project, faults."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from clarion.base import clock
from clarion.gateways.allowance import Allowance, Bucket, Rate
from clarion.gateways.fcm import credentials
from clarion.gateways.fcm.client import FcmGateway
from clarion.gateways.registry import open_gateway
from clarion.gateways.seam import Fate, Gateway, Notification, Scope, Verdict
from clarion.gateways.stub import StubServer
from tests.gateways.delivering import book, deliver, gateway_to
from tests.support import until


def notification(number: int = 0, *, data: str = "hello") -> Notification:
    payload = json.dumps({"a4scontent": data, "clarion_delivery": str(number)}).encode()
    expires = int(clock.now().timestamp()) + 600
    return Notification(f"token-{number}", payload, number.to_bytes(16, "big"), expires, collapse="score")


async def test_a_notification_arrives_as_a_data_message(stub: StubServer) -> None:
    gateway = gateway_to(stub, "fcm")
    assert await deliver(gateway, [notification(7)]) == [Verdict(Fate.DELIVERED)]
    await gateway.aclose()
    (delivery,) = await book(stub, "fcm")
    assert delivery.token == "token-7"
    assert isinstance(delivery.payload, dict)
    message = delivery.payload["message"]
    assert message["data"] == {"a4scontent": "hello", "clarion_delivery": "7"}
    assert message["android"]["collapse_key"] == "score"


async def test_a_thousand_notifications_share_one_access_token(stub: StubServer) -> None:
    gateway = gateway_to(stub, "fcm")
    verdicts = await deliver(gateway, map(notification, range(1000)))
    await gateway.aclose()
    assert verdicts == [Verdict(Fate.DELIVERED)] * 1000
    assert stub.stats().connections.access_tokens == 1
    assert (stub.stats().fcm.delivered, stub.stats().fcm.doubles) == (1000, 0)


async def test_an_access_token_that_ran_out_is_replaced_and_nothing_is_lost(stub: StubServer) -> None:
    """401 gives a new OAuth token, once for all that were refused together."""
    stub.set_knobs({"fcm": {"access_token_seconds": 60}})
    gateway = gateway_to(stub, "fcm")
    assert await deliver(gateway, [notification(0)]) == [Verdict(Fate.DELIVERED)]
    clock.shift(timedelta(seconds=120))
    assert await deliver(gateway, map(notification, range(1, 101))) == [Verdict(Fate.DELIVERED)] * 100
    await gateway.aclose()
    assert stub.stats().connections.access_tokens == 2
    assert stub.stats().fcm.delivered == 101


async def test_a_fresh_access_token_that_is_refused_makes_the_project_wait(stub: StubServer) -> None:
    stub.set_knobs({"fcm": {"refuse": {"UNAUTHENTICATED": 1.0}}})
    gateway = gateway_to(stub, "fcm")
    verdicts = await deliver(gateway, map(notification, range(20)))
    verdicts += await deliver(gateway, map(notification, range(20, 40)))
    await gateway.aclose()
    assert {(verdict.fate, verdict.scope) for verdict in verdicts} == {(Fate.RETRY, Scope.PROJECT)}
    assert all(verdict.retry_after > 0 for verdict in verdicts)
    assert stub.stats().connections.access_tokens == 2
    assert stub.stats().fcm.requests <= 40, "while the project waits nothing is sent"


async def test_429_stops_the_whole_project_for_retry_after(stub: StubServer) -> None:
    stub.set_knobs({"fcm": {"too_many_rate": 1.0, "retry_after": 30}})
    gateway = gateway_to(stub, "fcm")
    (first,) = await deliver(gateway, [notification(0)])
    assert first == Verdict(Fate.RETRY, "QUOTA_EXCEEDED", 30.0, Scope.PROJECT)
    later = await deliver(gateway, map(notification, range(1, 50)))
    await gateway.aclose()
    assert {(verdict.fate, verdict.reason, verdict.scope) for verdict in later} == {
        (Fate.RETRY, "QUOTA_EXCEEDED", Scope.PROJECT)
    }
    assert all(29 < verdict.retry_after <= 30 for verdict in later)
    assert stub.stats().fcm.requests == 1
    assert stub.stats().fcm.early == 0


async def test_dead_tokens_and_tokens_that_are_none_are_dead(stub: StubServer) -> None:
    stub.set_knobs({"fcm": {"dead_tokens": ["token-3"]}})
    gateway = gateway_to(stub, "fcm")
    good = notification(1)
    broken = Notification("not a token", good.payload, bytes(16), good.expires_at)
    verdicts = await deliver(gateway, [good, notification(3), broken])
    await gateway.aclose()
    assert [verdict.fate for verdict in verdicts] == [Fate.DELIVERED, Fate.DEAD_TOKEN, Fate.DEAD_TOKEN]
    assert verdicts[1].reason == "UNREGISTERED"


async def test_a_payload_that_is_wrong_is_refused_and_kills_no_token(stub: StubServer) -> None:
    gateway = gateway_to(stub, "fcm")
    wrong = Notification("token-1", b'{"google.sent_time":"1"}', bytes(16), 0)
    (verdict,) = await deliver(gateway, [wrong])
    await gateway.aclose()
    assert verdict.fate is Fate.REFUSED
    assert verdict.reason.startswith("INVALID_ARGUMENT: ")


async def test_beyond_the_quota_notifications_wait_inside_and_room_is_0(stub: StubServer) -> None:
    document = json.dumps(stub.issue("fcm")).encode()
    loop = asyncio.get_running_loop()
    began = loop.time()
    permits = Allowance(Bucket(Rate(38, burst=120)).draw)
    gateway = FcmGateway(credentials.parse(document), endpoint=stub.url, ca_file=str(stub.ca_file), permits=permits)
    futures: list[asyncio.Future[Verdict]] = [loop.create_future() for _ in range(140)]
    for number, future in enumerate(futures):
        gateway.send(notification(number), future.set_result)
    assert gateway.room == 0
    assert await asyncio.gather(*futures) == [Verdict(Fate.DELIVERED)] * 140
    await gateway.wait_room()
    await gateway.aclose()
    figures = stub.stats().fcm
    assert figures.delivered == 140
    assert loop.time() - began > 0.5, "the last 20 had to wait for permits"


async def test_an_account_the_token_endpoint_does_not_know_is_refused_with_its_word(
    stub: StubServer, tmp_path: Path
) -> None:
    other = StubServer(tmp_path / "other")
    await other.start()
    document = other.issue("fcm")
    await other.stop()
    document["token_uri"] = f"{stub.url}/oauth2/token"
    gateway = open_gateway("fcm", json.dumps(document).encode(), stub.url, str(stub.ca_file))
    verdicts = await deliver(gateway, map(notification, range(10)))
    verdicts += await deliver(gateway, map(notification, range(10, 20)))
    await gateway.aclose()
    assert {verdict.fate for verdict in verdicts} == {Fate.REFUSED}
    assert all(verdict.reason.startswith("invalid_grant: ") for verdict in verdicts)
    assert stub.stats().fcm.requests == 0


@pytest.mark.parametrize("ahead", [-7200, 7200])
async def test_where_clocks_differ_assertions_are_dated_by_that_of_the_token_endpoint(
    stub: StubServer, ahead: int
) -> None:
    """Nothing is refused for good because a machine's clock is wrong; the first notifications are tried again."""
    stub.set_knobs({"fcm": {"oauth_clock_ahead_seconds": ahead}})
    gateway = gateway_to(stub, "fcm")
    first = await deliver(gateway, map(notification, range(10)))
    assert {(verdict.fate, verdict.scope) for verdict in first} == {(Fate.RETRY, Scope.PROJECT)}
    assert all("clock" in verdict.reason and verdict.retry_after <= 1.0 for verdict in first)
    await until(lambda: _delivers(gateway))
    await gateway.aclose()


async def _delivers(gateway: Gateway) -> bool:
    return await deliver(gateway, [notification()]) == [Verdict(Fate.DELIVERED)]


async def test_an_unreachable_token_endpoint_is_a_retry_that_names_it(stub: StubServer) -> None:
    gateway = gateway_to(stub, "fcm")
    await stub.stop()
    pending: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    await gateway.wait_room()
    gateway.send(notification(), pending.set_result)
    await gateway.aclose(drain=0.3)
    verdict = await pending
    assert (verdict.fate, verdict.scope) == (Fate.RETRY, Scope.PROJECT)
    assert stub.url.removeprefix("https://") in verdict.reason
