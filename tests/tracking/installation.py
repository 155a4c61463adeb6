"""Two applications with devices, and what a test of tracking looks at."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import app_table, execute, tuples, value
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, device_id
from clarion.tracking import store
from clarion.tracking.intake import Intake
from clarion.tracking.model import DayStats, EventKind, EventValue, Recorded, Report

_OPENINGS = sql.SQL("SELECT opencount, firstopen, lastopen FROM {device} WHERE id = %s")
UDIDS = ("d0", "d1", "d2")


class Installation:
    """`app` is the one a test works with, `other` belongs to somebody else; both have the devices d0, d1, d2."""

    def __init__(self, database: Database, app: App, other: App) -> None:
        self.database = database
        self.app = app
        self.other = other

    @classmethod
    async def begin(cls, database: Database, sealer: Sealer) -> "Installation":
        made = []
        for partner_id in ("demo01", "other"):
            async with database.transaction() as conn:
                app, _ = await apps.create_app(conn, sealer, partner_id, Platform.IOS, partner_id)
                await devices.upsert(conn, app, [DeviceRecord(udid) for udid in UDIDS])
            made.append(app)
        return cls(database, *made)

    def report(
        self,
        kind: EventKind = EventKind.OPEN,
        device: str = "d0",
        *,
        app: App | None = None,
        report_id: UUID | None = None,
        at: datetime | None = None,
        code: int = 0,
        message_id: int | None = None,
        button: str | None = None,
        value: EventValue | None = None,
    ) -> Report:
        """A report of a device, new and of a minute ago unless the test says otherwise."""
        return Report(
            device_id=device_id((app or self.app).id, device),
            report_id=report_id or uuid4(),
            kind=kind,
            occurred_at=at or clock.now() - timedelta(minutes=1),
            code=code,
            message_id=message_id,
            button=button,
            value=value,
        )

    async def receive(self, reports: Sequence[Report], app: App | None = None) -> Recorded:
        return await Intake(self.database).receive((app or self.app).id, reports)

    async def events(self, app: App | None = None) -> list[tuple[Any, ...]]:
        """(kind, code, message, button, value) of the events of an application."""
        async with self.database.connection() as conn:
            return await tuples(
                conn,
                "SELECT kind, code, message_id, button, value FROM clarion.event WHERE app_id = %s ORDER BY kind, code",
                ((app or self.app).id,),
            )

    async def occurred(self) -> list[tuple[datetime, datetime]]:
        """(receipt, by the device's clock) of every event."""
        async with self.database.connection() as conn:
            query = "SELECT ts, occurred_at FROM clarion.event WHERE app_id = %s ORDER BY occurred_at"
            return [(ts, at) for ts, at in await tuples(conn, query, (self.app.id,))]

    async def openings(self, device: str = "d0", app: App | None = None) -> tuple[Any, ...]:
        """(number, first, last) of a device."""
        of = app or self.app
        async with self.database.connection() as conn:
            query = _OPENINGS.format(device=app_table(of.id, "device"))
            [found] = await tuples(conn, query, (device_id(of.id, device),))
        return found

    async def set_openings(self, number: int, device: str = "d0") -> None:
        async with self.database.transaction() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
            column = scheme.find("opencount")
            assert column is not None
            await devices.upsert(conn, self.app, [DeviceRecord(device, {column: number})])

    async def stats(self, app: App | None = None) -> list[DayStats]:
        async with self.database.connection() as conn:
            return await store.stats_between(conn, (app or self.app).id, None, None, limit=100, offset=0)

    async def move_clock(self, by: timedelta) -> None:
        """Move the clock of the database and of this process."""
        clock.shift(by)
        async with self.database.transaction() as conn:
            await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (by,))

    async def partitions(self, table: str) -> list[str]:
        async with self.database.connection() as conn:
            query = """
                SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                WHERE inhparent = %s::regclass ORDER BY relname
            """
            return [name for (name,) in await tuples(conn, query, (f"clarion.{table}",))]

    async def now(self) -> datetime:
        async with self.database.connection() as conn:
            found: datetime = await value(conn, "SELECT clarion.now()")
            return found
