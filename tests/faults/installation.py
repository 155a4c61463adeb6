"""An installation of real processes to be killed at: the stub gateways here, `serve` as a child, its parts by pid."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.assembly.database import opened, sealer
from clarion.assembly.supervisor import Running
from clarion.base.settings import Settings, to_environment
from clarion.content import service as content
from clarion.content.model import Content, MessageDraft
from clarion.db.pool import Database
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from clarion.gateways.stub import StubServer
from tests.support import alive, free_port, postmaster

SERVE = """
import asyncio
from clarion.assembly.supervisor import serve
from clarion.base import settings, telemetry
telemetry.configure(json=True)
asyncio.run(serve(settings.from_environment(), announce=lambda running: None))
"""


class Installation:
    """`serve` in a child process that is started again whenever it is gone."""

    def __init__(self, folder: Path, senders: int) -> None:
        self.settings = Settings(data_dir=folder, port=free_port(), senders=senders, log_json=True)
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._log = (self.settings.data_dir.parent / "serve.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            env={**os.environ, **to_environment(self.settings)},
            stdout=self._log,
            stderr=self._log,
        )

    def keep_running(self) -> bool:
        """Start the supervisor again when it is gone; True when that was needed."""
        if self._process is not None and self._process.poll() is None:
            return False
        if self._log is not None:
            self._log.close()
        self.start()
        return True

    def victims(self) -> dict[str, int]:
        """The processes that can be killed now, by name: supervisor, api, senders, PostgreSQL."""
        found: dict[str, int] = {}
        if self._process is not None and self._process.poll() is None:
            found["supervisor"] = self._process.pid
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            found |= msgspec.json.decode((self.settings.data_dir / "supervisor.json").read_bytes(), type=Running).pids
        postgres = postmaster(self.settings.data_dir)
        if postgres:
            found["postgres"] = postgres
        return {name: pid for name, pid in found.items() if alive(pid)}

    async def stop(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self._process.wait, 90)
        if self._log is not None:
            self._log.close()


@asynccontextmanager
async def stub_gateways(folder: Path, rate: int) -> AsyncIterator[StubServer]:
    """Stub gateways that answer `rate` notifications a second, with few streams, so that kills fall into sends."""
    stub = StubServer(folder)
    await stub.start()
    stub.set_knobs({"max_streams": 100, "throttle": rate})
    try:
        yield stub
    finally:
        await stub.stop()


async def company(settings: Settings, stub: StubServer, count: int) -> App:
    """An Android application with `count` devices, all opted in, all with a token, bound to the stub."""
    async with opened(settings) as db:
        async with db.transaction() as conn:
            seal = await sealer(settings, conn)
            app, _ = await apps.create_app(conn, seal, "faults", Platform.ANDROID, "Faults")
            secret = msgspec.json.encode(stub.issue("fcm", "faults"))
            await apps.set_gateway(conn, seal, app, secret, stub.url, stub.ca_file.read_text())
        for first in range(0, count, 5000):
            records = [
                DeviceRecord(f"device-{number}", {TOKEN: f"token-{number}-{'x' * 20}"})
                for number in range(first, min(first + 5000, count))
            ]
            async with db.transaction() as conn:
                await devices.upsert(conn, app, records)
    return app


async def new_message(db: Database, app: App, number: int) -> int:
    draft = MessageDraft(name=f"Send {number}", contents=(Content(text="Under fire"),))
    async with db.transaction() as conn:
        return await content.create_message(conn, app, draft)


async def persistently(work: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Do something with a database that may be away for a while."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await work()
            except Exception:
                await asyncio.sleep(0.2)
