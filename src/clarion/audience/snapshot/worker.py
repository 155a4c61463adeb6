"""Makes, refreshes and drops snapshots: the handler of `audience.snapshot` jobs, and a timer.

A snapshot is made when a count asks for it, refreshed every ten seconds while counts go on asking, left to grow old
when they stop, and dropped after a day without one, together with the triggers that note changes.

What makes it exact: changes are noted in the transaction that makes them, from before the first piece is read. A
refresh reads, in one transaction at repeatable read, which devices have changed and how they are now; replaced by that,
the base shows the devices as that transaction sees them, and its moment is the age that is shown.
"""

import asyncio
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import psycopg

from clarion.apps import service as apps
from clarion.audience.snapshot import files
from clarion.audience.snapshot.model import Built, Form, Order, Snapshot, State, layout
from clarion.audience.snapshot.store import changes, reading, state
from clarion.base import clock
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.db.sql import Conn, execute
from clarion.queue import Handler, Lease, Retry, put

log = get_logger(__name__)

SNAPSHOT = "audience.snapshot"
EVERY = timedelta(hours=1)

_AGAIN = timedelta(seconds=10)
_WANTED = timedelta(minutes=10)
_KEPT = timedelta(days=1)
_TAKEN_OVER = 600.0
_MOST_NOTED = 2_000_000
_PATCHED = 50_000
"""Changed devices that a snapshot always bears; beyond them a tenth of its base, then it is made anew."""


async def order(conn: Conn, app_id: int) -> None:
    """Have the snapshot of an application made or refreshed, unless that is waiting already."""
    await state.ask(conn, app_id)
    await put(conn, SNAPSHOT, {"app_id": app_id}, key=_key(app_id))


def maker(db: Database, folder: Path) -> Handler:
    """The handler of `audience.snapshot` jobs; files go to `folder`."""

    async def run(lease: Lease) -> None:
        app_id = int(lease.job.args["app_id"])
        async with db.connection() as conn:
            found = await state.look(conn, app_id)
        if found.asked_at is not None:
            try:
                await _bring_up(db, folder, app_id, found, lease)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.SerializationFailure) as error:
                raise Retry(1.0, f"Others were at it: {str(error).strip()}", count=False) from error
        async with db.transaction() as conn:
            await lease.acknowledge(conn)
            if found.asked_at is not None and found.now - found.asked_at < _WANTED:
                await put(conn, SNAPSHOT, {"app_id": app_id}, key=_key(app_id), run_at=clock.now() + _AGAIN)

    return run


async def drop_unwanted(db: Database, folder: Path, since: timedelta = _KEPT) -> int:
    """Timer: drop the snapshots nobody has asked for in a day, or whose changes pile up unread; how many."""
    async with db.connection() as conn:
        unwanted = set(await state.unwanted(conn, since))
        for app_id in await state.unwanted(conn, _WANTED):
            if await changes.pile(conn, app_id) > _MOST_NOTED:
                unwanted.add(app_id)
    for app_id in sorted(unwanted):
        try:
            async with db.transaction() as conn:
                await changes.leave(conn, app_id)
                await state.remove(conn, app_id)
        except psycopg.errors.LockNotAvailable:  # writers are busy: next time
            continue
        await asyncio.to_thread(files.sweep, folder, app_id, ())
        log.info("snapshot_dropped", app_id=app_id)
    return len(unwanted)


async def _bring_up(db: Database, folder: Path, app_id: int, found: State, lease: Lease) -> None:
    """Refresh what there is, or make it anew where that cannot be."""
    here = await asyncio.to_thread(files.place, folder)
    if found.place not in (None, here) and found.age < _TAKEN_OVER:
        raise Retry(1.0, "The files of this snapshot are on another machine.", count=False)
    async with db.connection() as conn:
        wanted = layout(await apps.load_scheme(conn, app_id))
        sound = found.epoch is not None and await changes.epoch(conn, app_id) == found.epoch
    snapshot = await asyncio.to_thread(_present, folder, app_id, found)
    if snapshot is not None and sound and wanted.keys() <= snapshot.forms.keys():
        assert found.epoch is not None
        if await _advance(db, folder, app_id, here, found.epoch, snapshot, found.generation):
            return
    epoch = files.new_name()
    async with db.transaction() as conn:
        await changes.follow(conn, app_id, epoch)
    async with db.connection() as conn:
        filenode = await changes.filenode(conn, app_id)
    built = await _build(db, folder, app_id, wanted, lease)
    async with db.connection() as conn:
        if await changes.filenode(conn, app_id) != filenode:
            raise Retry(1.0, "The device table was rewritten meanwhile.", count=False)
    if not await _advance(
        db, folder, app_id, here, epoch, Snapshot(built.base, built.forms, built.words), generation=None
    ):
        raise Retry(1.0, "The database lost track of changes meanwhile.", count=False)
    log.info("snapshot_made", app_id=app_id, devices=built.base.rows)


