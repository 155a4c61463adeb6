"""What a sender process watches while it delivers: whether its sends were paused, cancelled or throttled, and whether
another process was told to wait by a gateway they share.

One connection listens and looks, at once when something is told and twice a second in any case; nothing is asked per
chunk. While the database is away what was known last holds: nothing can be recorded then, and so nothing is handed over
for long.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from math import inf

import psycopg

from clarion.base.errors import Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database, connect
from clarion.db.sql import Conn
from clarion.gateways.allowance import Allowance
from clarion.gateways.fcm.quota import Source
from clarion.gateways.pauses import Waiter
from clarion.sending.backoff import backoff
from clarion.sending.flow import permits, store
from clarion.sending.model import Send, SendState

log = get_logger(__name__)

LOOK = 0.5
"""Seconds between two looks, at the latest."""
LINGER = 60.0
"""Seconds without a send after which the connection is given up."""


class Standing:
    """How a send stands at present, for all of its chunks that this process delivers."""

    def __init__(self, state: SendState, throttled: Callable[[int], Allowance]) -> None:
        self.state = state
        self._throttled = throttled
        self._per_minute: int | None = None
        self._allowance: Allowance | None = None

    @property
    def paused(self) -> bool:
        return self.state is SendState.PAUSED

    @property
    def cancelled(self) -> bool:
        return self.state is SendState.CANCELLED

    def permitted(self, number: int) -> int:
        """How many of `number` notifications may be handed over now; they must be, or are lost to the send's rate."""
        if self._allowance is None or number <= 0:
            return max(0, number)
        return self._allowance.take(number)

    def permits(self, number: int) -> int:
        """As `permitted`, only looking."""
        return number if self._allowance is None else min(number, self._allowance.available)

    @property
    def wait(self) -> float:
        """Seconds until the throttle may let another one through."""
        return 0.0 if self._allowance is None else self._allowance.wait

    def throttle(self, per_minute: int | None) -> None:
        """From now on at most so many notifications a minute, None for any number."""
        if per_minute == self._per_minute:
            return
        self.close()
        self._per_minute = per_minute
        self._allowance = None if per_minute is None else self._throttled(per_minute)

    def close(self) -> None:
        """Draw no more permits."""
        if self._allowance is not None:
            self._allowance.close()


class Watch:
    """The sends of one process, and the `Pauses` of its lanes and push services. End with `aclose`."""

    def __init__(self, db: Database) -> None:
        self.source: Source = permits.shared(db)
        self._db = db
        self._standings: dict[tuple[int, int], Standing] = {}
        self._users: Counter[tuple[int, int]] = Counter()
        self._waiters: set[Waiter] = set()
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = -inf
        self._untold: dict[str, float] = {}
        self._telling: set[asyncio.Task[None]] = set()

    @contextmanager
    def following(self, app_id: int, send: Send) -> Iterator[Standing]:
        """How a send stands, kept up to date inside the block."""
        key = (app_id, send.id)
        standing = self._standings.get(key)
        if standing is None:
            standing = Standing(send.state, lambda rate: permits.throttle(self.source, app_id, send.id, rate))
            self._standings[key] = standing
        standing.state = send.state
        standing.throttle(send.throttle)
        self._users[key] += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._keep_looking())
        try:
            yield standing
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]
                self._standings.pop(key).close()

    def add(self, waiter: Waiter) -> None:
        """See `Pauses.add`."""
        self._waiters.add(waiter)

    def remove(self, waiter: Waiter) -> None:
        """See `Pauses.remove`."""
        self._waiters.discard(waiter)

    async def refresh(self, waiter: Waiter) -> None:
        """See `Pauses.refresh`. Where nobody has looked lately the others are told, too: they have missed as much."""
        lately = asyncio.get_running_loop().time() - self._looked_at < 2 * LOOK
        try:
            async with self._db.connection() as conn:
                await self._pass_on(conn, {waiter} if lately else {waiter, *self._waiters})
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise Unavailable(f"Pauses of gateways cannot be read: {str(error).strip()}") from error

    def tell(self, name: str, seconds: float) -> None:
        """See `Pauses.tell`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        if name in self._untold:
            self._untold[name] = max(self._untold[name], deadline)
            return
        self._untold[name] = deadline
        task = loop.create_task(self._tell(name))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def aclose(self) -> None:
        """Stop looking."""
        tasks = [*self._telling] if self._looking is None else [self._looking, *self._telling]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, name: str) -> None:
        """Tell, until it has been told or is over. What is asked for meanwhile is told after it."""
        loop, failures, told = asyncio.get_running_loop(), 0, -inf
        try:
            while (deadline := self._untold[name]) > max(told, loop.time()):
                try:
                    async with self._db.connection() as conn:
                        await store.pause(conn, name, deadline - loop.time())
                        told = deadline
                        await store.forget_pauses(conn)
                except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable):
                    failures += 1
                    await asyncio.sleep(backoff(failures))
        finally:
            del self._untold[name]

    async def _keep_looking(self) -> None:
        loop, failures = asyncio.get_running_loop(), 0
        used_at = loop.time()
        while loop.time() - used_at < LINGER:
            try:
                conn = await connect(self._db.conninfo, application_name="clarion flow")
                try:
                    await conn.execute("LISTEN clarion_flow")
                    while loop.time() - used_at < LINGER:
                        if self._standings:
                            used_at = loop.time()
                            await self._look(conn)
                            failures = 0
                        async for _ in conn.notifies(timeout=LOOK, stop_after=1):
                            pass
                finally:
                    await conn.close()
            except (psycopg.OperationalError, psycopg.InterfaceError, Unavailable) as error:
                failures += 1
                log.warning("watch_waits_for_database", error=str(error).strip())
                await asyncio.sleep(min(LOOK * failures, 5.0))

    async def _look(self, conn: Conn) -> None:
        keys = list(self._standings)
        for send in await store.watched(conn, [app_id for app_id, _ in keys], [send_id for _, send_id in keys]):
            standing = self._standings.get((send.app_id, send.id))
            if standing is not None:
                standing.state = send.state
                standing.throttle(send.throttle)
        await self._pass_on(conn, self._waiters)
        self._looked_at = asyncio.get_running_loop().time()

    async def _pass_on(self, conn: Conn, waiters: Collection[Waiter]) -> None:
        """Tell these of the pauses in force."""
        names = {waiter.name for waiter in waiters}
        found = {pause.name: pause for pause in await store.pauses(conn, list(names))} if names else {}
        for waiter in list(waiters) if found else ():
            if (pause := found.get(waiter.name)) is not None:
                waiter.wait_along(pause.no, pause.seconds)
