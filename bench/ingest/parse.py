"""The other side: parse-server on a PostgreSQL of its own, of the same binaries and settings as ours."""

import asyncio
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import aiohttp
import msgspec
from psycopg.conninfo import conninfo_to_dict

from bench import processes
from bench.ingest.requests import request, until_answered
from clarion.db.embedded import EmbeddedServer
from tests.support import free_port

_HEADERS = {"X-Parse-Application-Id": "bench", "X-Parse-REST-API-Key": "rest"}
_CONNECTIONS = 16
_AT_ONCE = 32


class Parse:
    """One parse-server process. Installations are written as its SDKs do: POST creates one, PUT changes it."""

    name = "parse-server"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "parse"
        self._database = EmbeddedServer(self._folder / "data", role="bench")
        self._server: subprocess.Popen[bytes] | None = None
        self._chance = random.Random(7)
        self._ids: list[str] = []
        self.port = free_port()

    async def start(self, made: int) -> None:
        """Start PostgreSQL and parse-server, then make so many installations."""
        self._folder.mkdir()
        await self._database.start()
        settings = self._folder / "settings.json"
        settings.write_bytes(msgspec.json.encode(self._settings()))
        self._server = self._run(settings)
        await until_answered(f"http://127.0.0.1:{self.port}/parse/health")
        await self._fill(made)

    def _run(self, settings: Path) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen(
                ["node", str(Path(__file__).with_name("parse_server.js")), str(settings)],
                env={**os.environ, "NODE_ENV": "production"},
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )

    def _settings(self) -> dict[str, object]:
        found = conninfo_to_dict(self._database.conninfo)
        lines = [line.split(":") for line in Path(str(found["passfile"])).read_text().splitlines()]
        [password] = [line[4] for line in lines if line[3] == found["user"]]
        return {
            "appId": "bench",
            "restKey": "rest",
            "masterKey": "master",
            "port": self.port,
            "databaseURI": f"postgres://{found['user']}:{quote(password)}@localhost:{found['port']}/{found['dbname']}",
            "databaseOptions": {"host": found["host"], "max": _CONNECTIONS},
        }

    async def _fill(self, made: int) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)
        url = f"http://127.0.0.1:{self.port}/parse/installations"

        async def create(session: aiohttp.ClientSession) -> None:
            async with gate, session.post(url, json=self._installation()) as answer:
                made = await answer.json()
                assert answer.status == 201, made
                self._ids.append(made["objectId"])

        async with aiohttp.ClientSession(headers=_HEADERS) as session:
            await create(session)  # the first one adds the columns
            await asyncio.gather(*(create(session) for _ in range(made - 1)))

    async def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            await asyncio.to_thread(self._server.wait, 30)
        await self._database.stop()

    def processor(self) -> tuple[float, float]:
        """Seconds of processor time so far: of parse-server, of PostgreSQL."""
        assert self._server is not None
        assert self._database.pid is not None
        return processes.seconds(self._server.pid), processes.seconds(self._database.pid)

    def updates(self) -> Iterator[bytes]:
        """Ten values of an installation chosen at random."""
        while True:
            path = f"/parse/installations/{self._chance.choice(self._ids)}"
            yield request("PUT", path, _HEADERS, _profile(self._chance))

    def creations(self) -> Iterator[bytes]:
        """An installation that is new, with its token."""
        while True:
            yield request("POST", "/parse/installations", _HEADERS, self._installation())

    def _installation(self) -> dict[str, object]:
        number = self._chance.getrandbits(128)
        token = f"{number:032x}{'x' * 120}"
        names = {"installationId": str(UUID(int=number, version=4)), "deviceToken": token, "deviceType": "android"}
        return {**names, **_profile(self._chance)}


def _profile(chance: random.Random) -> dict[str, object]:
    """The same ten values that our side writes, under the names they have here."""
    return {
        "localeIdentifier": chance.choice(("fr-FR", "en-FR", "de-FR")),
        "country": "FR",
        "timeZone": "Europe/Paris",
        "model": f"Pixel {chance.randint(1, 9)}",
        "osVersion": str(chance.randint(12, 16)),
        "parseVersion": "2.0.1",
        "appVersion": f"4.{chance.randint(0, 99)}.1",
        "notificationsAllowed": chance.random() < 0.9,
        "points": chance.randint(0, 999),
        "vip": chance.random() < 0.1,
    }
