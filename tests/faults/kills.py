"""Kill -9 of random processes at random moments during throttled sends, and the account that must come out exact."""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from functools import partial
from pathlib import Path

from msgspec import Struct

from clarion.apps.model import App
from clarion.assembly.database import conninfo_of
from clarion.db.pool import Database
from clarion.db.sql import tuples
from clarion.results.model import OPEN, Outcome
from clarion.sending import service as sending
from clarion.sending.model import SendState
from tests.faults.stage import company, new_message, persistently, stub_gateways
from tests.installation import Installation

SEND_WITHIN = 300.0


class Account(Struct, frozen=True):
    """One send as it ended: its own figures, and those counted again from the ledger, byte by byte."""

    audience: int
    counted: dict[str, int]
    recounted: dict[str, int]
    gateway: int
    doubles: int

    def faults(self, devices: int) -> list[str]:
        """What is not exact about it."""
        found = []
        if self.audience != devices:
            found.append(f"audience {self.audience}, devices {devices}")
        if sum(self.counted.values()) != self.audience:
            found.append(f"sum {sum(self.counted.values())}, audience {self.audience}")
        if self.counted != self.recounted:
            found.append(f"figures {self.counted}, ledger {self.recounted}")
        if self.counted["delivered"] != self.gateway:
            found.append(f"delivered {self.counted['delivered']}, distinct at the gateway {self.gateway}")
        return found


class Run(Struct):
    """What a run did: kills by process, an account for each send."""

    kills: Counter[str]
    accounts: list[Account]


async def run(folder: Path, *, kills: int, devices: int, rate: int, senders: int, seed: int) -> Run:
    """Send after send to `devices` devices at `rate` a second, until `kills` processes have been killed.

    Every send must end by itself within five minutes. The random choices follow `seed`.
    """
    chance = random.Random(seed)
    done = Run(Counter(), [])
    data = folder / "data"
    data.mkdir(parents=True)
    async with stub_gateways(folder / "stub", rate) as stub:
        installation = Installation(data, senders=senders)
        app = await company(installation.settings, stub, devices)
        installation.start()
        try:
            while sum(done.kills.values()) < kills:
                stub.reset()
                stub.set_knobs({"max_streams": 100, "throttle": rate})
                begin = partial(_begin, installation, app, len(done.accounts) + 1)
                send_id = await persistently(begin)
                left = kills - sum(done.kills.values())
                await _until_closed(installation, app.id, send_id, chance, done.kills, left, devices / rate)
                audience, counted, recounted = await persistently(partial(_account, installation, app.id, send_id))
                gateway = stub.stats().fcm
                done.accounts.append(Account(audience, counted, recounted, gateway.distinct, gateway.doubles))
        finally:
            await installation.stop()
    return done


async def _begin(installation: Installation, app: App, number: int) -> int:
    db = await Database.open(await conninfo_of(installation.settings), size=2)
    try:
        message_id = await new_message(db, app, number)
        async with db.transaction() as conn:
            return await sending.begin(conn, app, message_id, test=False)
    finally:
        await db.close()


async def _until_closed(
    installation: Installation,
    app_id: int,
    send_id: int,
    chance: random.Random,
    kills: Counter[str],
    left: int,
    duration: float,
) -> None:
    """Kill a process every now and then while the send runs, a few times a send, and wait for its end."""
    loop = asyncio.get_running_loop()
    moments = sorted(chance.uniform(0.05, 1.0) * duration for _ in range(min(left, chance.randint(2, 4))))
    began = loop.time()
    async with asyncio.timeout(SEND_WITHIN):
        while True:
            installation.keep_running()
            if moments and loop.time() - began > moments[0]:
                moments.pop(0)
                victims = installation.victims()
                if victims:
                    name = chance.choice(sorted(victims))
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victims[name], signal.SIGKILL)
                        kills[name] += 1
            with contextlib.suppress(Exception):
                if await _state(installation, app_id, send_id) is not SendState.PLANNING and await _closed(
                    installation, app_id, send_id
                ):
                    return
            await asyncio.sleep(0.1)


async def _state(installation: Installation, app_id: int, send_id: int) -> SendState:
    db = await Database.open(await conninfo_of(installation.settings), size=1, timeout=2)
    try:
        async with db.connection() as conn:
            return (await sending.progress(conn, app_id, send_id)).state
    finally:
        await db.close()


async def _closed(installation: Installation, app_id: int, send_id: int) -> bool:
    return await _state(installation, app_id, send_id) in (SendState.CLOSED, SendState.FAILED, SendState.CANCELLED)


async def _account(installation: Installation, app_id: int, send_id: int) -> tuple[int, dict[str, int], dict[str, int]]:
    """Audience, the send's own figures, and the figures counted again from every outcome byte."""
    db = await Database.open(await conninfo_of(installation.settings), size=1)
    try:
        async with db.connection() as conn:
            sums = await tuples(
                conn,
                "SELECT audience, delivered, refused, suppressed, expired, cancelled, unknown FROM clarion.send"
                " WHERE app_id = %s AND id = %s",
                (app_id, send_id),
            )
            chunks = await tuples(
                conn,
                "SELECT device_ids, outcomes FROM clarion.send_chunk WHERE app_id = %s AND send_id = %s",
                (app_id, send_id),
            )
    finally:
        await db.close()
    names = ("delivered", "refused", "suppressed", "expired", "cancelled", "unknown")
    recounted: Counter[str] = Counter(dict.fromkeys(names, 0))
    seen: set[int] = set()
    for device_ids, outcomes in chunks:
        assert len(device_ids) == len(outcomes)
        seen.update(device_ids)
        for outcome in outcomes:
            assert outcome not in OPEN, "a closed send has no open device"
            recounted[Outcome(outcome).name.lower().split("_")[0]] += 1
    assert len(seen) == sum(recounted.values()), "no device stands twice in a send"
    return int(sums[0][0]), dict(zip(names, sums[0][1:], strict=True)), dict(recounted)
