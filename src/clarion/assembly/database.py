"""How a process gets at the database: owning the embedded one, attaching to it, or by URL."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from clarion.apps import service as apps
from clarion.base import sealing
from clarion.base.errors import ConfigurationError
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db import embedded, migrate
from clarion.db.embedded.folder import DataFolder, explain
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.identity import service as identity


def prepare_folder(settings: Settings) -> None:
    """Make the data folder when it is missing, for its owner alone. Raises ConfigurationError, Unavailable."""
    DataFolder.at(settings.data_dir).create()


@contextmanager
def files_of(settings: Settings) -> Iterator[None]:
    """File operations in the data folder: a full disk, or a folder that may not be written, is told as such."""
    try:
        yield
    except OSError as error:
        raise explain(error, settings.data_dir) from error


async def conninfo_of(settings: Settings) -> str:
    """The connection string of a database that runs already. Raises Unavailable when it does not."""
    return settings.database_url or await embedded.attach(settings.data_dir)


@asynccontextmanager
async def opened(settings: Settings, *, size: int = 4, name: str = "clarion command") -> AsyncIterator[Database]:
    """A pool for the time of a command: attaches to a running installation, or starts the embedded server meanwhile.

    An embedded database is migrated; one given by URL must be at this release's revision.
    """
    if settings.embedded:
        prepare_folder(settings)
        async with embedded.borrow(settings.data_dir) as conninfo:
            await migrate.upgrade(conninfo)
            async with _pool(conninfo, size, name) as db:
                yield db
    else:
        await migrate.require_current(settings.database_url)
        async with _pool(settings.database_url, size, name) as db:
            yield db


async def sealer(settings: Settings, conn: Conn) -> Sealer:
    """The sealer of an installation; its key file is made when nothing was sealed yet.

    Raises ConfigurationError when secrets of this database were sealed with a key that is not here, or with another
    one: a new key beside them could never open them.
    """
    here = "CLARION_SEAL_KEY" in os.environ or settings.seal_key_file.exists()
    holder = await identity.any_key_holder(conn)
    if not here and (holder is not None or await apps.list_apps(conn)):
        raise ConfigurationError(
            f"The sealing key of this database is not in {settings.seal_key_file}.",
            "Name the folder that holds it with --data-dir, set CLARION_SEAL_KEY, or bring it from a backup.",
        )
    found = Sealer(sealing.load_key(settings.seal_key_file))
    if holder is not None:
        identity.open_key(found, holder)
    return found


@asynccontextmanager
async def _pool(conninfo: str, size: int, name: str) -> AsyncIterator[Database]:
    db = await Database.open(conninfo, size=size, application_name=name)
    try:
        yield db
    finally:
        await db.close()
