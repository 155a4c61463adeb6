"""The columns a company adds to its devices: declared at once, indexed and emptied by queued jobs.

A column stands at a numbered slot, `c<slot>` of the device table. PostgreSQL counts dropped columns towards its limit
of 1,600, so a removed column is never dropped: a job empties it, and its slot then serves the next column of its kind.
What refers to columns by name (segments, message texts) is looked after by the floors above.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg

from clarion.apps.model import LIST_FIELD, STANDARD_COLUMNS, App, Column, ColumnKind
from clarion.apps.store import columns as store
from clarion.base import clock
from clarion.base.errors import Conflict, Finding, Invalid, NotFound, Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.queue import Handler, Lease, Retry, put

log = get_logger(__name__)

BUILD_INDEX = "apps.build_index"
EMPTY_COLUMN = "apps.empty_column"
MOST_COLUMNS = 1000

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")
# Besides the standard columns: another name of UDID, and the two keys of a web subscription in import files.
_RESERVED = {column.name.lower() for column in STANDARD_COLUMNS} | {"deviceid", "p256dh", "auth"}
# Readers may hold a scheme for a while after a column is removed; its values stay until they are surely gone.
_EMPTY_AFTER = timedelta(hours=1)
_PIECE = 5000


async def add_column(conn: Conn, app: App, name: str, kind: ColumnKind, indexed: bool = False) -> Column:
    """Declare a column, in the caller's transaction; an index is built by a queued job after it commits.

    Raises Invalid for a bad name, Conflict (codes `column_exists`, `too_many_columns`), and Unavailable when the
    device table stays locked for 4 seconds.
    """
    check_name(name)
    await store.lock_app(conn, app.id)
    own = await store.own_columns(conn, app.id)
    if any(column.name.lower() == name.lower() for column in own):
        raise Conflict(f"The application has a column {name} already.", "Choose another name.", code="column_exists")
    slot = await store.free_slot(conn, app.id, kind)
    if slot is None:
        slot = await store.last_slot(conn, app.id) + 1
        if slot > MOST_COLUMNS:
            raise Conflict(
                f"The application has used all of its {MOST_COLUMNS} columns.",
                "Remove columns that nothing reads: an hour later their room can be used again.",
                code="too_many_columns",
            )
        try:
            await store.add_device_column(conn, app.id, slot, kind)
        except psycopg.errors.LockNotAvailable as error:
            raise Unavailable(
                "The device table was busy for 4 seconds; no column was added.", "Try again in a moment."
            ) from error
    await store.put_column(conn, app.id, slot, name, kind, indexed)
    if indexed:
        job = {"app_id": app.id, "slot": slot}
        await put(conn, BUILD_INDEX, job, key=f"{BUILD_INDEX}:{app.id}:{slot}")
    return Column(name, store.slot_column(slot), kind, indexed=indexed, standard=False)


async def remove_column(conn: Conn, app: App, name: str) -> None:
    """Remove a column the company declared. Its values are wiped an hour later. NotFound when there is none."""
    await store.lock_app(conn, app.id)
    slot = await store.remove_column(conn, app.id, name)
    if slot is None:
        raise NotFound(f"The application has no column {name} of its own.")
    job = {"app_id": app.id, "slot": slot}
    await put(conn, EMPTY_COLUMN, job, key=f"{EMPTY_COLUMN}:{app.id}:{slot}", run_at=clock.now() + _EMPTY_AFTER)


def check_name(name: str) -> None:
    """Raises Invalid for a name that no column of a company can have."""
    if not _NAME.fullmatch(name):
        message = "A column name begins with a letter and has at most 63 letters, digits and underscores."
        raise Invalid([Finding("/name", "name", message)])
    if name.lower() in _RESERVED or name.lower().startswith(LIST_FIELD):
        raise Invalid([Finding("/name", "reserved", f"{name} is a name of the system; choose another.")])


def index_builder(db: Database) -> Handler:
    """The handler of `apps.build_index` jobs: an index on one slot, built beside the traffic.

    A build that broke leaves an INVALID index behind, which the next attempt drops before it begins anew.
    """

    async def build(lease: Lease) -> None:
        app_id, slot = int(lease.job.args["app_id"]), int(lease.job.args["slot"])
        async with _alone(db, app_id, slot) as conn, _indexing(conn, app_id):
            if not await store.awaits_index(conn, app_id, slot):
                return
            valid = await store.index_is_valid(conn, app_id, slot)
            if valid is False:
                log.warning("index_leftover_dropped", app_id=app_id, slot=slot)
                await store.drop_index(conn, app_id, slot)
            if not valid:
                await store.create_index(conn, app_id, slot)
        async with db.transaction() as conn:
            await lease.acknowledge(conn)
            await store.set_index_ready(conn, app_id, slot)
        log.info("index_built", app_id=app_id, slot=slot)

    return build


def column_emptier(db: Database) -> Handler:
    """The handler of `apps.empty_column` jobs: drop the index of a removed column, then unset it piece by piece."""

    async def empty(lease: Lease) -> None:
        app_id, slot = int(lease.job.args["app_id"]), int(lease.job.args["slot"])
        async with _alone(db, app_id, slot) as conn:
            if not await store.awaits_emptying(conn, app_id, slot):
                return
            async with _indexing(conn, app_id):
                await store.drop_index(conn, app_id, slot)
            after = await store.empty_device_column(conn, app_id, slot, None, _PIECE)
            while after is not None:
                if lease.lost or lease.stopping.is_set():
                    raise Retry(0, "The process is stopping.", count=False)
                after = await store.empty_device_column(conn, app_id, slot, after, _PIECE)
        async with db.transaction() as conn:
            await lease.acknowledge(conn)
            await store.set_emptied(conn, app_id, slot)
        log.info("column_emptied", app_id=app_id, slot=slot)

    return empty


@asynccontextmanager
async def _alone(db: Database, app_id: int, slot: int) -> AsyncIterator[Conn]:
    """An autocommit connection that holds the slot's lock; Retry when another process holds it."""
    async with db.connection() as conn:
        if not await store.try_lock_slot(conn, app_id, slot):
            raise Retry(5, "Another process works on this column.", count=False)
        try:
            yield conn
        finally:
            await store.unlock_slot(conn, app_id, slot)


@asynccontextmanager
async def _indexing(conn: Conn, app_id: int) -> AsyncIterator[None]:
    """No other index of the application is built or dropped meanwhile; Retry when another process is at it."""
    if not await store.try_lock_indexes(conn, app_id):
        raise Retry(0.5, "Another index of this application is being built or dropped.", count=False)
    try:
        yield
    finally:
        await store.unlock_indexes(conn, app_id)
