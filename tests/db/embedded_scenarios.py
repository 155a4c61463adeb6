"""Small programs the tests of the embedded server run as processes of their own: to be killed, or under another account.

Run as `python -m tests.db.embedded_scenarios NAME DATA_DIR`. Each prints one line of JSON and then, where it says so,
goes on until its standard input ends.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg

from clarion.base.errors import ClarionError
from clarion.db.embedded import EmbeddedServer, borrow
from clarion.db.embedded.account import Account
from tests.conftest import FAST

NOBODY = 65534
WITHOUT_NAME = 54321
"""A uid that no passwd file knows."""

_REPOSITORY = Path(__file__).parents[2]


async def own(data_dir: Path) -> None:
    """Own the data folder until standard input ends."""
    server = EmbeddedServer(data_dir, settings=FAST)
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
    server = EmbeddedServer(data_dir, settings=FAST)
    await server.start()
    add_row(server.conninfo)
    await server.stop()
    await server.start()
    tell(uid=os.geteuid(), owner=(data_dir / "postgres").stat().st_uid, counted=count_rows(server.conninfo))
    await server.stop()


async def live_without_name(data_dir: Path) -> None:
    """The same under an account without passwd entry, be it that this one has one."""
    Account.named = property(lambda self: False)  # type: ignore[method-assign, assignment]
    await live(data_dir)


def add_row(conninfo: str) -> None:
    with psycopg.connect(conninfo) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS kept (at timestamptz DEFAULT clock_timestamp())")
        conn.execute("INSERT INTO kept DEFAULT VALUES")


def count_rows(conninfo: str) -> int:
    with psycopg.connect(conninfo) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS kept (at timestamptz DEFAULT clock_timestamp())")
        found = conn.execute("SELECT count(*) FROM kept").fetchone()
    assert found
    return int(found[0])


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
def running(scenario: Callable[[Path], Awaitable[None]], data_dir: Path, uid: int | None = None) -> Iterator[Scenario]:
    """Run a scenario beside the test, under another uid if this process is root and that uid may run Python here."""
    other = Account(uid=uid or 0, gid=uid or 0, foreign=True)
    switch = uid is not None and os.geteuid() == 0 and all(map(other.may_enter, (Path(sys.executable), _REPOSITORY)))
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, scenario.__name__, str(data_dir)],
        cwd=_REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=other.uid if switch else None,
        group=other.gid if switch else None,
        extra_groups=[] if switch else None,
        env={**os.environ, "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    with process:
        try:
            yield Scenario(process)
        finally:
            process.kill()


def main() -> None:
    scenarios = (own, use, live, live_without_name)
    name, data_dir = sys.argv[1:]
    # Logs would mix with the line that is printed.
    sys.stdout, out = sys.stderr, sys.stdout
    globals()["tell"] = lambda **facts: print(json.dumps(facts), file=out, flush=True)
    try:
        asyncio.run({each.__name__: each for each in scenarios}[name](Path(data_dir)))
    except ClarionError as error:
        globals()["tell"](error=type(error).__name__, message=str(error))


if __name__ == "__main__":
    main()
