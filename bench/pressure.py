"""What marketing pressure costs a campaign: the same send without rules and under a ceiling, in turn.

    python bench/pressure.py --devices 1000000 --campaigns 10

Before it, so many campaigns went to the whole base within the period; each device got three in ten of them. The ceiling
is as high as their number, so that it holds nobody back and both sends deliver the same. The gateway takes everything
at once and costs nothing: what is measured is the sender and PostgreSQL, by the processor time of their processes.
PostgreSQL is the embedded one on a temporary folder, as `clarion serve` runs it.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path
from statistics import median

import uvloop
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from clarion.apps import pressure
from clarion.apps import service as apps
from clarion.apps.model import App, Ceiling, Platform, PressureRules
from clarion.audience import predicate as predicates
from clarion.audience import service as audience
from clarion.base.sealing import Sealer
from clarion.base.telemetry import configure
from clarion.content import service as content
from clarion.content.model import Content, MessageDraft
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from clarion.gateways.seam import Done, Fate, Notification, Verdict
from clarion.queue import Worker
from clarion.results.store import freezing
from clarion.results.store.freezing import ChunkOrigin
from clarion.sending import service as sending
from clarion.sending import store
from clarion.sending.model import QUEUE, SendState
from clarion.sending.planning import HIGHEST, LOWEST, Sizes
from clarion.sending.pressure import Pressure
from clarion.sending.worker import Sender

_DELIVERED = Verdict(Fate.DELIVERED)
_CHUNKS = 4


class Sample(Struct, frozen=True):
    """Processor and wall seconds of one send."""

    sender: float
    postgres: float
    seconds: float


class Null:
    """A gateway that delivers everything at once."""

    room = 1_000

    def send(self, _notification: Notification, done: Done) -> None:
        done(_DELIVERED)

    async def wait_room(self) -> None:
        return

    async def aclose(self, _drain: float = 0.0) -> None:
        return


class Bench:
    """One installation with a device base and a period full of campaigns."""

    def __init__(self, db: Database, sealer: Sealer, app: App, postmaster: int) -> None:
        self._db = db
        self._sealer = sealer
        self._app = app
        self._postmaster = postmaster

    @classmethod
    async def begin(cls, db: Database, devices: int, postmaster: int) -> "Bench":
        """An iOS application with so many devices."""
        sealer = Sealer(os.urandom(32))
        async with db.transaction() as conn:
            app, _ = await apps.create_app(conn, sealer, "bench", Platform.IOS, "Bench")
            await conn.execute(
                """
                INSERT INTO clarion.gateway_credential (app_id, kind, secret) VALUES (%s, 'apns', %s)
                """,
                (app.id, sealer.seal(b"{}", f"gateway:{app.id}".encode())),
            )
            await conn.execute(
                """
                INSERT INTO app_1.device (id, udid, token, language)
                SELECT ('x' || substr(md5(n::text), 1, 16))::bit(64)::bigint, n::text, md5(n::text), 'fr'
                FROM generate_series(1, %s) AS n
                """,
                (devices,),
            )
        async with db.connection() as conn:
            await conn.execute("VACUUM (ANALYZE) app_1.device")
        return cls(db, sealer, app, postmaster)

    async def past_campaign(self) -> None:
        """A campaign that three devices in ten got; the bounds of its chunks are those of no other campaign."""
        message_id = await self._message()
        async with self._db.transaction() as conn:
            send_id = await sending.begin(conn, self._app, message_id, test=False)
            scheme = await apps.load_scheme(conn, self._app.id)
            everyone = audience.selection(self._app.id, predicates.parse({"all": []}, scheme))
            origin = ChunkOrigin(self._app.id, send_id, message_id, None)
            size = Sizes().chunk - send_id
            await freezing.insert_chunks(conn, origin, everyone, low=LOWEST, high=HIGHEST, first_no=0, chunk_size=size)
            await conn.execute("DELETE FROM clarion.job")
            await conn.execute(
                """
                UPDATE clarion.send_chunk
                SET started_at = clarion.now(), closed_at = clarion.now(), outcomes = (
                    SELECT decode(string_agg(CASE WHEN random() < 0.3 THEN '02' ELSE '08' END, ''), 'hex')
                    FROM generate_series(1, size))
                WHERE app_id = %s AND send_id = %s
                """,
                (self._app.id, send_id),
            )
            await store.close(conn, self._app.id, send_id, SendState.CLOSED, None)

    async def measured(self, rules: PressureRules) -> Sample:
        """One campaign to everybody under these rules, which leaves no trace in the period."""
        async with self._db.transaction() as conn:
            await pressure.set_rules(conn, self._app.id, rules)
            send_id = await sending.begin(conn, self._app, await self._message(), test=False)
        sender = Sender(self._db, self._sealer, opener=lambda _config: Null())
        stop = asyncio.Event()
        wall, ours, theirs = time.perf_counter(), time.process_time(), self._postgres_seconds()
        worker = Worker(self._db, [QUEUE], sender.handlers(), concurrency=_CHUNKS)
        running = asyncio.create_task(worker.run(stop))
        async with self._db.connection() as conn:
            while True:
                await asyncio.sleep(0.2)
                if await store.state(conn, self._app.id, send_id) is SendState.CLOSED:
                    break
            sample = Sample(time.process_time() - ours, self._postgres_seconds() - theirs, time.perf_counter() - wall)
            counts = await store.totals(conn, self._app.id, send_id)
            assert counts.delivered > 0.999 * counts.total, "the ceiling is for one device in 160,000"
            await conn.execute("UPDATE clarion.send SET kind = 'test' WHERE id = %s", (send_id,))
        stop.set()
        await running
        await sender.aclose()
        return sample

    async def decided(self) -> Sample:
        """The decisions alone, chunk by chunk, one transaction each."""
        async with self._db.connection() as conn:
            rules = await pressure.of(conn, self._app.id)
            found = await conn.execute(
                """
                SELECT min_id, max_id FROM clarion.send_chunk
                WHERE app_id = %s AND send_id = (SELECT max(id) FROM clarion.send) ORDER BY no
                """,
                (self._app.id,),
            )
            bounds = await found.fetchall()
        decision = Pressure(self._app.id, 0, rules)
        wall, ours, theirs = time.perf_counter(), time.process_time(), self._postgres_seconds()
        for low, high in bounds:
            async with self._db.transaction() as conn:
                await decision.crowded(conn, low, high)
        return Sample(time.process_time() - ours, self._postgres_seconds() - theirs, time.perf_counter() - wall)

    async def _message(self) -> int:
        async with self._db.transaction() as conn:
            return await content.create_message(
                conn, self._app, MessageDraft(name="Bench", contents=(Content(text="Hello ${language}"),))
            )

    def _postgres_seconds(self) -> float:
        """User and system time of the connections' processes; they stay open from one measure to the next."""
        ticks = 0
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                    title = (folder / "cmdline").read_bytes()
                except OSError:
                    continue
                if int(fields[1]) == self._postmaster and b"[local]" in title:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


