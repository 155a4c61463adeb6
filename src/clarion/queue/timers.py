"""Timers without a leader: every process offers to run them, one claims each run."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import psycopg
from msgspec import Struct

from clarion.base.errors import Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.queue import store

log = get_logger(__name__)
_LONGEST_WAIT = 60.0


class Timer(Struct, frozen=True):
    """`run` is called about once in `every`, in one process of the installation."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[None]]


class Timers:
    """Runs timers until told to stop. A run that fails is logged and comes again at the next turn."""

    def __init__(self, db: Database, timers: Sequence[Timer]) -> None:
        self._db = db
        self._timers = list(timers)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set."""
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set():
            try:
                await self.turn()
                async with self._db.connection() as conn:
                    pause = await store.timer_due_in(conn, [timer.name for timer in self._timers])
            except (psycopg.OperationalError, Unavailable) as error:
                log.warning("timers_wait_for_database", error=str(error).strip())
                pause = 1.0
            await asyncio.wait({stopped}, timeout=min(_LONGEST_WAIT, max(0.05, pause)))
        stopped.cancel()

    async def turn(self) -> None:
        """Claim and run whatever is due."""
        for timer in self._timers:
            async with self._db.transaction() as conn:
                claimed = await store.claim_timer(conn, timer.name, timer.every.total_seconds())
            if claimed:
                try:
                    await timer.run()
                except (psycopg.OperationalError, Unavailable):
                    raise
                except Exception:
                    log.error("timer_failed", timer=timer.name, exc_info=True)
