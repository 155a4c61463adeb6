"""Transactions that are overtaken by others, or chosen by PostgreSQL as the victim of a deadlock, run again.

Whoever finds that what it looked at has changed before it was locked gives way at once (`Overtaken`), rather than wait
into a deadlock, which PostgreSQL takes a second to find.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import TypeVar

import psycopg

from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.db.sql import Conn

log = get_logger(__name__)
T = TypeVar("T")
ATTEMPTS = 6


class Overtaken(Exception):
    """What a transaction had looked at was changed by another one before it was locked."""


VICTIM = (Overtaken, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


async def transact(db: Database, work: Callable[[Conn], Awaitable[T]], *, pipelined: bool = False) -> T:
    """Run `work` in a transaction on a connection of the pool; see `repeat`."""
    async with db.connection() as conn:
        return await repeat(conn, work, pipelined=pipelined)


async def repeat(conn: Conn, work: Callable[[Conn], Awaitable[T]], *, pipelined: bool = False) -> T:
    """Run `work` in a transaction of this idle connection; the victim of others runs again, 6 times in all.

    `work` may run several times: what it does outside the database must bear that. `pipelined`, statements whose result
    nobody reads travel with the next one, and so do BEGIN and COMMIT; their errors come then.
    """
    attempt = 1
    while True:
        try:
            async with conn.pipeline() if pipelined else nullcontext(), conn.transaction():
                return await work(conn)
        except VICTIM as error:
            if attempt == ATTEMPTS:
                raise
            log.warning("transaction_repeated", attempt=attempt, reason=type(error).__name__)
            await asyncio.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311 - jitter
            attempt += 1
