"""The kinds of process. Each can run many times over.

Api answers requests, sender plans and delivers campaigns, courier delivers instant messages and webhooks and does
everything else that must not wait behind a campaign."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import psycopg
import uvicorn
from msgspec import Struct

from clarion.assembly import surfaces, work
from clarion.assembly.database import sealer
from clarion.assembly.protocol import BoundedProtocol
from clarion.base import certificates, priority
from clarion.base.errors import Unavailable
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db.pool import Database
from clarion.db.sql import value
from clarion.queue import Handler, Timers, Worker
from clarion.sending.model import QUEUE, URGENT_QUEUE
from clarion.sending.worker import Sender
from clarion.webhooks.model import QUEUE as WEBHOOKS
from clarion.webhooks.worker import Deliverer

_API_CONNECTIONS = 16
_SENDER_CONNECTIONS = 12
_COURIER_CONNECTIONS = 10
_SEND_CHUNKS, _SEND_SHARE, _SEND_RESERVE = 16, 4, 48
_DEFAULT, _DEFAULT_SHARE, _DEFAULT_RESERVE = 2, 2, 4
_URGENT, _URGENT_SHARE, _URGENT_RESERVE = 12, 3, 36
"""Slots, the most of them that one application may take, and how many more there are for jobs that only wait: a
gateway that hangs, a send that is throttled, or a count that PostgreSQL is at, holds up nobody else's."""
_DELIVERIES, _DELIVERIES_SHARE, _DELIVERIES_RESERVE = 8, 4, 120
"""The same, with endpoints in the place of applications: one that hangs has four of the 128, for 15 seconds each."""
_LEASE = 10.0
_DRAIN = 15


class Context(Struct, frozen=True):
    """What a role is given: settings, where the database is, its number among its kind, its listeners, and what to
    call when it is ready."""

    settings: Settings
    conninfo: str
    index: int
    listeners: Sequence[tuple[str, socket.socket]]
    ready: Callable[[], None]


class DatabaseHealth:
    """Ready when the database answers within two seconds."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ready(self) -> Sequence[str]:
        try:
            async with asyncio.timeout(2), self._db.connection() as conn:
                await value(conn, "SELECT 1")
        except (TimeoutError, psycopg.Error, Unavailable):
            return ["database"]
        return []


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: the role is told to stop by its event."""

    async def serve_until(self, listener: socket.socket, stop: asyncio.Event) -> None:
        async def watch() -> None:
            await stop.wait()
            self.should_exit = True

        watcher = asyncio.create_task(watch())
        try:
            await self._serve([listener])
        finally:
            watcher.cancel()


async def api(context: Context, stop: asyncio.Event) -> None:
    """Serve HTTP on the shared listeners until `stop`, then let requests in hand finish."""
    settings = context.settings
    tune = priority.come_first if settings.embedded else None
    name = f"clarion api-{context.index}"
    db = await Database.open(context.conninfo, size=_API_CONNECTIONS, application_name=name, tune=tune)
    try:
        app = surfaces.build(db, await _sealer(db, settings), settings, DatabaseHealth(db))
        servers = [_Server(_config(app, scheme, settings)) for scheme, _ in context.listeners]
        context.ready()
        await asyncio.gather(
            *(
                server.serve_until(listener, stop)
                for server, (_, listener) in zip(servers, context.listeners, strict=True)
            )
        )
    finally:
        await db.close()


async def sender(context: Context, stop: asyncio.Event) -> None:
    """Plan and deliver campaigns until `stop`, then give unfinished work back."""
    tune = partial(priority.give_way, priority.BULK) if context.settings.embedded else None
    async with _sending(context, "sender", _SENDER_CONNECTIONS, tune) as (db, sending):
        context.ready()
        await _worker(db, QUEUE, sending.handlers(), _SEND_CHUNKS, _SEND_SHARE, _SEND_RESERVE).run(stop)


async def courier(context: Context, stop: asyncio.Event) -> None:
    """Deliver instant messages and webhooks, run schedules, timers and other jobs until `stop`, then give unfinished
    work back."""
    async with (
        _sending(context, "courier", _COURIER_CONNECTIONS) as (db, sending),
        _delivering(db, context.settings) as deliverer,
    ):
        timers = Timers(db, work.timers(db, context.settings))
        context.ready()
        await asyncio.gather(
            _worker(db, URGENT_QUEUE, sending.handlers(), _URGENT, _URGENT_SHARE, _URGENT_RESERVE).run(stop),
            _worker(db, "default", work.handlers(db, context.settings), _DEFAULT, _DEFAULT_SHARE, _DEFAULT_RESERVE).run(
                stop
            ),
            _worker(db, WEBHOOKS, deliverer.handlers(), _DELIVERIES, _DELIVERIES_SHARE, _DELIVERIES_RESERVE).run(stop),
            timers.run(stop),
            work.scheduler(db).run(stop),
        )


async def sender_and_courier(context: Context, stop: asyncio.Event) -> None:
    """Both in one process: what `--role sender` runs beside an installation."""
    async with asyncio.TaskGroup() as group:
        group.create_task(sender(msgspec.structs.replace(context, ready=lambda: None), stop))
        group.create_task(courier(context, stop))


@asynccontextmanager
async def _sending(
    context: Context, role: str, connections: int, tune: Callable[[int], None] | None = None
) -> AsyncIterator[tuple[Database, Sender]]:
    """A pool of connections and the handlers of sends on it, both closed at the end."""
    name = f"clarion {role}-{context.index}"
    db = await Database.open(context.conninfo, size=connections, application_name=name, tune=tune)
    try:
        sending = work.sender(db, await _sealer(db, context.settings))
        try:
            yield db, sending
        finally:
            await sending.aclose()
    finally:
        await db.close()


@asynccontextmanager
async def _delivering(db: Database, settings: Settings) -> AsyncIterator[Deliverer]:
    """The handlers of webhooks, closed at the end."""
    deliverer = work.deliverer(db, await _sealer(db, settings), settings)
    try:
        yield deliverer
    finally:
        await deliverer.aclose()


def _worker(
    db: Database, queue: str, handlers: Mapping[str, Handler], concurrency: int, share: int, reserve: int = 0
) -> Worker:
    return Worker(
        db, [queue], handlers, concurrency=concurrency, lease=_LEASE, grace=_DRAIN, share=share, reserve=reserve
    )


async def _sealer(db: Database, settings: Settings) -> Sealer:
    async with db.connection() as conn:
        return await sealer(settings, conn)


def _config(app: object, scheme: str, settings: Settings) -> uvicorn.Config:
    tls = {}
    if scheme == "https":
        found = certificates.find(
            settings.certificate, settings.certificate_key, settings.data_dir / "tls", settings.host
        )
        tls = {"ssl_certfile": str(found.certificate), "ssl_keyfile": str(found.key)}
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        loop="none",
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN,
        **tls,  # type: ignore[arg-type]
    )


Role = Callable[[Context, asyncio.Event], Awaitable[None]]
CHILDREN: dict[str, Role] = {"api": api, "sender": sender, "courier": courier}
"""The processes of a supervisor."""

ATTACHED: dict[str, Role] = {"api": api, "sender": sender_and_courier}
"""What runs in the foreground, on the database of an installation."""
