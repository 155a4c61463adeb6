"""How fast a device base loads: makes a CSV file of devices, imports it twice (new, then known) and exports it.

    python bench/import_devices.py --devices 200000

PostgreSQL is the embedded one on a temporary folder, as `clarion serve` runs it, unless `--database-url` names another:
there a fresh database is made, and dropped at the end.
"""

import argparse
import asyncio
import hashlib
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, Platform
from clarion.base.sealing import Sealer
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from clarion.devices import transfer
from clarion.devices.model import TransferProgress

HEADER = (
    "UDID;token;clientId;language;countryCode;model;version;bundleversion;firstopen;lastopen;opencount;"
    "system_optin_notifs"
)


def write_devices(file: Path, devices: int) -> None:
    """A file of `devices` lines with 12 columns, the same for the same number."""
    chance = random.Random(7)
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(HEADER + "\r\n")
        for number in range(devices):
            seed = hashlib.sha256(str(number).encode()).hexdigest()
            udid = f"{seed[:8]}-{seed[8:12]}-4{seed[12:15]}-8{seed[15:18]}-{seed[18:30]}".upper()
            day = f"2026-{chance.randint(1, 9):02}-{chance.randint(1, 28):02}"
            out.write(
                f'"{udid}";"{seed}";"C-{number}";"{chance.choice(("fr", "en", "de", "pt-BR"))}";'
                f'"{chance.choice(("FR", "GB", "DE"))}";"Pixel {chance.randint(4, 11)}";"{chance.randint(9, 17)}";'
                f'"4.{chance.randint(0, 30)}.1";"{day} 08:00:00";"{day} 21:{chance.randint(10, 59)}:07";'
                f'"{chance.randint(1, 500)}";"{chance.choice("YYYN")}"\r\n'
            )


async def measured(name: str, devices: int, table: Table, work: Callable[[], Awaitable[object]]) -> None:
    """One line of the table: wall and processor seconds of this process, devices a second."""
    wall, processor = time.perf_counter(), time.process_time()
    await work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    table.add_row(name, f"{devices:,}", f"{wall:.1f}", f"{processor:.1f}", f"{devices / wall:,.0f}")


async def run(conninfo: str, devices: int) -> Table:
    """Import, import again, export."""
    table = Table(title="Device base as CSV, 12 columns, one of them indexed")
    for name in ("step", "devices", "seconds", "of which our CPU", "devices/s"):
        table.add_column(name, justify="left" if name == "step" else "right")
    await migrate.upgrade(conninfo)
    db = await Database.open(conninfo)
    with tempfile.TemporaryDirectory() as folder:
        file, rejects, out = (Path(folder) / name for name in ("in.csv", "rejects.csv", "out.csv"))
        await asyncio.to_thread(write_devices, file, devices)
        app = await new_app(db)

        async def load() -> None:
            result = await transfer.import_csv(db, app, file, rejects=rejects, progress=ignore)
            assert (result.written, result.rejected) == (devices, 0), result

        async def unload() -> None:
            assert await transfer.export_csv(db, app, out, None, ignore) == devices

        await measured("import, new devices", devices, table, load)
        await measured("import, known devices", devices, table, load)
        await measured("export, all columns", devices, table, unload)
    await db.close()
    return table


async def new_app(db: Database) -> App:
    """An application with one indexed column of its own. Its index is built at once, as it is for an old base."""
    async with db.transaction() as conn:
        app, _ = await apps.create_app(conn, Sealer(os.urandom(32)), "bench", Platform.IOS, "Bench")
        await apps.add_column(conn, app, "clientId", ColumnKind.TEXT, indexed=True)
        await conn.execute("CREATE INDEX device_c1 ON app_1.device (c1)")
    return app


def ignore(_progress: TransferProgress) -> None:
    """Nobody watches a benchmark."""


async def run_embedded(devices: int) -> Table:
    """The same on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "data", role="bench")
        await server.start()
        try:
            return await run(server.conninfo, devices)
        finally:
            await server.stop()


def run_beside(url: str, devices: int) -> Table:
    """The same in a fresh database of a server that is there."""
    name = sql.Identifier(f"clarion_bench_{os.getpid()}")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            return asyncio.run(run(make_conninfo(url, dbname=f"clarion_bench_{os.getpid()}"), devices))
        finally:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def main() -> None:
    """Parse the arguments, run, show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url")
    parser.add_argument("--devices", type=int, default=1_000_000)
    given = parser.parse_args()
    if given.database_url:
        table = run_beside(given.database_url, given.devices)
    else:
        table = asyncio.run(run_embedded(given.devices))
    Console().print(table)


if __name__ == "__main__":
    main()
