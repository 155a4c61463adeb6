"""Pools and the one transaction helper.

A `Database` is one pool of connections to one PostgreSQL. Work that changes anything runs inside
`async with db.transaction() as conn`, which commits when the block ends and rolls back when it raises; services never
commit. `db.connection()` gives an autocommit connection for reads.
"""

import select
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from clarion.base import clock
from clarion.base.errors import ConfigurationError, Unavailable
from clarion.db.sql import Conn


class Database:
    """One pool. Open with `await Database.open(conninfo)`, end with `await db.close()`."""

    def __init__(self, conninfo: str, pool: AsyncConnectionPool[Conn]) -> None:
        self.conninfo = conninfo
        self._pool = pool

    @classmethod
    async def open(
        cls,
        conninfo: str,
        *,
        size: int = 8,
        application_name: str = "clarion",
        timeout: float = 10.0,
        tune: Callable[[int], None] | None = None,
    ) -> "Database":
        """Connect a pool of at most `size` connections; `timeout` seconds to get the first one.

        `tune` gets the id of the server's process behind each of these connections: only for a server in this
        machine's process table, as the embedded one is.

        Raises Unavailable, with the server's own words, when PostgreSQL cannot be reached.
        """

        async def configure(conn: Conn) -> None:
            if tune is not None:
                tune(conn.info.backend_pid)

        pool: AsyncConnectionPool[Conn] = AsyncConnectionPool(
            conninfo,
            min_size=1,
            max_size=size,
            open=False,
            timeout=30.0,
            kwargs={"application_name": application_name, "options": "-c timezone=UTC", "autocommit": True},
            check=_check,
            configure=configure if tune is not None else None,
        )
        probe = await connect(conninfo, timeout=timeout)
        try:
            await _follow_clock(probe)
        finally:
            await probe.close()
        await pool.open()
        return cls(conninfo, pool)

    async def close(self) -> None:
        """Close every connection; transactions still open are rolled back by the server."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Conn]:
        """One transaction: commit at the end of the block, rollback when it raises."""
        async with self.connection() as conn, conn.transaction():
            yield conn

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Conn]:
        """An autocommit connection, for reads and for statements that must not run in a transaction."""
        try:
            async with self._pool.connection() as conn:
                yield conn
        except PoolTimeout as error:
            raise Unavailable(
                "No database connection became free in time.",
                "PostgreSQL is down or overloaded; see its log and `clarion doctor`.",
            ) from error


async def _check(conn: Conn) -> None:
    """Raise when an idle connection is broken. The server is only asked when the socket has something to say, which it
    has when the server has gone: a round trip saved each time a connection is taken from the pool."""
    watch = select.poll()
    watch.register(conn.pgconn.socket, select.POLLIN)
    if watch.poll(0):
        await AsyncConnectionPool.check_connection(conn)


async def connect(conninfo: str, *, timeout: float = 10.0, **options: Any) -> Conn:
    """A single autocommit connection outside any pool (LISTEN, advisory locks, maintenance).

    Raises Unavailable when PostgreSQL cannot be reached, ConfigurationError for a URL that is none.
    """
    try:
        return await psycopg.AsyncConnection.connect(
            conninfo,
            autocommit=True,
            connect_timeout=max(1, int(timeout)),
            options="-c timezone=UTC",
            **options,
        )
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"PostgreSQL cannot be reached: {str(error).strip()}",
            "Check that the server runs and that the database URL is right.",
        ) from error
    except psycopg.ProgrammingError:
        # The parser's sentence quotes what it was given, password included.
        raise ConfigurationError(
            "The database URL cannot be read.", "Write it like postgresql://user:password@host:5432/name."
        ) from None


async def _follow_clock(conn: Conn) -> None:
    """Bring the Python clock in step with the offset row that moves `clarion.now()`."""
    cursor = await conn.execute("SELECT to_regclass('clarion.clock_offset') IS NOT NULL")
    exists = await cursor.fetchone()
    if not exists or not exists[0]:
        return
    cursor = await conn.execute("SELECT shift FROM clarion.clock_offset")
    found = await cursor.fetchone()
    clock.shift(found[0] if found else timedelta(0))
