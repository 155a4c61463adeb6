"""What it costs to tell a device which in-apps and alarms are for it: warm, and with everything read and compiled anew.

    python bench/serving.py --messages 200 --segments 50

Segments mix columns, texts, events and static lists; every message names one to three of them. PostgreSQL is the
embedded one on a temporary folder, as `clarion serve` runs it.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.audience import service as audience
from clarion.base.sealing import Sealer
from clarion.content.triggered import service as triggered
from clarion.content.triggered.model import InAppContent, InAppDraft, Popup, PopupButton, Triggers
from clarion.content.triggered.serving import Serving
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, Value, device_id

_LANGUAGES = ("fr", "en", "de", "es")
_MEMBERS = "INSERT INTO app_1.list_member (list_id, device_id) SELECT %s, id FROM app_1.device"
_EVENTS = """
    INSERT INTO clarion.event (app_id, ts, occurred_at, device_id, kind, code)
    SELECT %s, clarion.now(), clarion.now(), id, 10, n FROM app_1.device, generate_series(1001, 1005) AS n
"""


async def fill(db: Database, app: App, number: int) -> None:
    """So many devices, each with five events."""
    chance = random.Random(7)
    async with db.transaction() as conn:
        scheme = await apps.load_scheme(conn, app.id)
        columns = [scheme.find(name) for name in ("language", "countryCode", "opencount", "bundleversion")]
        for start in range(0, number, 1000):
            records = []
            for n in range(start, start + 1000):
                drawn: list[Value] = [chance.choice(_LANGUAGES), "FR", chance.randint(0, 99), f"4.{n % 10}"]
                values = {column: value for column, value in zip(columns, drawn, strict=True) if column is not None}
                records.append(DeviceRecord(f"device-{n}", values))
            await devices.upsert(conn, app, records)
        await conn.execute("SELECT clarion.ensure_event_partition(clarion.now())")
        await conn.execute(_EVENTS, (app.id,))


async def offer(db: Database, app: App, messages: int, segments: int) -> None:
    """So many active in-apps, for one to three of so many segments each."""
    chance = random.Random(7)
    content = InAppContent(Popup("Hello ${firstname}", "A text of some length. " * 8, (PopupButton("Later"),)))
    async with db.transaction() as conn:
        scheme = await apps.load_scheme(conn, app.id)
        ids = []
        for number in range(segments):
            parts: list[dict[str, Any]] = [
                {"column": "language", "op": "in", "value": chance.sample(_LANGUAGES, 2)},
                {"column": "opencount", "op": "gte", "value": chance.randint(0, 99)},
            ]
            if number % 5 == 0:
                listed = await audience.create_list(conn, app.id, f"list {number}")
                await conn.execute(_MEMBERS, (listed.id,))
                parts.append({"not": {"list": listed.id}})
            if number % 5 == 1:
                parts.append({"event": {"kind": "custom", "code": 1001 + number % 5, "count": 1, "days": 30}})
            if number % 5 == 2:
                parts.append({"column": "bundleversion", "op": "starts", "value": "4."})
            document = {"any" if number % 2 else "all": parts}
            ids.append((await audience.create_segment(conn, app.id, scheme, f"segment {number}", document)).id)
        for number in range(messages):
            draft = InAppDraft(
                name=f"message {number}",
                contents=(content,),
                campaign_segments=tuple(chance.sample(ids, chance.randint(1, 3))),
                triggers=Triggers(priority=chance.randint(0, 5)),
            )
            await triggered.create(conn, app, draft, active=True)


async def serve(db: Database, app: App, oldest: float, number: int, known: int) -> tuple[list[float], float, int]:
    """Wall milliseconds of each of `number` devices, our processor milliseconds a device, messages they got."""
    serving = Serving(oldest=oldest)
    chance = random.Random(8)
    took: list[float] = []
    got = 0
    async with db.connection() as conn:
        for n in range(number + 20):
            if n == 20:
                processor, took, got = time.process_time(), [], 0
            asked = device_id(app.id, f"device-{chance.randrange(known)}")
            before = time.perf_counter()
            got += len(await serving.for_device(conn, app, asked))
            took.append((time.perf_counter() - before) * 1e3)
    return took, (time.process_time() - processor) * 1e3 / number, got


async def run(conninfo: str, given: argparse.Namespace) -> Table:
    """Fill, then serve warm and cold."""
    await migrate.upgrade(conninfo)
    db = await Database.open(conninfo)
    async with db.transaction() as conn:
        app, _ = await apps.create_app(conn, Sealer(os.urandom(32)), "bench", Platform.IOS, "Bench")
    await fill(db, app, given.devices)
    await offer(db, app, given.messages, given.segments)
    async with db.connection() as conn:
        await conn.execute("ANALYZE")
    table = Table(title=f"{given.messages} active messages, {given.segments} segments, {given.devices:,} devices")
    for name in ("plan", "ms a device, median", "p95", "of which our CPU", "messages a device"):
        table.add_column(name, justify="left" if name == "plan" else "right")
    for name, oldest, number in (("kept", 1e9, 1000), ("made anew each time", 0.0, 100)):
        took, processor, got = await serve(db, app, oldest, number, given.devices)
        table.add_row(
            name,
            f"{median(took):.2f}",
            f"{quantiles(took, n=20)[-1]:.2f}",
            f"{processor:.2f}",
            f"{got / number:.0f}",
        )
    await db.close()
    return table


async def run_embedded(given: argparse.Namespace) -> Table:
    """On a server of its own."""
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "data", role="bench")
        await server.start()
        try:
            return await run(server.conninfo, given)
        finally:
            await server.stop()


def main() -> None:
    """Parse the arguments, run, show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200)
    parser.add_argument("--segments", type=int, default=50)
    parser.add_argument("--devices", type=int, default=50_000)
    Console().print(asyncio.run(run_embedded(parser.parse_args())))


if __name__ == "__main__":
    main()
