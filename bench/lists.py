"""Static lists of a million members over the API of a true server: filling, paging, counting, expiry, files.

    python bench/lists.py --members 1000000

Starts `clarion serve` on a temporary folder with its embedded PostgreSQL, imports the devices, fills a list by signed
PUT requests over loopback HTTP, waits until the queue has applied them, reads pages, counts the audience, moves the
clock so that everybody's time is over, and loads the same members once more from a file.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.table import Table

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.assembly.database import opened, sealer
from clarion.audience import service as audience
from clarion.audience.lists.importing import import_members
from clarion.audience.model import InList
from clarion.base import clock
from clarion.base.settings import Settings
from clarion.client.v1 import V1Client
from clarion.db.pool import Database
from clarion.db.sql import execute, value
from clarion.devices import transfer
from clarion.devices.model import TransferProgress
from clarion.identity import service as identity
from clarion.identity.model import Role

PARTNER_ID = "bench"
PATH = f"/v1/me/apps/{PARTNER_ID}/lists"
_READS = 15


def udid(number: int) -> str:
    """The UDID of a device."""
    return str(UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)).upper()


class Bench:
    """One server, one application, and the table of figures."""

    def __init__(self, db: Database, app: App, v1: V1Client, members: int, batch: int, folder: Path) -> None:
        self.db = db
        self.app = app
        self.v1 = v1
        self.members = members
        self.batch = batch
        self.folder = folder
        self.list_id = 0
        self.table = Table(title=f"A static list of {members:,} members")
        for name in ("step", "users", "seconds", "users/s", ""):
            self.table.add_column(name, justify="left" if name in ("step", "") else "right")

    def line(self, step: str, seconds: float, users: int = 0, remark: str = "") -> None:
        """One line of the table."""
        shown = f"{seconds:.1f}" if seconds >= 1 else f"{seconds * 1000:.1f} ms"
        self.table.add_row(
            step, f"{users:,}" if users else "", shown, f"{users / seconds:,.0f}" if users else "", remark
        )

    async def timed(self, step: str, work: Callable[[], Awaitable[object]], users: int = 0, remark: str = "") -> None:
        """Run a step and note how long it took."""
        began = time.perf_counter()
        await work()
        self.line(step, time.perf_counter() - began, users, remark)

    async def run(self) -> None:
        """All steps."""
        await self.timed("import of the devices", self.import_devices, self.members)
        self.list_id = (await self.v1.request("POST", PATH, b'{"name": "Bench"}')).json["listId"]
        await self.fill("new")
        await self.count("audience count")
        await self.read_pages("")
        await self.fill("known, same expiry")
        await self.read_pages(", again")
        await self.expire()
        await self.load_file()
        await self.read_pages(", after the file")

    async def import_devices(self) -> None:
        """Devices, straight from a file."""
        file = self.folder / "devices.csv"
        with file.open("w") as out:
            out.write("UDID;language\n")
            out.writelines(f"{udid(number)};fr\n" for number in range(self.members))
        rejects = self.folder / "rejects.csv"
        result = await transfer.import_csv(self.db, self.app, file, rejects=rejects, progress=ignore)
        assert result.written == self.members, result
        async with self.db.connection() as conn:
            await execute(conn, f"ANALYZE app_{self.app.id}.device")

    def bodies(self) -> Iterator[bytes]:
        """The bodies of requests that put everybody on the list."""
        expiry = (clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")
        for start in range(0, self.members, self.batch):
            numbers = range(start, min(start + self.batch, self.members))
            yield json.dumps({"users": [{"deviceId": udid(n), "expireAt": expiry} for n in numbers]}).encode()

    async def fill(self, what: str) -> None:
        """Put everybody on the list: accepted, then applied."""
        bodies = list(self.bodies())
        largest = max(map(len, bodies))
        began = time.perf_counter()
        slowest = 0.0
        for body in bodies:
            sent = time.perf_counter()
            answer = await self.v1.request("PUT", f"{PATH}/{self.list_id}", body)
            assert answer.status == 200, answer
            slowest = max(slowest, time.perf_counter() - sent)
        remark = f"{len(bodies)} requests of {largest / 2**20:.1f} MiB, the slowest {slowest:.2f} s"
        self.line(f"PUT accepted, {what}", time.perf_counter() - began, self.members, remark)
        await self.until("SELECT count(*) = 0 FROM clarion.list_change")
        self.line(f"PUT applied, {what}", time.perf_counter() - began, self.members, "since the first request")
        async with self.db.connection() as conn:
            assert await value(conn, "SELECT sum(members) FROM clarion.static_list_size") == self.members

    async def read_pages(self, when: str) -> None:
        """The first, the middle and the last page by number."""
        last = -(-self.members // 100)
        times = {}
        for name, page in (("first", 1), ("middle", last // 2), ("last", last)):
            reads = []
            for _ in range(_READS):
                began = time.perf_counter()
                answer = await self.v1.request("GET", f"{PATH}/{self.list_id}?page={page}")
                reads.append(time.perf_counter() - began)
                assert len(answer.json["data"]) == (self.members - (page - 1) * 100 if page == last else 100), page
            times[name] = statistics.median(reads)
        for name, seconds in times.items():
            ratio = f"{seconds / times['first']:.2f} times the first" if name != "first" else f"median of {_READS}"
            self.line(f"{name} page{when}", seconds, remark=ratio)

    async def count(self, step: str) -> int:
        """Count the audience of the list; the figure is the median."""
        times = []
        found = 0
        for _ in range(5):
            async with self.db.connection() as conn:
                began = time.perf_counter()
                found = await audience.count(conn, self.app.id, InList(self.list_id))
                times.append(time.perf_counter() - began)
        self.line(step, statistics.median(times), remark=f"{found:,} devices, median of 5")
        return found

    async def expire(self) -> None:
        """Let everybody's time be over: gone from the audience at once, from the table when the timer came by."""
        async with self.db.connection() as conn:
            await execute(conn, "UPDATE clarion.clock_offset SET shift = '3 days'")
        assert await self.count("audience count, everybody expired") == 0
        table = f"app_{self.app.id}.list_member"
        began = time.perf_counter()
        await self.until(f"SELECT count(*) < {self.members} FROM {table}")
        self.line("expired, until the timer came", time.perf_counter() - began)
        began = time.perf_counter()
        await self.until(f"SELECT NOT EXISTS (SELECT FROM {table})")
        self.line("expired, rows deleted", time.perf_counter() - began, self.members)

    async def load_file(self) -> None:
        """The same members from a file with one personalisation value each."""
        file = self.folder / "members.csv"
        with file.open("w") as out:
            out.write("UDID;gift\n")
            out.writelines(f"{udid(number)};mug {number}\n" for number in range(self.members))

        async def load(dry_run: bool) -> None:
            rejects = self.folder / "rejects.csv"
            result = await import_members(
                self.db, self.app, self.list_id, file, rejects=rejects, progress=ignore, dry_run=dry_run
            )
            assert (result.written, result.unknown, result.rejected) == (self.members, 0, 0), result

        await self.timed("file import, dry run", lambda: load(True), self.members)
        await self.timed("file import", lambda: load(False), self.members)

    async def until(self, condition: str) -> None:
        """Wait until a query answers true."""
        async with self.db.connection() as conn:
            while True:
                if await value(conn, condition):
                    return
                await asyncio.sleep(0.1)


