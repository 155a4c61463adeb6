"""A small installation for tests of static lists: an application with devices, lists, and workers to tend them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, Platform, Scheme
from clarion.audience.lists import service as lists
from clarion.audience.lists import sizes
from clarion.audience.lists.entries import EntryReader, batches
from clarion.audience.lists.model import Entry, Member
from clarion.audience.lists.worker import tender
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import app_table, execute, tuples, value
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from clarion.queue import Job, Lease, Worker
from clarion.queue.store import claim
from tests.support import until

User = Mapping[str, object]


class Listing:
    """One application, its lists and what a test does with them."""

    def __init__(self, database: Database, app: App, scheme: Scheme) -> None:
        self.database = database
        self.app = app
        self.scheme = scheme

    @classmethod
    async def begin(cls, database: Database, partner_id: str = "shop") -> "Listing":
        """An application with the indexed columns `clientId` (text), `score` (integer), `ratio`, `birthday`, `vip`, and
        the column `remark`, which is not indexed."""
        async with database.transaction() as conn:
            app, _ = await apps.create_app(conn, Sealer(bytes(32)), partner_id, Platform.IOS, "Shop")
            for name, kind in (
                ("clientId", ColumnKind.TEXT),
                ("score", ColumnKind.INTEGER),
                ("ratio", ColumnKind.DECIMAL),
                ("birthday", ColumnKind.DATE),
                ("vip", ColumnKind.BOOLEAN),
            ):
                await apps.add_column(conn, app, name, kind, indexed=True)
            await apps.add_column(conn, app, "remark", ColumnKind.TEXT)
            await execute(conn, "DELETE FROM clarion.job")  # indexes are not what is tested here
            return cls(database, app, await apps.load_scheme(conn, app.id))

    async def add_devices(self, count: int, start: int = 0, **fields: object) -> None:
        """Devices `d<n>` with push token `t<n>`, clientId `c<n>`, score n and these fields."""
        records = []
        for n in range(start, start + count):
            given: dict[str, object] = {"clientId": f"c{n}", "score": n, **fields}
            parsed, findings = devices.parse_fields(self.scheme, given)
            assert not findings, findings
            records.append(DeviceRecord(f"d{n}", {**parsed, TOKEN: f"t{n}"}))
        async with self.database.transaction() as conn:
            await devices.upsert(conn, self.app, records)

    async def new_list(self, name: str = "List") -> int:
        async with self.database.transaction() as conn:
            return (await lists.create_list(conn, self.app.id, name)).id

    def entries(self, users: Sequence[User]) -> list[Entry]:
        """Users as the API takes them, all of them sound."""
        reader = EntryReader(self.scheme)
        read = []
        for user in users:
            fields = {name: given for name, given in user.items() if name not in ("expireAt", "data")}
            entry = reader.read(fields, user.get("expireAt"), user.get("data"))  # type: ignore[arg-type]
            assert isinstance(entry, Entry), entry
            read.append(entry)
        return read

    async def queue(self, list_id: int, *users: User, remove: bool = False) -> None:
        ready = batches(self.app.id, self.entries(users))
        async with self.database.transaction() as conn:
            await lists.queue_changes(conn, self.app.id, list_id, ready, remove=remove)

    @asynccontextmanager
    async def working(self, workers: int = 1, lease: float = 5.0) -> AsyncIterator[None]:
        """Workers that tend lists while the block runs."""
        stop = asyncio.Event()
        made = [
            Worker(self.database, ["default"], {lists.TEND: tender(self.database)}, concurrency=2, lease=lease, grace=5)
            for _ in range(workers)
        ]
        running = [asyncio.create_task(worker.run(stop)) for worker in made]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*running)

    async def settled(self) -> None:
        """Wait until every change is applied and no job of a list is left."""

        async def nothing_left() -> bool:
            async with self.database.connection() as conn:
                changes = await value(conn, "SELECT count(*) FROM clarion.list_change")
                jobs = await value(conn, "SELECT count(*) FROM clarion.job WHERE kind = %s", (lists.TEND,))
                return not changes and not jobs

        await until(nothing_left, 30)

    async def apply(self, workers: int = 1) -> None:
        """Apply what is queued."""
        async with self.working(workers):
            await self.settled()

    async def waiting(self, list_id: int) -> int:
        """How many users of queued changes are not applied yet."""
        async with self.database.connection() as conn:
            return (await lists.state(conn, self.app.id, list_id)).waiting

    async def claimed(self) -> Lease:
        """The job of a list, as a worker would take it; whoever had it has lost it."""
        async with self.database.connection() as conn:
            await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp()")
            [columns] = await claim(conn, ["default"], 1, 30.0)
        return Lease(Job(*columns), asyncio.Event())

    async def rows(self, list_id: int) -> dict[str, Member]:
        """Everybody in the table, by UDID, those whose time is over included."""
        query = sql.SQL(
            "SELECT d.udid, m.expires_at, m.data FROM {} AS m JOIN {} AS d ON d.id = m.device_id WHERE m.list_id = %s"
        ).format(app_table(self.app.id, "list_member"), app_table(self.app.id, "device"))
        async with self.database.connection() as conn:
            return {udid: Member(udid, expires, data) for udid, expires, data in await tuples(conn, query, (list_id,))}

    async def members(self, list_id: int) -> set[str]:
        return set(await self.rows(list_id))

    async def pages(self, list_id: int, size: int = 100) -> list[list[str]]:
        """All pages, as a caller walks them."""
        found: list[list[str]] = []
        async with self.database.connection() as conn:
            while True:
                page = await lists.members_of(conn, self.app.id, list_id, size + 1, len(found) * size)
                found.append([member.udid for member in page[:size]])
                if len(page) <= size:
                    return found

    async def counts_are_right(self, list_id: int) -> bool:
        """Whether the counts kept by part are those of the table."""
        query = sql.SQL("SELECT device_id FROM {} WHERE list_id = %s").format(app_table(self.app.id, "list_member"))
        async with self.database.connection() as conn:
            deltas: dict[int, int] = {}
            for (number,) in await tuples(conn, query, (list_id,)):
                part = (number >> sizes.PART_BITS) + sizes.PARTS // 2
                deltas[part] = deltas.get(part, 0) + 1
            kept = await tuples(
                conn, "SELECT counts, members FROM clarion.static_list_size WHERE app_id = %s AND list_id = %s",
                (self.app.id, list_id),
            )  # fmt: skip
        return kept == [sizes.changed(sizes.EMPTY, deltas)]

    async def move_clock(self, by: timedelta) -> None:
        """Move the database's clock and ours."""
        async with self.database.connection() as conn:
            await execute(conn, "UPDATE clarion.clock_offset SET shift = shift + %s", (by,))
            clock.shift(await value(conn, "SELECT shift FROM clarion.clock_offset"))


def udids(*numbers: int) -> set[str]:
    return {f"d{n}" for n in numbers}
