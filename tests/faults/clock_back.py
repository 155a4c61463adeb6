"""The clock is set back by an hour in the middle of a send.

It is the product's clock that moves, through its offset in the database: SQL and every process that starts afterwards
see the earlier time. So the senders are killed: their successors finish what was begun an hour in their future. The
gateways go by the earlier time too: push services refuse credentials that are signed by a wrong clock. The clock
of the machine cannot be moved for one installation alone; leases and queues go by it, and are not touched here.
"""

from datetime import timedelta
from functools import partial

from clarion.apps.model import Platform
from clarion.base import clock
from clarion.db.sql import execute, tuples
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage
from tests.faults.window import window

_STREAMS = 100
_HOUR = timedelta(hours=1)


async def run(stage: Stage, size: Size) -> Row:
    """See above."""
    app = await stage.company(Platform.ANDROID, size.devices)
    moved = False

    async def set_back() -> None:
        nonlocal moved
        await stage.until_taken(app, size.devices * 0.3)
        await _shift(stage, -_HOUR)
        moved = True
        await _start_anew(stage, size.senders)

    try:
        knobs = {"max_streams": _STREAMS, "throttle": size.rate}
        account = await stage.send(app, size.devices, knobs, meanwhile=set_back)
    finally:
        await _shift(stage, timedelta(0))
        await _start_anew(stage, size.senders)
    faults = [] if moved else ["the send was over before"]
    faults += account.undelivered()
    async with stage.database() as db, db.connection() as conn:
        [(lasted,)] = await tuples(conn, "SELECT closed_at - created_at FROM clarion.send WHERE app_id = %s", (app.id,))
    lasted_seconds = int(lasted.total_seconds())
    did = f"an hour back, {size.senders} senders killed; by its own dates the send took {lasted_seconds} s"
    return Row.of("clock set back", [account], did=did, allowed=size.senders * window(_STREAMS), faults=faults)


async def _shift(stage: Stage, by: timedelta) -> None:
    async def write() -> None:
        async with stage.database() as db, db.transaction() as conn:
            await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (by,))

    await stage.persistently(write)
    clock.shift(by)


async def _start_anew(stage: Stage, senders: int) -> None:
    """Kill the senders and wait until each has a successor."""
    before = stage.installation.victims()
    names = [f"sender-{number}" for number in range(1, senders + 1)]
    for name in names:
        await stage.strike(partial(_this, name))

    def succeeded() -> bool:
        now = stage.installation.victims()
        return all(now.get(name) not in (None, before.get(name)) for name in names)

    await stage.until(succeeded)


def _this(name: str, _running: list[str]) -> str:
    return name
