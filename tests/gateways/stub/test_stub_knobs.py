"""Every knob does what it says, and the book stays exact: each request ends in exactly one count."""

import asyncio
import re
from typing import Any

import pytest

from clarion.base.errors import Invalid
from clarion.gateways.stub import StubServer
from clarion.gateways.stub.ledger import Figures
from tests.gateways.stub.conftest import Connect
from tests.gateways.stub.sender import Outcome, RawClient, apns_headers

ALERT = b'{"aps":{"alert":"Hello"}}'
REFUSED_STREAM = 7
INTERNAL_ERROR = 2


async def burst(client: RawClient, credentials: dict[str, Any], count: int) -> list[Outcome]:
    """`count` notifications to as many devices, all under way at once."""
    streams = [begin(client, credentials, number) for number in range(count)]
    client.sent()
    return [await client.outcome(stream) for stream in streams]


def begin(client: RawClient, credentials: dict[str, Any], number: int) -> int:
    return client.submit(apns_headers(credentials, f"{number:064x}", authorization=bearer(credentials)), ALERT)


_bearers: dict[str, str] = {}


def bearer(credentials: dict[str, Any]) -> str:
    key = credentials["key_id"]
    if key not in _bearers:
        _bearers[key] = apns_headers(credentials)["authorization"]
    return _bearers[key]


def assert_exact(figures: Figures) -> None:
    ends = (
        figures.delivered,
        figures.validated,
        figures.refused_total,
        figures.stalled,
        figures.reset,
        figures.dropped,
    )
    assert figures.requests == sum(ends)


async def test_all_off_everything_is_delivered(stub: StubServer, client: RawClient, apns: dict[str, Any]) -> None:
    outcomes = await burst(client, apns, 200)
    assert [outcome.status for outcome in outcomes] == [200] * 200
    figures = stub.stats().apns
    assert (figures.requests, figures.delivered, figures.distinct) == (200, 200, 200)
    assert_exact(figures)


async def test_refusals_come_by_kind_at_their_rate(stub: StubServer, client: RawClient, apns: dict[str, Any]) -> None:
    stub.set_knobs({"apns": {"refuse": {"InternalServerError": 0.3, "ServiceUnavailable": 0.2}}})
    outcomes = await burst(client, apns, 500)
    figures = stub.stats().apns
    assert figures.refused["InternalServerError"] == sum(outcome.status == 500 for outcome in outcomes)
    assert figures.refused["ServiceUnavailable"] == sum(outcome.status == 503 for outcome in outcomes)
    assert 100 < figures.refused["InternalServerError"] < 200
    assert 60 < figures.refused["ServiceUnavailable"] < 140
    assert_exact(figures)


async def test_what_the_rates_decide_depends_on_the_seed(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    sequences = []
    for seed in (1, 1, 2):
        stub.set_knobs({"seed": seed, "apns": {"refuse": {"Shutdown": 0.5}}})
        sequences.append([outcome.status for outcome in await burst(client, apns, 60)])
    assert sequences[0] == sequences[1] != sequences[2]


async def test_a_broken_request_is_refused_whatever_the_knobs_say(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"stall_rate": 1})
    answer = await client.request(apns_headers(apns, "zz"), ALERT)
    assert answer.json["reason"] == "BadDeviceToken"


async def test_latency_delays_the_answer(stub: StubServer, client: RawClient, apns: dict[str, Any]) -> None:
    stub.set_knobs({"latency_ms": 60, "jitter_ms": 20})
    loop = asyncio.get_running_loop()
    begun = loop.time()
    outcomes = await burst(client, apns, 20)
    assert [outcome.status for outcome in outcomes] == [200] * 20
    assert loop.time() - begun >= 0.06


async def test_throttle_spaces_the_answers(stub: StubServer, client: RawClient, apns: dict[str, Any]) -> None:
    stub.set_knobs({"apns": {"throttle": 100}})
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await burst(client, apns, 21)
    assert loop.time() - begun >= 0.2
    assert stub.stats().apns.delivered == 21


