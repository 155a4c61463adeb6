"""One-shot encryption material made ahead of its messages: what is wanted, what is being made, what is ready.

Bookkeeping without I/O. Material leaves the stock by `take` and by that is gone, so it serves one message at most. It
lives in the memory of the process it was made for and nowhere else: a restart begins without any, and a process that
was forked off a sender gets none of the sender's. Who makes it is `workshop`'s business.

Subscriptions are wanted in the order in which their messages will be sent. `order` takes from the end of that, while
a sender that finds no material makes its own from the beginning, so that both never work on the same one.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence

Keys = tuple[bytes, bytes]
"""A subscription's `p256dh` (65 bytes) and `auth` (16 bytes)."""

MOST = 8_192
"""Subscriptions that are wanted, being made or ready. One that is ready holds about 350 bytes: 3 MB at most."""

STALE = 120.0
"""Seconds for which material waits for its message."""

_LOOK = 16
"""Pieces of material that a sender makes itself, one after the other, between two looks: about 3 ms."""


class KeyStock:
    """The material of one process. Times are those of the event loop, in seconds.

    `look` is called now and then while material is missing, and at once for what is being made: what arrived
    meanwhile may be delivered.
    """

    def __init__(self, look: Callable[[], None] | None = None) -> None:
        self._look = look
        self._misses = 0
        self._pid = os.getpid()
        self._wanted: dict[bytes, bytes] = {}
        self._making: dict[bytes, bytes] = {}
        self._ready: dict[bytes, bytes] = {}
        self._made: deque[tuple[float, list[bytes]]] = deque()

    def __len__(self) -> int:
        """Subscriptions with material."""
        return len(self._ready)

    @property
    def wanted(self) -> int:
        """Subscriptions whose material nobody makes yet."""
        return len(self._wanted)

    @property
    def open(self) -> int:
        """Subscriptions that wait for their material, those included for which it is being made."""
        return len(self._wanted) + len(self._making)

    def want(self, subscriptions: Iterable[Keys], now: float) -> None:
        """Messages to these will follow, in this order. What the stock cannot hold, or has already, is passed over."""
        self._drop_stale(now)
        wanted, making, ready = self._wanted, self._making, self._ready
        free = MOST - len(wanted) - len(making) - len(ready)
        for p256dh, auth in subscriptions:
            if free <= 0:
                return
            if p256dh not in wanted and p256dh not in making and p256dh not in ready:
                wanted[p256dh] = auth
                free -= 1

    def order(self, most: int) -> list[Keys]:
        """Up to `most` subscriptions whose material is to be made now, those with the latest messages."""
        ordered = [self._wanted.popitem() for _ in range(min(most, len(self._wanted)))]
        self._making.update(ordered)
        return ordered

    def deliver(self, ordered: Sequence[Keys], material: Sequence[bytes], now: float) -> None:
        """What was ordered, in the same order; empty for keys that are none. What nobody waits for is dropped."""
        made = []
        for (p256dh, auth), piece in zip(ordered, material, strict=True):
            if self._making.pop(p256dh, None) == auth and piece:
                self._ready[p256dh] = auth + piece
                made.append(p256dh)
        self._made.append((now, made))

    def fail(self, ordered: Iterable[Keys]) -> None:
        """What was ordered will not come."""
        for p256dh, _ in ordered:
            self._making.pop(p256dh, None)

    def take(self, p256dh: bytes, auth: bytes) -> bytes | None:
        """The material for a message to this subscription, which is the caller's alone; None when there is none."""
        kept = self._ready.pop(p256dh, None)
        if kept is None and self._looked(p256dh):
            kept = self._ready.pop(p256dh, None)
        if kept is None:
            # The message is on its way now: what has not been made need not be, what is being made comes too late.
            if self._wanted.pop(p256dh, None) is None:
                self._making.pop(p256dh, None)
            return None
        if kept[:16] != auth or os.getpid() != self._pid:
            return None
        return kept[16:]

    def _looked(self, p256dh: bytes) -> bool:
        if self._look is None or not (self._wanted or self._making):
            return False
        self._misses += 1
        if p256dh not in self._making and self._misses % _LOOK:
            return False
        self._look()
        return True

    def clear(self) -> None:
        """Forget everything."""
        for part in (self._wanted, self._making, self._ready, self._made):
            part.clear()

    def _drop_stale(self, now: float) -> None:
        while self._made and self._made[0][0] < now - STALE:
            for p256dh in self._made.popleft()[1]:
                self._ready.pop(p256dh, None)
