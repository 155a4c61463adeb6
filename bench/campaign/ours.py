"""Our side: `clarion serve` with its embedded PostgreSQL, one sender, an iOS application whose gateway is the sink."""

import asyncio
import time
from pathlib import Path

from msgspec import Struct

from bench import company, processes
from clarion.apps.model import App
from clarion.assembly.database import conninfo_of, opened, sealer
from clarion.db.pool import Database
from clarion.db.sql import value
from clarion.sending import service as sending
from clarion.sending.model import Progress, SendState
from tests.installation import Installation
from tests.support import until

_OPEN = (SendState.PLANNING, SendState.SENDING)


class Sample(Struct, frozen=True):
    """One broadcast: wall seconds, CPU seconds of the senders and of PostgreSQL, notifications accounted as delivered,
    bytes of memory of the sender before and at most."""

    seconds: float
    sender: float
    postgres: float
    delivered: int
    memory_before: int = 0
    memory_most: int = 0


class Ours:
    """One installation; broadcasts go to the first `devices` of its base, which grows when more are asked for."""

    name = "clarion"

    def __init__(self, folder: Path, port: int, ca_file: Path) -> None:
        self._installation = Installation(folder / "clarion", http=True)
        self._endpoint, self._ca = f"https://localhost:{port}", ca_file.read_text()
        self._app: App | None = None
        self._devices = 0

    async def start(self, devices: int) -> None:
        """Make the application and its devices, then start the processes."""
        settings = self._installation.settings
        async with opened(settings) as db:
            async with db.connection() as conn:
                seal = await sealer(settings, conn)
            self._app = await company.found(db, seal, "bench", self._endpoint, self._ca)
            await self._grow(db, self._app, devices)
        self._installation.start()
        await until(self._runs, 60)

    async def grow(self, devices: int) -> None:
        """Have so many devices."""
        assert self._app is not None
        async with await self._database() as db:
            await self._grow(db, self._app, devices)

    async def broadcast(self) -> Sample:
        """Send to everybody, until the send is closed."""
        assert self._app is not None
        pids = self._installation.victims()
        sender, postgres = pids["sender-1"], pids["postgres"]
        async with await self._database() as db:
            before = processes.seconds(sender), processes.seconds(postgres)
            memory = most = processes.memory(sender)
            begun = time.monotonic()
            send_id = await company.begin_campaign(db, self._app)
            while (progress := await self._progress(db, send_id)).state in _OPEN:
                most = max(most, processes.memory(sender))
                await asyncio.sleep(0.1)
            seconds = time.monotonic() - begun
        assert progress.state is SendState.CLOSED, progress
        assert progress.counts.total == progress.audience == self._devices, progress
        return Sample(
            seconds,
            processes.seconds(sender) - before[0],
            processes.seconds(postgres) - before[1],
            progress.counts.delivered,
            memory,
            most,
        )

    async def database_bytes(self) -> int:
        """The size of the whole database."""
        async with await self._database() as db, db.connection() as conn:
            return int(await value(conn, "SELECT pg_database_size(current_database())"))

    async def _runs(self) -> bool:
        return {"api-1", "sender-1", "courier-1"} <= self._installation.victims().keys()

    async def stop(self) -> None:
        await self._installation.stop()

    async def _database(self) -> "_Closing":
        return _Closing(await Database.open(await conninfo_of(self._installation.settings), size=2))

    async def _progress(self, db: Database, send_id: int) -> Progress:
        assert self._app is not None
        async with db.connection() as conn:
            return await sending.progress(conn, self._app.id, send_id)

    async def _grow(self, db: Database, app: App, devices: int) -> None:
        await company.add_devices(db, app, self._devices + 1, devices)
        self._devices = devices


class _Closing:
    """A database that is closed at the end of the block."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def __aenter__(self) -> Database:
        return self._db

    async def __aexit__(self, *_exc: object) -> None:
        await self._db.close()
