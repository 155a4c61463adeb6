"""The peer's SETTINGS decide how many streams a connection carries, and may change while it runs."""

import asyncio
from functools import partial

from clarion.http.h2 import Channel, Tuning
from tests.http.conftest import Open, Serve
from tests.http.peer import Peer, answer_at_once, until
from tests.http.requests import Results, post, statuses


async def test_no_request_is_written_before_the_peers_settings(serve: Serve, channel: Open) -> None:
    """APNs may start at one stream: a burst before its SETTINGS would be refused."""
    peer = await serve(streams=1)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    for number in range(5):
        results.submit(f"/{number}")
    await until(lambda: peer.held)
    for _ in range(5):
        await until(lambda: peer.held)
        assert len(peer.held) == 1
        peer.held.pop().answer()
    assert statuses(await results.all()) == {200}
    assert peer.link.most == 1


async def test_a_limit_that_rises_is_used_at_once(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=1)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    for number in range(30):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 1)
    peer.link.allow(20)
    await until(lambda: len(peer.held) == 20)
    assert open_channel.room == 0
    peer.handler = answer_at_once
    peer.release()
    assert statuses(await results.all()) == {200}
    assert peer.link.most == 20
    assert open_channel.room == 20


async def test_a_limit_that_falls_is_kept(serve: Serve, channel: Open) -> None:
    """APNs drops to one stream after a refused token."""
    peer = await serve(streams=20)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    for number in range(40):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 20)
    peer.link.allow(1)
    peer.release()
    await until(lambda: peer.held)
    peer.link.most = 0
    while len([1 for results_of in results.of.values() if results_of]) < 40:
        await until(lambda: peer.held or all(results.of.values()))
        peer.release()
    assert statuses(await results.all()) == {200}
    assert peer.link.most <= 1
    assert not results.doubles
    assert max(peer.received.values()) == 1


async def test_a_limit_of_none_holds_requests_back_until_it_rises(serve: Serve, channel: Open) -> None:
    peer = await serve(answer_at_once, streams=0)
    open_channel = channel(peer, connections=1)
    await open_channel.wait_room()
    pending = asyncio.ensure_future(open_channel.request(post("/a")))
    await until(lambda: peer.links)
    await until(lambda: open_channel.room == 0)
    peer.link.allow(3)
    assert statuses([await pending]) == {200}


async def test_our_own_bound_holds_against_a_generous_peer(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=1000)
    open_channel = channel(peer, connections=1, tuning=Tuning(streams=8))
    results = Results(open_channel)
    for number in range(20):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 8)
    assert open_channel.room == 0
    peer.handler = answer_at_once
    peer.release()
    assert statuses(await results.all()) == {200}
    assert peer.link.most == 8


async def test_a_further_connection_is_opened_only_when_the_first_is_full(serve: Serve, channel: Open) -> None:
    peer = await serve(streams=5)
    open_channel = channel(peer, connections=2)
    results = Results(open_channel)
    for number in range(5):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 5)
    assert len(peer.links) == 1
    for number in range(5, 20):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 10)
    assert len(peer.links) == 2
    peer.handler = answer_at_once
    peer.release()
    assert statuses(await results.all()) == {200}
    assert len(peer.links) == 2


def holds(peer: Peer, channel: Channel, requests: int) -> bool:
    """The peer has so many requests, and the channel has no room for more."""
    return len(peer.held) == requests and channel.room == 0


async def test_limits_that_fall_to_one_and_rise_again_are_followed_both_ways(serve: Serve, channel: Open) -> None:
    """1, 1000, 1, 1000: as APNs does for a new token, and after one that it refused."""
    peer = await serve(streams=1)
    open_channel = channel(peer, connections=1)
    results = Results(open_channel)
    for number in range(2500):
        results.submit(f"/{number}", b"{}")
    await until(lambda: len(peer.held) == 1)
    for limit in (1000, 1, 1000):
        peer.link.allow(limit)
        if limit == 1:
            peer.release()
        await until(partial(holds, peer, open_channel, limit))
        assert len(peer.link.open) == limit
    assert peer.link.most == 1000
    peer.handler = answer_at_once
    peer.release()
    assert statuses(await results.all()) == {200}
    assert not results.doubles
    assert set(peer.received.values()) == {1}
