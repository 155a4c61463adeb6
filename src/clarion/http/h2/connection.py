"""One HTTP/2 connection as an asyncio protocol: bytes in, completions out.

This is the only file that knows the HTTP/2 engine (`ngh2`, a binding of libnghttp2). Requests are written in batches:
`take` opens as many streams as the peer allows, `flush` writes all of them at once. Which connection gets which
request, time-outs and reconnecting are left to the channel.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import inf
from time import monotonic
from typing import Protocol, cast

import ngh2
from ngh2 import (
    ConnectionClosed,
    DataReceived,
    ErrorCode,
    Event,
    GoAwayReceived,
    NGH2Error,
    ResponseReceived,
    Setting,
    SettingsReceived,
    StreamClosed,
    TrailersReceived,
)

from clarion.base.telemetry import get_logger
from clarion.http.h2.call import Call
from clarion.http.h2.model import Answer, Failure, Processed, Tuning

log = get_logger(__name__)

_READ_BUFFER = 256 << 10
_WRITE_MOST = 512 << 10
_STATUS = {str(status).encode(): status for status in range(100, 1000)}


never_indexed: Callable[[tuple[bytes, bytes]], tuple[bytes, bytes]] = partial(tuple.__new__, ngh2.NeverIndexedHeader)
"""Make of a header field one that stays out of the compression table (RFC 7541 section 6.2.3).

