"""Delivering one chunk: from its open devices to an outcome for each.

The work of a chunk is one coroutine; a device costs it a rendering, a call of the gateway and a callback, never a
task or a query of its own. Several chunks run side by side and share their application's lane.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from math import inf

from clarion.base import clock
from clarion.base.telemetry import get_logger
from clarion.devices.model import SendRow
from clarion.gateways.seam import Fate, Preparing, Verdict
from clarion.queue import Lease, LeaseLost, Retry
from clarion.results.model import Outcome
from clarion.sending.chunk_run import ChunkRun
from clarion.sending.flow.watch import Standing
from clarion.sending.gateways_pool import Lane
from clarion.sending.model import BULK, Send, SendState
from clarion.sending.notifications import Notifications, suppression
from clarion.sending.pressure import QUIET, Pressure
from clarion.sending.recording import Recorder

log = get_logger(__name__)

STEP = 2_000
"""Outcomes of a chunk after which they are recorded, at the latest."""
STEP_SECONDS = (0.2, 0.05)
"""Seconds after which an outcome is recorded, at the latest: at least once, at most once (where a kill in between
costs an outcome for good)."""
WORTH_PREPARING = 200
"""Devices of a chunk from which on its gateway is told of them ahead."""
MOST_AT_ONCE = 500
"""Devices of an urgent chunk that are all handed over at once, whatever room the gateway has."""
SLICE = (10, 200)
"""Fewest and most notifications handed over before the event loop gets its turn: by how long they take."""
SLICE_SECONDS = 0.005
"""Seconds that a slice should take at most: encryption (Web Push) costs thirty times what others do."""
INTENTS = (20, 200)
"""At most once: fewest and most intents recorded ahead of the hand-over in one step, by the gateway's room."""
LONG_WAIT = 5.0
"""Seconds: a chunk that can do nothing for longer gives its slot back."""
DRAIN = 10.0
"""Seconds that answers under way are waited for when the process stops."""
AT_WORK = 50
"""Outcomes a second below which a chunk only waits, for its gateway or for its throttle."""

_LOOK = 1.0
_WAKING = (1, STEP)


def until_expiry(expires_at: datetime) -> float:
    """Seconds until a send is certainly past its time to live, never less than a moment."""
    return max(0.1, (expires_at - clock.now()).total_seconds() + 0.1)


