"""The command: check what is installed, start the sink, run the clients in turn, report."""

import argparse
import sys
import tempfile
from pathlib import Path

from bench.webpush import report
from bench.webpush.clients import CLIENTS, Work, missing
from bench.webpush.sink import running_sink


def main() -> int:
    """Returns the exit status: 2 when something is not installed."""
    parser = argparse.ArgumentParser(prog="python -m bench.webpush", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="notifications in each run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each client, interleaved")
    parser.add_argument("--subscriptions", type=int, default=2_000, help="subscriptions, each with keys of its own")
    parser.add_argument("--quick", action="store_true", help="a small run that writes nothing")
    options = parser.parse_args()
    if lacks := missing():
        print("This bench needs, and does not find:", *lacks, sep="\n  - ", file=sys.stderr)
        return 2
    requests, rounds = (2_000, 2) if options.quick else (options.requests, options.rounds)
    samples: report.Samples = {name: [] for name in CLIENTS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_sink(folder) as port:
            work = Work(folder, port, requests, options.subscriptions)
            work.write_file()
            for number in range(rounds):
                measure_round(work, number, samples)
    print(report.table(samples, requests))
    if not options.quick:
        report.write(samples, requests, options.subscriptions)
    return 0


def measure_round(work: Work, number: int, samples: report.Samples) -> None:
    """Each client once; every round begins with another one."""
    names = list(CLIENTS)
    first = number % len(names)
    for name in names[first:] + names[:first]:
        sample = CLIENTS[name](work)
        if sample.answered != work.requests:
            raise RuntimeError(f"{name}: {sample.answered} of {work.requests} notifications were answered with 201")
        samples[name].append(sample)
        cost = report.whole(sample) / work.requests * 1e6
        print(f"round {number + 1}: {name} {cost:.1f} µs a notification", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
