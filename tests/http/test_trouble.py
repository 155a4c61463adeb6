"""Stalls, lost connections, peers that are away or are no HTTP/2 servers: every request ends, with a clear reason."""

import asyncio
from functools import partial
from pathlib import Path
from time import monotonic

import ngh2
import pytest

from clarion.base.authority import CA_FILE, Authority
from clarion.base.certificates import Certificate
from clarion.http.addresses import SpecialNetwork, resolve_public
from clarion.http.h2 import Answer, Channel, Failure, Processed, Tuning, client_tls
from tests.http.conftest import QUICK, Open, Serve
from tests.http.peer import Exchange, answer_at_once, until
from tests.http.requests import Results, post, statuses


def failed(result: object, processed: Processed) -> str:
    """The reason of a failure; anything else fails the test."""
    assert isinstance(result, Failure), result
    assert result.processed is processed, result
    return result.reason


async def refused_because(channel: Channel, seconds: float = 20.0) -> str:
    """Why the channel's origin cannot be used, as its requests are told once a first attempt to connect has ended."""
    deadline = monotonic() + seconds
    while True:
        reason = failed(await channel.request(post("/a"), timeout=0.1), Processed.NO)
        if "is not open yet" not in reason or monotonic() > deadline:
            return reason


async def test_a_stalled_request_times_out_and_is_reset(serve: Serve, channel: Open) -> None:
    def handler(exchange: Exchange) -> None:
        if exchange.path != "/stall":
            exchange.answer()

    peer = await serve(handler)
    open_channel = channel(peer)
    stalled, answered = await asyncio.gather(
        open_channel.request(post("/stall"), timeout=0.1), open_channel.request(post("/fine"))
    )
    assert "within 0.1 s" in failed(stalled, Processed.UNKNOWN)
    assert statuses([answered]) == {200}
    await until(lambda: ngh2.ErrorCode.CANCEL in peer.link.closed.values())
    assert not peer.link.lost
    assert statuses([await open_channel.request(post("/again"))]) == {200}
    assert len(peer.links) == 1


async def test_time_outs_of_different_lengths_come_in_their_order(serve: Serve, channel: Open) -> None:
    peer = await serve()
    open_channel = channel(peer)
    ended: list[str] = []
    for name, timeout in (("long", 0.3), ("short", 0.05), ("middle", 0.15)):
        open_channel.submit(post(f"/{name}"), b"", partial(_note, ended, name), timeout=timeout)
    await until(lambda: len(ended) == 3)
    assert ended == ["short", "middle", "long"]


def _note(names: list[str], name: str, _result: Answer | Failure) -> None:
    names.append(name)


async def test_a_request_without_a_free_stream_times_out_as_not_processed(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=1)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    results.submit("/first")
    results.submit("/waits", timeout=0.1)
    await until(lambda: results.of["/waits"])
    assert "no stream became free" in failed(results.of["/waits"][0], Processed.NO)
    peer.release()
    first, _ = await results.all()
    assert statuses([first]) == {200}
    assert "/waits" not in peer.received


async def test_what_has_no_stream_can_be_recalled(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=1)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    results.submit("/first")
    await until(lambda: peer.held)
    results.submit("/waits")
    open_channel.recall("nobody wants it any more")
    await until(lambda: results.of["/waits"])
    assert failed(results.of["/waits"][0], Processed.NO) == "nobody wants it any more"
    peer.release()
    first, _ = await results.all()
    assert statuses([first]) == {200}
    assert "/waits" not in peer.received


async def test_a_lost_connection_leaves_what_was_sent_unknown_and_keeps_the_queue(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=3)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    for number in range(8):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 3)
    peer.handler = answer_at_once
    peer.link.drop()
    ended = await results.all()
    for result in ended[:3]:
        failed(result, Processed.UNKNOWN)
    assert statuses(ended[3:]) == {200}
    assert max(peer.received.values()) == 1
    assert not results.doubles


async def test_a_peer_that_hangs_is_noticed_by_ping_and_replaced(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=1)
    tuning = Tuning(busy_ping=0.1, ping_patience=0.1, backoff_first=QUICK.backoff_first)
    open_channel = channel(peer, connections=1, tuning=tuning)
    results = Results(open_channel)
    results.submit("/under-way")
    await until(lambda: peer.held)
    results.submit("/queued")
    peer.handler = answer_at_once
    peer.link.hang()
    under_way, queued = await results.all()
    assert "does not answer PING" in failed(under_way, Processed.UNKNOWN)
    assert statuses([queued]) == {200}
    assert len(peer.links) == 2


