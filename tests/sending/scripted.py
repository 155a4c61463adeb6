"""A gateway that follows a script, for faults that the stub cannot play: it keeps its own book of what it took.

And a worker that can be killed: its handlers run as bare tasks, a kill cancels them and gives nothing back.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from clarion.db.pool import Database
from clarion.db.sql import execute
from clarion.gateways.seam import Done, Fate, Notification, Verdict
from clarion.queue import Handler, Job, Lease, LeaseLost, Retry
from clarion.queue.store import claim
from clarion.sending.model import QUEUE, URGENT_QUEUE

Judge = Callable[[Notification], Verdict]


class ScriptedGateway:
    """Takes every notification, judges it by `judge`, and answers after up to `delay` seconds.

    What is judged DELIVERED or UNKNOWN was taken: `taken` counts it by delivery id. UNKNOWN with the reason "not
    taken" was not.
    """

    def __init__(self, judge: Judge, *, delay: float = 0.002, room: int = 30, seed: int = 1) -> None:
        self.judge = judge
        self.taken: Counter[bytes] = Counter()
        self.handed: Counter[bytes] = Counter()
        self.token_of: dict[bytes, str] = {}
        self._delay = delay
        self._limit = room
        self._open = 0
        self._random = random.Random(seed)
        self._room = asyncio.Event()

    def send(self, notification: Notification, done: Done) -> None:
        verdict = self.judge(notification)
        identity = notification.delivery_id
        self.handed[identity] += 1
        assert self.token_of.setdefault(identity, notification.token) == notification.token
        if verdict.fate is Fate.DELIVERED or (verdict.fate is Fate.UNKNOWN and verdict.reason != "not taken"):
            self.taken[identity] += 1
        self._open += 1
        asyncio.get_running_loop().call_later(self._random.uniform(0, self._delay), self._answer, verdict, done)

    def _answer(self, verdict: Verdict, done: Done) -> None:
        self._open -= 1
        self._room.set()
        done(verdict)

    @property
    def in_hand(self) -> int:
        """Notifications that are not answered yet."""
        return self._open

    @property
    def room(self) -> int:
        return max(0, self._limit - self._open)

    async def wait_room(self) -> None:
        while self.room == 0:
            self._room.clear()
            await self._room.wait()

    async def aclose(self, drain: float = 5.0) -> None:
        async with asyncio.timeout(drain):
            while self._open:
                await asyncio.sleep(0.001)


class Mortal:
    """Runs due jobs of the send queue until nothing is left, or until killed."""

    def __init__(self, database: Database, handlers: dict[str, Handler], *, concurrency: int = 3) -> None:
        self._database = database
        self._handlers = handlers
        self._concurrency = concurrency
        self.stopping = asyncio.Event()

    async def live(self, seconds: float | None = None) -> bool:
        """Work for so long, then die without a word, or drain once `stopping` is set. True when every job was done."""
        tasks: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        death = None if seconds is None else loop.time() + seconds
        try:
            while death is None or loop.time() < death:
                tasks = {task for task in tasks if not task.done()}
                if self.stopping.is_set():
                    if not tasks:
                        return False
                elif not await self._claim(tasks) and not tasks and not await self._left():
                    return True
                await asyncio.sleep(0.001)
            return False
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _claim(self, tasks: set[asyncio.Task[None]]) -> int:
        free = self._concurrency - len(tasks)
        if not free:
            return 0
        async with self._database.connection() as conn:
            claimed = await claim(conn, [URGENT_QUEUE, QUEUE], free, 60.0)
        for columns in claimed:
            tasks.add(asyncio.create_task(self._run(Lease(Job(*columns), self.stopping))))
        return len(claimed)

    async def _run(self, lease: Lease) -> None:
        try:
            await self._handlers[lease.job.kind](lease)
        except Retry as again:
            async with self._database.transaction() as conn:
                await execute(
                    conn,
                    """
                    UPDATE clarion.job SET run_at = clock_timestamp() + make_interval(secs => %s), lease = lease + 1,
                        attempts = attempts - 1
                    WHERE id = %s AND lease = %s
                    """,
                    (min(again.delay, 0.05), lease.job.id, lease.job.lease),
                )
        except LeaseLost:
            return

    async def _left(self) -> int:
        async with self._database.connection() as conn:
            cursor = await conn.execute(
                "SELECT count(*) FROM clarion.job WHERE queue = ANY(%s)", ([URGENT_QUEUE, QUEUE],)
            )
            found = await cursor.fetchone()
        return int(found[0]) if found else 0


async def leases_end(database: Database) -> None:
    """What dead workers held is due again."""
    async with database.connection() as conn:
        await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp()")
