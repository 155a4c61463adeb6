"""`python -m tests.contract.fuzz`: a fresh installation, and schemathesis on all of `/v1` with every request signed, or
with `--surface v2` on what is built of `/v2`, over HTTPS.

All phases (examples, coverage, fuzzing, stateful) in 10 minutes. Fails on a 5xx other than the documented one, an
undocumented status, a media type, header or body that breaks the contract.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.contract.fuzz.run import PHASES, run


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.contract.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=600, help="how long in all (600)")
    parser.add_argument("--phases", default=",".join(PHASES), help=f"which phases ({','.join(PHASES)})")
    parser.add_argument("--seed", type=int, default=1, help="seed of the generated cases (1)")
    parser.add_argument("--examples", type=int, default=100, help="cases an operation in a round of fuzzing (100)")
    parser.add_argument("--surface", choices=("v1", "v2"), default="v1", help="which surface (v1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clarion-fuzz-") as folder:
        Path(folder).chmod(0o755)
        work = run(
            Path(folder),
            seconds=options.seconds,
            phases=options.phases.split(","),
            seed=options.seed,
            examples=options.examples,
            surface=options.surface,
        )
        return asyncio.run(work)


if __name__ == "__main__":
    sys.exit(main())
