"""One chunk in one run: which devices are due, which wait, which are under way, and what became of the others.

Bookkeeping without I/O. `delivery` moves it along and hands notifications over, `recording` makes it durable. A place
is the position of a device in the chunk. Times are seconds of the event loop; `left` is seconds to the end of the
time to live.
"""

import heapq
from collections import deque
from collections.abc import Iterable
from datetime import datetime

from clarion.devices.model import DeadToken
from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.results import ledger
from clarion.results.model import Chunk, Outcome
from clarion.sending.backoff import asked, backoff
from clarion.sending.model import DEAD, HELD

_REASON_LENGTH = 120
_REASONS = 20
_BASE_DELAY = 60.0
_DELIVERED = int(Outcome.DELIVERED)


class ChunkRun:
    """The state of a chunk. At most once, a device passes from `pending` to `ready` by an intent that was recorded;
    at least once, `ready` alone is used."""

    def __init__(self, chunk: Chunk, *, at_most_once: bool) -> None:
        self.chunk = chunk
        self.at_most_once = at_most_once
        self.outcomes = bytearray(chunk.outcomes)
        self.reasons = dict(chunk.reasons)
        self.started_at: datetime | None = chunk.started_at
        self.pending: deque[int] = deque()
        self.ready: deque[int] = deque()
        self.delayed: list[tuple[float, int]] = []
        self.in_flight = 0
        self.unrecorded = 0
        self.doubtful = 0
        self.dead: list[DeadToken] = []
        self._tries: dict[int, int] = {}
        self._trouble = ""
        self._resumed_after = 0.0
        if at_most_once:
            self.unrecorded += ledger.forget_intents(self.outcomes)

    def resumed(self, seconds: float) -> None:
        """The chunk was begun `seconds` ago in an earlier run: devices that wait go on waiting in proportion."""
        self._resumed_after = min(_BASE_DELAY, seconds / 2)

    @property
    def finished(self) -> bool:
        return not (self.ready or self.pending or self.delayed or self.in_flight)

    @property
    def left(self) -> int:
        """Devices without an outcome."""
        return len(self.ready) + len(self.pending) + len(self.delayed) + self.in_flight

    def due(self, places: Iterable[int]) -> None:
        """These devices may be handed over."""
        (self.pending if self.at_most_once else self.ready).extend(places)

    def settle(self, place: int, outcome: Outcome, reason: str = "") -> None:
        """The device has its final outcome."""
        self.outcomes[place] = outcome
        self.unrecorded += 1
        if reason:
            self._count(reason)

    def intend(self, most: int) -> None:
        """Make up to `most` pending devices ready; their intent must be recorded before they are handed over."""
        for _ in range(min(most, len(self.pending))):
            place = self.pending.popleft()
            self.outcomes[place] = Outcome.INTENT
            self.ready.append(place)
        self.unrecorded += len(self.ready)

    def withdraw(self) -> None:
        """Take back the intents of devices that were not handed over."""
        if self.at_most_once:
            for place in self.ready:
                self.outcomes[place] = Outcome.PENDING
            self.unrecorded += len(self.ready)
            self.pending.extendleft(reversed(self.ready))
            self.ready.clear()

    def settle_waiting(self, outcome: Outcome, reason: str = "") -> None:
        """Everything that is not under way ends with this outcome."""
        for place in (*self.ready, *self.pending, *(place for _, place in self.delayed)):
            self.settle(place, outcome, reason)
        self.ready.clear()
        self.pending.clear()
        self.delayed.clear()

    def expire(self) -> None:
        """The time to live is over for what is not under way."""
        self.settle_waiting(Outcome.EXPIRED, self._expiry_reason)

    def wake(self, now: float) -> None:
        """Delayed devices whose time has come are due."""
        while self.delayed and self.delayed[0][0] <= now:
            self.due([heapq.heappop(self.delayed)[1]])

    def delivered(self, place: int) -> None:
        """The gateway has taken a device's notification: the usual case, kept short."""
        self.in_flight -= 1
        self.unrecorded += 1
        self.outcomes[place] = _DELIVERED

    def answered(self, place: int, verdict: Verdict, token: str, now: float, left: float) -> None:
        """The gateway has judged a device that was under way."""
        self.in_flight -= 1
        match verdict.fate:
            case Fate.DELIVERED:
                self.settle(place, Outcome.DELIVERED)
            case Fate.DEAD_TOKEN:
                self.settle(place, Outcome.REFUSED_DEAD, DEAD + verdict.reason)
                self.dead.append(DeadToken(self.chunk.device_ids[place], token, verdict.dead_since))
            case Fate.REFUSED:
                self.settle(place, Outcome.REFUSED, verdict.reason or "refused")
            case Fate.UNKNOWN if self.at_most_once:
                self.settle(place, Outcome.UNKNOWN, verdict.reason or "no answer")
            case Fate.UNKNOWN | Fate.RETRY:
                self._again(place, verdict, now, left)

    def _again(self, place: int, verdict: Verdict, now: float, left: float) -> None:
        self._trouble = verdict.reason or self._trouble
        tries = self._tries[place] = self._tries.get(place, 0) + 1
        delay = max(self._resumed_after, backoff(tries))
        if verdict.scope is Scope.DEVICE and verdict.retry_after > 0:
            delay = asked(verdict.retry_after)
        if delay >= left:
            self.settle(place, Outcome.EXPIRED, self._expiry_reason)
            return
        self.doubtful += verdict.fate is Fate.UNKNOWN
        if self.outcomes[place] == Outcome.INTENT:
            self.outcomes[place] = Outcome.PENDING
            self.unrecorded += 1
        heapq.heappush(self.delayed, (now + delay, place))

    @property
    def _expiry_reason(self) -> str:
        return f"expired: {self._trouble}" if self._trouble else "expired"

    def _count(self, reason: str) -> None:
        reason = reason[:_REASON_LENGTH]
        if reason not in self.reasons and len(self.reasons) >= _REASONS:
            reason = next((kind for kind in (DEAD, HELD) if reason.startswith(kind)), "") + "other"
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
