"""The APNs gateway against the strict stub: both authentications, renewal, faults, closing."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clarion.gateways.registry import open_gateway
from clarion.gateways.seam import Fate, Notification, Scope, Verdict
from clarion.gateways.stub import StubServer
from tests.gateways.delivering import book, deliver, gateway_to


def notification(number: int = 0, *, token: str | None = None, silent: bool = False) -> Notification:
    payload = b'{"aps":{"alert":"hello"},"a4sid":"7"}' if not silent else b'{"aps":{"content-available":1}}'
    token = f"{number:064x}" if token is None else token
    return Notification(token, payload, number.to_bytes(16, "big"), 2_000_000_000, collapse="score", silent=silent)


@pytest.mark.parametrize("authentication", ["token", "certificate"])
async def test_notifications_arrive_with_their_ids_and_fields(stub: StubServer, authentication: str) -> None:
    gateway = gateway_to(stub, "apns", authentication=authentication)
    verdicts = await deliver(gateway, [notification(7), notification(8, silent=True)])
    await gateway.aclose()
    assert verdicts == [Verdict(Fate.DELIVERED)] * 2
    alert, silent = sorted(await book(stub, "apns"), key=lambda each: each.token)
    assert alert.delivery_id == "0" * 31 + "7"
    assert alert.headers["apns-id"] == "00000000-0000-0000-0000-000000000007"
    assert alert.headers["apns-expiration"] == "2000000000"
    assert alert.headers["apns-collapse-id"] == "score"
    assert (alert.headers["apns-push-type"], alert.headers["apns-priority"]) == ("alert", "10")
    assert (silent.headers["apns-push-type"], silent.headers["apns-priority"]) == ("background", "5")
    assert alert.payload == {"aps": {"alert": "hello"}, "a4sid": "7"}


async def test_a_thousand_notifications_need_one_provider_token_and_have_one_verdict_each(stub: StubServer) -> None:
    stub.set_knobs({"streams_until_trusted": 1, "apns": {"provider_token_seconds": 1200}})
    gateway = gateway_to(stub, "apns")
    verdicts = await deliver(gateway, map(notification, range(1000)))
    await gateway.aclose()
    assert verdicts == [Verdict(Fate.DELIVERED)] * 1000
    assert stub.stats().apns.delivered == 1000
    assert stub.stats().apns.doubles == 0


async def test_a_token_called_expired_is_renewed_once_and_the_requests_go_again_at_once(stub: StubServer) -> None:
    stub.set_knobs({"max_streams": 200, "apns": {"refuse": {"ExpiredProviderToken": 0.3}}})
    gateway = gateway_to(stub, "apns")
    verdicts = await deliver(gateway, map(notification, range(100)))
    await gateway.aclose()
    delivered = [verdict for verdict in verdicts if verdict.fate is Fate.DELIVERED]
    again = [verdict for verdict in verdicts if verdict.fate is Fate.RETRY and verdict.scope is Scope.PROJECT]
    assert len(delivered) + len(again) == 100
    figures = stub.stats().apns
    assert figures.delivered == len(delivered)
    assert figures.requests > 100, "refused requests went again"
    assert figures.requests <= 200, "none went more than twice"


async def test_when_the_renewed_token_is_refused_too_the_application_waits(stub: StubServer) -> None:
    stub.set_knobs({"apns": {"refuse": {"ExpiredProviderToken": 1.0}}})
    gateway = gateway_to(stub, "apns")
    first, second = [(await deliver(gateway, [notification(number)]))[0] for number in range(2)]
    await gateway.aclose()
    assert (first.fate, first.scope) == (Fate.RETRY, Scope.PROJECT)
    assert (second.fate, second.scope) == (Fate.RETRY, Scope.PROJECT)
    assert stub.stats().apns.requests == 3, "the second notification found a token that had just been renewed"


async def test_dead_tokens_tell_since_when(stub: StubServer) -> None:
    dead = f"{5:064x}"
    stub.set_knobs({"apns": {"dead_tokens": [dead], "dead_since": 1_700_000_000}})
    gateway = gateway_to(stub, "apns")
    verdicts = await deliver(gateway, map(notification, range(10)))
    await gateway.aclose()
    assert verdicts[5] == Verdict(
        Fate.DEAD_TOKEN, "Unregistered", dead_since=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    )
    assert [verdict.fate for verdict in verdicts].count(Fate.DELIVERED) == 9


async def test_a_token_that_is_not_hexadecimal_is_dead_without_a_request(stub: StubServer) -> None:
    gateway = gateway_to(stub, "apns")
    verdict = (await deliver(gateway, [notification(token="../../stub/reset")]))[0]
    await gateway.aclose()
    assert (verdict.fate, verdict.reason.partition(":")[0]) == (Fate.DEAD_TOKEN, "BadDeviceToken")
    assert stub.stats().apns.requests == 0


async def test_429_delays_the_device(stub: StubServer) -> None:
    stub.set_knobs({"apns": {"too_many_rate": 1.0, "retry_after": 3}})
    gateway = gateway_to(stub, "apns")
    assert await deliver(gateway, [notification()]) == [Verdict(Fate.RETRY, "TooManyRequests", 3.0, Scope.DEVICE)]
    await gateway.aclose()


async def test_a_key_the_gateway_does_not_know_is_refused_with_apples_word(stub: StubServer, tmp_path: Path) -> None:
    other = StubServer(tmp_path / "other")
    await other.start()
    secret = json.dumps(other.issue("apns")).encode()
    gateway = open_gateway("apns", secret, stub.url, str(stub.ca_file))
    verdict = (await deliver(gateway, [notification()]))[0]
    await gateway.aclose()
    await other.stop()
    assert verdict == Verdict(Fate.REFUSED, "InvalidProviderToken")


async def test_an_unreachable_gateway_is_a_retry_that_names_host_and_cause(stub: StubServer) -> None:
    gateway = gateway_to(stub, "apns")
    await stub.stop()
    pending: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    gateway.send(notification(), pending.set_result)
    await gateway.aclose(drain=0.3)
    verdict = await pending
    assert verdict.fate is Fate.RETRY
    assert verdict.scope is Scope.CONNECTION
    assert stub.url.removeprefix("https://") in verdict.reason
