"""How many notifications may be under way at a gateway that has shown trouble.

Bookkeeping without I/O. A gateway that does well is bounded by its own room alone: the window is open. Trouble in a
tenth of the answers, answers that take long, or none at all halve what is under way; sound answers double it window by
window up to where the trouble began, then add an eighth, until the window is open again. Times are seconds of a clock
that only moves forward.
"""

from math import inf

SLOW = 3.0
"""Seconds an answer takes on average from which the gateway is slow."""
SILENT = 3.0
"""Seconds without any answer that count as trouble."""
RESUMED = 8
"""Notifications under way with which one begins after a pause."""
OPEN_FROM = 4096
"""The window from which on it bounds nothing."""

_TROUBLED = 0.1
_FEWEST_ANSWERS = 8


class Window:
    """The window of one lane. `limit` is the most that may be under way: infinite while it is open, never below 1."""

    def __init__(self) -> None:
        self.limit = inf
        self.in_flight = 0
        self._aside = 0
        self._threshold = inf
        self._answers = 0
        self._troubles = 0
        self._began_at = 0.0
        self._full = _FEWEST_ANSWERS
        self._heard_at = 0.0
        self._heard = 0

    def handed(self, number: int, now: float) -> None:
        """So many went on their way."""
        if not self._present:
            self._heard_at = now
            self._begin(now, number)
        self.in_flight += number

    def answered(self) -> None:
        """One was judged, whatever the verdict."""
        self.in_flight -= 1
        self._answers += 1

    def trouble(self) -> None:
        """One of the answers says that the gateway or the way to it is not well."""
        self._troubles += 1

    def room(self, now: float, aside: int = 0) -> float:
        """How many more may go on their way. `aside` of those under way count for nothing; see `SetsAside`."""
        self._aside = aside
        self._look(now)
        return max(0.0, self.limit - self._present)

    @property
    def _present(self) -> int:
        return max(0, self.in_flight - self._aside)

    def restart(self, now: float) -> None:
        """Begin small, as after a pause, and grow back quickly."""
        self._threshold = min(self.limit, OPEN_FROM)
        self.limit = min(self.limit, RESUMED)
        self._begin(now, self._present)

    def _look(self, now: float) -> None:
        if self._answers != self._heard:
            self._heard, self._heard_at = self._answers, now
        elif self._present and now - self._heard_at >= SILENT:
            self._heard_at = now
            self._shrink(now)
            return
        if self._answers < self._full:
            return
        # A full window was answered: judge it.
        seconds = (now - self._began_at) * max(1, self._present) / self._answers
        if self._troubles >= _TROUBLED * self._answers or seconds > SLOW:
            self._shrink(now)
        elif self.limit < inf:
            self._grow(now)
        else:
            self._begin(now, self._present)

    def _shrink(self, now: float) -> None:
        self.limit = max(1.0, min(self.limit, self._present + self._answers) // 2)
        self._threshold = self.limit
        self._begin(now, self._present)

    def _grow(self, now: float) -> None:
        step = self.limit if self.limit < self._threshold else max(1.0, self.limit // 8)
        self.limit += step
        if self.limit >= OPEN_FROM:
            self.limit = self._threshold = inf
        self._begin(now, self._present)

    def _begin(self, now: float, under_way: int) -> None:
        """Count anew: the next judgement falls when what is under way now has been answered."""
        self._answers = self._troubles = self._heard = 0
        self._began_at = now
        self._full = max(_FEWEST_ANSWERS if self.limit == inf else 1, under_way)
