"""The other side: the FastAPI program on a PostgreSQL of its own, of the same binaries and settings as ours."""

import asyncio
import json
import secrets
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from bench import processes
from bench.ingest.requests import until_answered
from bench.peers import PYTHON
from bench.v2.work import Side
from clarion.db.embedded import EmbeddedServer
from tests.support import free_port

_CONNECTIONS = 16


class Plain(Side):
    """One process of uvicorn with uvloop and httptools, as ours is."""

    name = "FastAPI, SQLAlchemy"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder / "plain"
        self._database = EmbeddedServer(self._folder / "data", role="bench")
        self._server: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    async def start(self, made: int) -> None:
        """Start PostgreSQL and the program, which makes so many accounts."""
        self._folder.mkdir()
        await self._database.start()
        token = secrets.token_urlsafe(32)
        settings = self._folder / "settings.json"
        settings.write_text(json.dumps(self._settings(made, token)))
        self._server = self._run(settings)
        self.know(made, token)
        await until_answered(f"http://127.0.0.1:{self.port}/healthz")

    def _run(self, settings: Path) -> subprocess.Popen[bytes]:
        program = str(Path(__file__).with_name("plain_server.py"))
        with (self._folder / "log").open("wb") as log:
            return subprocess.Popen([str(PYTHON), program, str(settings)], stdout=log, stderr=log)

    def _settings(self, made: int, token: str) -> dict[str, object]:
        found = conninfo_to_dict(self._database.conninfo)
        lines = [line.split(":") for line in Path(str(found["passfile"])).read_text().splitlines()]
        [password] = [line[4] for line in lines if line[3] == found["user"]]
        connect = {name: found[name] for name in ("host", "user")} | {
            "database": found["dbname"],
            "port": int(str(found["port"])),
            "password": password,
        }
        common = {"port": self.port, "connections": _CONNECTIONS, "accounts": made, "token": token}
        return {**common, "connect": connect}

    async def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            await asyncio.to_thread(self._server.wait, 30)
        await self._database.stop()

    def processor(self) -> tuple[float, float]:
        """Seconds of processor time so far: of the program, of PostgreSQL."""
        assert self._server is not None
        assert self._database.pid is not None
        return processes.seconds(self._server.pid), processes.seconds(self._database.pid)
