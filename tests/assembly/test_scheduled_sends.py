"""The sender process, as the supervisor runs it, sends what is scheduled."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from clarion.assembly import roles
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.content.model import MessageState
from clarion.db.pool import Database
from clarion.sending.schedules.model import Recurrence
from tests.sending.journey import Journey
from tests.sending.schedules.agenda import Agenda
from tests.support import until


async def test_v1_rule_63_a_sender_runs_schedules(
    database: Database, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLARION_SEAL_KEY", bytes(range(32)).hex())
    agenda = Agenda(await Journey.begin(database, sealer))
    message = await agenda.schedule((clock.now() + timedelta(seconds=1)).isoformat(), Recurrence.ONCE)
    stop, ready = asyncio.Event(), asyncio.Event()
    context = roles.Context(Settings(data_dir=tmp_path), database.conninfo, 0, (), ready.set)
    running = asyncio.create_task(roles.sender_and_courier(context, stop))

    async def sent() -> bool:
        return await agenda.state(message) is MessageState.SENT

    await until(sent, 30)
    stop.set()
    await asyncio.wait_for(running, 20)
    assert ready.is_set()
