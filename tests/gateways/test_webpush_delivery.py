"""The Web Push gateway against the strict stub, which decrypts everything it gets."""

import asyncio
import json

import pytest

from clarion.gateways.pauses import SPREAD
from clarion.gateways.registry import open_gateway
from clarion.gateways.seam import Fate, Gateway, Notification, Scope, Verdict
from clarion.gateways.stub import StubServer
from clarion.gateways.webpush import client as webpush_client
from clarion.gateways.webpush import service
from clarion.gateways.webpush.client import WebPushGateway
from clarion.gateways.webpush.credentials import generate, parse
from clarion.http.addresses import resolve_public
from clarion.http.h2 import Channel, Failure, Processed, client_tls
from tests.gateways.delivering import at_two_services, book, deliver, gateway_to, web_notifications
from tests.support import until


def without_override(stub: StubServer) -> Gateway:
    """A gateway whose credentials allow private addresses, that goes where the subscriptions point."""
    return open_gateway("webpush", json.dumps(stub.issue("webpush")).encode(), None, str(stub.ca_file))


async def test_notifications_arrive_and_open_with_the_subscriptions_keys(stub: StubServer) -> None:
    gateway = without_override(stub)
    verdicts = await deliver(gateway, web_notifications(stub, 200, collapse="score"))
    await gateway.aclose()
    assert verdicts == [Verdict(Fate.DELIVERED)] * 200
    deliveries = await book(stub, "webpush")
    assert len({delivery.token for delivery in deliveries}) == 200
    assert all(delivery.headers["topic"] == "score" for delivery in deliveries)
    assert all(delivery.headers["ttl"] == "0" for delivery in deliveries)
    assert {"title": "hello", "clarion_delivery": "7"} in [delivery.payload for delivery in deliveries]
    assert stub.stats().webpush.doubles == 0


async def test_with_an_endpoint_everything_goes_there_whatever_origin_a_subscription_names(stub: StubServer) -> None:
    gateway = gateway_to(stub, "webpush")
    (own,) = web_notifications(stub, 1)
    path = own.token.removeprefix(stub.url)
    elsewhere = Notification(f"https://push.example.net{path}", own.payload, own.delivery_id, 0, keys=own.keys)
    assert await deliver(gateway, [elsewhere]) == [Verdict(Fate.DELIVERED)]
    await gateway.aclose()


async def test_a_private_address_is_refused_unless_it_was_allowed(stub: StubServer) -> None:
    gateway = open_gateway("webpush", json.dumps(generate("mailto:a@b.example")).encode(), None, str(stub.ca_file))
    assert stub.url.startswith("https://127.")
    verdicts = await deliver(gateway, web_notifications(stub, 3))
    verdicts += await deliver(gateway, web_notifications(stub, 3))
    await gateway.aclose()
    assert {verdict.fate for verdict in verdicts} == {Fate.REFUSED}
    assert all(verdict.reason.startswith("ForbiddenAddress: ") for verdict in verdicts)
    assert stub.stats().webpush.requests == 0
    assert stub.stats().connections.opened == 0


async def test_a_name_that_turns_inward_after_it_was_checked_is_not_connected_to(stub: StubServer) -> None:
    """The channel screens the addresses of every connection, so a changed name leads nowhere."""
    channel = Channel(stub.url, tls=client_tls(ca_file=str(stub.ca_file)), resolve=resolve_public)
    path = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"x"), (b":path", b"/stub")]
    outcome = await channel.request(path, timeout=0.3)
    await channel.aclose()
    assert isinstance(outcome, Failure)
    assert outcome.processed is Processed.NO
    assert "special network" in outcome.reason
    assert stub.stats().connections.opened == 0


async def test_a_gone_subscription_is_dead_and_an_unknown_one_too(stub: StubServer) -> None:
    three = web_notifications(stub, 3)
    stub.set_knobs({"webpush": {"dead_tokens": [three[1].token]}})
    unknown = Notification(f"{stub.url}/wp/9-nothing", three[2].payload, bytes(16), 0, keys=three[2].keys)
    gateway = without_override(stub)
    verdicts = await deliver(gateway, [three[0], three[1], unknown])
    await gateway.aclose()
    assert [verdict.fate for verdict in verdicts] == [Fate.DELIVERED, Fate.DEAD_TOKEN, Fate.DEAD_TOKEN]


async def test_429_delays_that_subscription_only(stub: StubServer) -> None:
    stub.set_knobs({"webpush": {"too_many_rate": 1.0, "retry_after": 4}})
    gateway = without_override(stub)
    (verdict,) = await deliver(gateway, web_notifications(stub, 1))
    await gateway.aclose()
    assert (verdict.fate, verdict.retry_after, verdict.scope) == (Fate.RETRY, 4.0, Scope.DEVICE)


