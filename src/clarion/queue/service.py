"""Putting work into the queue, inside the transaction that causes it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from clarion.db.sql import Conn
from clarion.queue import store


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
) -> int | None:
    """Insert a job in the caller's transaction; its id, or None when a job with this `key` is waiting already.

    A lower `priority` runs first. Idle workers are woken when the transaction commits.
    """
    return await store.insert(conn, queue, kind, args, priority, run_at, key, max_attempts)


async def put_many(
    conn: Conn,
    kind: str,
    args: Sequence[dict[str, Any]],
    *,
    queue: str = "default",
    priority: int = 100,
    keys: Sequence[str | None] | None = None,
    max_attempts: int = 20,
) -> int:
    """Insert many due jobs in one statement; how many were new."""
    return await store.insert_many(conn, queue, kind, args, priority, keys or [None] * len(args), max_attempts)