def ignore(_progress: TransferProgress) -> None:
    """Nobody watches a benchmark."""


@contextmanager
def served(data_dir: Path, port: int) -> Iterator[None]:
    """`clarion serve` with a plain listener, for the time of the block."""
    command = [sys.executable, "-m", "clarion.cli.main", "serve", "--port", "0", "--http-port", str(port), "--json"]
    process = subprocess.Popen(
        [*command, "--log-level", "warning", "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        if not process.stdout.readline():
            raise SystemExit("The server did not start; the lines above say why.")
        yield
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


@asynccontextmanager
async def prepared(folder: Path, port: int, members: int, batch: int) -> AsyncIterator[Bench]:
    """An application with a person who may call."""
    settings = Settings(data_dir=folder / "data")
    async with opened(settings) as db:
        async with db.transaction() as conn:
            seal = await sealer(settings, conn)
            app, _ = await apps.create_app(conn, seal, PARTNER_ID, Platform.IOS, "Bench")
            person, api_key = await identity.create_person(conn, seal, "bench@shop.example", Role.OPERATOR)
            await apps.grant(conn, app.id, person.id)
        async with V1Client(f"http://127.0.0.1:{port}", "bench@shop.example", api_key) as v1:
            yield Bench(db, app, v1, members, batch, folder)


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def run(members: int, batch: int) -> Table:
    """Everything, on a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as folder:
        port = free_port()
        with served(Path(folder) / "data", port):
            async with prepared(Path(folder), port, members, batch) as bench:
                await bench.run()
                return bench.table


def main() -> None:
    """Parse the arguments, run, show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=50_000, help="users of one request")
    given = parser.parse_args()
    Console(width=140).print(asyncio.run(run(given.members, given.batch)))


if __name__ == "__main__":
    main()
