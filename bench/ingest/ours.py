"""Our side: `clarion serve` in processes of its own, with an application whose devices are registered."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from bench import processes
from bench.ingest.requests import request, until_answered
from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, Platform
from clarion.assembly.database import conninfo_of, opened, sealer
from clarion.db.pool import Database
from clarion.db.sql import value
from clarion.devices import service as devices
from clarion.devices.model import Registration
from tests.installation import Installation
from tests.support import postmaster


class Ours:
    """An installation. `made` devices are there when it starts."""

    name = "clarion"

    def __init__(self, folder: Path, workers: int) -> None:
        self._installation = Installation(folder / "clarion", http=True, workers=workers)
        self._chance = random.Random(7)
        self._app: App | None = None
        self._key = ""
        self._secrets: list[str] = []
        self._new = 0

    @property
    def port(self) -> int:
        return self._installation.settings.http_port

    async def start(self, made: int) -> None:
        """Fill the database, then serve."""
        async with opened(self._installation.settings) as db, db.transaction() as conn:
            seal = await sealer(self._installation.settings, conn)
            self._app, self._key = await apps.create_app(conn, seal, "bench", Platform.ANDROID, "Bench")
            await apps.add_column(conn, self._app, "points", ColumnKind.INTEGER)
            await apps.add_column(conn, self._app, "vip", ColumnKind.BOOLEAN)
            wanted = [Registration(token=f"token-{number}-{'x' * 140}") for number in range(made)]
            self._secrets = [each.secret for each in await devices.register(conn, self._app, wanted)]
        self._installation.start()
        await until_answered(f"http://127.0.0.1:{self.port}/readyz")

    async def stop(self) -> None:
        await self._installation.stop()

    def processor(self) -> tuple[float, float]:
        """Seconds of processor time so far: of the server's processes, of PostgreSQL's."""
        victims = self._installation.victims()
        database = postmaster(self._installation.settings.data_dir)
        both, alone = processes.seconds(victims["supervisor"]), processes.seconds(database)
        inside = database in processes.family(victims["supervisor"])
        return both - alone if inside else both, alone

    def updates(self) -> Iterator[bytes]:
        """A profile of ten values, of a device chosen at random."""
        while True:
            yield request("PUT", "/sdk/v1/device", self._device(), _profile(self._chance))

    def creations(self) -> Iterator[bytes]:
        """A device that is new, with its token and profile."""
        while True:
            self._new += 1
            body = {"token": f"new-{self._new}-{'x' * 140}", "profile": _profile(self._chance)}
            yield request("POST", "/sdk/v1/register", {"Authorization": f"Clarion-App bench:{self._key}"}, body)

    def reports(self, number: int) -> Iterator[bytes]:
        """A batch of so many reports of a device chosen at random: openings, displays, clicks, events."""
        while True:
            body = {"reports": [self._report() for _ in range(number)]}
            yield request("POST", "/sdk/v1/reports", self._device(), body)

    def _report(self) -> dict[str, object]:
        kind = self._chance.choice(("open", "displayed", "clicked", "custom"))
        report: dict[str, object] = {
            "id": str(UUID(int=self._chance.getrandbits(128), version=4)),
            "type": kind,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        if kind == "custom":
            report |= {"code": 1001, "value": {"basket": self._chance.randint(1, 9), "paid": False}}
        elif kind != "open":
            report["messageId"] = self._chance.randint(1, 20)
        return report

    def _device(self) -> dict[str, str]:
        return {"Authorization": f"Clarion-Device bench:{self._chance.choice(self._secrets)}"}

    async def events(self) -> int:
        """How many events are recorded."""
        db = await Database.open(await conninfo_of(self._installation.settings), size=1)
        try:
            async with db.connection() as conn:
                return int(await value(conn, "SELECT count(*) FROM clarion.event"))
        finally:
            await db.close()


def _profile(chance: random.Random) -> dict[str, object]:
    """What an SDK says of a device: eight things of the system's, two fields of the company's."""
    return {
        "language": chance.choice(("fr", "en", "de")),
        "country": "FR",
        "timeZone": "Europe/Paris",
        "model": f"Pixel {chance.randint(1, 9)}",
        "osVersion": str(chance.randint(12, 16)),
        "sdkVersion": "2.0.1",
        "appVersion": f"4.{chance.randint(0, 99)}.1",
        "notificationsAllowed": chance.random() < 0.9,
        "fields": {"points": chance.randint(0, 999), "vip": chance.random() < 0.1},
    }
