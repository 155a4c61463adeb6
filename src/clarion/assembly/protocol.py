"""HTTP/1.1 as uvicorn speaks it, with the head of a request bounded in size and in time.

The parser underneath keeps whatever it is sent until the head is complete: without a bound, anybody could fill the
memory of a process with one header, or hold connections for ever with half of one. Bodies are bounded by the surfaces.
"""

import asyncio
import logging
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 25\r\nconnection: close\r\n\r\n"
    b"The headers are too large"
)

# What is said there of callers who do not speak HTTP would let anybody fill the log.
logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. A head over `max_head` bytes is answered 431, one that takes over `head_seconds` is not answered;
    either ends the connection."""

    max_head = 128 * 1024
    head_seconds = 30.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._heads = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that is opened has to bring its first head; later ones may be long in coming (keep-alive)."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of the connection."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a head counts when it neither completes that head nor began within a body."""
        heads, began_in_head = self._heads, self._in_head
        super().data_received(data)
        if not began_in_head or self._heads != heads or self.transport.is_closing():
            return
        if self._deadline is None:
            self._start_clock()
        self._head_bytes += len(data)
        if self._head_bytes > self.max_head:
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The parser has a whole head."""
        self._in_head = False
        self._heads += 1
        self._stop_clock()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The parser has a whole request."""
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0

    def _start_clock(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()
