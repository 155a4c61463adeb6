"""One token in ten is dead: all of these are switched off and no other, and they are not tried again.

Then the devices register again, with tokens that are newer than the date which the gateway goes on telling: these stay.
"""

import math

from psycopg import sql

from clarion.apps.model import App, Platform
from clarion.base import clock
from clarion.db.sql import app_table, value, values
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord, device_id
from clarion.gateways.stub.keys import fraction
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage, token_of

_SHARE = 0.10


async def run(stage: Stage, size: Size) -> Row:
    """See above."""
    app = await stage.company(Platform.IOS, size.devices)
    dead = [n for n in range(size.devices) if fraction(size.seed, token_of(n).encode()) < _SHARE]
    ids = {device_id(app.id, f"device-{number}") for number in dead}
    since = math.ceil(clock.now().timestamp())
    knobs = {"seed": size.seed, "max_streams": 100, "throttle": size.rate, "dead_rate": _SHARE, "dead_since": since}
    faults = []

    first = await stage.send(app, size.devices, knobs)
    if first.counts["refused"] != len(dead):
        faults.append(f"{first.counts['refused']} refused, {len(dead)} dead")
    off, tokens = await _switched_off(stage, app)
    if off != ids:
        faults.append(f"switched off: {len(off - ids)} live ones, {len(ids - off)} dead ones were not")
    if tokens != size.devices - len(dead):
        faults.append(f"{tokens} tokens kept of {size.devices - len(dead)} live ones")

    second = await stage.send(app, sorted(set(range(size.devices)) - set(dead)), knobs)
    if second.gateway.refused_total or second.counts["delivered"] != second.expected:
        faults.append(f"second send: {second.counts}, {second.gateway.refused_total} refused by the gateway")

    await stage.until(lambda: clock.now().timestamp() > since)
    await _register_again(stage, app, dead)
    third = await stage.send(app, size.devices, knobs)
    if third.counts["refused"] != len(dead):
        faults.append(f"after registration: {third.counts['refused']} refused, {len(dead)} told to be dead before it")
    off_again, _ = await _switched_off(stage, app)
    if off_again:
        faults.append(f"{len(off_again)} switched off by a date older than their tokens")
    did = f"{len(dead)} of {size.devices} dead, {len(off & ids)} switched off, {len(off - ids)} live ones"
    return Row.of("dead tokens", [first, second, third], did=did, faults=faults)


async def _switched_off(stage: Stage, app: App) -> tuple[set[int], int]:
    """Ids of devices without a token, and how many tokens are on the books."""
    table = app_table(app.id, "device")
    async with stage.database() as db, db.connection() as conn:
        off = await values(conn, sql.SQL("SELECT id FROM {} WHERE token IS NULL").format(table))
        tokens = await value(conn, "SELECT count(*) FROM clarion.push_token WHERE app_id = %s", (app.id,))
    return set(off), int(tokens)


async def _register_again(stage: Stage, app: App, numbers: list[int]) -> None:
    records = [DeviceRecord(f"device-{number}", {TOKEN: token_of(number)}) for number in numbers]
    async with stage.database() as db, db.transaction() as conn:
        await devices.upsert(conn, app, records)
