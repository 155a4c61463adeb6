"""How PostgreSQL is ended: our own child politely, then firmly; and what a killed owner or postmaster left behind.

The "alive" lock is the measure: it is free only when every process of the cluster is gone, so no second server can ever
meet children of a first one that are still attached to its shared memory.
"""

import asyncio
import signal
import subprocess

from clarion.base.errors import Conflict
from clarion.base.telemetry import get_logger
from clarion.db.embedded.account import Account
from clarion.db.embedded.folder import DataFolder
from clarion.db.embedded.lock import FileLock
from clarion.db.embedded.process import ended, processes_of, read_postmaster, send, until

log = get_logger(__name__)

_DYING = 1.0
_ORDERLY = 30.0
_FIRM = 10.0


async def end_child(process: "subprocess.Popen[bytes]", grace: float) -> int:
    """End our postmaster: fast shutdown for `grace` seconds, immediate shutdown, kill. Its children go with it."""
    stages = ((signal.SIGINT, grace), (signal.SIGQUIT, _FIRM)) if grace else ((signal.SIGQUIT, _FIRM),)
    for number, seconds in stages:
        process.send_signal(number)
        try:
            return await asyncio.wait_for(ended(process), seconds)
        except TimeoutError:
            log.warning("database_stops_slowly", pid=process.pid, signal=number.name, seconds=seconds)
    process.kill()
    return await ended(process)


async def end_orphans(folder: DataFolder, account: Account, alive: FileLock) -> None:
    """Take the "alive" lock, after ending whatever PostgreSQL a killed owner or a killed postmaster left.

    1. A postmaster that lives is stopped in an orderly way; children without postmaster are given a moment to notice.
    2. What is left is told to quit at once, then killed: nothing acknowledged is lost, the next start recovers.
    3. What cannot be seen from here (another container on the same volume) is waited for, then raises Conflict.
    """
    if alive.try_take():
        return
    postmaster = read_postmaster(folder.cluster)
    if postmaster and postmaster.pid in processes_of(folder.label, account):
        log.warning("orphaned_database_stopped", data_dir=str(folder.path), pid=postmaster.pid)
        send(signal.SIGINT, [postmaster.pid])
        if await _free_within(alive, _ORDERLY):
            return
    elif await _free_within(alive, _DYING):
        return
    for number in (signal.SIGQUIT, signal.SIGKILL):
        living = processes_of(folder.label, account)
        log.warning("database_orphans_ended", data_dir=str(folder.path), pids=living, signal=number.name)
        send(number, living)
        if await _free_within(alive, _FIRM):
            return
    raise Conflict(
        f"A PostgreSQL that this process cannot see still runs on {folder.cluster}.",
        "It runs in another container or on another machine that shares this folder: stop it there first.",
        code="data_folder_in_use",
    )


async def all_gone(folder: DataFolder) -> None:
    """Wait until no process of the cluster is left (children may outlive their postmaster by moments)."""
    alive = FileLock(folder, "alive")
    if await _free_within(alive, _FIRM):
        alive.release()


async def _free_within(alive: FileLock, seconds: float) -> bool:
    return await until(alive.try_take, seconds)
