"""What the peer did not process goes again by itself; what it may have processed is reported as such."""

import asyncio

import ngh2
import pytest

from clarion.http.h2 import Answer, Failure, Processed, Tuning
from tests.http.conftest import QUICK, Open, Serve
from tests.http.peer import Exchange, answer_at_once, until
from tests.http.requests import Results, post, statuses


async def test_goaway_finishes_old_streams_and_moves_the_unprocessed(serve: Serve, channel: Open) -> None:
    peer = await serve()
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    for number in range(6):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 6)
    old, processed = peer.link, [exchange for exchange in peer.held if exchange.stream <= 5]
    peer.handler = answer_at_once
    old.go_away(last=5)
    await until(lambda: len(peer.links) == 2)
    await until(lambda: all(results.of[f"/{number}"] for number in (3, 4, 5)))
    assert not any(results.of[f"/{number}"] for number in (0, 1, 2))
    for exchange in processed:
        exchange.answer(202)
    answers = await results.all()
    assert [answer.status for answer in answers if isinstance(answer, Answer)] == [202, 202, 202, 200, 200, 200]
    assert peer.received == {"/0": 1, "/1": 1, "/2": 1, "/3": 2, "/4": 2, "/5": 2}
    await until(lambda: old.lost)
    assert not results.doubles


async def test_a_shutdown_notice_moves_new_requests_and_keeps_old_ones(serve: Serve, channel: Open) -> None:
    """GOAWAY with the highest stream identifier announces the end; the final one follows (RFC 9113 section 6.8)."""
    peer = await serve()
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    results.submit("/old")
    await until(lambda: peer.held)
    old = peer.link
    old.go_away(last=0x7FFF_FFFF)
    await until(lambda: open_channel.room == 1)  # the guess again: nothing is open for new requests
    results.submit("/new")
    await until(lambda: len(peer.held) == 2)
    assert peer.held[1].link is not old
    old.go_away(last=1)
    peer.release()
    assert statuses(await results.all()) == {200}
    await until(lambda: old.lost)


async def test_refused_streams_go_again(serve: Serve, channel: Open) -> None:
    refused: list[str] = []

    def handler(exchange: Exchange) -> None:
        if exchange.path not in refused:
            refused.append(exchange.path)
            exchange.reset(ngh2.ErrorCode.REFUSED_STREAM)
        else:
            exchange.answer()

    peer = await serve(handler)
    results = Results(channel(peer))
    for number in range(20):
        results.submit(f"/{number}", b"x")
    assert statuses(await results.all()) == {200}
    assert set(peer.received.values()) == {2}


async def test_a_stream_refused_over_and_over_is_reported(serve: Serve, channel: Open) -> None:
    peer = await serve(lambda exchange: exchange.reset(ngh2.ErrorCode.REFUSED_STREAM))
    result = await channel(peer).request(post("/a"))
    assert isinstance(result, Failure)
    assert result.processed is Processed.NO
    assert "3 attempts" in result.reason
    assert "refused the stream" in result.reason
    assert peer.received == {"/a": 3}


async def test_a_peer_that_sends_everybody_away_is_reported_and_not_stormed(serve: Serve, channel: Open) -> None:
    peer = await serve(lambda exchange: exchange.link.go_away(0, ngh2.ErrorCode.ENHANCE_YOUR_CALM, b'{"reason":"X"}'))
    result = await channel(peer).request(post("/a"))
    assert isinstance(result, Failure)
    assert result.processed is Processed.NO
    assert 'GOAWAY ENHANCE_YOUR_CALM {"reason":"X"}' in result.reason
    assert len(peer.links) == 3


@pytest.mark.parametrize("code", [ngh2.ErrorCode.CANCEL, ngh2.ErrorCode.INTERNAL_ERROR, ngh2.ErrorCode.NO_ERROR])
async def test_a_reset_leaves_the_request_unknown(serve: Serve, channel: Open, code: ngh2.ErrorCode) -> None:
    def handler(exchange: Exchange) -> None:
        if exchange.path == "/reset":
            exchange.reset(code)
        else:
            exchange.answer()

    peer = await serve(handler)
    open_channel = channel(peer)
    reset, answered = await asyncio.gather(open_channel.request(post("/reset")), open_channel.request(post("/fine")))
    assert isinstance(reset, Failure)
    assert reset.processed is Processed.UNKNOWN
    assert code.name in reset.reason
    assert statuses([answered]) == {200}
    assert peer.received["/reset"] == 1
    assert len(peer.links) == 1


async def test_a_reset_after_the_whole_answer_changes_nothing(serve: Serve, channel: Open) -> None:
    peer = await serve()
    open_channel = channel(peer)
    pending = asyncio.ensure_future(open_channel.request(post("/large"), bytes(1_000_000)))
    await until(lambda: peer.links and peer.link.open)
    exchange = next(iter(peer.link.open.values()))
    exchange.answer(200, b"early")
    exchange.reset(ngh2.ErrorCode.NO_ERROR)
    assert await pending == Answer(200, (), b"early")


async def test_a_connection_whose_stream_identifiers_end_is_replaced(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    tuning = Tuning(last_stream_id=19, backoff_first=QUICK.backoff_first)
    open_channel = channel(peer, connections=1, tuning=tuning)
    results = Results(open_channel)
    for number in range(35):
        results.submit(f"/{number}")
    assert statuses(await results.all()) == {200}
    assert len(peer.links) == 4
    assert all(len(link.closed) <= 10 for link in peer.links)
    await until(lambda: all(link.lost for link in peer.links[:3]))
    assert max(peer.received.values()) == 1
