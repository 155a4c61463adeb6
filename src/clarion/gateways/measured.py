"""A gateway that is measured: what was handed over, how long it took, how many streams are in use.

It stands around every gateway that is opened and changes nothing of it. Figures are kept by kind of gateway, not by
application: their number is bounded, and they outlive gateways that are closed and opened again. Handing over is
counted to the unit. Latency is measured on every notification while few are under way, and on one in sixteen beyond
that: following each of them costs a microsecond, more than the figure is worth.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from time import monotonic
from typing import Protocol, runtime_checkable
from weakref import WeakSet

from clarion.base import metrics
from clarion.base.metrics import Family
from clarion.gateways.seam import Done, Gateway, Notification, Preparing, SetsAside, Verdict
from clarion.gateways.words import word_of

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the latency histogram in seconds: quantiles are right to a factor of about two."""

FOLLOWED = 8
"""While fewer notifications than this are being timed, the next one is timed too."""
_SKIP = 15


@runtime_checkable
class Streaming(Protocol):
    """A gateway that can tell its streams."""

    @property
    def streams(self) -> tuple[int, int]:
        """(streams in use, streams that the peer allows) over all connections that are open."""


class Book:
    """The figures of one kind of gateway in this process."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.handed = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.again: Counter[tuple[str, str]] = Counter()
        """Verdicts that are no end, RETRY and UNKNOWN: (fate, word of the gateway)."""
        self.open: WeakSet[MeasuredGateway] = WeakSet()


BOOKS: dict[str, Book] = {}


class MeasuredGateway:
    """`Gateway` around another one."""

    def __init__(self, kind: str, gateway: Gateway) -> None:
        self.kind = kind
        self.inner = gateway
        self._book = BOOKS.setdefault(kind, Book(kind))
        self._book.open.add(self)
        self._submit = gateway.send
        self._sets_aside = gateway if isinstance(gateway, SetsAside) else None
        self._skip = 0
        self._timing = 0

    def send(self, notification: Notification, done: Done) -> None:
        """See `Gateway.send`."""
        self._book.handed += 1
        if self._skip:
            self._skip -= 1
            self._submit(notification, done)
            return
        if self._timing >= FOLLOWED:
            self._skip = _SKIP
        self._timing += 1
        self._submit(notification, partial(self._answered, done, monotonic()))

    def _answered(self, done: Done, began: float, verdict: Verdict) -> None:
        took = monotonic() - began
        book = self._book
        book.buckets[bisect_left(BOUNDS, took)] += 1
        book.seconds += took
        self._timing -= 1
        done(verdict)

    def prepare(self, subscriptions: Iterable[tuple[bytes, bytes]]) -> None:
        """See `Preparing.prepare`; nothing where the gateway prepares nothing."""
        if isinstance(self.inner, Preparing):
            self.inner.prepare(subscriptions)

    @property
    def room(self) -> int:
        """See `Gateway.room`."""
        return self.inner.room

    async def wait_room(self) -> None:
        """See `Gateway.wait_room`."""
        await self.inner.wait_room()

    @property
    def aside(self) -> int:
        """See `SetsAside.aside`; 0 where the gateway sets nothing aside."""
        return 0 if self._sets_aside is None else self._sets_aside.aside

    @property
    def streams(self) -> tuple[int, int]:
        """See `Streaming`; (0, 0) where the gateway does not tell."""
        return self.inner.streams if isinstance(self.inner, Streaming) else (0, 0)

    async def aclose(self, drain: float = 5.0) -> None:
        """See `Gateway.aclose`."""
        self._book.open.discard(self)
        await self.inner.aclose(drain)


def note_again(gateway: Gateway, verdict: Verdict) -> None:
    """Count a verdict that is no end; for gateways that are measured."""
    if isinstance(gateway, MeasuredGateway):
        book = BOOKS[gateway.kind]
        book.again[verdict.fate.value, word_of(gateway.kind, verdict.reason)] += 1


def families() -> Iterator[Family]:
    """The metrics of all gateways of this process."""
    books = list(BOOKS.values())
    yield metrics.counter(
        "clarion_gateway_handed_over",
        "Notifications handed to a gateway, repetitions included.",
        *(({"gateway": book.kind}, book.handed) for book in books),
    )
    yield metrics.counter(
        "clarion_gateway_again",
        "Verdicts that were no end, by fate (retry: certainly not delivered, unknown: no answer) and gateway's word.",
        *(
            ({"gateway": book.kind, "fate": fate, "reason": word}, number)
            for book in books
            for (fate, word), number in book.again.items()
        ),
    )
    yield metrics.histogram(
        "clarion_gateway_seconds",
        "Seconds from hand-over to verdict, waiting for a stream included; of 1 in 16 while many are under way.",
        BOUNDS,
        *(({"gateway": book.kind}, book.buckets, book.seconds) for book in books),
    )
    yield metrics.gauge(
        "clarion_gateways_open",
        "Gateways that are open: one for each application that sent lately.",
        *(({"gateway": book.kind}, len(book.open)) for book in books),
    )
    streams = {book.kind: [each.streams for each in book.open] for book in books}
    yield metrics.gauge(
        "clarion_gateway_streams",
        "HTTP/2 streams of gateways: in use, and allowed by the peers, over all open connections.",
        *(({"gateway": kind, "state": "open"}, sum(used for used, _ in each)) for kind, each in streams.items()),
        *(({"gateway": kind, "state": "allowed"}, sum(most for _, most in each)) for kind, each in streams.items()),
    )


metrics.REGISTRY.register(metrics.Families(families))