For values that differ in every request: they would push the ones that repeat out of the peer's 4 KiB table.
(The named tuple's own constructor is written in Python and costs twice as much.)
"""


class Keeper(Protocol):
    """What a connection asks of the channel that owns it."""

    def reading(self) -> None:
        """A batch of events begins; `pump` follows, so that requests submitted meanwhile need not schedule it."""

    def pump(self) -> None:
        """Open streams for queued requests and write what is pending on all connections."""

    def again(self, call: Call, reason: str) -> None:
        """The call is certainly not processed: queue it once more, or report it."""

    def proven(self) -> None:
        """A connection got its first answer: the origin works."""

    def lost(self, connection: "Connection", reason: str) -> None:
        """The connection is over and takes nothing any more; its calls are being finished."""


class Connection(asyncio.BufferedProtocol):
    """From the TCP connection to its end: unready until the peer's SETTINGS, then open, maybe retired, then lost.

    `opened` ends with "" at the peer's SETTINGS, or with the reason why that point was not reached. No request is
    written before: a client certificate refused or a peer that is no HTTP/2 server then costs nothing.
    """

    def __init__(self, keeper: Keeper, origin: str, tuning: Tuning, *, secure: bool) -> None:
        self.opened: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keeper = keeper
        self._origin = origin
        self._tuning = tuning
        self._secure = secure
        self._session = ngh2.Connection(ngh2.Role.CLIENT)
        self._calls: dict[int, Call] = {}
        self._limit = 0
        self._buffer = memoryview(bytearray(_READ_BUFFER))
        self._transport: asyncio.Transport | None = None
        self._proven = False
        self._paused = False
        self._retired = False
        self._over = False
        self._goodbye = ""
        self._last_read = monotonic()
        self._pinged = 0.0

    @property
    def room(self) -> int:
        """Streams that could be opened now."""
        if self._paused or self._retired:
            return 0
        return max(0, self._limit - len(self._calls))

    @property
    def busy(self) -> int:
        """Requests awaiting their answer here."""
        return len(self._calls)

    @property
    def usable(self) -> bool:
        """Meant for new requests, now or when streams become free."""
        return not self._retired

    @property
    def answered(self) -> bool:
        """At least one answer came over this connection."""
        return self._proven

    @property
    def goodbye(self) -> str:
        """Why it takes no new requests, "" while it does."""
        return self._goodbye

    def take(self, queue: deque[Call], most: int) -> None:
        """Open a stream for up to `most` queued calls while there is room. Nothing is written before `flush`."""
        calls, next_call = self._calls, queue.popleft
        send_request, send_data = self._session.send_request, self._session.send_data
        last = self._tuning.last_stream_id
        for _ in range(min(self.room, most)):
            call = next_call()
            stream = 0
            try:
                if body := call.body:
                    stream = send_request(call.headers)
                    send_data(stream, body, end_stream=True)
                else:
                    stream = send_request(call.headers, end_stream=True)
            except NGH2Error as error:
                self.retire(f"it takes no further stream ({error})")
                self._keeper.again(call, f"the connection to {self._origin} {self._goodbye}")
                return
            except (TypeError, ValueError) as error:
                if stream:
                    self._reset(stream, ErrorCode.CANCEL)
                call.finish(Failure(Processed.NO, f"The request cannot be written as HTTP/2: {error}."))
                continue
            calls[stream] = call
            if stream >= last:
                self.retire("its last stream identifier")
                return

    def flush(self) -> None:
        """Write what the session has to say: in one piece, or if it is much in several, as the socket takes them."""
        if self._paused or self._transport is None or self._over:
            return
        try:
            data = self._session.data_to_send(_WRITE_MOST)
            while data:
                self._transport.write(data)
                if len(data) < _WRITE_MOST or self._paused:
                    break
                data = self._session.data_to_send(_WRITE_MOST)
        except NGH2Error as error:
            self.abort(f"the HTTP/2 engine failed: {error}")
            return
        if events := self._session.events():
            self._handle(events)
        if self._retired and not self._calls:
            self.close()

    def retire(self, reason: str) -> None:
        """Open no further streams; the connection closes when those under way are finished."""
        if not self._retired:
            self._retired = True
            self._goodbye = reason
            log.info("connection_retired", origin=self._origin, reason=reason, unfinished=len(self._calls))

    def expire(self, now: float) -> float:
        """End the calls whose time is up, with RST_STREAM. Returns the earliest deadline of the others."""
        earliest, late = inf, []
        for stream, call in self._calls.items():
            if call.deadline <= now:
                late.append(stream)
            elif call.deadline < earliest:
                earliest = call.deadline
        for stream in late:
            call = self._calls.pop(stream)
            if call.ended:
                self._reset(stream, ErrorCode.NO_ERROR)
                self._answer(call)
            else:
                self._reset(stream, ErrorCode.CANCEL)
                call.finish(Failure(Processed.UNKNOWN, f"No answer from {self._origin} within {call.timeout:g} s."))
        return earliest

    def check(self, now: float) -> None:
        """Ask a silent peer for a sign of life with PING; give up a peer that stays silent."""
        if self._transport is None or self._over:
            return
        tuning = self._tuning
        if self._pinged > self._last_read:
            if now - self._pinged >= tuning.ping_patience:
                silence = now - self._last_read
                self.abort(f"the peer is silent for {silence:.0f} s and does not answer PING")
        elif now - self._last_read >= (tuning.busy_ping if self._calls else tuning.idle_ping):
            self._pinged = now
            self._session.ping()

    def close(self) -> None:
        """Say GOAWAY and close; calls still under way are given up (Processed.UNKNOWN)."""
        if self._transport is not None and not self._over:
            for stream in self._calls:
                self._reset(stream, ErrorCode.CANCEL)
            with suppress(NGH2Error):
                resets = self._session.data_to_send()
                self._session.terminate_connection()
                self._transport.write(resets + self._session.data_to_send())
            self._transport.close()
        self._end("the channel was closed")

    def abort(self, reason: str) -> None:
        """Drop the connection without ceremony."""
        if self._transport is not None:
            self._transport.abort()
        self._end(reason)

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._over:
            self._transport.abort()
            return
        if self._secure:
            spoken = transport.get_extra_info("ssl_object").selected_alpn_protocol()
            if spoken != "h2":
                self.abort(f"the peer does not speak HTTP/2 (ALPN gave {spoken or 'nothing'} where h2 is needed)")
                return
        tuning = self._tuning
        self._session.initiate_connection({Setting.ENABLE_PUSH: 0, Setting.INITIAL_WINDOW_SIZE: tuning.stream_window})
        self._session.set_local_window_size(tuning.connection_window)
        self.flush()

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._over:
            return
        self._last_read = monotonic()
        self._keeper.reading()
        try:
            self._session.receive_data(self._buffer[:nbytes])
            self._handle(self._session.events())
            if not self._over and self._session.queued_body_size():
                self._answer_early()
        except NGH2Error as error:
            self.abort(f"the peer broke HTTP/2: {error}")
        finally:
            self._keeper.pump()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._keeper.pump()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"the connection was lost: {exc}" if exc else "the peer closed the connection")
        if not self.closed.done():
            self.closed.set_result(None)

    # What the engine reports

    def _handle(self, events: list[Event]) -> None:
        """Each request costs one turn of this loop per event: the engine's classes are compared, not their families."""
        calls = self._calls
        find, remove = calls.get, calls.pop
        for event in events:
            kind = type(event)
            if kind is ResponseReceived:
                response = cast(ResponseReceived, event)
                call = find(response.stream_id)
                if call is not None:
                    call.head = response.headers
                    call.ended = response.end_stream
            elif kind is StreamClosed:
                closed = cast(StreamClosed, event)
                call = remove(closed.stream_id, None)
                if call is not None:
                    if call.ended:
                        self._answer(call)
                    else:
                        self._broken(call, closed)
            elif kind is DataReceived:
                piece = cast(DataReceived, event)
                call = find(piece.stream_id)
                if call is not None:
                    self._data(piece.stream_id, call, piece)
            elif kind is TrailersReceived:
                call = find(cast(TrailersReceived, event).stream_id)
                if call is not None:
                    call.ended = True
            else:
                self._control(event)

    def _answer(self, call: Call) -> None:
        if not self._proven:
            self._proven = True
            self._keeper.proven()
        head = call.head
        content = call.content if call.parts is None else b"".join(call.parts)
        call.finish(Answer(_STATUS[head[0][1]], head[1:], content))

    def _data(self, stream: int, call: Call, event: DataReceived) -> None:
        """Keep a piece of a body. An empty last piece only ends it: some servers close every answer that way."""
        data = event.data
        if data:
            if not call.content:
                call.content = data
            elif call.parts is None:
                call.parts = [call.content, data]
            else:
                call.parts.append(data)
            call.size += len(data)
            if call.size > self._tuning.answer_limit:
                del self._calls[stream]
                self._reset(stream, ErrorCode.CANCEL)
                limit = self._tuning.answer_limit
                call.finish(Failure(Processed.UNKNOWN, f"The answer of {self._origin} is longer than {limit} bytes."))
                return
        call.ended = event.end_stream

    def _broken(self, call: Call, event: StreamClosed) -> None:
        """A stream ended without a complete answer: by the peer's RST_STREAM or by an error on this side."""
        if event.local_error is not None:
            call.finish(Failure(Processed.NO, f"The request cannot be written as HTTP/2: {event.local_error}."))
        elif event.error_code == ErrorCode.REFUSED_STREAM:
            self._keeper.again(call, f"{self._origin} refused the stream")
        else:
            code = _code_name(event.error_code)
            call.finish(Failure(Processed.UNKNOWN, f"{self._origin} reset the stream ({code}) before it had answered."))

    def _control(self, event: Event) -> None:
        if isinstance(event, SettingsReceived):
            allowed = self._session.remote_settings[Setting.MAX_CONCURRENT_STREAMS]
            self._limit = min(allowed, self._tuning.streams)
            if not self.opened.done():
                self.opened.set_result("")
        elif isinstance(event, GoAwayReceived):
            self._go_away(event)
        elif isinstance(event, ConnectionClosed):
            self._finished(event)

    def _go_away(self, event: GoAwayReceived) -> None:
        """Streams above the peer's last one were not processed and go again; the others may still be answered."""
        self._goodbye = f"GOAWAY {_code_name(event.error_code)} {_printable(event.debug_data)}".rstrip()
        self.retire(self._goodbye)
        for stream in [stream for stream in reversed(self._calls) if stream > event.last_stream_id]:
            self._keeper.again(self._calls.pop(stream), f"{self._origin} sent {self._goodbye}")

    def _finished(self, event: ConnectionClosed) -> None:
        """The engine has come to its end: an orderly one after GOAWAY, or the peer's breach of the protocol."""
        if self._transport is not None:
            self._transport.close()
        detail = f"{_code_name(event.error_code)} {_printable(event.debug_data)}".rstrip()
        self._end("the connection ended" if self._goodbye else f"the peer broke HTTP/2 ({detail})")

    def _answer_early(self) -> None:
        """Some bodies wait for window. Answers that came before theirs was written need not wait with them.

        The stream stays until the body is written or its time is up: resetting it would be allowed (RFC 9113 section
        8.1), but servers that answer before they read would see a flood of resets.
        """
        for call in self._calls.values():
            if call.ended and call.done is not _ignore:
                self._answer(call)
                call.done = _ignore

    def _reset(self, stream: int, code: ErrorCode) -> None:
        with suppress(NGH2Error):
            self._session.reset_stream(stream, code)

    def _end(self, reason: str) -> None:
        """Finish everything; later calls change nothing."""
        if self._over:
            return
        if self._goodbye:
            reason += f" after {self._goodbye}"
        self._over = self._retired = True
        self._goodbye = reason
        calls = list(self._calls.values())
        self._calls.clear()
        if not self.opened.done():
            self.opened.set_result(reason)
        if self._transport is None and not self.closed.done():
            self.closed.set_result(None)
        self._keeper.lost(self, reason)
        for call in calls:
            if call.ended:
                self._answer(call)
            else:
                call.finish(Failure(Processed.UNKNOWN, f"No answer from {self._origin}: {reason}."))


def _ignore(_result: Answer | Failure) -> None:
    """The completion of a call that has been answered already."""


def _code_name(code: int) -> str:
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"error 0x{code:x}"


def _printable(detail: bytes) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in detail[:200].decode("ascii", "replace"))
