"""The cap of 600,000 requests in any minute that Google sets per project, kept on our side.

A token bucket: `burst` at once and `rate` per second after that, chosen so that no window of 60 seconds, wherever it
begins, can hold more than the cap. It counts within one process; `share` is the part of the cap this process may use
(1/m where m processes send for the same project).
"""

import time
from collections.abc import Callable

PER_MINUTE = 600_000
_BURST_PART = 0.05


class Quota:
    """Permits for requests. `clock` gives seconds that only move forward."""

    def __init__(
        self, per_minute: int = PER_MINUTE, share: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        cap = per_minute * share
        self._burst = cap * _BURST_PART
        self._rate = (cap - self._burst) / 60
        self._clock = clock
        self._left = self._burst
        self._at = clock()

    @property
    def available(self) -> int:
        """Whole permits at this moment; negative while `charge` has overdrawn."""
        self._refill()
        return int(self._left)

    def take(self) -> bool:
        """Take one permit when there is one."""
        if self._left < 1:  # only then: the clock is not read for every notification
            self._refill()
            if self._left < 1:
                return False
        self._left -= 1
        return True

    def charge(self) -> None:
        """Count a request that goes out in any case, such as the one repetition after a renewed token."""
        self._refill()
        self._left -= 1

    @property
    def wait(self) -> float:
        """Seconds until a permit is there."""
        self._refill()
        return max(0.0, (1 - self._left) / self._rate)

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
