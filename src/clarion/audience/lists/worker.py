"""The job that tends a list: it applies waiting changes, oldest first, then deletes members whose time is over.

One job tends one list at a time, by its key; each batch is applied in a transaction of its own that also drops it and
confirms the lease, so that a worker that dies, or that has lost its lease, leaves nothing half done or done twice. A
job that finds nothing left shuts the gate of the list before it ends: who queues a change meanwhile waits a moment and
then makes a new job.

Members leave the audience the moment their time is over, whether or not they are deleted. Changes whose job was buried
are found again by the timer.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from clarion.apps import service as apps
from clarion.apps.model import Column
from clarion.audience.lists.model import Change
from clarion.audience.lists.service import TEND, expire, moving, tend_key
from clarion.audience.lists.sizes import id_ranges
from clarion.audience.lists.store import changes, members
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.queue import Handler, Lease, Retry, put_many

EVERY = timedelta(seconds=30)
"""How often members whose time is over are looked for."""

# Members that come or go before statistics are taken anew, which PostgreSQL would do by itself a minute later.
_ANALYZED_AFTER = 10_000
_TURN = 5.0


def tender(db: Database) -> Handler:
    """The handler of `lists.tend` jobs."""

    async def tend(lease: Lease) -> None:
        app_id, list_id = int(lease.job.args["app"]), int(lease.job.args["list"])
        loop = asyncio.get_running_loop()
        ends = loop.time() + _TURN
        moved = 0

        async def step(conn: Conn) -> int:
            return await _step(conn, lease, app_id, list_id)

        while not lease.acknowledged and not lease.stopping.is_set() and loop.time() <= ends:
            moved += await retry.transact(db, step)
        if moved >= _ANALYZED_AFTER:
            async with db.connection() as conn:
                await members.analyze(conn, app_id)
        if not lease.acknowledged:
            raise Retry(0, "Other jobs get their turn.", count=False)

    return tend


async def sweep(db: Database) -> None:
    """Timer: a job for every list that has waiting changes or members whose time is over."""
    async with db.connection() as conn:
        concerned = set(await changes.lists_concerned(conn))
        for app in await apps.list_apps(conn):
            concerned |= {(app.id, list_id) for list_id in await members.lists_with_expired(conn, app.id)}
    if concerned:
        jobs = sorted(concerned)
        async with db.transaction() as conn:
            await put_many(
                conn,
                TEND,
                [{"app": app_id, "list": list_id} for app_id, list_id in jobs],
                keys=[tend_key(app_id, list_id) for app_id, list_id in jobs],
            )


async def _step(conn: Conn, lease: Lease, app_id: int, list_id: int) -> int:
    """One batch, or one piece of those whose time is over, or the end; how many members came and went."""

    async def step(conn: Conn) -> Mapping[int, int]:
        change = await changes.oldest(conn, app_id, list_id)
        if change is not None:
            deltas = await _apply(conn, app_id, list_id, change)
        else:
            deltas = await expire(conn, app_id, list_id)
            if not deltas and await _finished(conn, app_id, list_id):
                await lease.acknowledge(conn)
                return deltas
        await lease.confirm(conn)
        return deltas

    moved = await moving(conn, app_id, list_id, step)
    if moved is None:
        await lease.acknowledge(conn)
    return moved or 0


async def _finished(conn: Conn, app_id: int, list_id: int) -> bool:
    """Whether no change waits, and none can come before the transaction ends."""
    return await changes.try_shut(conn, app_id, list_id) and await changes.oldest(conn, app_id, list_id) is None


async def _apply(conn: Conn, app_id: int, list_id: int, change: Change) -> Mapping[int, int]:
    """Apply a change, or the next range of one that concerns very many devices; drop it when it is done."""
    users = changes.users_of(app_id, list_id, change.seq)
    fields = await _columns(conn, app_id, change.fields)
    devices = change.devices
    if fields and devices is None:
        devices = (await members.matches(conn, app_id, users, fields)).devices
    ranges = id_ranges(devices or 0)
    write = members.take if change.remove else members.put
    deltas = await write(conn, app_id, list_id, users, fields, ranges[change.step])
    if change.step + 1 < len(ranges):
        await changes.advance(conn, app_id, list_id, change.seq, change.step + 1, devices or 0)
    else:
        await changes.delete(conn, app_id, list_id, change.seq)
    return deltas


async def _columns(conn: Conn, app_id: int, names: Sequence[str]) -> list[Column]:
    """The columns of these names; one that was removed meanwhile names nobody."""
    if not names:
        return []
    scheme = await apps.load_scheme(conn, app_id)
    return [column for name in names if (column := scheme.find(name)) is not None]
