"""The command: check what is installed, start the sink, run the clients in turn, report."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from bench.delivery import report
from bench.delivery.clients import CLIENTS, Client, missing
from bench.delivery.sink import running_sink
from bench.delivery.work import Work


def main() -> int:
    """Returns the exit status: 2 when something is not installed."""
    parser = argparse.ArgumentParser(prog="python -m bench.delivery", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="requests in each run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each client, interleaved")
    parser.add_argument("--streams", type=int, default=500, help="requests in flight")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these clients only; nothing is written")
    parser.add_argument("--quick", action="store_true", help="a small run that writes nothing")
    options = parser.parse_args()
    if lacks := missing():
        print("This bench needs, and does not find:", *lacks, sep="\n  - ", file=sys.stderr)
        return 2
    requests, rounds = (3_000, 2) if options.quick else (options.requests, options.rounds)
    clients = [client for client in CLIENTS if not options.only or client.name in options.only]
    samples: report.Samples = {client.name: [] for client in clients}
    with tempfile.TemporaryDirectory() as name, running_sink(Path(name), streams=1000) as port:
        work = Work(Path(name), port, requests, options.streams)
        work.write_files()
        for number in range(rounds):
            measure_round(work, number, clients, samples)
    if not options.only:
        print(report.tables(samples))
    if not options.quick and not options.only:
        report.write(samples, requests, options.streams)
    return 0


def measure_round(work: Work, number: int, clients: Sequence[Client], samples: report.Samples) -> None:
    """Each client once; every round begins with another one."""
    first = number % len(clients)
    for client in [*clients[first:], *clients[:first]]:
        own = replace(work, requests=work.requests // client.part)
        sample = client.measure(own)
        if sample.answered != own.requests:
            raise RuntimeError(f"{client.name}: {sample.answered} of {own.requests} requests were answered with 200")
        samples[client.name].append(sample)
        cost = report.cpu(sample)
        print(f"round {number + 1}: {client.name} {cost:.1f} µs a request", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
