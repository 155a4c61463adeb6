"""Putting work into the queue, inside the transaction that causes it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from clarion.db.sql import Conn
from clarion.queue import store
from clarion.queue.lines import NOBODY, Line


async def put(
    conn: Conn,
    kind: str,
    args: dict[str, Any],
    *,
    queue: str = "default",
    priority: int = 100,
    run_at: datetime | None = None,
    key: str | None = None,
    max_attempts: int = 20,
    line: Line = NOBODY,
) -> int | None:
    """Insert a job in the caller's transaction; its id, or None when a job with this `key` is waiting already.

    A lower `priority` runs first; `line` says with whom it shares workers fairly. Idle workers are woken when the
    transaction commits.
    """
    return await store.insert(conn, queue, kind, args, priority, run_at, key, max_attempts, line)


async def put_many(
    conn: Conn,
    kind: str,
    args: Sequence[dict[str, Any]],
    *,
    queue: str = "default",
    priority: int = 100,
    keys: Sequence[str | None] | None = None,
    max_attempts: int = 20,
    line: Line = NOBODY,
) -> None:
    """Insert many due jobs of one line in one statement; those whose key is taken wait already."""
    await store.insert_many(conn, queue, kind, args, priority, keys or [None] * len(args), max_attempts, line)


async def hold(conn: Conn, line: Line, until: datetime) -> None:
    """Nobody claims jobs of this line before `until`, on Clarion's clock; those that run are not touched."""
    await store.hold(conn, line.owner, line.strand, until)


async def release(conn: Conn, line: Line, queues: Sequence[str]) -> None:
    """Jobs of a line may be claimed again, and idle workers of these queues look at once if it was held."""
    if await store.release_hold(conn, line.owner, line.strand):
        for queue in queues:
            await store.announce(conn, queue)
