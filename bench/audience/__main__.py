"""The command: make a base, count in turn, change devices, refresh, report. Everything lies in a temporary folder."""

import argparse
import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from psycopg import sql

from bench.audience import report
from bench.audience.base import Base, made
from clarion.apps.model import Column
from clarion.audience import predicate as predicates
from clarion.audience.snapshot import service as counting
from clarion.audience.snapshot import worker
from clarion.audience.snapshot.store import changes, state
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from clarion.db.sql import app_table, execute, value, values
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, Value
from clarion.queue import Job, Lease
from clarion.queue.store import claim

_CHANGED = 10_000
_BATCH = 1000
_BATCHES = 20


async def job(base: Base, folder: Path) -> float:
    """Do the one job that keeps the snapshot; its seconds."""
    async with base.db.connection() as conn:
        await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp() WHERE kind = %s", (worker.SNAPSHOT,))
        held, *_ = [
            each
            for each in (Job(*row) for row in await claim(conn, ["default"], 10, 3600.0))
            if each.kind == worker.SNAPSHOT
        ]
    began = time.perf_counter()
    await worker.maker(base.db, folder)(Lease(held, asyncio.Event()))
    return time.perf_counter() - began


async def _keep(base: Base, folder: Path, over: asyncio.Event) -> None:
    while not over.is_set():
        await job(base, folder)
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), 10)


async def counts(base: Base, folder: Path, rounds: int, *only: str) -> dict[str, Any]:
    """What a process of its own measured, while the snapshot is kept as a server keeps it; SQL must agree with it."""
    questions = {name: predicates.dump(each) for name, each in base.predicates().items() if not only or name in only}
    order = {
        "conninfo": base.db.conninfo,
        "app_id": base.app.id,
        "folder": str(folder),
        "rounds": rounds,
        "questions": questions,
    }
    over = asyncio.Event()
    keeping = asyncio.create_task(_keep(base, folder, over))
    try:
        run = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "bench.audience.reader"],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
    finally:
        over.set()
        await keeping
    found: dict[str, Any] = json.loads(run.stdout)
    for name, numbers in found["numbers"].items():
        if found["sources"][name] == "snapshot" and "days" not in json.dumps(questions[name]):
            assert numbers["sql"] == numbers["people"], name
        assert abs(numbers["sql"] - numbers["people"]) <= numbers["sql"] // 100, (name, numbers)
    return found


async def change(base: Base, count: int) -> None:
    """Openings of so many devices, chosen at random."""
    device = app_table(base.app.id, "device")
    async with base.db.transaction() as conn:
        low = random.getrandbits(60)
        ids = await values(
            conn, sql.SQL("SELECT id FROM {} WHERE id > %s ORDER BY id LIMIT %s").format(device), (low, count)
        )
        query = sql.SQL("UPDATE {} SET opencount = opencount + 1, lastopen = clarion.now() WHERE id = ANY(%s)")
        assert await execute(conn, query.format(device), (ids,)) == count


async def writing(base: Base, rounds: int) -> dict[str, list[float]]:
    """Devices a second through the one way in, with changes noted and not, in turn."""
    points, language = base.scheme.find("points"), base.scheme.find("language")
    assert points is not None
    assert language is not None
    async with base.db.connection() as conn:
        device = app_table(base.app.id, "device")
        udids = await values(conn, sql.SQL("SELECT udid FROM {} LIMIT %s").format(device), (_BATCH * _BATCHES,))
    paces: dict[str, list[float]] = {"noted": [], "not noted": []}
    for number in range(rounds + 1):
        for way in ("noted", "not noted"):
            async with base.db.transaction() as conn:
                await (
                    changes.follow(conn, base.app.id, "bench") if way == "noted" else changes.leave(conn, base.app.id)
                )
            began = time.perf_counter()
            for start in range(0, len(udids), _BATCH):
                fields: dict[Column, Value] = {points: number, language: "fr"}
                records = [DeviceRecord(udid, fields) for udid in udids[start : start + _BATCH]]
                async with base.db.transaction() as conn:
                    await devices.upsert(conn, base.app, records)
            if number:
                paces[way].append(len(udids) / (time.perf_counter() - began))
    return paces


def _hearing(heard: list[tuple[int, int]]) -> counting.Progress:
    async def hear(done: int, total: int) -> None:
        heard.append((done, total))

    return hear


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


async def pieces(base: Base) -> dict[str, list[float]]:
    """SQL with progress: seconds and the reports heard, for conditions of each kind."""
    told: dict[str, list[float]] = {}
    for name in ("five conditions", "with a list", "opened twice in 21 days", "on a list, or no opening"):
        heard: list[tuple[int, int]] = []
        began = time.perf_counter()
        await counting.count(base.db, None, base.app.id, base.predicates()[name], progress=_hearing(heard))
        told[name] = [time.perf_counter() - began, len(heard)]
    return told


async def measure(db: Database, folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """All figures of one size."""
    began = time.perf_counter()
    base = await made(db, count)
    print(f"{count:,} devices made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    async with db.transaction() as conn:
        await worker.order(conn, base.app.id)
    build = await job(base, folder)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(f"snapshot made in {build:.1f} s", file=sys.stderr)
    found = await counts(base, folder, rounds)
    refreshes = []
    for _ in range(rounds):
        await change(base, _CHANGED)
        refreshes.append(await job(base, folder))
    five = base.predicates()["five conditions"]
    after = await counting.count(db, folder, base.app.id, five)
    async with db.connection() as conn:
        generation = (await state.look(conn, base.app.id)).generation
        table = await value(
            conn, "SELECT pg_table_size(%s::regclass)", (app_table(base.app.id, "device").as_string(conn),)
        )
    assert after.source == "snapshot", generation
    again = await counts(base, folder, rounds, "five conditions")
    return {
        "devices": count,
        "counts": found,
        "counts_after_refreshes": again,
        "build_seconds": build,
        "build_peak_bytes": peak,
        "snapshot_bytes": _size(folder),
        "table_bytes": table,
        "refresh_seconds": refreshes,
        "sql_with_progress": await pieces(base),
        "writes_per_second": await writing(base, rounds),
    }


async def run(count: int, rounds: int) -> dict[str, Any]:
    """One size on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as name:
        server = EmbeddedServer(Path(name) / "data", role="bench")
        await server.start()
        try:
            await migrate.upgrade(server.conninfo)
            db = await Database.open(server.conninfo)
            try:
                return await measure(db, Path(name) / "snapshots", count, rounds)
            finally:
                await db.close()
        finally:
            await server.stop()


def main() -> None:
    """Parse the arguments, run each size, show and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.audience", description=__doc__)
    parser.add_argument("--devices", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="a small run that writes nothing")
    given = parser.parse_args()
    sizes, rounds = ([400_000], 2) if given.quick else (given.devices, given.rounds)
    results = [asyncio.run(run(count, rounds)) for count in sizes]
    print(report.table(results))
    if not given.quick:
        report.write(results, rounds)


if __name__ == "__main__":
    main()
