"""A small HTTP/2 server for tests: real TLS, real frames, and a knob for everything that can go wrong."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import ngh2

from clarion.base.certificates import Certificate

OK = 200


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition, looking often; fails with TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


class Exchange:
    """One request as the peer sees it."""

    def __init__(self, link: "Link", stream: int, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self.link = link
        self.stream = stream
        self.headers = headers
        self.path = dict(headers)[b":path"].decode()
        self.body = bytearray()

    def answer(
        self, status: int = OK, body: bytes = b"", *, headers: tuple[tuple[bytes, bytes], ...] = (), tail: bool = False
    ) -> None:
        """Respond; `tail` ends the stream with an empty DATA frame of its own."""
        session = self.link.session
        fields = ((b":status", str(status).encode()), *headers)
        with suppress(ngh2.NGH2Error):  # the stream or the connection may have ended meanwhile
            session.send_response(self.stream, fields, end_stream=not (body or tail))
            if body:
                session.send_data(self.stream, body, end_stream=not tail)
            if tail:
                self.link.flush()
                session.end_stream(self.stream)
        self.link.flush()

    def reset(self, code: int) -> None:
        """End the stream with RST_STREAM."""
        with suppress(ngh2.NGH2Error):
            self.link.session.reset_stream(self.stream, code)
        self.link.flush()


class Link(asyncio.Protocol):
    """One connection as the peer sees it."""

    def __init__(self, peer: "Peer") -> None:
        self.peer = peer
        self.session = ngh2.Connection(ngh2.Role.SERVER, ngh2.Configuration(auto_window_update=peer.consumes))
        self.open: dict[int, Exchange] = {}
        self.closed: dict[int, int] = {}
        self.goodbye: ngh2.GoAwayReceived | None = None
        self.pings = 0
        self.most = 0
        self.transport: asyncio.Transport
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.peer.links.append(self)
        if self.peer.speaks:
            self.session.initiate_connection(
                {
                    ngh2.Setting.MAX_CONCURRENT_STREAMS: self.peer.streams,
                    ngh2.Setting.INITIAL_WINDOW_SIZE: self.peer.window,
                }
            )
            self.session.set_local_window_size(self.peer.window)
            self.flush()
        if not self.peer.welcomes:
            self.go_away(last=0)

    def data_received(self, data: bytes) -> None:
        if not self.peer.speaks or self.transport.is_closing():
            return
        with suppress(ngh2.ConnectionStateError):  # it has come to its end with a GOAWAY
            self.session.receive_data(data)
        self._handle()
        self.flush()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost = True
        self.open.clear()

    def flush(self) -> None:
        data = self.session.data_to_send()
        if data and not self.transport.is_closing():
            self.transport.write(data)
        self._handle()

    def _handle(self) -> None:
        for event in self.session.events():
            if isinstance(event, ngh2.RequestReceived):
                self.open[event.stream_id] = Exchange(self, event.stream_id, event.headers)
                self.most = max(self.most, len(self.open))
                if event.end_stream:
                    self._complete(event.stream_id)
            elif isinstance(event, ngh2.DataReceived):
                exchange = self.open.get(event.stream_id)
                if exchange is not None:
                    exchange.body += event.data
                    if event.end_stream:
                        self._complete(event.stream_id)
            elif isinstance(event, ngh2.StreamClosed):
                self.open.pop(event.stream_id, None)
                self.closed[event.stream_id] = event.error_code
            elif isinstance(event, ngh2.GoAwayReceived):
                self.goodbye = event
            elif isinstance(event, ngh2.PingReceived):
                self.pings += 1

    def _complete(self, stream: int) -> None:
        exchange = self.open[stream]
        self.peer.received[exchange.path] += 1
        self.peer.handler(exchange)

    def allow(self, streams: int) -> None:
        """Change MAX_CONCURRENT_STREAMS while running."""
        with suppress(ngh2.NGH2Error):
            self.session.update_settings({ngh2.Setting.MAX_CONCURRENT_STREAMS: streams})
        self.flush()

    def go_away(self, last: int, code: int = 0, debug: bytes = b"") -> None:
        """GOAWAY: streams above `last` were not processed."""
        with suppress(ngh2.NGH2Error):
            self.session.send_goaway(code, last_stream_id=last, debug_data=debug)
        self.flush()

    def drop(self) -> None:
        """Close the TCP connection without a word."""
        self.transport.abort()

    def hang(self) -> None:
        """Read nothing any more and say nothing."""
        self.transport.pause_reading()

    def wake(self) -> None:
        """The end of `hang`."""
        self.transport.resume_reading()


class Peer:
    """A listening server. `handler` gets every complete request; without one, requests wait in `held`."""

    def __init__(
        self, certificate: Certificate | None, handler: Callable[[Exchange], None] | None, **knobs: Any
    ) -> None:
        self.handler = handler or self._hold
        self.streams: int = knobs.get("streams", 100)
        self.window: int = knobs.get("window", 65_535)
        self.receive_buffer: int = knobs.get("receive_buffer", 0)
        self.speaks: bool = knobs.get("speaks", True)
        self.consumes: bool = knobs.get("consumes", True)
        self.welcomes: bool = knobs.get("welcomes", True)
        self.held: list[Exchange] = []
        self.links: list[Link] = []
        self.received: Counter[str] = Counter()
        self.port = 0
        self._tls: ssl.SSLContext | None = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate.certificate, certificate.key)
            self._tls.set_alpn_protocols(list(knobs.get("alpn", ("h2",))))
            if "client_ca" in knobs:
                self._tls.load_verify_locations(knobs["client_ca"])
                self._tls.verify_mode = ssl.CERT_REQUIRED
        self._server: asyncio.Server | None = None

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def link(self) -> Link:
        """The youngest connection."""
        return self.links[-1]

    async def start(self) -> None:
        """Listen; a second start uses the same port again."""
        loop = asyncio.get_running_loop()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._server = await loop.create_server(lambda: Link(self), sock=listener, ssl=self._tls)

    async def stop(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
            for link in self.links:
                if not link.lost:
                    link.drop()
            await until(lambda: all(link.lost for link in self.links))
            self._server = None

    def _hold(self, exchange: Exchange) -> None:
        self.held.append(exchange)

    def release(self, status: int = OK) -> None:
        """Answer everything held."""
        held, self.held = self.held, []
        for exchange in held:
            exchange.answer(status)


def answer_at_once(exchange: Exchange) -> None:
    """A handler: 200, the request's body sent back."""
    exchange.answer(OK, bytes(exchange.body))