async def run(devices: int, campaigns: int, rounds: int) -> Table:
    """Both sends in turn, a few times; microseconds of processor time a device."""
    plain, ruled, alone = "without rules", f"ceiling, {campaigns} campaigns before", "the decisions alone"
    samples: dict[str, list[Sample]] = {plain: [], ruled: [], alone: []}
    ceiling = PressureRules(Ceiling(campaigns, 86_400))
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "data", role="bench")
        await server.start()
        try:
            await migrate.upgrade(server.conninfo)
            db = await Database.open(server.conninfo)
            bench = await Bench.begin(db, devices, server.pid or 0)
            for _ in range(campaigns):
                await bench.past_campaign()
            async with db.connection() as conn:
                await conn.execute("VACUUM (ANALYZE) clarion.send_chunk")
            for _ in range(rounds):
                samples[plain].append(await bench.measured(PressureRules()))
                samples[ruled].append(await bench.measured(ceiling))
                samples[alone].append(await bench.decided())
            await db.close()
        finally:
            await server.stop()
    return report(samples, devices)


def report(samples: dict[str, list[Sample]], devices: int) -> Table:
    """Medians of what a device and a chunk cost."""
    table = Table(title=f"A campaign to {devices:,} devices, null gateway, µs of CPU a device")
    for name in ("", "sender", "PostgreSQL", "both", "ms of CPU a chunk", "devices/s"):
        table.add_column(name, justify="right" if name else "left")
    each = 1e6 / devices
    for name, runs in samples.items():
        sender, postgres = (median(getattr(run, part) for run in runs) * each for part in ("sender", "postgres"))
        both = median(run.sender + run.postgres for run in runs) * each
        chunk, pace = both * Sizes().chunk / 1000, devices / median(run.seconds for run in runs)
        table.add_row(name, f"{sender:.1f}", f"{postgres:.1f}", f"{both:.1f}", f"{chunk:.1f}", f"{pace:,.0f}")
    return table


def main() -> None:
    """Parse the arguments, run, show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--campaigns", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    configure(json=False, level="error")
    Console().print(uvloop.run(run(given.devices, given.campaigns, given.rounds)))


if __name__ == "__main__":
    main()