class Delivery:
    """One run of one chunk through a lane."""

    def __init__(
        self,
        send: Send,
        notifications: Notifications,
        run: ChunkRun,
        lane: Lane,
        recorder: Recorder,
        lease: Lease,
        standing: Standing,
        pressure: Pressure | None = None,
    ) -> None:
        self._run = run
        self._lane = lane
        self._recorder = recorder
        self._lease = lease
        self._standing = standing
        self._pressure = pressure
        self._expires_at = send.expires_at
        self._flow_controlled = send.priority >= BULK or len(run.chunk.device_ids) > MOST_AT_ONCE
        self._notifications = notifications
        self._rows: dict[int, SendRow] = {}
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._record_at = inf
        self._look_at = self._loop.time() + _LOOK
        self._left_then = inf
        self._slice = SLICE[1] // 4
        self._cancelled = False
        self._over = False

    async def deliver(self, places: Sequence[int], rows: Sequence[SendRow]) -> None:
        """Bring every device at `places` (those still open) to an outcome.

        1. Settle devices that get nothing, those under marketing pressure last; the others are due.
        2. Until every device has an outcome: expire what is too late, wake what was delayed, record what is known
           every 2,000 outcomes or 200 ms, hand over as many as the gateway has room for, wait for answers.
        3. When all that is left waits long, the send is paused, others wait for the slot, or the process stops, record
           and give the job back (raises Retry).
        4. When the lease is lost, stop at once and record nothing (raises LeaseLost).
        """
        due = self._sort(places, rows)
        if self._pressure is not None:
            due = await self._recorder.admit(self._run, due, self._pressure)
        self._prepare(due)
        self._run.due(due)
        self._left_then = self._run.left
        try:
            while True:
                self._take_stock()
                if self._must_record():
                    await self._record()
                if self._run.finished:
                    return
                if self._lease.stopping.is_set():
                    await self._drain()
                if self._held_back and not self._run.in_flight:
                    await self._give_back(0.0, "The send is paused, or others wait.")
                await self._hand_over()
                await self._wait()
        finally:
            self._over = True

    def _sort(self, places: Sequence[int], rows: Sequence[SendRow]) -> list[int]:
        """The places of devices that may be reached; the others are settled.

        Places and rows are both in the order of device ids; a row that is missing is a device that is gone.
        """
        device_ids, remaining = self._run.chunk.device_ids, iter(rows)
        due: list[int] = []
        row = next(remaining, None)
        for place in places:
            if row is None or row.id != device_ids[place]:
                self._run.settle(place, Outcome.SUPPRESSED_GONE)
                continue
            outcome = suppression(row)
            if outcome is None and self._pressure is not None and self._pressure.quiet(row.values):
                self._run.settle(place, Outcome.SUPPRESSED_QUIET, QUIET)
            elif outcome is None:
                self._rows[place] = row
                due.append(place)
            else:
                self._run.settle(place, outcome)
            row = next(remaining, None)
        return due

    def _prepare(self, places: Sequence[int]) -> None:
        """Tell a gateway that works ahead (Web Push) what will come."""
        gateway = self._lane.gateway
        if len(places) >= WORTH_PREPARING and isinstance(gateway, Preparing):
            rows = (self._rows[place] for place in places)
            gateway.prepare((row.p256dh, row.auth) for row in rows if row.p256dh and row.auth)

    def _take_stock(self) -> None:
        if self._lease.lost:
            raise LeaseLost(f"job {self._lease.job.id}")
        if self._cancelled or self._standing.cancelled:
            self._cancelled = True
            self._run.settle_waiting(Outcome.CANCELLED)
        elif self._left() <= 0:
            self._run.expire()
        now = self._loop.time()
        self._run.wake(now)
        if now >= self._look_at:
            self._look_at, left = now + _LOOK, self._run.left
            self._lease.idle = self._left_then - left < AT_WORK
            self._left_then = left

    def _left(self) -> float:
        return (self._expires_at - clock.now()).total_seconds()

    @property
    def _held_back(self) -> bool:
        return self._standing.paused or self._lease.wanted_back

    # Handing over and answers

    async def _hand_over(self) -> None:
        run = self._run
        if self._held_back or self._loop.time() < self._lane.paused_until:
            return
        if not run.ready and run.pending:
            fewest, most = INTENTS
            run.intend(self._standing.permits(min(most, max(fewest, self._lane.room))))
            await self._record()
            if self._cancelled or self._held_back or self._lease.stopping.is_set():
                return
        room = self._lane.room if self._flow_controlled else len(run.ready)
        permitted = self._standing.permitted(min(room, len(run.ready), self._slice))
        if not permitted:
            return
        if run.started_at is None:
            run.started_at = clock.now()
        rows, answered, submit, ready = self._rows, self._answered, self._lane.gateway.send, run.ready
        of, under_way, began = self._notifications.of, run.in_flight, self._loop.time()
        for _ in range(permitted):
            place = ready.popleft()
            try:
                notification = of(rows[place])
            except Exception as error:
                log.error("rendering_failed", device=rows[place].id, exc_info=True)
                run.settle(place, Outcome.REFUSED, f"rendering failed: {type(error).__name__}")
                continue
            run.in_flight += 1
            submit(notification, partial(answered, place))
        self._lane.handed(run.in_flight - under_way)
        self._pace(self._loop.time() - began)

    def _pace(self, seconds: float) -> None:
        """The next slice is half as long when this one took too long, up to twice when it took less than half."""
        fewest, most = SLICE
        if seconds > SLICE_SECONDS:
            self._slice = max(fewest, self._slice // 2)
        elif seconds < SLICE_SECONDS / 2:
            self._slice = min(most, self._slice * 2)

    def _answered(self, place: int, verdict: Verdict) -> None:
        run, lane = self._run, self._lane
        lane.answered()
        if verdict.fate is Fate.DELIVERED:
            if lane.troubled:
                lane.proven()
            if self._over:
                return
            run.delivered(place)
        else:
            now = self._loop.time()
            if verdict.fate is Fate.RETRY or verdict.fate is Fate.UNKNOWN:
                lane.trouble(verdict, now)
            elif lane.troubled:
                lane.proven()
            if self._over:
                return
            run.answered(place, verdict, self._rows[place].token or "", now, self._left())
        if not run.in_flight or run.unrecorded in _WAKING:
            self._wake.set()

    # Recording

    def _must_record(self) -> bool:
        unrecorded = self._run.unrecorded
        if not unrecorded:
            self._record_at = inf
            return False
        now = self._loop.time()
        if self._record_at == inf:
            self._record_at = now + STEP_SECONDS[self._run.at_most_once]
        # The last outcomes are recorded by the transaction that closes the chunk.
        return not self._run.finished and (unrecorded >= STEP or now >= self._record_at)

    async def _record(self) -> None:
        state = await self._recorder.step(self._run)
        self._record_at = inf
        self._standing.state = state
        self._cancelled = state is SendState.CANCELLED

    # Waiting

    async def _wait(self) -> None:
        run, now = self._run, self._loop.time()
        if run.finished:
            return
        pause = self._idle_for(now)
        if pause > LONG_WAIT and not run.in_flight:
            await self._give_back(pause, "Everything left waits for its time.")
        timeout = min(_LOOK, max(0.0, self._record_at - now))
        if pause > 0:
            await self._wait_for_answers(min(timeout, pause))
        elif not self._flow_controlled or self._lane.room > 0 or not run.ready:
            await asyncio.sleep(0)
        else:
            await self._wait_for_room(timeout)

    def _idle_for(self, now: float) -> float:
        """Seconds until something can be handed over, room aside."""
        run = self._run
        if run.ready or run.pending:
            if self._held_back:
                return _LOOK
            return max(0.0, self._lane.paused_until - now, self._standing.wait)
        return max(0.0, run.delayed[0][0] - now) if run.delayed else inf

    async def _wait_for_answers(self, seconds: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _wait_for_room(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._lane.wait_room()
        except TimeoutError:
            pass

    # Giving the job back

    async def _drain(self) -> None:
        """Hand nothing more over, take in the answers under way for a while, record, and let another process go on."""
        deadline = self._loop.time() + DRAIN
        while self._run.in_flight and self._loop.time() < deadline and not self._lease.lost:
            await self._wait_for_answers(min(_LOOK, deadline - self._loop.time()))
        self._take_stock()
        if not self._run.finished:
            await self._give_back(0.0, "The process is stopping.")

    async def _give_back(self, seconds: float, reason: str) -> None:
        self._run.withdraw()
        if self._run.unrecorded:
            await self._record()
        raise Retry(0.0 if self._cancelled else min(seconds, until_expiry(self._expires_at)), reason, count=False)
