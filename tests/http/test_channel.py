"""A channel in good weather: many requests, bodies of all sizes, the room it reports, and its end."""

import asyncio

import pytest
import uvloop

from clarion.base.certificates import Certificate
from clarion.base.errors import ConfigurationError
from clarion.http.h2 import Answer, Channel, Failure, Processed, Tuning, client_tls, never_indexed
from tests.http.conftest import QUICK, Open, Serve
from tests.http.peer import Exchange, Peer, answer_at_once, until
from tests.http.requests import Results, post, statuses


async def test_many_requests_at_once_get_their_own_answers(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once, streams=50)
    open_channel = channel(peer, connections=2)
    results = Results(open_channel)
    for number in range(2000):
        results.submit(f"/3/device/{number}", b"payload %d" % number)
    answers = await results.all()
    assert statuses(answers) == {200}
    assert [answer.body for answer in answers if isinstance(answer, Answer)] == [
        b"payload %d" % number for number in range(2000)
    ]
    assert not results.doubles
    assert len(peer.links) <= 2
    assert max(peer.received.values()) == 1


async def test_headers_of_the_answer_come_without_pseudo_headers(serve: Serve, channel: Open) -> None:
    peer = await serve(lambda exchange: exchange.answer(410, b"{}", headers=((b"apns-id", b"1"), (b"x", b"y"))))
    answer = await channel(peer).request(post("/a"))
    assert answer == Answer(410, ((b"apns-id", b"1"), (b"x", b"y")), b"{}")


async def test_request_fields_arrive_in_order(serve: Serve, channel: Open) -> None:
    seen: list[tuple[tuple[bytes, bytes], ...]] = []

    def handler(exchange: Exchange) -> None:
        seen.append(tuple((bytes(name), bytes(value)) for name, value in exchange.headers))
        exchange.answer()

    peer = await serve(handler)
    fields = post("/a", (b"authorization", b"bearer x"), never_indexed((b"apns-id", b"id")))
    assert isinstance(await channel(peer).request(fields, b"body"), Answer)
    assert seen == [tuple((name, value) for name, value in fields)]


async def test_an_answer_closed_by_an_empty_data_frame_is_complete(serve: Serve, channel: Open) -> None:
    def handler(exchange: Exchange) -> None:
        exchange.answer(200, b"{}" if exchange.path == "/body" else b"", tail=True)

    peer = await serve(handler)
    open_channel = channel(peer)
    assert await open_channel.request(post("/empty"), b"x") == Answer(200, (), b"")
    assert await open_channel.request(post("/body"), b"x") == Answer(200, (), b"{}")


