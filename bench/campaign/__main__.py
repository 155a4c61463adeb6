"""The command: check what is installed, start the sink and both sides, broadcast in turn, report."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from bench import peers
from bench.campaign import growth, report
from bench.campaign.ours import Ours, Sample
from bench.campaign.parse import Parse
from bench.delivery.sink import nginx_program, running_sink
from clarion.base.authority import CA_FILE
from clarion.base.telemetry import configure


def main() -> int:
    """Returns the exit status: 2 when something is not installed."""
    parser = argparse.ArgumentParser(prog="python -m bench.campaign", description=__doc__)
    parser.add_argument("--devices", type=int, default=20_000, help="devices of a broadcast")
    parser.add_argument("--rounds", type=int, default=5, help="broadcasts of each side, interleaved")
    parser.add_argument("--growth", action="store_true", help="ours alone, with more and more devices")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="for --growth")
    parser.add_argument("--quick", action="store_true", help="a small run that writes nothing")
    options = parser.parse_args()
    lacks = [] if options.growth else peers.missing(node=["parse-server", "@parse/push-adapter"])
    if nginx_program() is None:
        lacks.append("nginx (Debian: apt install nginx-light)")
    if lacks:
        print("This bench needs, and does not find:", *lacks, sep="\n  - ", file=sys.stderr)
        return 2
    configure(json=False, level="error")
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "sink").mkdir()
        with running_sink(folder / "sink", streams=1000) as port:
            sink = (port, folder / "sink" / CA_FILE)
            if options.growth:
                points = asyncio.run(grow(folder, sink, [2_000, 4_000] if options.quick else options.sizes))
                print(growth.table(points))
                if not options.quick:
                    growth.write(points)
                return 0
            devices, rounds = (2_000, 2) if options.quick else (options.devices, options.rounds)
            samples = asyncio.run(compare(folder, sink, devices, rounds))
    print(report.table(samples, devices))
    if not options.quick:
        report.write(samples, devices)
    return 0


async def compare(folder: Path, sink: tuple[int, Path], devices: int, rounds: int) -> report.Samples:
    """Both sides in turn; the first broadcast of each, which opens connections and fills caches, does not count."""
    sides: list[Ours | Parse] = [Ours(folder, *sink), Parse(folder, *sink)]
    samples: report.Samples = {side.name: [] for side in sides}
    try:
        for side in sides:
            await side.start(devices)
            await side.broadcast()
        for number in range(rounds):
            for side in sides if number % 2 == 0 else sides[::-1]:
                sample = await side.broadcast()
                samples[side.name].append(sample)
                told(f"round {number + 1}: {side.name}", devices, sample)
    finally:
        for side in sides:
            await side.stop()
    return samples


async def grow(folder: Path, sink: tuple[int, Path], sizes: list[int]) -> list[growth.Point]:
    """One installation whose base grows from broadcast to broadcast."""
    ours, points = Ours(folder, *sink), []
    try:
        await ours.start(sizes[0])
        await ours.broadcast()
        for devices in sizes:
            await ours.grow(devices)
            sample = await ours.broadcast()
            points.append(growth.Point(devices, sample, await ours.database_bytes()))
            told(f"{devices:,} devices", devices, sample)
    finally:
        await ours.stop()
    return points


def told(title: str, devices: int, sample: Sample) -> None:
    """Progress."""
    print(f"{title}: {sample.delivered:,} of {devices:,} in {sample.seconds:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
