"""Answers that wait: latency, jitter and throttling, all through one heap and one timer.

The timer ticks every few milliseconds at most and releases everything due, so that tens of thousands of waiting
answers cost no timer each.
"""

import asyncio
import heapq
import random
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from clarion.gateways.stub.exchange import Reply
from clarion.gateways.stub.knobs import GatewayKnobs

_TICK = 0.002


class Wire(Protocol):
    """A connection, as far as answering goes."""

    def answer(self, stream_id: int, reply: Reply, *, empty_end: bool = False) -> None:
        """Queue an answer; nothing happens when the stream is gone."""

    def flush(self) -> None:
        """Write what is queued."""


class Pace(Struct):
    """When the answers of one gateway are due."""

    latency: float
    jitter: float
    interval: float
    draw: Callable[[], float]
    next_slot: float

    @classmethod
    def of(cls, knobs: GatewayKnobs, seed: int, now: float) -> "Pace | None":
        """The pace the knobs ask for from `now` (loop time) on; None when answers go at once."""
        if not (knobs.latency_ms or knobs.jitter_ms or knobs.throttle or knobs.silent_ms):
            return None
        draw = random.Random(seed).random  # noqa: S311 - a repeatable sequence is what is wanted
        interval = 1 / knobs.throttle if knobs.throttle else 0.0
        return cls(knobs.latency_ms / 1000, knobs.jitter_ms / 1000, interval, draw, now + knobs.silent_ms / 1000)

    def due(self, now: float) -> float:
        """The instant (loop time) of the next answer."""
        due = now + self.latency + (self.jitter * self.draw() if self.jitter else 0.0)
        due = max(due, self.next_slot)
        if self.interval:
            self.next_slot = due + self.interval
        return due


class Pacer:
    """Holds answers until they are due."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int, Wire, int, Reply, bool]] = []
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def now(self) -> float:
        """Loop time."""
        return self._loop.time()

    def hold(self, due: float, wire: Wire, stream_id: int, reply: Reply, empty_end: bool) -> None:
        """Answer at `due` (loop time), or as little later as the tick allows."""
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, wire, stream_id, reply, empty_end))
        if self._timer is None or due < self._timer_at - _TICK:
            self._arm(due)

    def stop(self) -> None:
        """Forget everything that waits."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = max(due, self._loop.time() + _TICK)
        self._timer = self._loop.call_at(self._timer_at, self._release)

    def _release(self) -> None:
        self._timer = None
        now = self._loop.time()
        touched: dict[int, Wire] = {}
        while self._heap and self._heap[0][0] <= now:
            _, _, wire, stream_id, reply, empty_end = heapq.heappop(self._heap)
            wire.answer(stream_id, reply, empty_end=empty_end)
            touched[id(wire)] = wire
        if self._heap:
            self._arm(self._heap[0][0])
        for wire in touched.values():
            wire.flush()
