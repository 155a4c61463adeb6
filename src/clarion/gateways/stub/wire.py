"""HTTP/2 of the stub: one connection over `ngh2` in server role, and the only file of the stub that imports it.

It assembles requests, hands them to its host and writes answers, coalesced into one write for all that one read
caused. What a request means is not known here.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Protocol, cast

import ngh2
from msgspec import Struct, field
from ngh2 import ErrorCode, Setting

from clarion.base import clock
from clarion.gateways.stub.exchange import Peer, Reply, Request
from clarion.gateways.stub.knobs import Knobs
from clarion.gateways.stub.ledger import Traffic

CONTROL = b"/stub"
CONTROL_BODY = 16 * 1024 * 1024
PUSH_BODY = 64 * 1024

_WINDOW = 4 * 1024 * 1024
_CODES = {
    "internal_error": ErrorCode.INTERNAL_ERROR,
    "refused_stream": ErrorCode.REFUSED_STREAM,
    "cancel": ErrorCode.CANCEL,
    "enhance_your_calm": ErrorCode.ENHANCE_YOUR_CALM,
}
# Clients cancel the streams that the knobs stall: that is no attack here.
_CONFIGURATION = ngh2.Configuration(stream_reset_rate_limit=(1 << 40, 1 << 40))

_RequestHeaders = tuple[tuple[bytes, bytes], ...]


class Host(Protocol):
    """What a connection belongs to: the knobs of connections, their counts, and who takes the requests."""

    knobs: Knobs
    traffic: Traffic
    wires: "set[Wire]"

    def receive(self, wire: "Wire", stream_id: int, request: Request) -> None:
        """Take a complete request; it is answered by `Wire.answer`, now or later."""


class _Begun(Struct):
    """A request whose end has not come."""

    headers: _RequestHeaders
    body: bytearray = field(default_factory=bytearray)


class Wire(asyncio.Protocol):
    """One connection. `pushes` counts its push requests, for the host; `gone` is set when it is closed."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._connection = ngh2.Connection(ngh2.Role.SERVER, _CONFIGURATION)
        self._transport: asyncio.Transport | None = None
        self._open: dict[int, _Begun | None] = {}
        self._peer = Peer()
        self._at = 0.0
        self._processed = 0
        self._last: int | None = None
        self._leaving = False
        self._closing = False
        self._paused = False
        self._trusted = False
        self.pushes = 0
        self.gone = asyncio.Event()

    @property
    def streams(self) -> int:
        """Streams open now."""
        return len(self._open)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Refuse whoever did not negotiate `h2`; send our SETTINGS to the others."""
        tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
        if tls.selected_alpn_protocol() != "h2":
            self._host.traffic.without_alpn += 1
            transport.close()
            return
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._peer.topic = _topic(tls)
        self._host.wires.add(self)
        self._host.traffic.opened += 1
        streams = self._host.knobs.streams_until_trusted or self._host.knobs.max_streams
        self._connection.initiate_connection({Setting.MAX_CONCURRENT_STREAMS: streams})
        self._connection.set_local_window_size(_WINDOW)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget everything under way."""
        self._transport = None
        self._open.clear()
        self._host.wires.discard(self)
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        """Feed the engine, take what it found, write what came of it."""
        if self._transport is None:
            return
        try:
            self._connection.receive_data(data)
        except ngh2.NGH2Error:
            self._host.traffic.protocol_errors += 1
            self.flush()
            self.abort()
            return
        self._at = clock.now().timestamp()
        for event in self._connection.events():
            kind = type(event)
            if kind is ngh2.RequestReceived:
                self._begin(event)  # type: ignore[arg-type]  # the type was just compared
            elif kind is ngh2.DataReceived:
                self._continue(event)  # type: ignore[arg-type]
            elif kind is ngh2.TrailersReceived:
                self._complete(event.stream_id)  # type: ignore[attr-defined]
            elif kind is ngh2.StreamClosed:
                self._open.pop(event.stream_id, None)  # type: ignore[attr-defined]
            elif kind is ngh2.GoAwayReceived:
                self._leaving = True
            if self._transport is None:
                return  # the knobs broke the connection: what else it brought is lost
        self.flush()

    def pause_writing(self) -> None:
        """The peer reads slowly: leave answers in the engine."""
        self._paused = True

    def resume_writing(self) -> None:
        """The peer has read."""
        self._paused = False
        self.flush()

    def answer(self, stream_id: int, reply: Reply, *, empty_end: bool = False) -> None:
        """Queue an answer, ended by an empty DATA frame of its own if so wished. Nothing happens when the stream is
        gone. `flush` writes."""
        if self._open.pop(stream_id, self) is self:
            return
        connection = self._connection
        with suppress(ngh2.StreamUnavailableError):  # the client reset the stream in this very read
            if empty_end:
                connection.send_response(stream_id, reply.headers)
                if reply.body:
                    connection.send_data(stream_id, reply.body)
                    self.flush()  # the engine would otherwise put the end on the frame of the body
                connection.end_stream(stream_id)
            elif reply.body:
                connection.send_response(stream_id, reply.headers)
                connection.send_data(stream_id, reply.body, end_stream=True)
            else:
                connection.send_response(stream_id, reply.headers, end_stream=True)

    def reset(self, stream_id: int, code: str) -> None:
        """Reset a stream with an error code of the knobs."""
        if self._open.pop(stream_id, self) is not self:
            with suppress(ngh2.StreamUnavailableError):
                self._connection.reset_stream(stream_id, _CODES[code])

    def set_streams(self, streams: int) -> None:
        """Announce another SETTINGS_MAX_CONCURRENT_STREAMS."""
        if self._transport is not None and not self._leaving:
            self._connection.update_settings({Setting.MAX_CONCURRENT_STREAMS: streams})

    def trust(self, trusted: bool) -> None:
        """The connection's credentials were accepted or refused: more streams, or few again."""
        if trusted != self._trusted:
            self._trusted = trusted
            knobs = self._host.knobs
            self.set_streams(knobs.max_streams if trusted else knobs.streams_until_trusted)

    def leave(self) -> None:
        """Graceful GOAWAY: what is processed or comes on lower streams is answered, the rest was not processed."""
        if self._last is None and self._transport is not None:
            self._last = self._processed
            self._leaving = True
            for stream_id in [each for each in self._open if each > self._last]:
                del self._open[stream_id]
            self._connection.send_goaway(ErrorCode.NO_ERROR, last_stream_id=self._last)

    def abort(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
            self._open.clear()

    def close(self) -> None:
        """Close in good order what is not closed yet."""
        if self._transport is not None:
            self.leave()
            self.flush()
        if self._transport is not None:
            self._transport.close()

    def flush(self) -> None:
        """Write what the engine has queued; close when it has neither to read nor to write any more."""
        if self._transport is None or self._paused or self._closing:
            return
        data = self._connection.data_to_send()
        if data:
            self._transport.write(data)
        if not self._connection.want_read and not self._connection.want_write:
            self._closing = True
            if not self._leaving:
                self._host.traffic.protocol_errors += 1
            self._transport.close()

    def _begin(self, event: ngh2.RequestReceived) -> None:
        stream_id = event.stream_id
        if self._last is not None and stream_id > self._last:
            return
        self._open[stream_id] = _Begun(event.headers)
        if len(self._open) > self._host.traffic.streams_highest:
            self._host.traffic.streams_highest = len(self._open)
        if event.end_stream:
            self._complete(stream_id)

    def _continue(self, event: ngh2.DataReceived) -> None:
        begun = self._open.get(event.stream_id)
        if begun is None:
            return
        if len(begun.body) <= PUSH_BODY or (len(begun.body) <= CONTROL_BODY and _is_control(begun.headers)):
            begun.body += event.data
        if event.end_stream:
            self._complete(event.stream_id)

    def _complete(self, stream_id: int) -> None:
        begun = self._open.get(stream_id)
        if begun is None:
            return
        self._open[stream_id] = None
        self._processed = max(self._processed, stream_id)
        fields = dict(begun.headers)
        request = Request(
            fields[b":method"],
            fields.get(b":path", b""),
            begun.headers,
            fields,
            bytes(begun.body),
            self._at,
            self._peer,
        )
        self._host.receive(self, stream_id, request)


def _is_control(headers: _RequestHeaders) -> bool:
    return any(name == b":path" and value.startswith(CONTROL) for name, value in headers)


def _topic(tls: ssl.SSLObject) -> str | None:
    """The UID of a client certificate, which the handshake has verified."""
    certificate = tls.getpeercert()
    subject = certificate.get("subject", ()) if certificate else ()
    for relative_name in subject:
        assert isinstance(relative_name, tuple)
        for attribute in relative_name:
            if attribute[0] in ("userId", "UID"):
                return str(attribute[1])
    return None
