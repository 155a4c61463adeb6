"""The sender as a process runs it: every queue that sends put work into is looked after."""

import asyncio
from pathlib import Path

import pytest

from clarion.assembly import roles
from clarion.audience.targets import Criterion
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db.pool import Database
from clarion.db.sql import tuples
from clarion.gateways.stub import StubServer
from clarion.results.model import Counts
from clarion.sending.instant import service as instant
from clarion.sending.instant.model import ByFields, Instant, Target
from clarion.sending.model import QUEUE, URGENT_QUEUE
from tests.sending.journey import Journey


async def test_it_delivers_campaigns_and_instant_messages(
    database: Database, sealer: Sealer, stub: StubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLARION_SEAL_KEY", bytes(range(32)).hex())
    journey = await Journey.begin(database, sealer)
    await journey.connect(stub)
    await journey.add_devices(3)
    parent = await journey.message()
    campaign = await journey.send(parent)
    async with database.transaction() as conn:
        ground = await instant.look_up(conn, journey.app.id, parent, None)
        target = Target(0, ByFields((Criterion("deviceId", "eq", "d1"),)))
        accepted = await instant.begin(conn, journey.app, Instant(ground, ground.parent.draft.contents, [target]))
        queues = {queue for (queue,) in await tuples(conn, "SELECT queue FROM clarion.job")}
    assert queues == {QUEUE, URGENT_QUEUE}
    stop = asyncio.Event()
    context = roles.Context(Settings(data_dir=tmp_path), database.conninfo, 1, (), lambda: None)
    running = asyncio.create_task(roles.sender_and_courier(context, stop))
    try:
        assert (await journey.closed(accepted.send_id)).counts == Counts(delivered=1)
        assert (await journey.closed(campaign)).counts == Counts(delivered=3)
    finally:
        stop.set()
        await running
