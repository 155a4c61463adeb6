"""Permits that several processes share: drawn in portions from where they are counted, used up here at once.

An `Allowance` hands out permits without waiting, from a stock that it fills by drawing grants in the background. A
permit is good for `VALID` seconds from the moment its grant was asked for, so that whoever counts the grants knows
when they can be used: a source that grants at most B at once and r a second admits at most `B + r * (60 + VALID)` in
any minute, wherever it begins.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from msgspec import Struct

VALID = 1.0
"""Seconds for which a granted permit may be used."""

_FEWEST = 20
_MOST = 5_000
_SHORTEST_WAIT = 0.002
_LONGEST_WAIT = 60.0


class Grant(Struct, frozen=True):
    """Permits granted; when there are none, seconds until asking again makes sense."""

    permits: int
    wait: float = 0.0


Draw = Callable[[int], Awaitable[Grant]]
"""Asks for up to so many permits. Never raises for trouble of the source: no answer is a grant of nothing."""


class Rate(Struct, frozen=True):
    """What a source may grant: `burst` at once, `per_second` after that."""

    per_second: float
    burst: float

    @classmethod
    def within(cls, per_minute: float, burst: float) -> "Rate":
        """With that burst, at most `per_minute` are used in any 60 seconds."""
        return cls((per_minute - burst) / (60 + VALID), burst)


class Bucket:
    """A source of one process alone: a token bucket, full at first. `clock` gives seconds that only move forward."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._permits = rate.burst
        self._at = clock()

    async def draw(self, wanted: int) -> Grant:
        """See `Draw`."""
        now = self._clock()
        self._permits = min(self._rate.burst, self._permits + (now - self._at) * self._rate.per_second)
        self._at = now
        granted = max(0, min(wanted, int(self._permits)))
        self._permits -= granted
        return Grant(granted, 0.0 if granted else (1 - self._permits) / self._rate.per_second)


class Allowance:
    """Permits in hand, and more to come. Belongs to one event loop; nothing is drawn while nobody asks."""

    def __init__(self, draw: Draw, clock: Callable[[], float] = time.monotonic) -> None:
        self._draw = draw
        self._clock = clock
        self._stock: deque[tuple[float, int]] = deque()  # end of validity and permits, the first to end in front
        self._in_hand = 0
        self._low = 0
        self._portion = _FEWEST
        self._again_at = float("-inf")
        self._drawing: asyncio.Task[None] | None = None
        self._drawn = asyncio.Event()

    def take(self, wanted: int = 1) -> int:
        """Up to `wanted` permits, as many as are in hand; none is not an error but a reason to wait."""
        taken = left = min(wanted, self.available)
        self._in_hand -= taken
        while left:
            ends_at, permits = self._stock[0]
            if permits > left:
                self._stock[0] = (ends_at, permits - left)
                break
            self._stock.popleft()
            left -= permits
        if self._in_hand <= self._low:
            self._fill()
        return taken

    @property
    def available(self) -> int:
        """Permits in hand that are still good. When there are none, some are drawn."""
        if self._in_hand and self._clock() >= self._stock[0][0]:
            self._forget_old()
        if not self._in_hand:
            self._fill()
        return self._in_hand

    @property
    def wait(self) -> float:
        """Seconds after which asking again makes sense, 0 while a permit is in hand."""
        return 0.0 if self.available else max(_SHORTEST_WAIT, self._again_at - self._clock())

    async def wait_permit(self) -> None:
        """Return when there may be a permit."""
        if self.available:
            return
        if self._drawing is not None:
            await self._drawn.wait()
        else:
            await asyncio.sleep(self.wait)

    def close(self) -> None:
        """Draw no more."""
        self._again_at = float("inf")
        if self._drawing is not None:
            self._drawing.cancel()

    def _forget_old(self) -> None:
        now = self._clock()
        while self._stock and self._stock[0][0] <= now:
            self._in_hand -= self._stock.popleft()[1]
            self._portion = max(_FEWEST, self._portion // 2)  # what went unused is lost to everybody

    def _fill(self) -> None:
        if self._drawing is None and self._clock() >= self._again_at:
            self._drawn.clear()
            self._drawing = asyncio.get_running_loop().create_task(self._obtain(self._portion))

    async def _obtain(self, wanted: int) -> None:
        asked_at = self._clock()
        try:
            grant = await self._draw(wanted)
            now = self._clock()
            if grant.permits and now < asked_at + VALID:
                self._stock.append((asked_at + VALID, grant.permits))
                self._in_hand += grant.permits
                self._low = grant.permits // 2
                if grant.permits == wanted:
                    self._portion = min(_MOST, self._portion * 2)
            self._again_at = max(self._again_at, now + min(_LONGEST_WAIT, grant.wait))
        finally:
            self._drawing = None
            self._drawn.set()