async def test_an_idle_connection_is_kept_alive_with_ping(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    open_channel = channel(peer, connections=1, tuning=Tuning(idle_ping=0.05, ping_patience=5.0))
    assert statuses([await open_channel.request(post("/a"))]) == {200}
    await until(lambda: peer.link.pings >= 2)
    assert statuses([await open_channel.request(post("/b"))]) == {200}
    assert len(peer.links) == 1


async def test_an_idle_connection_that_died_is_replaced_without_harm(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    open_channel = channel(peer, connections=1, tuning=Tuning(idle_ping=0.05, ping_patience=0.05))
    assert statuses([await open_channel.request(post("/a"))]) == {200}
    link = peer.link
    link.hang()
    await until(lambda: open_channel.room == 1)
    assert statuses([await open_channel.request(post("/b"))]) == {200}
    assert peer.link is not link


async def test_a_peer_without_http2_is_refused_with_its_reason(serve: Serve, channel: Open) -> None:
    for alpn, offered in ((("http/1.1",), "nothing"), ((), "nothing")):
        peer = await serve(alpn=alpn)
        reason = await refused_because(channel(peer))
        assert "does not speak HTTP/2" in reason
        assert f"ALPN gave {offered}" in reason


async def test_a_peer_that_never_says_anything_is_given_up(serve: Serve, channel: Open) -> None:
    peer = await serve(speaks=False)
    tuning = Tuning(connect_timeout=0.1, backoff_first=0.01, backoff_most=0.05)
    silent = channel(peer, tuning=tuning)
    assert "no HTTP/2 connection within 0.1 s" in await refused_because(silent)
    silent.submit(post("/b"), b"", lambda _: None)
    await until(lambda: len(peer.links) > 1)
    await until(lambda: peer.links[0].lost)


async def test_a_peer_with_an_unknown_certificate_gets_no_request(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    assert "certificate is not accepted" in await refused_because(channel(peer, tls=client_tls()))
    assert not peer.received


async def test_a_missing_client_certificate_is_no_request_lost(
    serve: Serve, channel: Open, certificate: Certificate, tmp_path: Path
) -> None:
    """TLS 1.3 tells a client only after its handshake that its certificate is refused: till then nothing may go."""
    authority = Authority.kept(tmp_path, "Clients")
    own = authority.client_certificate("A client", user_id="client")
    files = tmp_path / "client.pem", tmp_path / "client.key"
    files[0].write_bytes(own.certificate)
    files[1].write_bytes(own.key)
    peer = await serve(answer_at_once, client_ca=tmp_path / CA_FILE)
    failed(await channel(peer, timeout=0.3).request(post("/a")), Processed.NO)
    assert not peer.received
    tls = client_tls(ca_file=certificate.ca_file, certificate=(str(files[0]), str(files[1])))
    assert statuses([await channel(peer, tls=tls).request(post("/b"))]) == {200}


async def test_requests_wait_for_a_peer_that_is_away_and_go_when_it_is_back(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    open_channel = channel(peer)
    assert statuses([await open_channel.request(post("/before"))]) == {200}
    await peer.stop()
    await until(lambda: open_channel.room == 2)
    results = Results(open_channel)
    results.submit("/patient")
    results.submit("/hasty", timeout=0.2)
    await until(lambda: results.of["/hasty"])
    reason = failed(results.of["/hasty"][0], Processed.NO)
    assert "cannot be reached" in reason
    assert "refused" in reason.lower()
    assert not results.of["/patient"]
    await peer.start()
    patient, _hasty = await results.all()
    assert statuses([patient]) == {200}
    assert peer.received == {"/before": 1, "/patient": 1}


@pytest.mark.parametrize("knobs", [{"alpn": ("http/1.1",)}, {"welcomes": False}], ids=["no-h2", "goaway-at-once"])
async def test_attempts_to_connect_back_off(serve: Serve, channel: Open, knobs: dict[str, object]) -> None:
    peer = await serve(**knobs)
    attempts = 0

    async def resolve(host: str, _port: int) -> list[str]:
        nonlocal attempts
        attempts += 1
        return [host]

    tuning = Tuning(backoff_first=0.1, backoff_most=10.0)
    failed(await channel(peer, timeout=1.0, tuning=tuning, resolve=resolve).request(post("/a")), Processed.NO)
    # 0.1, 0.2, 0.4, 0.8 s with jitter of a half: no more than five attempts fit.
    assert 1 < attempts <= 5
    await until(lambda: all(link.lost for link in peer.links))


async def test_a_peer_that_drops_every_connection_is_not_stormed(serve: Serve, channel: Open) -> None:
    peer = await serve(lambda exchange: exchange.link.drop(), streams=1)
    tuning = Tuning(backoff_first=0.1, backoff_most=10.0)
    results = Results(channel(peer, connections=1, timeout=1.0, tuning=tuning))
    for number in range(20):
        results.submit(f"/{number}")
    await results.all()
    assert 1 < len(peer.links) <= 5


async def test_every_address_gets_its_turn(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)

    async def resolve(_host: str, _port: int) -> list[str]:
        return [f"127.0.0.{number}" for number in (2, 3, 4, 5, 6, 1)]  # somebody listens at the last one only

    assert statuses([await channel(peer, resolve=resolve).request(post("/a"))]) == {200}


async def test_without_a_connection_producers_may_try_but_not_flood(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    await peer.stop()
    open_channel = channel(peer, connections=2, timeout=0.1)
    results = Results(open_channel)
    for number in range(4):
        await open_channel.wait_room()
        assert open_channel.room > 0
        results.submit(f"/{number}")
    for result in await results.all():
        failed(result, Processed.NO)


async def test_addresses_come_from_the_resolver_given(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once)
    assert "special network" in await refused_because(channel(peer, resolve=resolve_public))
    assert not peer.links

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]  # nobody listens at the first

    assert statuses([await channel(peer, resolve=resolve).request(post("/b"))]) == {200}
    assert issubclass(SpecialNetwork, OSError)


async def test_a_peer_that_breaks_http2_is_dropped(serve: Serve, channel: Open) -> None:
    def handler(exchange: Exchange) -> None:
        exchange.link.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)

    peer = await serve(handler)
    result = await channel(peer).request(post("/a"))
    assert "broke HTTP/2" in failed(result, Processed.UNKNOWN)
    await until(lambda: peer.links[0].lost)
