"""The values of the HTTP/2 client: what goes in, what comes out, and the figures that shape a channel."""

from collections.abc import Callable, Sequence
from enum import Enum

from msgspec import Struct

Headers = Sequence[tuple[bytes, bytes]]
"""Request fields in order: pseudo-headers first (`:method`, `:scheme`, `:authority`, `:path`), lower-case names."""


class Processed(Enum):
    """May the peer have acted on a request that got no answer? (RFC 9113 section 8.7)."""

    NO = "no"
    """Certainly not: never written, refused, or above a GOAWAY's last stream. Safe to send again."""

    UNKNOWN = "unknown"
    """It was written; the answer is lost."""


class Answer(Struct, frozen=True, gc=False):
    """A complete response: `headers` without pseudo-headers, in order, names in lower case; trailers are dropped.

    It holds bytes only, so that the garbage collector need not know it.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Failure(Struct, frozen=True):
    """The end of a request that got no complete answer; `reason` is a sentence for logs and operators."""

    processed: Processed
    reason: str


Completion = Callable[[Answer | Failure], None]
"""Called once per request, from the event loop. It may submit again; it must not block."""


class Tuning(Struct, frozen=True):
    """Figures of a channel, in seconds and bytes. The defaults suit push gateways; tests use smaller ones."""

    streams: int = 1000
    """Most streams opened on one connection, however many the peer allows."""

    connection_window: int = 16 << 20
    """Receive window of a connection: 64 KiB would throttle a few hundred answers in flight."""

    stream_window: int = 1 << 20
    """Receive window of each stream."""

    answer_limit: int = 8 << 20
    """A longer response body ends its request: no gateway answers at that length."""

    attempts: int = 3
    """How often a request certainly not processed is sent in all before that is reported."""

    connect_timeout: float = 10.0
    """From the start of a connection attempt to the peer's SETTINGS, TLS included."""

    backoff_first: float = 0.1
    """Pause after the first failed connection; doubled for each further one, with jitter."""

    backoff_most: float = 20.0

    idle_ping: float = 60.0
    """A connection without requests that has been silent this long is asked for a sign of life."""

    busy_ping: float = 10.0
    """The same while answers are awaited."""

    ping_patience: float = 10.0
    """Silence after a PING for which a connection is given up."""

    sweep: float = 0.05
    """Grain of time-outs: a request may outlive its time-out by this much."""

    last_stream_id: int = 0x7FFF_FFFD
    """The stream identifier after which a connection is replaced (RFC 9113 section 5.1.1)."""
