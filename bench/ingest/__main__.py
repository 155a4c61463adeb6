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

from bench.ingest import report
from bench.ingest.load import Load, Work
from bench.ingest.ours import Ours
from bench.ingest.parse import Parse
from bench.ingest.report import Run
from bench.peers import missing

_PEER_SHARE = 4
"""The peer gets a fourth of the requests: it takes longer for each."""
_WARM_UP = 3
_FINE = {200, 201, 204}


class Bench:
    """Both sides with their devices, and what was measured so far."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self._folder = folder
        self._options = options
        self._ours = Ours(folder, options.workers)
        self._parse = Parse(folder)
        self._reported = 0
        self.runs: report.Runs = {}

    async def run(self) -> None:
        """All rounds; each begins with another load."""
        try:
            await self._parse.start(self._options.devices)
            await self._ours.start(self._options.devices)
            loads = self._loads()
            for number in range(self._options.rounds):
                print(f"round {number + 1}, load average {os.getloadavg()[0]:.1f}", file=sys.stderr)
                first = number % len(loads)
                for name, side, requests, each, units in loads[first:] + loads[:first]:
                    run = await self._measure(side, requests, each, units)
                    self.runs.setdefault(name, []).append(run)
                    print(f"  {name}: {run.per_second:,.0f} requests/s", file=sys.stderr)
            await self._check()
        finally:
            await self._ours.stop()
            await self._parse.stop()

    def _loads(self) -> list[tuple[str, Ours | Parse, Iterator[bytes], int, int]]:
        """Name, side, requests, requests a connection, reports a request."""
        ours, parse, each = self._ours, self._parse, self._options.requests
        return [
            (report.PARSE_UPDATES, parse, parse.updates(), each // _PEER_SHARE, 0),
            (report.UPDATES, ours, ours.updates(), each, 0),
            (report.PARSE_CREATIONS, parse, parse.creations(), each // _PEER_SHARE, 0),
            (report.CREATIONS, ours, ours.creations(), each, 0),
            (report.TENS, ours, ours.reports(10), each, 10),
            (report.SINGLES, ours, ours.reports(1), each, 1),
        ]

    async def _measure(self, side: Ours | Parse, requests: Iterator[bytes], each: int, units: int) -> Run:
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
        self._reported += number * units
        server, database = ((b - a) / number * 1e6 for a, b in zip(before, after, strict=True))
        return Run.of(load.seconds, load.took, server, database)

    async def _check(self) -> None:
        """Every report that was acknowledged is an event."""
        events = await self._ours.events()
        if events != self._reported:
            raise RuntimeError(f"{self._reported} reports were acknowledged, {events} events are recorded")


def main() -> int:
    """Returns the exit status: 2 when something is not installed."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--devices", type=int, default=2_000, help="devices that are there before")
    parser.add_argument("--connections", type=int, default=64, help="connections, each with one request in flight")
    parser.add_argument("--requests", type=int, default=60, help="requests of a connection in a run; the peer's: a 4th")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each load, interleaved")
    parser.add_argument("--workers", type=int, default=1, help="our api processes")
    parser.add_argument("--quick", action="store_true", help="a small run that writes nothing")
    options = parser.parse_args()
    if options.quick:
        options.devices, options.requests, options.rounds = 200, 20, 1
    if lacks := missing(node=["parse-server", "express", "@parse/fs-files-adapter"]):
        print("This bench needs, and does not find:", *lacks, sep="\n  - ", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL has an account of its own
        bench = Bench(folder, options)
        uvloop.run(bench.run())
    print(report.table(bench.runs))
    if not options.quick:
        report.write(bench.runs, options.connections, options.devices, options.workers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
