"""A process that does nothing but count, for its times and its memory: SQL and snapshot in turn."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from clarion.apps import service as apps
from clarion.audience import predicate as predicates
from clarion.audience.snapshot import service as counting
from clarion.db.pool import Database


def private_memory() -> int:
    """Bytes of this process that it shares with nobody and no file."""
    text = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("RssAnon"))


async def read(order: dict[str, Any]) -> dict[str, Any]:
    """`rounds` of all questions, each by SQL and then as people count; the first round is not told."""
    db = await Database.open(order["conninfo"])
    async with db.connection() as conn:
        scheme = await apps.load_scheme(conn, order["app_id"])
    asked = {name: predicates.parse(document, scheme) for name, document in order["questions"].items()}
    times: dict[str, dict[str, list[float]]] = {name: {"sql": [], "people": []} for name in asked}
    sources: dict[str, str] = {}
    numbers: dict[str, dict[str, int]] = {name: {} for name in asked}
    memory: list[int] = []
    for exact in (True, False):
        for predicate in asked.values():
            await counting.count(db, Path(order["folder"]), order["app_id"], predicate, exact=exact)
        memory.append(private_memory())
    for _ in range(order["rounds"]):
        for name, predicate in asked.items():
            for way, exact in (("sql", True), ("people", False)):
                began = time.perf_counter()
                found = await counting.count(db, Path(order["folder"]), order["app_id"], predicate, exact=exact)
                times[name][way].append(time.perf_counter() - began)
                numbers[name][way] = found.count
                if way == "people":
                    sources[name] = found.source
    memory.append(private_memory())
    await db.close()
    return {"times": times, "sources": sources, "numbers": numbers, "memory": memory}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(json.load(sys.stdin)))))
