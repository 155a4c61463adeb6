"""What a fault run stands on: stub gateways in this process, a company with devices, messages to send."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.assembly.database import opened, sealer
from clarion.base.settings import Settings
from clarion.content import service as content
from clarion.content.model import Content, MessageDraft
from clarion.db.pool import Database
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from clarion.gateways.stub import StubServer


@asynccontextmanager
async def stub_gateways(folder: Path, rate: int) -> AsyncIterator[StubServer]:
    """Stub gateways that answer `rate` notifications a second, with few streams, so that kills fall into sends."""
    stub = StubServer(folder)
    await stub.start()
    stub.set_knobs({"max_streams": 100, "throttle": rate})
    try:
        yield stub
    finally:
        await stub.stop()


async def company(settings: Settings, stub: StubServer, count: int) -> App:
    """An Android application with `count` devices, all opted in, all with a token, bound to the stub."""
    async with opened(settings) as db:
        async with db.transaction() as conn:
            seal = await sealer(settings, conn)
            app, _ = await apps.create_app(conn, seal, "faults", Platform.ANDROID, "Faults")
            secret = msgspec.json.encode(stub.issue("fcm", "faults"))
            await apps.set_gateway(conn, seal, app, secret, stub.url, stub.ca_file.read_text())
        for first in range(0, count, 5000):
            records = [
                DeviceRecord(f"device-{number}", {TOKEN: f"token-{number}-{'x' * 20}"})
                for number in range(first, min(first + 5000, count))
            ]
            async with db.transaction() as conn:
                await devices.upsert(conn, app, records)
    return app


async def new_message(db: Database, app: App, number: int) -> int:
    draft = MessageDraft(name=f"Send {number}", contents=(Content(text="Under fire"),))
    async with db.transaction() as conn:
        return await content.create_message(conn, app, draft)


async def persistently(work: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Do something with a database that may be away for a while."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await work()
            except Exception:
                await asyncio.sleep(0.2)
