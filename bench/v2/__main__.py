"""The command: start both sides, load them in turn, report."""

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import uvloop

from bench.ingest.load import Load, Work
from bench.ingest.report import Run
from bench.peers import missing
from bench.v2 import report
from bench.v2.ours import Ours
from bench.v2.plain import Plain

_WARM_UP = 5
_FINE = {200, 201}


class Bench:
    """Both sides with their accounts, and what was measured so far."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._folder = folder
        self._options = options
        self._ours = Ours(folder)
        self._plain = Plain(folder)
        self.runs: report.Runs = {}

    async def run(self) -> None:
        """All rounds; each begins with another load."""
        try:
            await self._plain.start(self._options.accounts)
            await self._ours.start(self._options.accounts)
            loads = self._loads()
            for number in range(self._options.rounds):
                print(f"round {number + 1}, load average {os.getloadavg()[0]:.1f}", file=sys.stderr)
                first = 2 * number % len(loads)
                for name, side, requests in loads[first:] + loads[:first]:
                    run = await self._measure(side, requests)
                    self.runs.setdefault(name, []).append(run)
                    print(f"  {name}: {run.per_second:,.0f} requests/s", file=sys.stderr)
        finally:
            await self._ours.stop()
            await self._plain.stop()

    def _loads(self) -> list[tuple[str, Ours | Plain, Iterator[bytes]]]:
        """Name, side and requests; the two sides of a load follow each other."""
        loads: list[tuple[str, Ours | Plain, Iterator[bytes]]] = []
        for name in report.LOADS:
            for side in (self._plain, self._ours):
                requests = {
                    report.SINGLES: side.singles,
                    report.LISTS: side.lists,
                    report.CREATIONS: side.creations,
                    report.UPDATES: side.updates,
                }[name]()
                loads.append((name if side is self._ours else report.plain(name), side, requests))
        return loads

    async def _measure(self, side: Ours | Plain, requests: Iterator[bytes]) -> Run:
        each = self._options.requests
        shares = [list(itertools.islice(requests, _WARM_UP + each)) for _ in range(self._options.connections)]
        work = self._folder / "work"
        work.write_bytes(msgspec.msgpack.encode(Work("127.0.0.1", side.port, shares, _WARM_UP)))
        before = side.processor()
        command = [sys.executable, "-m", "bench.ingest.load", str(work)]
        client = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        output, _ = await client.communicate()
        after = side.processor()
        load = msgspec.json.decode(output, type=Load)
        if not load.statuses.keys() <= _FINE or len(load.took) != each * len(shares):
            raise RuntimeError(f"{side.name} answered {load.statuses}")
        number = sum(map(len, shares))
        server, database = ((b - a) / number * 1e6 for a, b in zip(before, after, strict=True))
        return Run.of(load.seconds, load.took, server, database)


def main() -> int:
    """Returns the exit status: 2 when something is not installed."""
    parser = argparse.ArgumentParser(prog="python -m bench.v2", description=__doc__)
    parser.add_argument("--accounts", type=int, default=2_000, help="accounts that are there before")
    parser.add_argument("--connections", type=int, default=16, help="connections, each with one request in flight")
    parser.add_argument("--requests", type=int, default=200, help="requests of a connection in a run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each load, interleaved")
    parser.add_argument("--quick", action="store_true", help="a small run that writes nothing")
    options = parser.parse_args()
    if options.quick:
        options.accounts, options.requests, options.rounds = 500, 20, 1
    if lacks := missing(python=["fastapi", "sqlalchemy", "asyncpg", "uvicorn", "uvloop", "httptools"]):
        print("This bench needs, and does not find:", *lacks, sep="\n  - ", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL has an account of its own
        bench = Bench(folder, options)
        uvloop.run(bench.run())
    print(report.table(bench.runs))
    if not options.quick:
        report.write(bench.runs, options.connections, options.accounts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
