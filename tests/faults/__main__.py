"""`python -m tests.faults`: the long fault run, with a table of what was killed and how each send ended."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from clarion.base import telemetry
from tests.faults.kills import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="processes to kill with SIGKILL in all (20)")
    parser.add_argument("--devices", type=int, default=20_000, help="devices of each send (20000)")
    parser.add_argument("--rate", type=int, default=1_500, help="notifications a second that the stub answers (1500)")
    parser.add_argument("--senders", type=int, default=2, help="sender processes (2)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random choices (1)")
    options = parser.parse_args()
    telemetry.configure(json=False, level="warning")
    console = Console()
    with tempfile.TemporaryDirectory(prefix="clarion-faults-") as folder:
        Path(folder).chmod(0o755)
        done = asyncio.run(run(Path(folder), **vars(options)))
    table = Table("send", "audience", "delivered", "refused", "suppressed", "expired", "unknown", "doubles", "exact")
    wrong = 0
    for number, account in enumerate(done.accounts, 1):
        faults = account.faults(options.devices)
        wrong += bool(faults)
        figures = (account.counted[name] for name in ("delivered", "refused", "suppressed", "expired", "unknown"))
        table.add_row(
            str(number), str(account.audience), *map(str, figures), str(account.doubles), "; ".join(faults) or "yes"
        )
    console.print(table)
    console.print("killed:", ", ".join(f"{name} {number}" for name, number in sorted(done.kills.items())))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
