"""The supervisor: PostgreSQL when embedded, n api processes, m senders and their courier; it starts them in order and
keeps them.

1. Bind the listeners, so that a port in use is known before anything starts.
2. Start PostgreSQL when it is embedded, and migrate; a database given by URL must be at this release's revision.
3. Start the processes and wait until each says that it is ready.
4. Restart what dies, with a pause that grows while it keeps dying; restart PostgreSQL likewise.
5. On SIGTERM or SIGINT: stop the processes, which drain, then PostgreSQL.
"""

import asyncio
import contextlib
import os
import random
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from clarion.assembly import handover, listeners, scraping
from clarion.assembly.database import files_of, prepare_folder
from clarion.assembly.probe import Probe
from clarion.base import settings as base_settings
from clarion.base.certificates import find as find_certificate
from clarion.base.errors import ClarionError, Unavailable
from clarion.base.metrics import Family
from clarion.base.settings import Settings
from clarion.base.telemetry import get_logger
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer

log = get_logger(__name__)

_READY_WITHIN = 60.0
_DRAIN_WITHIN = 30.0
_HEALTHY_AFTER = 30.0


class Running(Struct, frozen=True):
    """What a started installation tells: its addresses, the certificate authority callers have to trust, and where its
    metrics are."""

    urls: dict[str, str]
    ca_file: str
    pids: dict[str, int]
    metrics: str = ""


