"""`python -m tests.faults`: sends under every fault, and one table of how each came out.

It ends with 1 when a run was not exact, and with 0 when all were, those told as NOT RUN aside.
"""

import argparse
import asyncio
import logging
import os
import platform
import sys
import tempfile
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console

from clarion.base import telemetry
from tests.faults import table
from tests.faults.catalogue import RUNS, made
from tests.faults.row import Row
from tests.faults.sizes import DESK, NIGHTLY, QUICK, Size
from tests.faults.stage import set_stage, stub_gateways


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", action="append", choices=sorted(RUNS), help="this run; may be given several times")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", action="store_const", dest="size", const=QUICK, help="as small as in the suite")
    sizes.add_argument("--nightly", action="store_const", dest="size", const=NIGHTLY, help="in full, for hours")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random choices (1)")
    parser.add_argument("--kills", type=int, help="kills for each guarantee, instead of the size's own")
    parser.add_argument("--sends", type=int, help="sends that the kills are divided among, likewise")
    parser.add_argument("--devices", type=int, help="devices of each send, likewise")
    parser.add_argument("--write", action="store_true", help=f"put the table into {table.DOCUMENT.name}")
    options = parser.parse_args()
    size: Size = replace(options.size or DESK, seed=options.seed)
    if options.kills is not None:
        size = replace(size, kills=options.kills)
    if options.sends is not None:
        size = replace(size, kill_sends=options.sends)
    if options.devices is not None:
        size = replace(size, devices=options.devices, kill_devices=options.devices)
    telemetry.configure(json=False, level="warning")
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # databases go away here
    console = Console() if sys.stdout.isatty() else Console(width=240)
    with tempfile.TemporaryDirectory(prefix="clarion-faults-") as folder:
        Path(folder).chmod(0o755)
        rows = asyncio.run(_all(Path(folder), options.only or list(RUNS), size, console))
    console.print(table.for_terminal(rows))
    if options.write:
        conditions = f"Python {platform.python_version()}, {os.cpu_count()} cores, seed {size.seed}"
        table.write(rows, size, conditions)
    return 1 if any(row.faults for row in rows) else 0


async def _all(folder: Path, names: list[str], size: Size, console: Console) -> list[Row]:
    rows = []
    async with (
        stub_gateways(folder / "stub") as stub,
        set_stage(folder / "data", stub, senders=size.senders, within=size.send_within) as stage,
    ):
        for name in RUNS:
            if name in names:
                console.print(f"{name} ...", end=" ")
                rows.append(await made(name, stage, size))
                told = rows[-1].not_run or "; ".join(rows[-1].faults) or "exact"
                console.print(f"{told} ({rows[-1].did}, {rows[-1].doubles} doubles, {rows[-1].seconds:.0f} s)")
    return rows


if __name__ == "__main__":
    sys.exit(main())
