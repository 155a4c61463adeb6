"""Fixtures: peers that listen, channels that are closed at the end."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from clarion.base.certificates import Certificate, generated
from clarion.http.h2 import Channel, Tuning, client_tls
from tests.http.peer import Exchange, Peer

Serve = Callable[..., Awaitable[Peer]]
Open = Callable[..., Channel]

QUICK = Tuning(backoff_first=0.01, backoff_most=0.05, sweep=0.01)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for localhost."""
    return generated(tmp_path_factory.mktemp("certificate"), "localhost")


@pytest.fixture
async def serve(certificate: Certificate) -> AsyncIterator[Serve]:
    """Start a peer: `await serve(handler, streams=100, alpn=("h2",), ...)`."""
    peers = []

    async def start(handler: Callable[[Exchange], None] | None = None, *, tls: bool = True, **knobs: Any) -> Peer:
        peer = Peer(certificate if tls else None, handler, **knobs)
        await peer.start()
        peers.append(peer)
        return peer

    yield start
    for peer in peers:
        await peer.stop()


@pytest.fixture
async def channel(certificate: Certificate) -> AsyncIterator[Open]:
    """Open a channel to a peer: `channel(peer, connections=1, ...)`."""
    channels = []

    def open_channel(peer: Peer, **options: Any) -> Channel:
        options.setdefault("tuning", QUICK)
        options.setdefault("timeout", 10.0)
        options.setdefault("tls", client_tls(ca_file=certificate.ca_file))
        opened = Channel(peer.origin, **options)
        channels.append(opened)
        return opened

    yield open_channel
    for opened in channels:
        await opened.aclose(0.0)
