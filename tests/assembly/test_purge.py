"""The daily purge as the senders run it: its timer, its jobs, and everything that is kept of a device (v1 rule 71)."""

import asyncio
from datetime import timedelta
from pathlib import Path

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.assembly import work
from clarion.audience.lists import entries
from clarion.audience.lists import service as lists
from clarion.audience.lists.model import Entry, ListState
from clarion.audience.lists.service import TEND
from clarion.audience.lists.worker import tender
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db.pool import Database
from clarion.db.sql import execute, tuples, value
from clarion.devices import service as devices
from clarion.devices.model import UDID, DeviceRecord, device_id
from clarion.queue import Worker
from tests.support import until


async def drained(database: Database, settings: Settings) -> None:
    """Run the jobs of an installation until none is left."""
    stop = asyncio.Event()
    handlers = {**work.handlers(database, settings), TEND: tender(database)}
    running = asyncio.create_task(Worker(database, ["default"], handlers).run(stop))

    async def done() -> bool:
        async with database.connection() as conn:
            return int(await value(conn, "SELECT count(*) FROM clarion.job")) == 0

    try:
        await until(done)
    finally:
        stop.set()
        await running


async def populated(database: Database, sealer: Sealer, partner_id: str) -> tuple[App, int]:
    """An application with devices `old` and `new`, both on its list and with an inbox; only `old` is to be purged."""
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, partner_id, Platform.IOS, partner_id)
        scheme = await apps.load_scheme(conn, app.id)
        opening, feedback = scheme.find("lastopen"), scheme.find("feedback")
        assert opening is not None
        assert feedback is not None
        await devices.upsert(
            conn,
            app,
            [
                DeviceRecord("old", {opening: clock.now() - timedelta(days=366), feedback: 3}),
                DeviceRecord("new", {opening: clock.now(), feedback: 3}),
            ],
        )
        static_list = await lists.create_list(conn, app.id, "list")
        batches = entries.batches(app.id, [Entry(UDID, "old"), Entry(UDID, "new")])
        await lists.queue_changes(conn, app.id, static_list.id, batches, remove=False)
        inbox = f"INSERT INTO app_{app.id}.inbox_row (device_id, message_id, given_at) VALUES (%s, 1, clarion.now())"
        for udid in ("old", "new"):
            await execute(conn, inbox, (device_id(app.id, udid),))
    return app, static_list.id


async def test_v1_rule_71_lists_and_inboxes_of_a_purged_device_go_with_it(
    database: Database, sealer: Sealer, tmp_path: Path
) -> None:
    made = [await populated(database, sealer, partner_id) for partner_id in ("one", "two")]
    await drained(database, Settings(data_dir=tmp_path))
    for settings, keeps in ((Settings(data_dir=tmp_path, purge_days=0), 2), (Settings(data_dir=tmp_path), 1)):
        [timer] = [timer for timer in work.timers(database, settings) if timer.name == "devices.purge"]
        assert timer.every == timedelta(days=1)
        await timer.run()
        await drained(database, settings)
        for app, list_id in made:
            new = device_id(app.id, "new")
            async with database.connection() as conn:
                for table, key in (("device", "id"), ("list_member", "device_id"), ("inbox_row", "device_id")):
                    found = [number for (number,) in await tuples(conn, f"SELECT {key} FROM app_{app.id}.{table}")]
                    assert len(found) == keeps, table
                    assert new in found
                state = await lists.state(conn, app.id, list_id)
            assert isinstance(state, ListState)
            assert state.members == keeps
