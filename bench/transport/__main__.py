"""The command: check what is installed, start the sink, run the clients in turn, report."""

import argparse
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from bench.transport import report
from bench.transport.clients import CLIENTS, Work, missing
from bench.transport.sink import running_sink
from clarion.base.authority import private_pem

_TOKEN = "eyJhbGciOiJFUzI1NiIsImtpZCI6IkFCQzEyM0RFRkcifQ." + "x" * 60 + "." + "y" * 86  # as long as a provider token


def main() -> int:
    """Returns the exit status: 2 when something is not installed."""
    parser = argparse.ArgumentParser(prog="python -m bench.transport", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="requests in each run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each client, interleaved")
    parser.add_argument("--streams", type=int, default=500, help="requests in flight")
    parser.add_argument("--quick", action="store_true", help="a small run that writes nothing")
    options = parser.parse_args()
    if lacks := missing():
        print("This bench needs, and does not find:", *lacks, sep="\n  - ", file=sys.stderr)
        return 2
    requests, rounds = (3_000, 2) if options.quick else (options.requests, options.rounds)
    samples: report.Samples = {name: [] for name in CLIENTS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "apns.p8").write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))
        with running_sink(folder, streams=1000) as port:
            work = Work(folder, port, requests, options.streams, _TOKEN)
            work.write_files()
            for number in range(rounds):
                measure_round(work, number, samples)
    print(report.table(samples, requests))
    if not options.quick:
        report.write(samples, requests, options.streams)
    return 0


def measure_round(work: Work, number: int, samples: report.Samples) -> None:
    """Each client once; every round begins with another one."""
    names = list(CLIENTS)
    first = number % len(names)
    for name in names[first:] + names[:first]:
        sample = CLIENTS[name](work)
        if sample.answered != work.requests:
            raise RuntimeError(f"{name}: {sample.answered} of {work.requests} requests were answered with 200")
        samples[name].append(sample)
        print(f"round {number + 1}: {name} {report.cpu(sample, work.requests):.1f} µs a request", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
