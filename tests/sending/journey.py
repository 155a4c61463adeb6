"""A small installation for tests of sends: an iOS application, its devices, the stub gateway, and senders to run."""

import asyncio
import json
from collections.abc import Sequence

import psycopg

from clarion.apps import service as apps
from clarion.apps.model import GATEWAY_OF, App, Platform
from clarion.audience import service as audience
from clarion.audience.model import Segment
from clarion.base.sealing import Sealer
from clarion.content import service as content
from clarion.content.model import Content, Guarantee, MessageDraft, MessageState
from clarion.db.pool import Database
from clarion.db.sql import tuples
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord, Value, device_id
from clarion.gateways.stub import StubServer
from clarion.queue import Worker
from clarion.results.model import Chunk
from clarion.results.store.chunks import load_chunk
from clarion.sending import service as sending
from clarion.sending.gateways_pool import Opener
from clarion.sending.model import QUEUE, URGENT_QUEUE, Progress, SendState
from clarion.sending.planning import Sizes
from clarion.sending.worker import Sender

HELLO = Content(text="Hello")
ENDED = (SendState.CLOSED, SendState.FAILED)


def token_of(number: int) -> str:
    return f"{number:064x}"


class Journey:
    """One application and what a test does with it."""

    def __init__(self, database: Database, sealer: Sealer, app: App) -> None:
        self.database = database
        self.sealer = sealer
        self.app = app

    @classmethod
    async def begin(
        cls, database: Database, sealer: Sealer, partner_id: str = "demo01", platform: Platform = Platform.IOS
    ) -> "Journey":
        async with database.transaction() as conn:
            app, _ = await apps.create_app(conn, sealer, partner_id, platform, "Demo")
        return cls(database, sealer, app)

    async def connect(self, stub: StubServer) -> None:
        """Give the application credentials of the stub."""
        secret = json.dumps(stub.issue(GATEWAY_OF[self.app.platform])).encode()
        async with self.database.transaction() as conn:
            await apps.set_gateway(conn, self.sealer, self.app, secret, stub.url, stub.ca_file.read_text())

    async def add_devices(self, count: int, start: int = 0, **fields: Value) -> list[int]:
        """Devices `d<n>` with a token each, and these columns."""
        async with self.database.transaction() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
            columns = {column: value for name, value in fields.items() if (column := scheme.find(name)) is not None}
            records = [
                DeviceRecord(f"d{number}", {TOKEN: token_of(number), **columns})
                for number in range(start, start + count)
            ]
            await devices.upsert(conn, self.app, records)
        return [device_id(self.app.id, f"d{number}") for number in range(start, start + count)]

    async def segment(self, name: str, document: object, *, test: bool = False) -> Segment:
        async with self.database.transaction() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
            return await audience.create_segment(conn, self.app.id, scheme, name, document, test=test)

    async def message(
        self,
        *,
        guarantee: Guarantee = Guarantee.AT_LEAST_ONCE,
        time_to_live: int = 86_400,
        test_segments: Sequence[int] = (),
        campaign_segments: Sequence[int] = (),
        lists: Sequence[int] = (),
        campaign_id: int | None = None,
        use_pressure: bool = True,
        version: Content = HELLO,
    ) -> int:
        draft = MessageDraft(
            name="Spring",
            contents=(version,),
            guarantee=guarantee,
            time_to_live=time_to_live,
            test_segments=tuple(test_segments),
            campaign_segments=tuple(campaign_segments),
            lists=tuple(lists),
            campaign_id=campaign_id,
            use_pressure=use_pressure,
        )
        async with self.database.transaction() as conn:
            return await content.create_message(conn, self.app, draft)

    async def send(self, message_id: int, *, test: bool = False) -> int:
        async with self.database.transaction() as conn:
            return await sending.begin(conn, self.app, message_id, test=test)

    async def cancel(self, send_id: int) -> None:
        async with self.database.transaction() as conn:
            await sending.cancel(conn, self.app.id, send_id)

    async def progress(self, send_id: int) -> Progress:
        async with self.database.connection() as conn:
            return await sending.progress(conn, self.app.id, send_id)

    async def message_state(self, message_id: int) -> MessageState:
        async with self.database.connection() as conn:
            return (await content.get_message(conn, self.app.id, message_id)).state

    async def chunks(self, send_id: int) -> list[Chunk]:
        async with self.database.connection() as conn:
            numbers = await tuples(
                conn,
                "SELECT no FROM clarion.send_chunk WHERE app_id = %s AND send_id = %s ORDER BY no",
                (self.app.id, send_id),
            )
            found = [await load_chunk(conn, self.app.id, send_id, no) for (no,) in numbers]
        return [chunk for chunk in found if chunk is not None]

    async def jobs(self) -> list[str]:
        """The kinds of the jobs that are left."""
        async with self.database.connection() as conn:
            return [kind for (kind,) in await tuples(conn, "SELECT kind FROM clarion.job ORDER BY id")]

    async def closed(self, send_id: int, seconds: float = 30.0) -> Progress:
        """Wait for the end of a send."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    jobs = await self.jobs()
                    found = await self.progress(send_id)
                except psycopg.OperationalError:
                    continue  # a test that cuts connections cuts this one too
                if found.state in ENDED or (found.state is SendState.CANCELLED and not jobs):
                    return found
                await asyncio.sleep(0.01)

    def sender(self, *, chunk: int = 50, piece: int = 1_000_000, opener: Opener | None = None) -> Sender:
        return Sender(self.database, self.sealer, sizes=Sizes(chunk, piece), opener=opener)

    async def run(self, send_id: int, sender: Sender | None = None, seconds: float = 30.0) -> Progress:
        """Run one sender until the send has ended."""
        sender = sender or self.sender()
        stop = asyncio.Event()
        worker = Worker(self.database, [URGENT_QUEUE, QUEUE], sender.handlers(), concurrency=4, lease=5.0, grace=5.0)
        running = asyncio.create_task(worker.run(stop))
        try:
            return await self.closed(send_id, seconds)
        finally:
            stop.set()
            await running
            await sender.aclose()
