"""Several connections of one channel carry the load together, as far as each of them may."""

from clarion.http.h2 import Channel
from tests.http.conftest import Open, Serve
from tests.http.peer import Peer, answer_at_once, until
from tests.http.requests import Results, statuses


async def two_connections(serve: Serve, channel: Open, streams: int) -> tuple[Peer, Results, Channel]:
    """A channel whose two connections are open and carry nothing."""
    peer = await serve(streams=streams)
    open_channel = channel(peer, connections=2)
    results = Results(open_channel)
    for number in range(streams + 1):
        results.submit(f"/first/{number}")
    await until(lambda: len(peer.held) == streams + 1)
    assert len(peer.links) == 2
    peer.release()
    await results.all()
    await until(lambda: open_channel.room == 2 * streams)
    return peer, results, open_channel


def carried(peer: Peer) -> list[int]:
    return [len(link.open) for link in peer.links]


async def test_what_is_submitted_together_is_shared_evenly(serve: Serve, channel: Open) -> None:
    peer, results, _ = await two_connections(serve, channel, streams=50)
    for number in range(61):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 61)
    assert sorted(carried(peer)) == [30, 31]


async def test_the_emptier_connection_gets_the_next_requests(serve: Serve, channel: Open) -> None:
    peer, results, _ = await two_connections(serve, channel, streams=50)
    for number in range(40):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 40)
    emptied = peer.links[0]
    for exchange in [exchange for exchange in peer.held if exchange.link is emptied]:
        peer.held.remove(exchange)
        exchange.answer()
    await until(lambda: sum(map(bool, results.of.values())) == 51 + 20)
    assert carried(peer) == [0, 20]
    for number in range(16):
        results.submit(f"/next/{number}")
    await until(lambda: len(peer.held) == 36)
    assert carried(peer) == [16, 20]
    for number in range(8):
        results.submit(f"/last/{number}")
    await until(lambda: len(peer.held) == 44)
    assert carried(peer) == [22, 22]


async def test_a_connection_with_fewer_streams_is_filled_and_the_other_takes_the_rest(
    serve: Serve, channel: Open
) -> None:
    peer, results, open_channel = await two_connections(serve, channel, streams=30)
    small, large = peer.links
    small.allow(4)
    await until(lambda: open_channel.room == 34)
    for number in range(40):
        results.submit(f"/{number}")
    await until(lambda: len(peer.held) == 34)
    assert (len(small.open), len(large.open)) == (4, 30)
    peer.handler = answer_at_once
    peer.release()
    assert statuses(await results.all()) == {200}
    assert not results.doubles