async def test_a_silent_gateway_takes_requests_and_answers_later(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"silent_ms": 200})
    loop = asyncio.get_running_loop()
    begun = loop.time()
    outcomes = await burst(client, apns, 20)
    assert loop.time() - begun >= 0.19
    assert [outcome.status for outcome in outcomes] == [200] * 20
    assert_exact(stub.stats().apns)


async def test_too_many_requests_tells_when_to_come_again(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"too_many_rate": 1, "retry_after": 30})
    answer = await client.request(apns_headers(apns), ALERT)
    assert (answer.status, answer.json["reason"], answer.headers["retry-after"]) == (429, "TooManyRequests", "30")


async def test_requests_that_ignore_retry_after_are_counted(
    stub: StubServer, client: RawClient, apns: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is under way when the 429 is given is no fault: counting begins half a second later."""
    stub.set_knobs({"too_many_rate": 1, "retry_after": 30})
    await client.request(apns_headers(apns, "aa" * 32), ALERT)
    await client.request(apns_headers(apns, "aa" * 32), ALERT)
    assert stub.stats().apns.early == 0
    monkeypatch.setattr("clarion.gateways.stub.course._GRACE", 0.0)
    await client.request(apns_headers(apns, "bb" * 32), ALERT)
    await client.request(apns_headers(apns, "bb" * 32), ALERT)
    await client.request(apns_headers(apns, "cc" * 32), ALERT)
    assert stub.stats().apns.early == 1


async def test_who_asks_again_and_again_has_the_grace_once(
    stub: StubServer, client: RawClient, apns: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clarion.gateways.stub.course._GRACE", 0.05)
    stub.set_knobs({"too_many_rate": 1, "retry_after": 30})
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while stub.stats().apns.early == 0 and loop.time() < begun + 10:
        await client.request(apns_headers(apns, "aa" * 32), ALERT)
    assert stub.stats().apns.early == 1


async def test_a_time_that_was_told_outlives_the_knobs_that_told_it(
    stub: StubServer, client: RawClient, apns: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clarion.gateways.stub.course._GRACE", 0.0)
    stub.set_knobs({"too_many_rate": 1, "retry_after": 30})
    await client.request(apns_headers(apns, "aa" * 32), ALERT)
    stub.set_knobs({})
    assert (await client.request(apns_headers(apns, "aa" * 32), ALERT)).status == 200
    assert stub.stats().apns.early == 1
    stub.reset()
    await client.request(apns_headers(apns, "aa" * 32), ALERT)
    assert stub.stats().apns.early == 0


async def test_arrivals_are_kept_by_the_tenth_of_a_second(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    await burst(client, apns, 30)
    answer = await client.request(
        {":method": "GET", ":scheme": "https", ":authority": "stub", ":path": "/stub/arrivals"}
    )
    told = answer.json["apns"]
    assert sum(count for _, count in told) == 30
    assert stub.arrivals("apns") == dict(told)
    first_at = stub.stats().apns.first_at
    assert first_at is not None
    assert told[0][0] == int(first_at * 10)


@pytest.mark.parametrize(
    ("code", "number"), [("internal_error", INTERNAL_ERROR), ("refused_stream", REFUSED_STREAM), ("cancel", 8)]
)
async def test_a_reset_stream_was_not_delivered(
    stub: StubServer, client: RawClient, apns: dict[str, Any], code: str, number: int
) -> None:
    stub.set_knobs({"reset_rate": 1, "reset_code": code})
    outcomes = await burst(client, apns, 5)
    assert [(outcome.status, outcome.reset) for outcome in outcomes] == [(0, number)] * 5
    figures = stub.stats().apns
    assert (figures.reset, figures.delivered, figures.answers_lost) == (5, 0, 0)
    assert_exact(figures)


async def test_an_answer_can_be_lost_after_the_delivery(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"reset_rate": 1, "reset_delivered": True})
    outcomes = await burst(client, apns, 5)
    assert {outcome.reset for outcome in outcomes} == {INTERNAL_ERROR}
    figures = stub.stats().apns
    assert (figures.reset, figures.delivered, figures.answers_lost) == (0, 5, 5)
    assert_exact(figures)


async def test_a_stalled_request_is_never_answered(stub: StubServer, client: RawClient, apns: dict[str, Any]) -> None:
    stub.set_knobs({"stall_rate": 1})
    stalled = client.submit(apns_headers(apns), ALERT)
    client.sent()
    control = await client.request({":method": "GET", ":path": "/stub/stats"})
    assert control.json["apns"]["stalled"] == 1
    assert control.json["connections"]["streams_open"] == 2
    client.cancel(stalled)
    control = await client.request({":method": "GET", ":path": "/stub/stats"})
    assert control.json["connections"]["streams_open"] == 1
    assert_exact(stub.stats().apns)


async def test_a_share_of_tokens_is_dead_and_always_the_same(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"dead_rate": 0.25})
    first = [outcome.status for outcome in await burst(client, apns, 400)]
    assert first == [outcome.status for outcome in await burst(client, apns, 400)]
    assert 60 < first.count(410) < 140
    assert first.count(410) + first.count(200) == 400


async def test_answers_can_end_with_an_empty_data_frame(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"empty_data_end": True})
    answer = await client.request(apns_headers(apns), ALERT)
    assert (answer.status, answer.data) == (200, [0])
    answer = await client.request(apns_headers(apns, "zz"), ALERT)
    assert (answer.json["reason"], answer.data) == ("BadDeviceToken", [len(answer.body), 0])
    stub.set_knobs({})
    answer = await client.request(apns_headers(apns), ALERT)
    assert (answer.status, answer.data) == (200, [])


async def test_goaway_answers_what_it_processed_and_names_the_last(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"goaway_every": 10, "latency_ms": 20})
    streams = [begin(client, apns, number) for number in range(25)]
    client.sent()
    outcomes = [await client.outcome(stream) for stream in streams]
    await client.until(lambda: client.closed)
    assert client.goaway is not None
    assert (client.goaway.last_stream_id, client.goaway.error_code) == (streams[9], 0)
    assert [outcome.status for outcome in outcomes[:10]] == [200] * 10
    assert {(outcome.status, outcome.reset) for outcome in outcomes[10:]} == {(0, REFUSED_STREAM)}
    stats = stub.stats()
    assert (stats.apns.requests, stats.apns.delivered, stats.connections.goaways) == (10, 10, 1)
    assert stats.connections.protocol_errors == 0


async def test_every_connection_counts_its_own_requests_to_the_goaway(
    stub: StubServer, connect: Connect, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"goaway_every": 3})
    for _ in range(2):
        client = await connect()
        assert [outcome.status for outcome in await burst(client, apns, 3)] == [200] * 3
        await client.until(lambda client=client: client.closed)
    assert stub.stats().connections.goaways == 2


async def test_a_connection_breaks_without_an_answer(stub: StubServer, connect: Connect, apns: dict[str, Any]) -> None:
    stub.set_knobs({"drop_connection_every": 4})
    client = await connect()
    outcomes = await burst(client, apns, 10)
    assert client.closed
    assert client.goaway is None
    assert all(outcome.reset is None for outcome in outcomes)
    stats = stub.stats()
    assert (stats.apns.requests, stats.apns.delivered, stats.apns.dropped) == (4, 3, 1)
    assert stats.connections.dropped == 1
    assert_exact(stats.apns)


async def test_a_change_of_streams_is_told_to_open_connections(
    stub: StubServer, connect: Connect, apns: dict[str, Any]
) -> None:
    first, second = await connect(), await connect()
    await first.until(lambda: first.streams == 1000)
    await second.until(lambda: second.streams == 1000)
    stub.set_knobs({"max_streams": 7})
    await first.until(lambda: first.streams == 7)
    await second.until(lambda: second.streams == 7)
    outcomes = await burst(first, apns, 50)
    assert [outcome.status for outcome in outcomes] == [200] * 50
    assert stub.stats().connections.streams_highest == 7
    third = await connect()
    await third.until(lambda: third.streams == 7)


async def test_streams_can_wait_for_accepted_credentials_and_fall_back(
    stub: StubServer, connect: Connect, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"streams_until_trusted": 1, "max_streams": 500})
    client = await connect()
    await client.until(lambda: client.streams == 1)
    await client.request(apns_headers(apns), ALERT)
    await client.until(lambda: client.streams == 500)
    await client.request(apns_headers(apns, authorization="bearer x"), ALERT)
    await client.until(lambda: client.streams == 1)


@pytest.mark.parametrize(
    ("document", "pointer", "told"),
    [
        ([], "", "object"),
        ({"latency": 5}, "", "latency"),
        ({"apns": []}, "/apns", "object"),
        ({"apns": {"latency": 5}}, "/apns", "latency"),
        ({"latency_ms": -1}, "/apns/latency_ms", ">= 0"),
        ({"latency_ms": "5"}, "/apns/latency_ms", "float"),
        ({"max_streams": 1.5}, "/max_streams", "int"),
        ({"fcm": {"stall_rate": 1.1}}, "/fcm/stall_rate", "<= 1"),
        ({"fcm": {"stall_rate": 0.6, "reset_rate": 0.6}}, "/fcm", "more than 1"),
        ({"refuse": {"Shutdown": 1}}, "/refuse", "apns, fcm or webpush"),
        ({"apns": {"refuse": {"Nonsense": 1}}}, "/apns/refuse/Nonsense", "Unregistered"),
        ({"fcm": {"provider_token_seconds": 5}}, "/fcm", "provider_token_seconds"),
        ({"reset_code": "refused_stream", "reset_delivered": True}, "/apns/reset_code", "refused_stream"),
        ({"reset_code": "other"}, "/apns/reset_code", "other"),
    ],
)
async def test_a_wrong_knob_is_explained_and_changes_nothing(
    stub: StubServer, document: Any, pointer: str, told: str
) -> None:
    before = stub.set_knobs({"max_streams": 5})
    with pytest.raises(Invalid, match=re.escape(told)) as raised:
        stub._running.set_knobs(document)
    assert raised.value.findings[0].pointer == pointer
    assert stub._running.knobs == before


async def test_knobs_outside_hold_for_all_gateways_and_inside_wins(stub: StubServer) -> None:
    knobs = stub.set_knobs({"latency_ms": 5, "fcm": {"latency_ms": 9, "refuse": {"INTERNAL": 0.5}}})
    assert (knobs.apns.latency_ms, knobs.fcm.latency_ms, knobs.webpush.latency_ms) == (5, 9, 5)
    assert knobs.fcm.refuse == {"INTERNAL": 0.5}
    assert stub.set_knobs({}).fcm.latency_ms == 0


async def test_a_request_cancelled_while_its_answer_waits_is_still_counted(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"apns": {"latency_ms": 30}})
    cancelled = begin(client, apns, 1)
    client.sent()
    client.cancel(cancelled)
    answer = await client.request(apns_headers(apns), ALERT)
    assert answer.status == 200
    assert stub.stats().apns.delivered == 2


async def test_knobs_can_change_while_a_connection_says_goodbye(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"goaway_every": 1, "latency_ms": 100})
    stream = begin(client, apns, 1)
    client.sent()
    await client.until(lambda: client.goaway is not None)
    stub.set_knobs({"max_streams": 3})
    assert (await client.outcome(stream)).status == 200
    await client.until(lambda: client.closed)