def lives(pid: int) -> bool:
    """Whether a process of this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def serve(settings: Settings, *, announce: Callable[[Running], None], stop: asyncio.Event | None = None) -> None:
    """Run an installation until a signal, or until `stop` is set. `announce` is called when everything is ready."""
    stopping = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    prepare_folder(settings)
    supervisor = Supervisor(settings, stopping)
    try:
        announce(await supervisor.start())
        await supervisor.watch()
    finally:
        await supervisor.stop()


class Supervisor:
    """One installation on this machine."""

    def __init__(self, settings: Settings, stopping: asyncio.Event) -> None:
        self._settings = settings
        self._stopping = stopping
        self._server = EmbeddedServer(settings.data_dir) if settings.embedded else None
        self._conninfo = settings.database_url
        self._listeners: list[tuple[str, socket.socket]] = []
        self._keepers: list[_Keeper] = []
        self._scraping: scraping.Page | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._status = settings.data_dir / "supervisor.json"
        self._tells = False
        # Children read end of file from this pipe when the supervisor is gone, however it went.
        self._parent_read, self._parent_write = os.pipe()

    async def start(self) -> Running:
        """Steps 1 to 3."""
        metrics = scraping.bind(self._settings)
        self._scraping = scraping.Page(self._settings, metrics, self._processes)
        self._listeners = listeners.bind(self._settings)
        with files_of(self._settings):
            found = find_certificate(
                self._settings.certificate,
                self._settings.certificate_key,
                self._settings.data_dir / "tls",
                self._settings.host,
            )
        if self._server is not None:
            await self._server.start()
            self._conninfo = self._server.conninfo
            await migrate.upgrade(self._conninfo)
        else:
            await migrate.require_current(self._conninfo)
        senders = self._settings.senders
        for role, number in (("api", self._settings.workers), ("sender", senders), ("courier", min(1, senders))):
            for index in range(1, number + 1):
                self._keepers.append(_Keeper(role, index, self._spawn, self._stopping))
        await asyncio.gather(*(keeper.start() for keeper in self._keepers))
        running = Running(
            {scheme: listeners.url(scheme, listener) for scheme, listener in self._listeners},
            found.ca_file,
            {keeper.name: keeper.pid for keeper in self._keepers},
            scraping.url(metrics),
        )
        self._scraping.open(self._conninfo)
        # Roles that attach to a folder leave the word to the installation that runs on it.
        self._tells = self._server is not None or not self._told_by_another()
        if self._tells:
            with files_of(self._settings):
                self._write_status(running)
        log.info("ready", **running.urls)
        return running

    async def watch(self) -> None:
        """Step 4, until told to stop."""
        self._tasks = [asyncio.create_task(keeper.keep(self._changed)) for keeper in self._keepers]
        if self._server is not None:
            self._tasks.append(asyncio.create_task(self._keep_postgres(self._server)))
        stopped = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait({stopped, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()
        stopped.cancel()

    async def stop(self) -> None:
        """Step 5."""
        self._stopping.set()
        log.info("stopping")
        if self._scraping is not None:
            await self._scraping.aclose()
        await asyncio.gather(*(keeper.stop() for keeper in self._keepers), return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.stop()
        for _, listener in self._listeners:
            listener.close()
        if self._tells:
            self._status.unlink(missing_ok=True)
        log.info("stopped")

    async def _processes(self) -> list[scraping.Process]:
        answers = await asyncio.gather(*(keeper.ask() for keeper in self._keepers))
        return [
            scraping.Process(keeper.name, keeper.role, keeper.restarts, answer)
            for keeper, answer in zip(self._keepers, answers, strict=True)
        ]

    def _told_by_another(self) -> bool:
        try:
            running = msgspec.json.decode(self._status.read_bytes(), type=Running)
        except (OSError, msgspec.MsgspecError):
            return False
        return any(map(lives, running.pids.values()))

    def _changed(self) -> None:
        if not self._tells:
            return
        try:
            running = msgspec.json.decode(self._status.read_bytes(), type=Running)
            pids = {keeper.name: keeper.pid for keeper in self._keepers}
            self._write_status(msgspec.structs.replace(running, pids=pids))
        except OSError as error:  # the file only informs; a full disk is no reason to stop
            log.warning("status_not_written", error=str(error))

    def _write_status(self, running: Running) -> None:
        scratch = self._status.with_suffix(".new")
        scratch.write_bytes(msgspec.json.format(msgspec.json.encode(running)))
        scratch.replace(self._status)

    async def _keep_postgres(self, server: EmbeddedServer) -> None:
        failures = 0
        while not self._stopping.is_set():
            code = await server.wait_died()
            if self._stopping.is_set():
                return
            log.error("postgres_died", code=code)
            try:
                await server.start()
                failures = 0
                log.info("postgres_restarted", pid=server.pid)
            except ClarionError as error:
                failures += 1
                log.error("postgres_does_not_start", error=error.message, hint=error.hint, failures=failures)
                await _pause(failures, self._stopping)

    async def _spawn(self, role: str, index: int, probe: Probe) -> tuple[asyncio.subprocess.Process, int]:
        """Start a process; it and the descriptor from which its ready byte is read."""
        ready_read, ready_write = os.pipe()
        shared = self._listeners if role == "api" else []
        descriptors = [listener.fileno() for _, listener in shared]
        settings = msgspec.structs.replace(self._settings, port=self._listeners[0][1].getsockname()[1])
        environment = {
            **os.environ,
            **base_settings.to_environment(settings),  # with the port that was taken
            handover.READY: str(ready_write),
            handover.PARENT: str(self._parent_read),
            handover.LISTENERS: handover.listeners_to_environment(shared),
            handover.CONNINFO: self._conninfo,
            handover.METRICS: str(probe.theirs.fileno()),
        }
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "clarion.assembly.child",
                role,
                str(index),
                env=environment,
                pass_fds=[ready_write, self._parent_read, probe.theirs.fileno(), *descriptors],
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops its children in order
            )
        except OSError:
            os.close(ready_read)
            raise
        finally:
            os.close(ready_write)
        return process, ready_read


class _Keeper:
    """Keeps one process: starts it, restarts it when it dies, stops it."""

    def __init__(
        self,
        role: str,
        index: int,
        spawn: Callable[[str, int, Probe], Awaitable[tuple[asyncio.subprocess.Process, int]]],
        stopping: asyncio.Event,
    ) -> None:
        self.name = f"{role}-{index}"
        self.pid = 0
        self.role = role
        self.restarts = 0
        self._index = index
        self._probe: Probe | None = None
        self._spawn = spawn
        self._stopping = stopping
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start and wait until ready. Raises Unavailable when it ends instead, or takes too long."""
        if self._probe is not None:
            self._probe.close()
        self._probe = Probe()
        try:
            self._process, ready = await self._spawn(self.role, self._index, self._probe)
        finally:
            self._probe.theirs.close()
        self.pid = self._process.pid
        try:
            async with asyncio.timeout(_READY_WITHIN):
                said = await _read_byte(ready)
        except TimeoutError:
            said = b""
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        finally:
            os.close(ready)
        if not said:
            raise Unavailable(f"The process {self.name} did not become ready.", "Its log lines above say why.")

    async def ask(self) -> list[Family] | None:
        """What the process counts; None when it is dead or does not answer."""
        return None if self._probe is None else await self._probe.ask()

    async def keep(self, changed: Callable[[], None]) -> None:
        """Restart the process whenever it dies, until told to stop."""
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            assert self._process is not None
            code = await self._process.wait()
            if self._stopping.is_set():
                return
            failures = 0 if loop.time() - began > _HEALTHY_AFTER else failures + 1
            log.error("process_died", process_name=self.name, code=code, failures=failures)
            await _pause(failures, self._stopping)
            if self._stopping.is_set():
                return
            try:
                await self.start()
            except (Unavailable, OSError) as error:
                log.error("process_does_not_start", process_name=self.name, error=str(error))
                continue
            self.restarts += 1
            changed()
            log.info("process_restarted", process_name=self.name, pid=self.pid)

    async def stop(self) -> None:
        """SIGTERM and time to drain; SIGKILL after that."""
        if self._probe is not None:
            self._probe.close()
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_DRAIN_WITHIN):
                await process.wait()
        except TimeoutError:
            log.error("process_does_not_drain", process_name=self.name)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _pause(failures: int, stopping: asyncio.Event) -> None:
    """0.1 s after the first failure, doubling to half a minute, with jitter; less when told to stop."""
    seconds = min(30.0, 0.1 * 2**failures) * random.uniform(0.7, 1.0)  # noqa: S311 - jitter
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


async def _read_byte(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        if not arrived.done():
            arrived.set_result(None)

    loop.add_reader(descriptor, readable)
    try:
        await arrived
        return os.read(descriptor, 1)
    finally:
        loop.remove_reader(descriptor)
