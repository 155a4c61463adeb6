"""Counting audiences for people: from the snapshot where the application is large and the predicate allows it, else by
SQL. Every answer says where it comes from and of which moment it is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import psycopg
from msgspec import Struct

from clarion.audience import store as sql_store
from clarion.audience.compile import compile_gathered, compile_predicate
from clarion.audience.model import Compare, Predicate
from clarion.audience.snapshot import files, needs, worker
from clarion.audience.snapshot.model import Snapshot, State
from clarion.audience.snapshot.store import state
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.db.sql import execute

log = get_logger(__name__)

LEAST_DEVICES = 200_000
"""Applications with fewer are counted by SQL, which takes milliseconds there."""
OLDEST = 900.0
"""Seconds after which a snapshot answers no more."""

_ASKED = 60.0
_FRESH = 60.0
_WAIT = 1.0
_LOOK = 0.05
_PIECES = 64
_PIECES_WITH_SETS = 16
"""With lists or events every piece goes through their members."""

Progress = Callable[[int, int], Awaitable[None]]
"""Hears how many of how many devices have been looked at, about; gathering a list or the events of a window counts as
looking at some."""


class TooSlow(Exception):
    """A count was not done in the time it was given."""


class Counted(Struct, frozen=True):
    """How many devices were in an audience at a moment; `source` is `snapshot` or `sql`."""

    count: int
    source: str
    as_of: datetime


async def count(
    db: Database,
    folder: Path | None,
    app_id: int,
    predicate: Predicate,
    *,
    exact: bool = False,
    least: int = LEAST_DEVICES,
    progress: Progress | None = None,
    within: float | None = None,
) -> Counted:
    """How many devices are in an audience: at most 15 minutes ago, or now when it is to be `exact`.

    `folder` is that of the snapshots, None where there are none. `progress` hears of counts by SQL. Raises TooSlow when
    SQL needs more than `within` seconds.
    """
    async with db.connection() as conn:
        found = await state.look(conn, app_id)
    if folder is not None and not exact and found.devices >= least and needs.of_columns_only(predicate):
        found = await _asked(db, app_id, found)
        answer = await _from_snapshot(db, folder, app_id, predicate, found)
        if answer is not None:
            return answer
    if progress is not None and found.devices >= least:
        return await _in_pieces(db, app_id, predicate, found.devices, progress)
    return await _by_sql(db, app_id, predicate, within)


async def _asked(db: Database, app_id: int, found: State) -> State:
    """Order a refresh, once a minute; who orders it where what there is has become old waits for it a moment."""
    if found.asked_at is not None and 0 <= (found.now - found.asked_at).total_seconds() < _ASKED:
        return found
    async with db.transaction() as conn:
        await worker.order(conn, app_id)
    if found.generation is None or found.age <= _FRESH:
        return found
    before = found.as_of
    for _ in range(int(_WAIT / _LOOK)):
        await asyncio.sleep(_LOOK)
        async with db.connection() as conn:
            found = await state.look(conn, app_id)
        if found.as_of != before:
            break
    return found


async def _from_snapshot(db: Database, folder: Path, app_id: int, predicate: Predicate, found: State) -> Counted | None:
    """The answer of the snapshot; None when it is missing, too old, or does not hold what is asked for."""
    if found.generation is None or found.as_of is None or found.age > OLDEST:
        return None
    try:
        snapshot = await asyncio.to_thread(files.read, folder, app_id, found.generation)
        if not needs.answerable(predicate, snapshot):
            return None
        async with db.connection() as conn:
            numbers = {
                compare: await state.matching(conn, app_id, compare, snapshot.words[compare.column.sql])
                for compare in needs.text_conditions(predicate, snapshot)
            }
        number = await asyncio.to_thread(
            _evaluate, folder, app_id, found.generation, snapshot, predicate, numbers, found.as_of
        )
    except FileNotFoundError:  # deleted, made anew meanwhile, or on another machine
        log.info("snapshot_not_here", app_id=app_id, generation=found.generation)
        return None
    return Counted(number, "snapshot", found.as_of)


def _evaluate(
    folder: Path,
    app_id: int,
    generation: str,
    snapshot: Snapshot,
    predicate: Predicate,
    numbers: Mapping[Compare, Sequence[int]],
    now: datetime,
) -> int:
    from clarion.audience.snapshot import expression, frames  # Polars takes 60 MB: only where it is asked

    condition = expression.expression(predicate, snapshot, numbers, now)
    home = files.app_folder(folder, app_id) / generation
    number = frames.count(files.base_files(folder, app_id, snapshot), condition)
    if snapshot.changed:
        number += frames.count([home / files.FRESH], condition) - frames.count([home / files.GONE], condition)
    return number


async def _by_sql(db: Database, app_id: int, predicate: Predicate, within: float | None) -> Counted:
    """The exact answer."""
    async with db.transaction() as conn:
        await execute(conn, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        now = await state.moment(conn)
        condition = compile_predicate(app_id, predicate, now)
        await sql_store.give_room(conn, within, alone=needs.adds_up_events(predicate))
        try:
            return Counted(await sql_store.count(conn, app_id, condition), "sql", now)
        except psycopg.errors.QueryCanceled:
            if within is None:
                raise
            raise TooSlow from None


async def _in_pieces(db: Database, app_id: int, predicate: Predicate, devices: int, progress: Progress) -> Counted:
    """The exact answer, for somebody who watches: lists and events are gathered once, then the devices (about so many)
    are looked at page range by page range, all of one moment."""
    async with db.transaction() as conn:
        await execute(conn, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        now = await state.moment(conn)
        condition, sets = compile_gathered(app_id, predicate, now)
        pieces = _PIECES_WITH_SETS if sets else _PIECES
        await sql_store.give_room(conn, None)
        pages = await sql_store.pages(conn, app_id)
        size = max(1, -(-pages // pieces))
        firsts = range(0, pages, size)
        steps = max(1, len(sets) + len(firsts))
        await progress(0, devices)
        for number, each in enumerate(sets):
            await sql_store.gather(conn, number, each)
            await progress(devices * (number + 1) // steps, devices)
        total = 0
        for number, first in enumerate(firsts, len(sets)):
            total += await sql_store.count_pages(conn, app_id, condition, first, first + size)
            await progress(devices * (number + 1) // steps, devices)
        await progress(devices, devices)
        return Counted(total, "sql", now)
