"""How a process gets at the database: owning the embedded one, attaching to it, or by URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from clarion.base import sealing
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db import embedded, migrate
from clarion.db.pool import Database


async def conninfo_of(settings: Settings) -> str:
    """The connection string of a database that runs already. Raises Unavailable when it does not."""
    return settings.database_url or await embedded.attach(settings.data_dir)


@asynccontextmanager
async def opened(settings: Settings, *, size: int = 4, name: str = "clarion command") -> AsyncIterator[Database]:
    """A pool for the time of a command: attaches to a running installation, or starts the embedded server meanwhile.

    An embedded database is migrated; one given by URL must be at this release's revision.
    """
    if settings.embedded:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        async with embedded.borrow(settings.data_dir) as conninfo:
            await migrate.upgrade(conninfo)
            async with _pool(conninfo, size, name) as db:
                yield db
    else:
        await migrate.require_current(settings.database_url)
        async with _pool(settings.database_url, size, name) as db:
            yield db


def sealer(settings: Settings) -> Sealer:
    """The sealer of this installation; its key file is made when there is none."""
    return Sealer(sealing.load_key(settings.seal_key_file))


@asynccontextmanager
async def _pool(conninfo: str, size: int, name: str) -> AsyncIterator[Database]:
    db = await Database.open(conninfo, size=size, application_name=name)
    try:
        yield db
    finally:
        await db.close()