async def test_large_bodies_pass_both_ways_under_flow_control(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    body = bytes(range(256)) * 12_000
    answers = await asyncio.gather(*(channel(peer).request(post(f"/{n}"), body + b"%d" % n) for n in range(4)))
    assert [answer.body for answer in answers if isinstance(answer, Answer)] == [body + b"%d" % n for n in range(4)]


async def test_an_answer_before_the_body_is_read_is_not_held_up(serve: Serve, channel: Open) -> None:
    """A server may answer early and leave the rest of a large body unread (RFC 9113 section 8.1)."""
    peer = await serve(consumes=False)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    results.submit("/large", bytes(200_000))
    await until(lambda: peer.links and peer.link.open)
    next(iter(peer.link.open.values())).answer(413, b"{}")
    assert await results.all(5) == [Answer(413, (), b"{}")]  # long before the request's time is up
    peer.handler = answer_at_once
    assert statuses([await open_channel.request(post("/next"))]) == {200}
    assert len(peer.links) == 1
    await open_channel.aclose(0.0)
    assert not results.doubles


async def test_a_peer_that_reads_slowly_is_not_buried(serve: Serve, channel: Open) -> None:
    """What the socket does not take is not written: a connection with bytes to spare has no room for more."""
    peer = await serve(answer_at_once, window=16 << 20, receive_buffer=65_536)
    open_channel = channel(peer, connections=1)
    await open_channel.request(post("/first"))
    assert open_channel.room == 100
    peer.link.hang()
    results = Results(open_channel)
    for number in range(40):
        results.submit(f"/{number}", bytes(300_000))
    await until(lambda: open_channel.room == 0)
    peer.link.wake()
    assert statuses(await results.all()) == {200}
    assert open_channel.room == 100


async def test_an_endless_answer_is_cut_off(serve: Serve, channel: Open) -> None:
    peer = await serve(lambda exchange: exchange.answer(200, bytes(100_000)))
    open_channel = channel(peer, tuning=Tuning(answer_limit=50_000))
    result = await open_channel.request(post("/a"))
    assert isinstance(result, Failure)
    assert result.processed is Processed.UNKNOWN
    assert "longer than 50000 bytes" in result.reason
    await until(lambda: 1 in peer.link.closed)


async def test_a_completion_that_raises_does_not_stop_the_others(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    open_channel = channel(peer)
    results = Results(open_channel)

    def broken(_result: Answer | Failure) -> None:
        raise RuntimeError("of the caller's own making")

    open_channel.submit(post("/broken"), b"", broken)
    results.submit("/sound")
    assert statuses(await results.all()) == {200}


async def test_a_request_that_is_no_http_fails_as_not_processed(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    open_channel = channel(peer)
    too_large = await open_channel.request(post("/a", (b"x", b"y" * 70_000)))
    assert isinstance(too_large, Failure)
    assert too_large.processed is Processed.NO
    assert "cannot be written" in too_large.reason
    assert statuses([await open_channel.request(post("/b"))]) == {200}
    assert set(peer.received) == {"/b"}


async def test_room_follows_streams_and_queue(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=10)
    open_channel = channel(peer, connections=1)
    assert open_channel.room == 1  # the guess before a connection
    results = Results(open_channel)
    for number in range(4):
        results.submit(f"/{number}")
    assert open_channel.room == 0
    await until(lambda: len(peer.held) == 4)
    assert open_channel.room == 6
    for number in range(4, 10):
        results.submit(f"/{number}")
    assert open_channel.room == 0
    waiting = asyncio.ensure_future(open_channel.wait_room())
    await until(lambda: len(peer.held) == 10)
    assert not waiting.done()
    peer.held.pop().answer()
    await asyncio.wait_for(waiting, 5)
    assert open_channel.room == 1
    peer.release()
    assert statuses(await results.all()) == {200}
    assert open_channel.room == 10


async def test_wait_room_connects_before_the_first_request(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=7)
    open_channel = channel(peer)
    await open_channel.wait_room()
    await until(lambda: open_channel.room == 7)
    assert len(peer.links) == 1
    assert not peer.received


async def test_close_lets_requests_finish_and_takes_no_new_ones(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=2)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    for number in range(6):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 2)
    closing = asyncio.ensure_future(open_channel.aclose(10))
    await asyncio.sleep(0)
    late = await open_channel.request(post("/late"))
    assert isinstance(late, Failure)
    assert late.processed is Processed.NO
    assert not closing.done()
    peer.handler = answer_at_once
    peer.release()
    await asyncio.wait_for(closing, 5)
    assert statuses(await results.all()) == {200}
    assert "/late" not in peer.received
    await until(lambda: peer.link.lost)
    assert peer.link.goodbye is not None
    assert open_channel.room == 0
    await open_channel.wait_room()
    await open_channel.aclose()


async def test_close_ends_what_does_not_finish_in_time(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=1)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    results.submit("/under-way")
    results.submit("/queued")
    await until(lambda: peer.held)
    await open_channel.aclose(0.05)
    under_way, queued = await results.all()
    assert isinstance(under_way, Failure)
    assert under_way.processed is Processed.UNKNOWN
    assert isinstance(queued, Failure)
    assert queued.processed is Processed.NO
    assert not results.doubles


async def test_http2_without_tls_by_prior_knowledge(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once, tls=False)
    answer = await channel(peer, tls=None).request(post("/plain"), b"x")
    assert answer == Answer(200, (), b"x")


def test_it_runs_on_uvloop(certificate: Certificate) -> None:
    async def scenario() -> None:
        peer = Peer(certificate, answer_at_once, streams=20)
        await peer.start()
        open_channel = Channel(peer.origin, tls=client_tls(ca_file=certificate.ca_file), tuning=QUICK)
        results = Results(open_channel)
        for number in range(300):
            results.submit(f"/{number}", bytes(number * 100))
        assert statuses(await results.all()) == {200}
        await open_channel.aclose()
        await peer.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


@pytest.mark.parametrize(
    "origin", ["api.push.apple.com", "ftp://localhost", "https://", "https://h:port", "https://h/path", "https://u@h"]
)
def test_an_origin_that_is_none_is_refused(origin: str) -> None:
    with pytest.raises(ConfigurationError):
        Channel(origin, tls=client_tls())


def test_https_needs_a_tls_context() -> None:
    with pytest.raises(ConfigurationError, match="TLS context"):
        Channel("https://localhost", tls=None)
