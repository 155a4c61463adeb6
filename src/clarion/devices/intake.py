"""The way in for devices that speak for themselves, many at once: those of an application share statements and commits.

Imports and the API of integrators bring sets of their own and do not come here.
"""

from collections.abc import Sequence

from clarion.apps.model import App
from clarion.db.batching import Batcher
from clarion.db.pool import Database
from clarion.db.retry import transact
from clarion.db.sql import Conn
from clarion.devices import registration, writing
from clarion.devices.model import DeviceRecord, Registered, Registration

_TOGETHER = 500
"""Most devices of a transaction: their rows are locked until it ends."""
_IN_HAND = 5_000
"""Most devices that a process holds unacknowledged, of each kind."""


class Intake:
    """Writes and registers devices; one of these serves a process. Both raise Busy when the process has too much in
    hand, and are durable when they return."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._records: Batcher[App, DeviceRecord, int | None] = Batcher(self._upsert, most=_TOGETHER, in_hand=_IN_HAND)
        self._arrivals: Batcher[App, Registration, Registered] = Batcher(
            self._register, most=_TOGETHER, in_hand=_IN_HAND
        )

    async def upsert(self, app: App, record: DeviceRecord) -> int | None:
        """Write a device (`writing.upsert`). Records of one device are written in the order they came."""
        return await self._records.submit(app, record)

    async def register(self, app: App, wanted: Registration) -> Registered:
        """Give a device its identity (`registration.register`)."""
        return await self._arrivals.submit(app, wanted)

    async def _upsert(self, app: App, records: Sequence[DeviceRecord]) -> Sequence[int | None]:
        async def work(conn: Conn) -> list[int | None]:
            return await writing.upsert(conn, app, records)

        return await transact(self._db, work)

    async def _register(self, app: App, wanted: Sequence[Registration]) -> Sequence[Registered]:
        async def work(conn: Conn) -> list[Registered]:
            return await registration.register(conn, app, wanted)

        return await transact(self._db, work)
