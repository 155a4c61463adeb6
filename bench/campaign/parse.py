"""The other side: parse-server and its push adapter, on a PostgreSQL of its own with the same settings as ours."""

import asyncio
import os
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.conninfo import conninfo_to_dict

from bench import processes
from bench.campaign.ours import Sample
from bench.company import TEXT
from clarion.base.authority import private_pem
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import connect
from tests.support import free_port

_HEADERS = {"X-Parse-Application-Id": "bench", "X-Parse-Master-Key": "master"}
_DONE = ("succeeded", "failed")
_PATIENCE = 600.0


class Parse:
    """One parse-server process whose installations all get every push."""

    name = "parse-server"

    def __init__(self, folder: Path, port: int, ca_file: Path) -> None:
        self._folder = folder / "parse"
        self._sink, self._ca_file = port, ca_file
        self._database = EmbeddedServer(self._folder / "data", role="bench")
        self._server: subprocess.Popen[bytes] | None = None
        self._port = free_port()
        self._url = f"http://127.0.0.1:{self._port}/parse"

    async def start(self, devices: int) -> None:
        """Start PostgreSQL and parse-server, then make so many installations."""
        self._folder.mkdir()
        await self._database.start()
        (self._folder / "apns.p8").write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))
        settings = self._folder / "settings.json"
        settings.write_bytes(msgspec.json.encode(self._settings()))
        with (self._folder / "log").open("wb") as log:
            self._server = subprocess.Popen(  # noqa: ASYNC220 - before anything is measured
                ["node", str(Path(__file__).with_name("parse_server.js")), str(settings)],
                env={**os.environ, "NODE_ENV": "production"},
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        await self._until_listening()
        await self._fill(devices)

    async def broadcast(self) -> Sample:
        """Push to everybody, until the server says that it is done."""
        assert self._server is not None
        assert self._database.pid is not None
        before = processes.seconds(self._server.pid), processes.seconds(self._database.pid)
        begun = time.monotonic()
        async with aiohttp.ClientSession(headers=_HEADERS) as session:
            async with session.post(f"{self._url}/push", json={"where": {}, "data": {"alert": TEXT}}) as answer:
                assert answer.status == 200, await answer.text()
                status_id = answer.headers["X-Parse-Push-Status-Id"]
            async with asyncio.timeout(_PATIENCE):
                while (status := await self._status(session, status_id))["status"] not in _DONE:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        return Sample(
            time.monotonic() - begun,
            processes.seconds(self._server.pid) - before[0],
            processes.seconds(self._database.pid) - before[1],
            int(status.get("numSent", 0)),
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            await asyncio.to_thread(self._server.wait, 30)
        await self._database.stop()

    async def _status(self, session: aiohttp.ClientSession, status_id: str) -> dict[str, Any]:
        async with session.get(f"{self._url}/classes/_PushStatus/{status_id}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def _until_listening(self) -> None:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{self._url}/health") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientConnectionError:
                    pass
                assert self._server is not None
                if self._server.poll() is not None:
                    raise RuntimeError((self._folder / "log").read_text()[-2000:])
                await asyncio.sleep(0.1)

    async def _fill(self, devices: int) -> None:
        """The first installation through the server, which makes the table; the others are copies of its row."""
        first = {
            "installationId": "i0",
            "deviceType": "ios",
            "deviceToken": f"{0:064x}",
            "pushType": "ios",
            "appIdentifier": "com.example.app",
        }
        async with (
            aiohttp.ClientSession(headers=_HEADERS) as session,
            session.post(f"{self._url}/installations", json=first) as answer,
        ):
            assert answer.status == 201, await answer.text()
        conn = await connect(self._database.conninfo)
        try:
            await conn.execute(
                """
                INSERT INTO "_Installation"
                    ("objectId", "createdAt", "updatedAt", "installationId", "deviceType", "deviceToken", "pushType",
                     "appIdentifier")
                SELECT 'o' || n, clock_timestamp(), clock_timestamp(), 'i' || n, 'ios', md5(n::text) || md5(n::text),
                       'ios', 'com.example.app'
                FROM generate_series(1, %s - 1) AS n
                """,
                (devices,),
            )
            await conn.execute('VACUUM (ANALYZE) "_Installation"')
        finally:
            await conn.close()

    def _settings(self) -> dict[str, object]:
        found = conninfo_to_dict(self._database.conninfo)
        lines = [line.split(":") for line in Path(str(found["passfile"])).read_text().splitlines()]
        [password] = [line[4] for line in lines if line[3] == found["user"]]
        return {
            "port": self._port,
            "sink": self._sink,
            "ca": str(self._ca_file),
            "key": str(self._folder / "apns.p8"),
            "databaseURI": f"postgres://{found['user']}:{quote(password)}@localhost:{found['port']}/{found['dbname']}",
            "databaseOptions": {"host": found["host"], "max": 16},
        }
