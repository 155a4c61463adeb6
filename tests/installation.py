"""`clarion serve` as a child process: for tests that need a true installation, to talk to or to kill."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import msgspec

from clarion.assembly.supervisor import Running
from clarion.base.settings import Settings, to_environment
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

    def __init__(self, folder: Path, *, workers: int = 1, senders: int = 1, http: bool = False) -> None:
        """Data in `folder`, the log beside it; `http` adds a plain listener on loopback."""
        self.settings = Settings(
            data_dir=folder,
            port=free_port(),
            http_port=free_port() if http else 0,
            workers=workers,
            senders=senders,
            log_json=True,
        )
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
