"""Programs the tests of the embedded server run as processes of their own: to be killed, or under another account.

Run as `python -m tests.db.embedded_scenarios NAME DATA_DIR UID`. Each prints one line of JSON and then, where it says
so, goes on until its standard input ends. A root process turns into UID once all modules are loaded, so that Python
itself may lie where only root can read it.
"""

import asyncio
import codecs
import concurrent.futures.thread  # noqa: F401 - loaded before the account changes, see turn_into
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from clarion.base import telemetry
from clarion.base.errors import ClarionError
from clarion.db.embedded import EmbeddedServer, borrow, find_binaries
from clarion.db.embedded.account import Account
from clarion.db.embedded.replica import within_reach

UNSYNCED = {"fsync": "off", "shared_buffers": "64MB"}
"""Safe against killed processes, which is what is tested, though not against a power cut."""

NOBODY = 65534
WITHOUT_NAME = 54321
"""A uid that no passwd file knows."""

_REPOSITORY = Path(__file__).parents[2]


async def own(data_dir: Path) -> None:
    """Own the data folder until standard input ends."""
    server = EmbeddedServer(data_dir, settings=UNSYNCED)
    await server.start()
    tell(postmaster=server.pid, conninfo=server.conninfo)
    await end_of_input()
    await server.stop()


async def use(data_dir: Path) -> None:
    """Run one command on the data folder: it ends when standard input does."""
    async with borrow(data_dir) as conninfo:
        tell(conninfo=conninfo, counted=count_rows(conninfo))
        await end_of_input()
        tell(counted=count_rows(conninfo))


async def live(data_dir: Path) -> None:
    """A whole life: create, write, stop, start, read, stop."""
    server = EmbeddedServer(data_dir, settings=UNSYNCED)
    await server.start()
    add_row(server.conninfo)
    await server.stop()
    await server.start()
    tell(uid=os.geteuid(), owner=(data_dir / "postgres").stat().st_uid, counted=count_rows(server.conninfo))
    await server.stop()


async def live_without_name(data_dir: Path) -> None:
    """The same under an account without passwd entry, even where this one has one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Account, "named", False)
        await live(data_dir)


def add_row(conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS kept (at timestamptz DEFAULT clock_timestamp())")
        conn.execute("INSERT INTO kept DEFAULT VALUES")


def count_rows(conninfo: str) -> int:
    with psycopg.connect(conninfo) as conn:
        if conn.execute("SELECT to_regclass('kept')").fetchone() == (None,):
            return 0
        return len(conn.execute("SELECT * FROM kept").fetchall())


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


async def end_of_input() -> None:
    await asyncio.to_thread(sys.stdin.read)


class Scenario:
    """A scenario under way in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    async def told(self) -> Any:
        """The next line it prints."""
        assert self.process.stdout
        line = await asyncio.to_thread(self.process.stdout.readline)
        assert line, f"it ended without a word: {self.process.wait()}"
        return json.loads(line)

    async def finish(self) -> None:
        """End its input and wait until it has ended well."""
        assert self.process.stdin
        self.process.stdin.close()
        assert await asyncio.to_thread(self.process.wait) == 0

    async def kill(self) -> None:
        self.process.kill()
        await asyncio.to_thread(self.process.wait)


@contextmanager
def running(scenario: Callable[[Path], Awaitable[None]], data_dir: Path, uid: int = 0) -> Iterator[Scenario]:
    """Run a scenario beside the test; under another uid if one is given and this process is root."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, scenario.__name__, str(data_dir), str(uid)],
        cwd=_REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Scenario(process)
        finally:
            assert process.stdin
            process.stdin.close()
            try:
                process.wait(timeout=30)
            finally:
                process.kill()


def turn_into(uid: int) -> None:
    """Become another user for good, to whom PostgreSQL's programs are in reach.

    The standard library may not be: what it would load later is loaded before.
    """
    binaries = within_reach(find_binaries(), Account(uid=uid, gid=uid, foreign=True))
    for encoding in ("ascii", "idna"):
        codecs.lookup(encoding)
    os.environ.update({"CLARION_PG_BIN": str(binaries.folder), "HOME": "/nonexistent"})
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def main() -> None:
    scenarios = (own, use, live, live_without_name)
    name, data_dir, uid = sys.argv[1:]
    telemetry.configure(json=True, level="error")
    try:
        if os.geteuid() == 0 and uid != "0":
            turn_into(int(uid))
        asyncio.run({each.__name__: each for each in scenarios}[name](Path(data_dir)))
    except ClarionError as error:
        tell(error=type(error).__name__, message=str(error))


if __name__ == "__main__":
    main()
