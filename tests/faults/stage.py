"""What a fault run stands on: `clarion serve` with its senders, stub gateways in this process, companies, sends.

Every run has an application of its own, so that nothing a gateway asked for in one run is left over in the next.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from clarion.apps import service as apps
from clarion.apps.model import GATEWAY_OF, App, Platform
from clarion.assembly.database import conninfo_of, sealer
from clarion.content import service as content
from clarion.content.model import Content, Guarantee, MessageDraft
from clarion.db.pool import Database
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from clarion.devices.values import parse_web_keys
from clarion.gateways.stub import StubServer, derive_subscriptions
from clarion.gateways.stub.ledger import Figures
from clarion.sending import service as sending
from clarion.sending.model import SendState
from tests.faults.account import Account, draw_up
from tests.installation import Installation

T = TypeVar("T")
Meanwhile = Callable[[], Coroutine[Any, Any, None]]

_ENDED = (SendState.CLOSED, SendState.FAILED, SendState.CANCELLED)
_LOOK = 0.02
_numbers = count(1)


def token_of(number: int) -> str:
    """The token of `device-<number>`: good for APNs and for FCM."""
    return f"{number:064x}"


class Stage:
    """An installation that runs, and the stub its applications send to. `within` bounds every send, in seconds."""

    def __init__(self, stub: StubServer, installation: Installation, within: float) -> None:
        self.stub = stub
        self.installation = installation
        self.within = within

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """A pool for the moment. Raises what a database that is away raises."""
        db = await Database.open(await conninfo_of(self.installation.settings), size=2, timeout=5)
        try:
            yield db
        finally:
            await db.close()

    async def company(self, platform: Platform, devices_wanted: int) -> App:
        """An application with so many devices, all opted in, all with a token, bound to the stub."""
        kind = GATEWAY_OF[platform]
        name = f"faults{next(_numbers)}"
        async with self.database() as db:
            async with db.transaction() as conn:
                seal = await sealer(self.installation.settings, conn)
                app, _ = await apps.create_app(conn, seal, name, platform, "Faults")
                secret = msgspec.json.encode(self.stub.issue(kind, name))
                await apps.set_gateway(conn, seal, app, secret, self.stub.url, self.stub.ca_file.read_text())
            for first in range(0, devices_wanted, 5000):
                numbers = range(first, min(first + 5000, devices_wanted))
                records = self._records(platform, numbers)
                async with db.transaction() as conn:
                    await devices.upsert(conn, app, records)
        return app

    def _records(self, platform: Platform, numbers: range) -> list[DeviceRecord]:
        if platform is not Platform.WEB:
            return [DeviceRecord(f"device-{number}", {TOKEN: token_of(number)}) for number in numbers]
        subscriptions = derive_subscriptions(self.stub.seed, self.stub.url, numbers.start, len(numbers))
        return [
            DeviceRecord(f"device-{number}", {TOKEN: each.endpoint}, parse_web_keys(each.p256dh, each.auth))
            for number, each in zip(numbers, subscriptions, strict=True)
        ]

    def figures(self, app: App) -> Figures:
        """The book of the application's gateway."""
        stats = self.stub.stats()
        return {"apns": stats.apns, "fcm": stats.fcm, "webpush": stats.webpush}[GATEWAY_OF[app.platform]]

    async def send(
        self,
        app: App,
        expected: int | Collection[int],
        knobs: dict[str, Any],
        *,
        guarantee: Guarantee = Guarantee.AT_LEAST_ONCE,
        meanwhile: Meanwhile | None = None,
    ) -> Account:
        """A send to the whole application, which is expected to reach `device-<n>` for n below a number or for the
        numbers given, with an empty book at the gateway: begin it, let `meanwhile` happen until
        the send ends, draw up its account. Raises TimeoutError when it does not end."""
        numbers = range(expected) if isinstance(expected, int) else expected
        self.stub.reset()
        self.stub.set_knobs(knobs)
        async with asyncio.timeout(self.within):
            send_id = await self.persistently(lambda: self._begin(app, guarantee))
            happening = asyncio.create_task(meanwhile() if meanwhile is not None else asyncio.sleep(0))
            try:
                await self.persistently(lambda: self._until_ended(app, send_id))
            finally:
                happening.cancel()
                await asyncio.gather(happening, return_exceptions=True)
            if not happening.cancelled():
                happening.result()
            return await self.persistently(lambda: self._account(app, send_id, numbers))

    async def until_taken(self, app: App, number: float) -> None:
        """Wait until the gateway has seen so many devices."""
        await self.until(lambda: self.figures(app).distinct >= number)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; a supervisor that is gone is started again meanwhile."""
        while not condition():
            self.installation.keep_running()
            await asyncio.sleep(_LOOK)

    async def pass_time(self, seconds: float) -> None:
        """Let so much time go by."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        await self.until(lambda: loop.time() >= end)

    async def strike(self, choose: Callable[[list[str]], str], number: int = signal.SIGKILL) -> str:
        """Send a signal to the process that is chosen by name among those running; its kind (`api`, `sender`, ...)."""
        while True:
            victims = self.installation.victims()
            with contextlib.suppress(ProcessLookupError, LookupError):
                name = choose(sorted(victims))
                os.kill(victims[name], number)
                return name.partition("-")[0]
            self.installation.keep_running()
            await asyncio.sleep(_LOOK)

    async def persistently(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something with a database that may be away for a while."""
        while True:
            try:
                return await work()
            except Exception as error:
                trouble = error
            self.installation.keep_running()
            try:
                await asyncio.sleep(0.2)
            except asyncio.CancelledError as cancelled:
                raise cancelled from trouble

    async def _begin(self, app: App, guarantee: Guarantee) -> int:
        draft = MessageDraft(name="Send", contents=(Content(text="Under fire"),), guarantee=guarantee)
        async with self.database() as db, db.transaction() as conn:
            message_id = await content.create_message(conn, app, draft)
            return await sending.begin(conn, app, message_id, test=False)

    async def _until_ended(self, app: App, send_id: int) -> None:
        async with self.database() as db:
            while True:
                async with db.connection() as conn:
                    send = await sending.get(conn, app.id, send_id)
                if send.state in _ENDED and send.closed_at is not None:
                    return
                self.installation.keep_running()
                await asyncio.sleep(0.1)

    async def _account(self, app: App, send_id: int, numbers: Collection[int]) -> Account:
        async with self.database() as db:
            return await draw_up(db, app, send_id, numbers, self.figures(app))


@asynccontextmanager
async def stub_gateways(folder: Path) -> AsyncIterator[StubServer]:
    """Stub gateways in this process."""
    stub = StubServer(folder)
    await stub.start()
    try:
        yield stub
    finally:
        await stub.stop()


@asynccontextmanager
async def set_stage(data_dir: Path, stub: StubServer, *, senders: int, within: float) -> AsyncIterator[Stage]:
    """An installation with its data in `data_dir` and its log beside it, ready to work."""
    data_dir.mkdir(parents=True, exist_ok=True)
    installation = Installation(data_dir, senders=senders)
    stage = Stage(stub, installation, within)
    installation.start()
    try:
        async with asyncio.timeout(180):
            await stage.until(lambda: "sender-1" in installation.victims())
            await stage.persistently(lambda: _look(stage))
        yield stage
    finally:
        await installation.stop()


async def _look(stage: Stage) -> None:
    async with stage.database():
        pass
