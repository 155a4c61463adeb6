"""What a sender counts of the life of notifications: taken up, and ended by outcome and reason.

Counted by chunk and step, after the transaction that recorded the outcomes has committed, from the outcome bytes
themselves: what a process counts is what it wrote into the ledger. The counters are those of one process and begin
at zero with it; sums that outlive processes are read from the ledger (`sending.figures`).
"""

from collections import Counter as Tallied
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Protocol
from weakref import WeakSet

from prometheus_client import Counter

from clarion.base import metrics
from clarion.base.metrics import REGISTRY, Family
from clarion.gateways.words import OTHER, word_of
from clarion.results.model import OPEN, Outcome
from clarion.sending.model import DEAD, HELD

NO_GATEWAY = "none"
"""The kind of gateway of an application that has none."""

_CLAIMED = Counter(
    "clarion_notifications_claimed",
    "Devices without an outcome in chunks that this process took up; a chunk given back counts again.",
    ["gateway"],
    registry=REGISTRY,
)
_ENDED = Counter(
    "clarion_notifications",
    "Devices that came to their outcome, as recorded in the ledger by this process.",
    ["gateway", "outcome", "reason"],
    registry=REGISTRY,
)
_DOUBLES = Counter(
    "clarion_doubles_risked",
    "Notifications that may arrive twice: sent again after no answer (exact), or open in a chunk whose sender died"
    " (at most so many).",
    ["gateway", "cause"],
    registry=REGISTRY,
)

_NAMES = {
    outcome: ("suppressed", outcome.name.removeprefix("SUPPRESSED_").lower())
    if outcome.name.startswith("SUPPRESSED_")
    else ("dead_token" if outcome is Outcome.REFUSED_DEAD else outcome.name.lower(), "")
    for outcome in Outcome
    if outcome not in OPEN
}
_OWN_WORDS = ("no_gateway", "rendering failed", "given up")


class Tally:
    """Counts one run of one chunk. `outcomes` and `reasons` are the ledger's as the run found them."""

    def __init__(self, kind: str, outcomes: bytes, reasons: Mapping[str, int]) -> None:
        self._kind = kind
        self._outcomes = outcomes
        self._reasons = dict(reasons)
        self._doubtful = 0

    def claimed(self, *, at_most_once: bool, begun: bool, died: bool) -> None:
        """The run begins. `begun`: an earlier one handed something over; `died`: it did not give the chunk back."""
        still_open = sum(self._outcomes.count(outcome) for outcome in OPEN)
        _CLAIMED.labels(self._kind).inc(still_open)
        if begun and died and not at_most_once:
            _DOUBLES.labels(self._kind, "restart").inc(still_open)

    def recorded(self, outcomes: bytes, reasons: Mapping[str, int], doubtful: int) -> None:
        """These outcomes and reasons stand in the ledger now; `doubtful` were sent again without an answer so far."""
        words = self._words(reasons)
        for outcome, (name, reason) in _NAMES.items():
            number = outcomes.count(outcome) - self._outcomes.count(outcome)
            if outcome in (Outcome.REFUSED, Outcome.REFUSED_DEAD):
                number -= self._refused(name, words[outcome], number)
                reason = OTHER
            if number > 0:
                _ENDED.labels(self._kind, name, reason).inc(number)
        if doubtful > self._doubtful:
            _DOUBLES.labels(self._kind, "no_answer").inc(doubtful - self._doubtful)
        self._outcomes, self._reasons, self._doubtful = outcomes, dict(reasons), doubtful

    def _refused(self, name: str, words: Mapping[str, int], most: int) -> int:
        """Count refusals whose word is known, `most` at the most; how many."""
        told = 0
        for word, number in words.items():
            number = min(number, most - told)
            if number > 0:
                _ENDED.labels(self._kind, name, word).inc(number)
                told += number
        return told

    def _words(self, reasons: Mapping[str, int]) -> dict[Outcome, Tallied[str]]:
        """What was added to the reasons of refusals, by known word. Those of other ends are no refusals."""
        found: dict[Outcome, Tallied[str]] = {Outcome.REFUSED: Tallied(), Outcome.REFUSED_DEAD: Tallied()}
        if reasons == self._reasons:
            return found
        for reason, number in reasons.items():
            added = number - self._reasons.get(reason, 0)
            if added > 0 and not reason.startswith((HELD, "expired")):
                outcome = Outcome.REFUSED_DEAD if reason.startswith(DEAD) else Outcome.REFUSED
                word = self._word(reason.removeprefix(DEAD))
                if word != OTHER:
                    found[outcome][word] += added
        return found

    def _word(self, reason: str) -> str:
        own = next((word for word in _OWN_WORDS if reason.startswith(word)), None)
        return own or word_of(self._kind, reason)


class Paused(Protocol):
    """Lanes to gateways, which may be paused."""

    def pauses(self, now: float) -> Iterator[tuple[str, float]]:
        """(kind of gateway, seconds left) of each lane that is paused at `now`, a time of the event loop."""


PAUSED: WeakSet[Paused] = WeakSet()
"""The pools of lanes of this process."""


def _pauses() -> Iterator[Family]:
    found: dict[str, list[float]] = {}
    for pool in PAUSED:
        # The event loop's clock is the monotonic one.
        for kind, left in pool.pauses(monotonic()):
            found.setdefault(kind, []).append(left)
    yield metrics.gauge(
        "clarion_gateways_paused",
        "Applications whose gateway asked for a pause, or fails, and gets nothing for now.",
        *(({"gateway": kind}, len(left)) for kind, left in found.items()),
    )
    yield metrics.gauge(
        "clarion_gateway_pause_seconds",
        "Seconds left of the longest of these pauses.",
        *(({"gateway": kind}, max(left)) for kind, left in found.items()),
    )


REGISTRY.register(metrics.Families(_pauses))
