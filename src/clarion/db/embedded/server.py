"""The embedded server as its one owner sees it: start, watch, stop.

The owner holds the data folder's lock from `start()` to `stop()`. PostgreSQL runs in a session of its own, so that
neither Ctrl-C nor the owner's death takes it along: an owner that follows a killed one finds it, stops it in an orderly
way and starts it anew with the present programs and settings. Restarting after `wait_died()` is the supervisor's part.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from clarion.base.errors import Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.embedded import cluster
from clarion.db.embedded.account import Account, choose_account, hand_over
from clarion.db.embedded.binaries import Binaries, find_binaries
from clarion.db.embedded.ending import all_gone, end_child, end_orphans
from clarion.db.embedded.failures import LogMark, explain_failure
from clarion.db.embedded.folder import DataFolder, explain
from clarion.db.embedded.lock import FileLock, owned_by_another
from clarion.db.embedded.process import ended, forget_postmaster, read_postmaster, spawn
from clarion.db.embedded.provision import provision
from clarion.db.embedded.replica import within_reach
from clarion.db.embedded.runtime import prepare_runtime_folder, remove_runtime_folder

log = get_logger(__name__)

COMMAND_ROLE = "command"
"""The role of an owner that runs one command and ends: others wait for it instead of giving up."""

_POLL = 0.005
_NEWS_EVERY = 10.0


class EmbeddedServer:
    """One PostgreSQL on one data folder, owned by this process.

    `role` names this process to others that want the folder; `settings` are PostgreSQL settings over ours (with
    fsync off also the creation of the cluster does without it).
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Binaries | None = None,
        role: str = "serve",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = DataFolder.at(data_dir)
        self._given_binaries = binaries
        self._role = role
        self._settings = dict(settings or {})
        self._owner = FileLock(self._folder, "owner")
        self._process: subprocess.Popen[bytes] | None = None
        self._last_code = 0
        self._socket_folder: Path | None = None

    @property
    def conninfo(self) -> str:
        """Connection string of the role that owns database "clarion"; free of secrets, valid across restarts."""
        return cluster.conninfo_for(self._folder, self._sockets(), role=cluster.ROLE, database=cluster.DATABASE)

    @property
    def admin_conninfo(self) -> str:
        """Connection string of the superuser, to database "postgres": maintenance and tests only."""
        return cluster.conninfo_for(self._folder, self._sockets(), role=cluster.SUPERUSER, database="postgres")

    @property
    def pid(self) -> int | None:
        """The postmaster's process id; None when none was started."""
        return self._process.pid if self._process else None

    async def start(self, *, patience: float = 30.0) -> None:
        """Own the data folder and have PostgreSQL running on it; also after it died. Nothing happens if it runs.

        Waits up to `patience` seconds for a short command that owns the folder. Recovery after a crash takes as long
        as it takes. Raises Conflict when another process owns the folder, Unavailable (full disk, no memory, failing
        recovery) or ConfigurationError (permissions, programs, settings); then nothing is left running, and an owner
        that had the folder before keeps it, to try again.
        """
        if self._process and self._process.poll() is None:
            return
        self._folder.create()
        restarts = self._owner.held
        if not restarts:
            await self._take_ownership(patience)
        try:
            self._owner.sign(self._role)
            await self._start()
        except BaseException as error:
            await asyncio.shield(self._end(grace=0))
            if not restarts:
                self._owner.release()
            if isinstance(error, OSError):
                raise explain(error, self._folder.path) from error
            raise

    async def stop(self, *, grace: float = 60.0) -> None:
        """Stop PostgreSQL and give the data folder up. Open transactions are rolled back at once.

        After `grace` seconds (a last checkpoint on a slow disk) it is ended harder, which costs a recovery at the next
        start and no data.
        """
        await self._end(grace)
        self._owner.release()

    async def wait_died(self) -> int:
        """Wait until the postmaster has ended; its exit code (negative: the signal that killed it).

        Returns at once when none runs, as after a start that failed.
        """
        return await ended(self._process) if self._process else self._last_code

    async def _end(self, grace: float) -> None:
        if self._process:
            self._last_code = await end_child(self._process, grace)
            await all_gone(self._folder)
            self._process = None
        if self._socket_folder:
            remove_runtime_folder(self._socket_folder)
            self._socket_folder = None

    def _sockets(self) -> Path:
        if self._socket_folder is None:
            raise Unavailable(f"The database in {self._folder.path} is not started.", "Call start() first.")
        return self._socket_folder

    async def _take_ownership(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while not self._owner.try_take():
            holder = self._owner.holder()
            passing = holder is None or holder.role == COMMAND_ROLE or not holder.alive
            if not passing or time.monotonic() > deadline:
                raise owned_by_another(self._folder, holder)
            await asyncio.sleep(_POLL)

    async def _start(self) -> None:
        folder = self._folder
        account = choose_account(folder)
        alive = FileLock(folder, "alive")
        try:
            await end_orphans(folder, account, alive)
            forget_postmaster(folder.cluster)
            binaries = within_reach(self._given_binaries or find_binaries(cluster.major_version(folder)), account)
            if cluster.major_version(folder) is None:
                durable = self._settings.get("fsync") != "off"
                await cluster.create(folder, account, binaries, alive, durable=durable)
                log.info("database_created", data_dir=str(folder.path), version=binaries.version)
            hand_over(folder.cluster, account)
            cluster.configure(folder, account, self._settings)
            if cluster.read_password(folder) is None:
                await cluster.reset_password(folder, account, binaries, alive)
            self._socket_folder = prepare_runtime_folder(folder, account)
            await self._launch(account, binaries, alive)
        finally:
            alive.let_go()
        await provision(folder, self._socket_folder)
        log.info("database_started", pid=self.pid, version=binaries.version, data_dir=str(folder.path))

    async def _launch(self, account: Account, binaries: Binaries, alive: FileLock) -> None:
        folder = self._folder
        command: list[str | Path] = [binaries.program("postgres"), "-D", folder.cluster]
        fixed = {
            "cluster_name": folder.label,
            "listen_addresses": "",
            "port": str(cluster.PORT),
            "unix_socket_directories": str(self._socket_folder),
        }
        command += [f"--{name}={value}" for name, value in fixed.items()]
        mark = LogMark(folder)
        with os.fdopen(folder.open(folder.start_output, os.O_WRONLY | os.O_TRUNC | os.O_APPEND), "wb") as output:
            self._process = spawn(account, command, folder=folder.cluster, output=output, keep=[alive.fd])
        alive.let_go()
        await self._until_ready(self._process, mark)

    async def _until_ready(self, process: "subprocess.Popen[bytes]", mark: LogMark) -> None:
        began = told = time.monotonic()
        while True:
            if process.poll() is not None:
                raise explain_failure("PostgreSQL did not start", mark.news(), self._folder)
            postmaster = read_postmaster(self._folder.cluster)
            if postmaster and postmaster.pid == process.pid and postmaster.ready:
                return
            if time.monotonic() - told > _NEWS_EVERY:
                told = time.monotonic()
                log.info("database_recovering", seconds=round(told - began))
            await asyncio.sleep(_POLL)