async def test_what_cannot_be_sent_is_told_without_a_request(stub: StubServer) -> None:
    (good,) = web_notifications(stub, 1)
    assert good.keys is not None
    point, auth = good.keys
    cases = [
        (Notification("http://x.example/", b"x", bytes(16), 0, keys=good.keys), Fate.REFUSED, "InvalidEndpoint"),
        (Notification(good.token, b"x", bytes(16), 0), Fate.REFUSED, "MissingKeys"),
        (Notification(good.token, bytes(3994), bytes(16), 0, keys=good.keys), Fate.REFUSED, "PayloadTooLarge"),
        (Notification(good.token, b"x", bytes(16), 0, keys=(point[:-1], auth)), Fate.DEAD_TOKEN, "InvalidKeys"),
        (Notification(good.token, b"x", bytes(16), 0, keys=(point, auth[:-1])), Fate.DEAD_TOKEN, "InvalidKeys"),
    ]
    gateway = without_override(stub)
    verdicts = await deliver(gateway, [notification for notification, _, _ in cases])
    await gateway.aclose()
    told = [(verdict.fate, verdict.reason.partition(":")[0]) for verdict in verdicts]
    assert told == [(fate, word) for _, fate, word in cases]
    assert stub.stats().webpush.requests == 0


async def test_the_largest_payload_is_taken(stub: StubServer) -> None:
    (good,) = web_notifications(stub, 1)
    gateway = without_override(stub)
    verdicts = await deliver(gateway, [Notification(good.token, b"x" * 3993, bytes(16), 0, keys=good.keys)])
    await gateway.aclose()
    assert verdicts == [Verdict(Fate.DELIVERED)]


async def test_the_number_of_connected_push_services_is_bounded(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webpush_client, "MOST_SERVICES", 2)
    credentials = parse(json.dumps(stub.issue("webpush")).encode())
    gateway = WebPushGateway(credentials, ca_file=str(stub.ca_file))
    (good,) = web_notifications(stub, 1)
    port = stub.url.rpartition(":")[2]
    path = good.token.removeprefix(stub.url)
    for host in ("127.0.0.1", "localhost", "127.0.0.1", "127.0.0.2", "127.0.0.1"):
        elsewhere = Notification(f"https://{host}:{port}{path}", good.payload, bytes(16), 0, keys=good.keys)
        pending: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        gateway.send(elsewhere, pending.set_result)
        assert gateway.connected <= 2
        if host == "127.0.0.1":
            assert await pending == Verdict(Fate.DELIVERED)
    await gateway.aclose(drain=1)
    assert gateway.connected == 0


