"""Devices that report and update their profiles while processes are killed, and what must be in the database then."""

import asyncio
import os
import random
import signal
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import aiohttp
from msgspec import Struct
from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, Platform
from clarion.assembly.database import opened, sealer
from clarion.db.pool import Database
from clarion.db.sql import app_table, tuples, value
from clarion.devices import service as devices
from clarion.devices.model import Registered, Registration
from tests.installation import Installation
from tests.support import until

_BATCH = 3
_PATIENCE = 120.0


class Account(Struct, frozen=True):
    """What was acknowledged and what is recorded: openings and points by device, openings of all in their three
    places."""

    acknowledged: dict[int, tuple[int, int]]
    recorded: dict[int, tuple[int, int]]
    sent: int
    events: int
    counted: int


class Run(Struct):
    """Kills by process, requests that had to be sent again, and the account."""

    kills: Counter[str]
    repeated: int
    account: Account


class Phone:
    """A device that sends batch after batch, each until it is acknowledged, and numbers its profile updates."""

    def __init__(self, url: str, identity: Registered) -> None:
        self._url = url
        self._headers = {"Authorization": f"Clarion-Device faults:{identity.secret}"}
        self.id = identity.device_id
        self.opens = 0
        self.points = 0
        self.repeated = 0

    async def live(self, session: aiohttp.ClientSession, enough: asyncio.Event) -> None:
        while not enough.is_set():
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            reports = [{"id": str(uuid4()), "type": "open", "at": at} for _ in range(_BATCH)]
            await self._insist(session, "POST", "/sdk/v1/reports", {"reports": reports})
            self.opens += _BATCH
            await self._insist(session, "PUT", "/sdk/v1/device", {"fields": {"points": self.points + 1}})
            self.points += 1

    async def _insist(self, session: aiohttp.ClientSession, method: str, path: str, body: object) -> None:
        """Until the request is acknowledged. What the answer must not be is a refusal: the device would give up."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    async with session.request(method, self._url + path, json=body, headers=self._headers) as answer:
                        if answer.status < 300:
                            await answer.read()
                            return
                        assert answer.status >= 500, await answer.text()
                except (aiohttp.ClientError, ConnectionError):
                    pass
                self.repeated += 1
                await asyncio.sleep(0.05)


async def run(folder: Path, *, phones: int, victims: list[str], seed: int) -> Run:
    """So many devices at once, while one process of each of these kinds is killed at a random moment, in turn."""
    chance = random.Random(seed)
    data = folder / "data"
    data.mkdir(parents=True)
    installation = Installation(data, workers=2, http=True)
    app, identities = await _company(installation, phones)
    installation.start()
    kills: Counter[str] = Counter()
    enough = asyncio.Event()
    crowd = [Phone(f"http://127.0.0.1:{installation.settings.http_port}", each) for each in identities]
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
            asyncio.TaskGroup() as all_,
        ):
            for phone in crowd:
                all_.create_task(phone.live(session, enough))
            for kind in victims:
                await _progress(crowd, chance.randint(3, 10))
                name = await _victim(installation, kind, chance)
                os.kill(installation.victims()[name], signal.SIGKILL)
                kills[name] += 1
            await _progress(crowd, 5)
            enough.set()
    finally:
        await installation.stop()
    async with opened(installation.settings) as db:
        account = await _account(db, app, crowd)
    return Run(kills, sum(phone.repeated for phone in crowd), account)


async def _company(installation: Installation, phones: int) -> tuple[App, list[Registered]]:
    async with opened(installation.settings) as db, db.transaction() as conn:
        seal = await sealer(installation.settings, conn)
        app, _ = await apps.create_app(conn, seal, "faults", Platform.ANDROID, "Faults")
        await apps.add_column(conn, app, "points", ColumnKind.INTEGER)
        return app, await devices.register(conn, app, [Registration(token=f"token-{n}") for n in range(phones)])


async def _progress(crowd: list[Phone], rounds: int) -> None:
    """Until every device has had so many more updates acknowledged."""
    wanted = {phone: phone.points + rounds for phone in crowd}

    async def made() -> bool:
        return all(phone.points >= number for phone, number in wanted.items())

    await until(made, _PATIENCE)


async def _victim(installation: Installation, kind: str, chance: random.Random) -> str:
    """A living process of this kind."""
    found: list[str] = []

    async def living() -> bool:
        found[:] = [name for name in installation.victims() if name.startswith(kind)]
        return bool(found)

    await until(living, _PATIENCE)
    return chance.choice(sorted(found))


async def _account(db: Database, app: App, crowd: list[Phone]) -> Account:
    async with db.connection() as conn:
        column = (await apps.load_scheme(conn, app.id)).find("points")
        assert column is not None
        query = sql.SQL("SELECT id, opencount, {} FROM {}").format(
            sql.Identifier(column.sql), app_table(app.id, "device")
        )
        recorded = {number: (opens, points) for number, opens, points in await tuples(conn, query)}
        events = await value(conn, "SELECT count(*) FROM clarion.event WHERE app_id = %s", (app.id,))
        counted = await value(conn, "SELECT sum(opens)::bigint FROM clarion.stat_day WHERE app_id = %s", (app.id,))
    acknowledged = {phone.id: (phone.opens, phone.points) for phone in crowd}
    return Account(acknowledged, recorded, sum(phone.opens for phone in crowd), events, counted)
