"""The worker: claims jobs of some queues, runs their handlers, and settles what becomes of each.

1. While there is a free slot, claim due jobs and start a task for each, fairly among their owners (`lines`).
2. When nothing is due, fall idle: hold the idle lock, look once more, and wait for a notification, for the next due
   time, or for a job of our own that is given back and due before, or whose end lets another one of its owner begin.
3. A heartbeat extends the leases of all running jobs in one statement and marks those that were lost.
4. A handler that returns acknowledges its job (most do it themselves, in their own transaction); one that raises is
   tried again with backoff and jitter, or buried after its last attempt.
5. Where somebody waits for a second although others have more slots than their part, the longest running job of
   those is asked to come back.
6. When asked to stop, claim nothing more, let handlers come to an end within the grace, then cancel the rest; an
   unfinished job is due again when its lease ends.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import psycopg

from clarion.base.errors import Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database, connect
from clarion.db.sql import Conn
from clarion.queue import store
from clarion.queue.lines import Line, Waiting, choose, overdrawn
from clarion.queue.model import Job, Lease, LeaseLost, Retry

log = get_logger(__name__)
Handler = Callable[[Lease], Awaitable[None]]
_LONGEST_WAIT = 5.0
_TURN = 1.0
"""Seconds after which somebody without a slot is looked after, and that a job has run before it is asked back."""


class Worker:
    """Runs jobs of `queues` with `handlers` by kind, at most `concurrency` at a time, leases of `lease` seconds.

    `share` is the most of them that one owner's jobs may take, all when it is left out. Jobs that only wait (`idle`)
    do not count among those at work, up to `reserve` of them.
    """

    def __init__(
        self,
        db: Database,
        queues: Sequence[str],
        handlers: Mapping[str, Handler],
        *,
        concurrency: int = 4,
        lease: float = 30.0,
        grace: float = 20.0,
        share: int | None = None,
        reserve: int = 0,
    ) -> None:
        self._db = db
        self._queues = list(queues)
        self._handlers = handlers
        self._concurrency = concurrency
        self._lease = lease
        self._grace = grace
        self._share = concurrency if share is None else share
        self._reserve = reserve
        self._running: dict[asyncio.Task[None], Lease] = {}
        self._stopping = asyncio.Event()
        self._given_back = asyncio.Event()
        self._shut_out: list[Waiting] = []
        self._next_due = _LONGEST_WAIT

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain. A lost database is waited for, with backoff."""
        heartbeat = asyncio.create_task(self._heartbeat())
        stopped = asyncio.create_task(stop.wait())
        failures = 0
        try:
            while not stop.is_set():
                try:
                    await self._work(stopped)
                    failures = 0
                except (psycopg.OperationalError, Unavailable) as error:
                    failures += 1
                    log.warning("queue_waits_for_database", error=str(error).strip(), failures=failures)
                    pause = min(5.0, 0.1 * 2**failures) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
                    await asyncio.wait({stopped}, timeout=pause)
        finally:
            self._stopping.set()
            await self._drain()
            heartbeat.cancel()
            stopped.cancel()
            await asyncio.gather(heartbeat, stopped, return_exceptions=True)

    async def _work(self, stopped: "asyncio.Task[bool]") -> None:
        """Steps 1 and 2 on one listening connection, until stopped or the connection fails."""
        conn = await connect(self._db.conninfo, application_name="clarion queue")
        try:
            await conn.execute("LISTEN clarion_job")
            while not stopped.done():
                free = self._free
                if free <= 0:
                    await self._wait_for_slot(conn, stopped)
                elif not await self._claim(conn, free):
                    await self._idle(conn, free, stopped)
        finally:
            await conn.close()

    @property
    def _free(self) -> int:
        idle = sum(lease.idle for lease in self._running.values())
        return self._concurrency - len(self._running) + min(idle, self._reserve)

    @property
    def _lines(self) -> list[Line]:
        return [Line(lease.job.owner, lease.job.strand) for lease in self._running.values()]

    async def _claim(self, conn: Conn, free: int) -> int:
        waiting = await store.waiting(conn, self._queues)
        due = [line for line in waiting if line.due_in <= 0]
        chosen = choose(due, self._lines, free, self._share)
        claimed = await store.claim_from(conn, chosen, self._lease)
        for columns in claimed:
            lease = Lease(Job(*columns), self._stopping, self._lease)
            task = asyncio.create_task(self._run_one(lease), name=f"job:{lease.job.kind}:{lease.job.id}")
            self._running[task] = lease
            task.add_done_callback(self._ended)
        if not claimed:
            taken = {id(line) for line, _ in chosen}
            self._shut_out = [line for line in due if id(line) not in taken]
            rest = [line.due_in for line in waiting if line.due_in > 0 or id(line) in taken]
            self._next_due = min(rest, default=_LONGEST_WAIT)
        return len(claimed)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task)
        if self._shut_out:
            self._given_back.set()

    async def _wait_for_slot(self, conn: Conn, stopped: "asyncio.Task[bool]") -> None:
        running = set(self._running)
        done, _ = await asyncio.wait({stopped, *running}, timeout=_TURN, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            due = [line for line in await store.waiting(conn, self._queues) if line.due_in <= 0]
            self._ask_back(due, full=True)

    def _ask_back(self, waiting: Sequence[Waiting], *, full: bool) -> None:
        """Step 5. One at a time: the next is asked when this one has come back."""
        line = overdrawn(waiting, self._lines, self._share, full=full)
        if line is None or any(lease.wanted_back for lease in self._running.values()):
            return
        theirs = [
            each for each in self._running.values() if (each.job.owner, each.job.strand) == (line.owner, line.strand)
        ]
        oldest = min(theirs, key=lambda lease: lease.began)
        if time.monotonic() - oldest.began >= _TURN:
            oldest.wanted_back = True

    async def _idle(self, conn: Conn, free: int, stopped: "asyncio.Task[bool]") -> None:
        held = [queue for queue in self._queues if await store.try_idle(conn, queue)]
        try:
            self._given_back.clear()
            if await self._claim(conn, free):
                return
            wait = min(_LONGEST_WAIT, max(0.0, self._next_due) + 0.002)
            if len(held) < len(self._queues):
                wait = min(wait, 0.05)  # somebody is adding jobs just now and could not know that we wait
            if self._shut_out:
                self._ask_back(self._shut_out, full=False)
                wait = min(wait, _TURN)
            await self._wait_for_notification(conn, wait, stopped)
        finally:
            self._shut_out = []
            if not conn.closed:
                for queue in held:
                    await store.leave_idle(conn, queue)

    async def _wait_for_notification(self, conn: Conn, seconds: float, stopped: "asyncio.Task[bool]") -> None:
        async def first() -> None:
            async for note in conn.notifies(timeout=seconds):
                if note.payload in self._queues:
                    return

        waiting, given_back = asyncio.create_task(first()), asyncio.create_task(self._given_back.wait())
        await asyncio.wait({waiting, given_back, stopped}, return_when=asyncio.FIRST_COMPLETED)
        given_back.cancel()
        if waiting.done():
            waiting.result()
        else:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    async def _run_one(self, lease: Lease) -> None:
        job = lease.job
        try:
            if job.attempts > job.max_attempts:
                await self._bury(job, "The process that ran it died, or its lease ended, on every attempt.")
                return
            handler = self._handlers.get(job.kind)
            if handler is None:
                await self._bury(job, f"No handler is bound to jobs of kind {job.kind}.")
                return
            await handler(lease)
            if not lease.acknowledged:
                async with self._db.transaction() as conn:
                    await lease.acknowledge(conn)
        except LeaseLost:
            log.warning("lease_lost", job=job.id, kind=job.kind)
        except Retry as again:
            await self._again(job, again.delay, again.reason, count=again.count)
        except asyncio.CancelledError:
            await self._again(job, 0.0, "The process was stopped.", count=False)
            raise
        except Exception as error:
            log.error("job_failed", job=job.id, kind=job.kind, attempts=job.attempts, exc_info=True)
            delay = min(300.0, 0.5 * 2 ** min(job.attempts, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
            await self._again(job, delay, f"{type(error).__name__}: {error}", count=True)

    async def _again(self, job: Job, delay: float, reason: str, *, count: bool) -> None:
        if count and job.attempts >= job.max_attempts:
            await self._bury(job, reason)
            return
        try:
            async with self._db.transaction() as conn:
                await store.release(conn, job.id, job.lease, delay, reason, count=count)
                if delay == 0:
                    await store.announce(conn, job.queue)
            self._given_back.set()  # due before the end of the lease that was looked at when falling idle
        except (psycopg.OperationalError, Unavailable):
            log.warning("job_left_to_its_lease", job=job.id, kind=job.kind)

    async def _bury(self, job: Job, reason: str) -> None:
        log.error("job_buried", job=job.id, kind=job.kind, reason=reason)
        async with self._db.transaction() as conn:
            await store.bury(conn, job.id, job.lease, reason)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            leases = [lease for lease in self._running.values() if not lease.lost and not lease.acknowledged]
            if not leases:
                continue
            try:
                async with self._db.connection() as conn:
                    kept = await store.extend(
                        conn, [lease.job.id for lease in leases], [lease.job.lease for lease in leases], self._lease
                    )
            except (psycopg.OperationalError, Unavailable):
                continue
            still = set(kept)
            for lease in leases:
                if lease.job.id not in still and not lease.acknowledged:
                    lease.lost = True

    async def _drain(self) -> None:
        if not self._running:
            return
        _done, pending = await asyncio.wait(set(self._running), timeout=self._grace)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
