"""Making a chunk's state durable: small steps while it runs, and the one transaction that closes it.

Every step confirms the lease in the same statement, so that nothing is recorded by a process that has lost the chunk.
While the database is away the step is repeated; nothing is handed over meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC
from typing import Any, TypeVar

import psycopg

from clarion.base import clock
from clarion.base.errors import Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.devices.model import DeadToken
from clarion.queue import Lease, LeaseLost
from clarion.results import ledger
from clarion.results.model import OPEN, Outcome
from clarion.results.store import chunks
from clarion.sending import closing, store
from clarion.sending.backoff import backoff
from clarion.sending.chunk_run import ChunkRun
from clarion.sending.model import SendState
from clarion.sending.pressure import CROWDED, Pressure
from clarion.sending.tally import Tally

log = get_logger(__name__)
T = TypeVar("T")


class Recorder:
    """Records one chunk under one lease."""

    def __init__(self, db: Database, lease: Lease, app_id: int, send_id: int, tally: Tally) -> None:
        self._db = db
        self._lease = lease
        self._app_id = app_id
        self._send_id = send_id
        self._tally = tally

    async def step(self, run: ChunkRun) -> SendState:
        """Record what is known now; the state of the send, in which a cancellation shows. Raises LeaseLost."""
        unrecorded, dead = run.unrecorded, run.dead
        run.dead = []
        outcomes, reasons = bytes(run.outcomes), dict(run.reasons)

        async def work(conn: Conn) -> SendState:
            return await self._write(conn, run, outcomes, reasons, dead)

        # A step without dead tokens is one statement, and needs no transaction around it.
        state = await self._until_done(work, alone=not dead)
        run.unrecorded -= unrecorded
        self._tally.recorded(outcomes, reasons, run.doubtful)
        return state

    async def admit(self, run: ChunkRun, places: Sequence[int], pressure: Pressure) -> list[int]:
        """Settle those of `places` that have had enough pushes; the others may be handed over. Raises LeaseLost.

        Both is recorded before any of them is: the chunk has begun, and presses on them from now on. One that had
        begun before has been decided.
        """
        if run.started_at is not None or not places or not pressure.has_ceiling:
            return list(places)
        device_ids = run.chunk.device_ids
        run.started_at = clock.now()

        async def work(conn: Conn) -> list[int]:
            crowded = await pressure.crowded(conn, device_ids[places[0]], device_ids[places[-1]])
            held = [place for place in places if device_ids[place] in crowded] if crowded else []
            outcomes, reasons = bytearray(run.outcomes), Counter(run.reasons)
            for place in held:
                outcomes[place] = Outcome.SUPPRESSED_PRESSURE
                reasons[CROWDED] += 1
            await self._write(conn, run, bytes(outcomes), dict(reasons), [])
            return held

        held = set(await self._until_done(work))
        for place in held:
            run.settle(place, Outcome.SUPPRESSED_PRESSURE, CROWDED)
        run.unrecorded = 0
        self._tally.recorded(bytes(run.outcomes), run.reasons, run.doubtful)
        return [place for place in places if place not in held]

    async def close(self, run: ChunkRun) -> None:
        """Record the last outcomes, close the chunk, count it, acknowledge the job: all or nothing, exactly once."""
        outcomes = bytes(run.outcomes)
        assert OPEN.isdisjoint(outcomes), "a chunk closes when every device has an outcome"
        begun = run.started_at
        bound = {
            **self._bound(run, outcomes, run.reasons, closed=True),
            "day": begun and begun.astimezone(UTC).date(),
            "push_sent": ledger.targets_of(outcomes),
            "bounces": outcomes.count(Outcome.REFUSED_DEAD),
        }

        async def work(conn: Conn) -> None:
            step = await store.record_last_step(conn, self._app_id, self._send_id, bound)
            self._check(run, step, acknowledged=True)
            if run.dead:
                await devices.switch_off(conn, self._app_id, run.dead)
            if step.last:
                await closing.settle(conn, self._app_id, self._send_id)

        await self._until_done(work)
        run.dead = []
        run.unrecorded = 0
        self._tally.recorded(outcomes, run.reasons, run.doubtful)

    async def _write(
        self, conn: Conn, run: ChunkRun, outcomes: bytes, reasons: dict[str, int], dead: list[DeadToken]
    ) -> SendState:
        bound = self._bound(run, outcomes, reasons, closed=False)
        step = await store.record_step(conn, self._app_id, self._send_id, bound)
        self._check(run, step)
        if dead:
            await devices.switch_off(conn, self._app_id, dead)
        return step.state

    def _bound(self, run: ChunkRun, outcomes: bytes, reasons: dict[str, int], *, closed: bool) -> dict[str, Any]:
        counts = ledger.counts_of(outcomes)
        return {
            **self._lease.bound(),
            **chunks.recorded(run.chunk.no, outcomes, counts, reasons, run.started_at, closed=closed),
        }

    def _check(self, run: ChunkRun, step: store.Step, *, acknowledged: bool = False) -> None:
        self._lease.told(held=step.held, acknowledged=acknowledged)
        if not step.written:
            raise LeaseLost(f"chunk {run.chunk.no} of send {self._send_id} was closed by another process")

    async def _until_done(self, work: Callable[[Conn], Awaitable[T]], *, alone: bool = False) -> T:
        failures = 0
        while True:
            try:
                async with self._db.connection() if alone else self._db.transaction() as conn:
                    return await work(conn)
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                if self._lease.lost:
                    raise LeaseLost(f"job {self._lease.job.id}") from error
                # A commit whose answer was lost is found out by the repetition: its job is gone, or its outcomes stand.
                self._lease.acknowledged = False
                failures += 1
                log.warning("recording_waits_for_database", send=self._send_id, error=str(error).strip())
                await asyncio.sleep(min(5.0, backoff(failures)))