async def test_an_unreachable_push_service_answers_at_once_for_a_while(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_FIRST_TIMEOUT", 0.3)
    one, two = web_notifications(stub, 2)
    gateway = without_override(stub)
    await stub.stop()
    first = await deliver(gateway, [one], 15)
    assert first[0].fate is Fate.RETRY
    assert f"{stub.url} cannot be reached" in first[0].reason
    second = await deliver(gateway, [two], 1)
    await gateway.aclose()
    assert (second[0].fate, second[0].scope) == (Fate.RETRY, Scope.CONNECTION)
    assert second[0].retry_after > 20


async def test_503_with_retry_after_rests_that_push_service_and_no_other(stub: StubServer) -> None:
    here, there = at_two_services(stub, 3)
    gateway = without_override(stub)
    assert await deliver(gateway, [here[0], there[0]]) == [Verdict(Fate.DELIVERED)] * 2
    stub.set_knobs({"webpush": {"refuse": {"unavailable": 1.0}, "retry_after": 50}})
    (asked,) = await deliver(gateway, [here[1]])
    assert (asked.fate, asked.scope) == (Fate.RETRY, Scope.DEVICE)
    assert 50 <= asked.retry_after <= 50 + SPREAD
    stub.set_knobs({})
    requests = stub.stats().webpush.requests
    resting, other = await deliver(gateway, [here[2], there[2]])
    await gateway.aclose()
    assert (resting.fate, resting.scope, resting.reason) == (Fate.RETRY, Scope.DEVICE, asked.reason)
    assert 20 < resting.retry_after <= asked.retry_after
    assert other == Verdict(Fate.DELIVERED)
    assert stub.stats().webpush.requests == requests + 1


async def test_what_waits_for_a_stream_is_not_sent_once_the_service_asked_to_wait(stub: StubServer) -> None:
    few: dict[str, object] = {"max_streams": 5}
    stub.set_knobs(few)
    gateway = without_override(stub)
    many = web_notifications(stub, 200)
    assert await deliver(gateway, many[:1]) == [Verdict(Fate.DELIVERED)]
    stub.set_knobs({**few, "webpush": {"refuse": {"unavailable": 1.0}, "retry_after": 50, "latency_ms": 50}})
    verdicts = await deliver(gateway, many)
    await gateway.aclose()
    assert {(verdict.fate, verdict.reason) for verdict in verdicts} == {(Fate.RETRY, "ServiceUnavailable: HTTP 503")}
    assert all(20 < verdict.retry_after <= 50 + SPREAD for verdict in verdicts)
    assert stub.stats().webpush.requests <= 1 + 20


async def test_the_pause_of_the_only_push_service_is_that_of_the_application(stub: StubServer) -> None:
    stub.set_knobs({"webpush": {"refuse": {"unavailable": 1.0}, "retry_after": 50}})
    gateway = without_override(stub)
    asked, resting = [(await deliver(gateway, [each]))[0] for each in web_notifications(stub, 2)]
    await gateway.aclose()
    assert (asked.fate, asked.scope) == (Fate.RETRY, Scope.CONNECTION)
    assert 50 <= asked.retry_after <= 50 + SPREAD
    assert (resting.fate, resting.scope) == (Fate.RETRY, Scope.CONNECTION)
    assert stub.stats().webpush.requests == 1


async def test_a_push_service_that_keeps_failing_rests_a_little(stub: StubServer) -> None:
    stub.set_knobs({"webpush": {"refuse": {"internal_error": 1.0}}})
    gateway = without_override(stub)
    many = web_notifications(stub, 30)
    failed = await deliver(gateway, many[:20])
    assert [(verdict.fate, verdict.retry_after) for verdict in failed] == [(Fate.RETRY, 0.0)] * 20
    (resting,) = await deliver(gateway, many[20:21])
    assert 0 < resting.retry_after <= 1
    stub.set_knobs({})

    async def arrived() -> bool:
        return await deliver(gateway, many[21:22]) == [Verdict(Fate.DELIVERED)]

    await until(arrived)
    await gateway.aclose()


async def test_single_failures_make_no_push_service_rest(stub: StubServer) -> None:
    stub.set_knobs({"webpush": {"refuse": {"internal_error": 0.5}}})
    gateway = without_override(stub)
    verdicts = await deliver(gateway, web_notifications(stub, 200))
    await gateway.aclose()
    assert {(verdict.fate, verdict.retry_after) for verdict in verdicts} == {(Fate.DELIVERED, 0.0), (Fate.RETRY, 0.0)}
    assert stub.stats().webpush.requests == 200


async def test_a_push_service_that_does_not_answer_holds_no_room_of_others(
    stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few go ahead; those behind them are not sent, and none of them is called doubtful."""
    monkeypatch.setattr(service, "PROBES", 5)
    monkeypatch.setattr(service, "MOST_WAITING", 20)
    here, there = at_two_services(stub, 30)
    gateway = without_override(stub)
    assert await deliver(gateway, there[:1]) == [Verdict(Fate.DELIVERED)]
    full = gateway.room
    stub.set_knobs({"webpush": {"stall_rate": 1.0}})
    settled: list[Verdict] = []
    for notification in here:
        gateway.send(notification, settled.append)
    assert gateway.room == full - 5

    async def probed() -> bool:
        return stub.stats().webpush.requests == 1 + 5

    await until(probed)
    assert len(settled) == 5
    assert {verdict.fate for verdict in settled} == {Fate.RETRY}
    assert "has not answered yet" in settled[0].reason
    stub.set_knobs({})
    assert await deliver(gateway, there[1:4]) == [Verdict(Fate.DELIVERED)] * 3
    await gateway.aclose(drain=0.1)
    assert len(settled) == 30
    fates = [verdict.fate for verdict in settled]
    assert (fates.count(Fate.UNKNOWN), fates.count(Fate.RETRY)) == (5, 25)


async def test_what_waits_for_the_first_answer_goes_with_it(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "PROBES", 2)
    gateway = without_override(stub)
    point = web_notifications(stub, 1)[0].keys
    assert point is not None
    bad = [
        Notification(each.token, b"x", bytes(16), 0, keys=(point[0][:-1], point[1]))
        for each in web_notifications(stub, 4)
    ]
    verdicts = await deliver(gateway, [*bad, *web_notifications(stub, 60), *bad])
    await gateway.aclose()
    assert [verdict.fate for verdict in verdicts] == [Fate.DEAD_TOKEN] * 4 + [Fate.DELIVERED] * 60 + [
        Fate.DEAD_TOKEN
    ] * 4


async def test_room_is_bounded_and_comes_back(stub: StubServer) -> None:
    stub.set_knobs({"webpush": {"latency_ms": 100}})
    gateway = without_override(stub)
    many = web_notifications(stub, 600)
    assert await deliver(gateway, many[:1]) == [Verdict(Fate.DELIVERED)]
    settled: list[Verdict] = []
    sent = 0
    while gateway.room > 0:
        gateway.send(many[sent], settled.append)
        sent += 1
    assert sent == 512
    async with asyncio.timeout(10):
        await gateway.wait_room()
    assert settled
    await gateway.aclose()
    assert [verdict.fate for verdict in settled] == [Fate.DELIVERED] * 512
