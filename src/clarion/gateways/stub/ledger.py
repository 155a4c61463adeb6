"""What the stub has seen, counted: the independent book against which a sender's accounts are checked.

For each gateway `requests = delivered + validated + refused + stalled + reset + dropped`, always. Requests on streams
that a GOAWAY left unprocessed are in no count.
"""

from collections import Counter, deque

from msgspec import Struct

from clarion.gateways.stub.exchange import Delivery, Refused, Request

_KEPT = 1000
_ARRIVALS = 36_000


class Tally:
    """The book of one gateway. `limit` bounds the delivery ids remembered (each costs about 110 bytes)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[bytes] = set()
        self.requests = 0
        self.arrivals: dict[int, int] = {}
        self.delivered = 0
        self.validated = 0
        self.stalled = 0
        self.reset = 0
        self.dropped = 0
        self.answers_lost = 0
        self.doubles = 0
        self.unidentified = 0
        self.untracked = 0
        self.early = 0
        self.refused: Counter[str] = Counter()
        self.first_at: float | None = None
        self.last_at: float | None = None
        self.refused_at: float | None = None
        self.deliveries: deque[Delivery] = deque(maxlen=_KEPT)
        self.refusals: deque[tuple[Request, Refused]] = deque(maxlen=_KEPT)

    def arrive(self, at: float) -> None:
        """Count a request that came at `at` (epoch seconds), in all and in its tenth of a second."""
        self.requests += 1
        tenth = int(at * 10)
        arrivals = self.arrivals
        if tenth in arrivals:
            arrivals[tenth] += 1
            return
        arrivals[tenth] = 1
        if len(arrivals) > _ARRIVALS:
            del arrivals[next(iter(arrivals))]

    def deliver(self, delivery: Delivery) -> None:
        """Count a notification as shown on the device (or, when dry, as validated)."""
        if delivery.dry:
            self.validated += 1
            return
        self.delivered += 1
        self.last_at = delivery.request.at
        if self.first_at is None:
            self.first_at = self.last_at
        self.deliveries.append(delivery)
        delivery_id = delivery.delivery_id
        if delivery_id is None:
            self.unidentified += 1
        elif delivery_id in self._seen:
            self.doubles += 1
        elif len(self._seen) < self._limit:
            self._seen.add(delivery_id)
        else:
            self.untracked += 1

    def refuse(self, request: Request, refusal: Refused) -> None:
        """Count a refusal and keep its explanation."""
        self.refused[refusal.reason] += 1
        self.refused_at = request.at
        self.refusals.append((request, refusal))

    def figures(self) -> "Figures":
        """The counts as they stand."""
        return Figures(
            requests=self.requests,
            delivered=self.delivered,
            distinct=len(self._seen),
            doubles=self.doubles,
            unidentified=self.unidentified,
            untracked=self.untracked,
            validated=self.validated,
            refused=dict(self.refused),
            refused_total=self.refused.total(),
            stalled=self.stalled,
            reset=self.reset,
            dropped=self.dropped,
            answers_lost=self.answers_lost,
            early=self.early,
            first_at=self.first_at,
            last_at=self.last_at,
            refused_at=self.refused_at,
        )


class Figures(Struct, frozen=True):
    """Counts of one gateway since the last reset.

    `delivered` counts notifications, `distinct` their delivery ids, `doubles` the deliveries of an id beyond its
    first; `unidentified` came without an id, `untracked` had a new id when the memory for ids was full (`distinct` and
    `doubles` are then lower bounds). `validated`: dry runs. `stalled`, `reset`, `dropped`: taken, not delivered, never
    answered. `answers_lost`: delivered, but the stream was reset. `early`: came while a `Retry-After` asked to wait.
    `first_at`, `last_at`: epoch seconds of the first and last delivery; `refused_at` of the last refusal.
    """

    requests: int
    delivered: int
    distinct: int
    doubles: int
    unidentified: int
    untracked: int
    validated: int
    refused: dict[str, int]
    refused_total: int
    stalled: int
    reset: int
    dropped: int
    answers_lost: int
    early: int
    first_at: float | None
    last_at: float | None
    refused_at: float | None


class Traffic(Struct):
    """Counts of connections: open now, opened, refused for want of ALPN `h2`, broken by protocol errors; GOAWAYs and
    breaks the knobs asked for; streams open now and the most ever open on one connection; access tokens issued."""

    open: int = 0
    opened: int = 0
    without_alpn: int = 0
    protocol_errors: int = 0
    goaways: int = 0
    dropped: int = 0
    streams_open: int = 0
    streams_highest: int = 0
    access_tokens: int = 0
