"""What the demo plays on: a data folder of its own, stub gateways in a child process, and a server.

The folder holds a notebook with the secrets that are shown only once, so that a second run goes on with the first
one's company.
"""

import asyncio
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from clarion.assembly import supervisor
from clarion.assembly.supervisor import Running
from clarion.base.errors import ClarionError, Conflict, Unavailable
from clarion.base.files import write_private
from clarion.base.settings import Settings
from clarion.cli.running import running_of
from clarion.cli.stub import Started as StubStarted

_STUB_WITHIN = 30.0
_STUB_ENDS_WITHIN = 5.0


class Notebook(Struct):
    """What a later run has to know: how many devices there are, the origin that web subscriptions were made at (a
    later stub may listen elsewhere), and the secrets of the company."""

    devices: int = 0
    origin: str = ""
    email: str = ""
    api_key: str = ""
    private_keys: dict[str, str] = {}


class Stage(Struct, frozen=True):
    """A running server and running stub gateways. `stop` is set when the person wants to end."""

    settings: Settings
    running: Running
    stub: StubStarted
    stop: asyncio.Event

    @property
    def url(self) -> str:
        """The server's address."""
        return self.running.urls["https"]


def notebook_of(folder: Path) -> Notebook:
    """The notebook of a folder, a new one when there is none."""
    try:
        return msgspec.json.decode((folder / "demo.json").read_bytes(), type=Notebook)
    except FileNotFoundError:
        return Notebook()
    except (OSError, msgspec.MsgspecError) as error:
        raise ClarionError(f"{folder / 'demo.json'} cannot be read: {error}.", "Run: clarion demo --fresh") from None


def keep(folder: Path, notebook: Notebook) -> None:
    """Write the notebook, readable by its owner only."""
    write_private(folder / "demo.json", msgspec.json.encode(notebook))


def clear(settings: Settings) -> None:
    """Delete the folder of an earlier demo. Raises Conflict for any other folder, and for one in use."""
    folder = settings.data_dir
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / "demo.json").is_file():
        raise Conflict(f"{folder} is not the folder of a demo.", "Name another one with --data-dir.")
    if running_of(settings) is not None:
        raise Conflict(f"A demo is running in {folder}.", "Stop it first.")
    shutil.rmtree(folder)


def port_to_use(wanted: int) -> int:
    """`wanted` when it is free, else 0: any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


@asynccontextmanager
async def staged(settings: Settings) -> AsyncIterator[Stage]:
    """Start the stub gateways and the server; stop both afterwards. Raises what starting them raises."""
    stop = asyncio.Event()
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    async with _stub(settings.data_dir) as stub_says:
        serving = asyncio.create_task(supervisor.serve(settings, announce=ready.set_result, stop=stop))
        either: set[asyncio.Future[Any]] = {ready, serving}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                await serving
                raise Unavailable("The server stopped before it was ready.")
            yield Stage(settings, ready.result(), await _announced(stub_says), stop)
        finally:
            stop.set()
            await serving


@asynccontextmanager
async def _stub(folder: Path) -> AsyncIterator[asyncio.StreamReader]:
    """Stub gateways in a process of their own, which ends when its standard input does; what it prints."""
    command = ("-m", "clarion.cli.main", "stub", "--attached", "--json", "--port", "0", "--data-dir", str(folder))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the demo, which ends the stub last
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.stdin.close()
        try:
            async with asyncio.timeout(_STUB_ENDS_WITHIN):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _announced(output: asyncio.StreamReader) -> StubStarted:
    """Where the stub listens, once it does."""
    line = b""
    with suppress(TimeoutError):
        async with asyncio.timeout(_STUB_WITHIN):
            line = await output.readline()
    if not line:
        raise Unavailable("The stub gateways did not start.", "The lines above say why.")
    return msgspec.json.decode(line, type=StubStarted)
