"""Using a data folder without owning it for long: attach to a running server, or borrow one for a single command."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from clarion.base.errors import Conflict, Unavailable
from clarion.db.embedded.cluster import DATABASE, ROLE, conninfo_for
from clarion.db.embedded.folder import DataFolder, explain
from clarion.db.embedded.lock import FileLock
from clarion.db.embedded.process import Postmaster, read_postmaster, until
from clarion.db.embedded.server import COMMAND_ROLE, EmbeddedServer
from clarion.db.pool import connect

_POLL = 0.02
_PATIENCE = 30.0


async def attach(data_dir: Path, *, patience: float = _PATIENCE) -> str:
    """Connection string of the server that runs on this data folder; it is tried once before it is returned.

    A server that is just starting is waited for, `patience` seconds. Raises Unavailable when none runs.
    """
    folder = DataFolder.at(data_dir)
    deadline = time.monotonic() + patience
    while True:
        postmaster = _postmaster(folder)
        if postmaster and postmaster.ready:
            conninfo = conninfo_for(folder, postmaster.socket_folder, role=ROLE, database=DATABASE)
            try:
                await (await connect(conninfo)).close()
            except Unavailable:
                if time.monotonic() > deadline or not _being_run(folder):
                    raise
            else:
                return conninfo
        if time.monotonic() > deadline or not _being_run(folder):
            raise Unavailable(
                f"No database runs in the data folder {folder.path}.",
                f"Start it with: clarion serve --data-dir {folder.path}",
            )
        await asyncio.sleep(_POLL)


@asynccontextmanager
async def borrow(data_dir: Path) -> AsyncIterator[str]:
    """Connection string for the length of one command: of the running server, or of one started for the purpose.

    The command that started it stops it when the last of the commands that share it has ended. Raises what
    `EmbeddedServer.start` raises.
    """
    folder = DataFolder.at(data_dir)
    folder.create()
    users = FileLock(folder, "users")
    await until(lambda: users.try_take(shared=True))
    try:
        server = EmbeddedServer(folder.path, role=COMMAND_ROLE)
        conninfo = await _attach_or_start(folder, server)
        try:
            yield conninfo
        finally:
            users.let_go()
            if server.pid is not None:
                try:
                    await until(users.try_take)
                finally:
                    await server.stop()
    finally:
        users.let_go()


async def _attach_or_start(folder: DataFolder, server: EmbeddedServer) -> str:
    """Attach when somebody owns the folder, start when nobody does; between the two the owner may change."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return await attach(folder.path)
        except Unavailable:
            pass
        try:
            await server.start(patience=0)
        except Conflict:
            if time.monotonic() > deadline:
                raise
        else:
            return server.conninfo


def _postmaster(folder: DataFolder) -> Postmaster | None:
    try:
        return read_postmaster(folder.cluster)
    except OSError as error:
        raise explain(error, folder.cluster) from error


def _being_run(folder: DataFolder) -> bool:
    """Whether the folder has an owner, who may be starting or restarting PostgreSQL right now."""
    return FileLock(folder, "owner").taken()