def _present(folder: Path, app_id: int, found: State) -> Snapshot | None:
    if found.generation is None:
        return None
    try:
        return files.read(folder, app_id, found.generation)
    except FileNotFoundError:
        return None


async def _build(db: Database, folder: Path, app_id: int, forms: dict[str, Form], lease: Lease) -> Built:
    """Have a process read the base. Retry when this one is to stop."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "clarion.audience.snapshot.build",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    work = asyncio.create_task(process.communicate(msgspec.json.encode(Order(db.conninfo, app_id, str(folder), forms))))
    try:
        while not work.done():
            if lease.lost or lease.stopping.is_set():
                raise Retry(0, "The process is stopping.", count=False)
            await asyncio.wait({work}, timeout=0.5)
    finally:
        if process.returncode is None:
            process.kill()
        out, _ = await work
    if process.returncode != 0:
        raise RuntimeError(f"The devices could not be read: the process ended with {process.returncode}.")
    return msgspec.json.decode(out, type=Built)


async def _advance(
    db: Database, folder: Path, app_id: int, here: str, epoch: str, old: Snapshot, generation: str | None
) -> bool:
    """Bring a snapshot to this moment: a new generation, or a new age where nothing has changed. False when that is
    not possible or not worth it. `generation` None: a new base, whose first generation this is."""
    async with db.transaction() as conn:
        await execute(conn, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        if await changes.epoch(conn, app_id) != epoch:
            return False
        noted = await changes.noted(conn, app_id)
        if generation is not None:
            if not noted:
                await state.put(conn, app_id, here, epoch, generation)
                return True
            if old.changed + len(noted) > max(_PATCHED, old.base.rows // 10):
                return False
        csv = await reading.changed(conn, app_id, old.forms)
        name = files.new_name()
        await asyncio.to_thread(_write, folder, app_id, name, old, generation, noted, csv)
        await changes.forget(conn, app_id)
        await state.put(conn, app_id, here, epoch, name)
    # Readers may be on their way to the generation before this one.
    await asyncio.to_thread(files.sweep, folder, app_id, {name} | ({generation} if generation else set()))
    return True


def _write(
    folder: Path, app_id: int, name: str, old: Snapshot, generation: str | None, noted: list[int], csv: bytes
) -> None:
    """The files of a generation: what the one before has, and what has changed since."""
    from clarion.audience.snapshot import frames  # Polars takes 60 MB: only where there are snapshots

    home = files.made(files.app_folder(folder, app_id) / name)
    encoder = frames.Encoder(old.forms, old.words)
    fresh = encoder.encode(csv)
    base = files.base_files(folder, app_id, old)
    if generation is None:
        gone = frames.rows_of(base, noted)
    else:
        before = files.app_folder(folder, app_id) / generation
        old_gone, old_fresh = frames.read(before / files.GONE), frames.read(before / files.FRESH)
        newly = set(noted).difference(old_gone["id"], old_fresh["id"])
        gone = frames.joined([old_gone, frames.rows_of(base, newly)])
        fresh = frames.joined([frames.without(old_fresh, noted), fresh])
    frames.write(gone, home / files.GONE)
    frames.write(fresh, home / files.FRESH)
    changed = max(gone.height, fresh.height)
    try:
        files.write(folder, app_id, name, Snapshot(old.base, encoder.forms, encoder.words, changed))
    except OSError:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _key(app_id: int) -> str:
    return f"{SNAPSHOT}:{app_id}"
