"""What tests of snapshots share: an application, its folder, and one turn of the work that keeps a snapshot."""

import asyncio
from pathlib import Path

from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, Platform, Scheme
from clarion.audience.model import Predicate
from clarion.audience.snapshot import service, worker
from clarion.audience.snapshot.service import Counted
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import execute
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, Value
from clarion.queue import Job, Lease
from clarion.queue.store import claim


class Kept:
    """One application whose counts may come from a snapshot, however few devices it has."""

    def __init__(self, database: Database, folder: Path, app: App, scheme: Scheme) -> None:
        self.database = database
        self.folder = folder
        self.app = app
        self.scheme = scheme

    @classmethod
    async def begin(cls, database: Database, folder: Path) -> "Kept":
        """An application with the columns tier (text), points (integer), ratio, birthday and vip."""
        async with database.transaction() as conn:
            app, _ = await apps.create_app(conn, Sealer(bytes(32)), "shop", Platform.IOS, "Shop")
            for name, kind in (
                ("tier", ColumnKind.TEXT),
                ("points", ColumnKind.INTEGER),
                ("ratio", ColumnKind.DECIMAL),
                ("birthday", ColumnKind.DATE),
                ("vip", ColumnKind.BOOLEAN),
            ):
                await apps.add_column(conn, app, name, kind)
            return cls(database, folder, app, await apps.load_scheme(conn, app.id))

    async def put(self, udid: str, **fields: Value) -> None:
        """Write a device as every writer does."""
        named = {}
        for name, value in fields.items():
            column = self.scheme.find(name)
            assert column is not None
            named[column] = value
        async with self.database.transaction() as conn:
            await devices.upsert(conn, self.app, [DeviceRecord(udid, named)])

    async def order(self) -> None:
        """Ask for a snapshot."""
        async with self.database.transaction() as conn:
            await worker.order(conn, self.app.id)

    async def turn(self, folder: Path | None = None) -> int:
        """Do the jobs of snapshots there are, due or not, as a process with this folder does; how many."""
        handler = worker.maker(self.database, folder or self.folder)
        async with self.database.connection() as conn:
            await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp() WHERE kind = %s", (worker.SNAPSHOT,))
            claimed = [Job(*columns) for columns in await claim(conn, ["default"], 10, 600.0)]
        found = [job for job in claimed if job.kind == worker.SNAPSHOT]
        for job in found:
            await handler(Lease(job, asyncio.Event()))
        return len(found)

    async def made(self) -> None:
        """Ask for a snapshot and make it."""
        await self.order()
        assert await self.turn() == 1

    async def count(self, predicate: Predicate, *, exact: bool = False) -> Counted:
        """As people count."""
        return await service.count(self.database, self.folder, self.app.id, predicate, exact=exact, least=0)
