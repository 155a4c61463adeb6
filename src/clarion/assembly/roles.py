"""The kinds of process: api answers requests, sender plans, delivers and runs timers. Each can run many times over."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

import psycopg
import uvicorn
from msgspec import Struct

from clarion.assembly import surfaces, work
from clarion.assembly.database import sealer
from clarion.assembly.protocol import BoundedProtocol
from clarion.base import certificates
from clarion.base.errors import Unavailable
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db.pool import Database
from clarion.db.sql import value
from clarion.queue import Timers, Worker
from clarion.sending.model import QUEUE, URGENT_QUEUE

_API_CONNECTIONS = 16
_SENDER_CONNECTIONS = 12
_SEND_CHUNKS = 4
_URGENT = 3
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
    db = await Database.open(context.conninfo, size=_API_CONNECTIONS, application_name=f"clarion api-{context.index}")
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
    """Plan and deliver sends, run schedules, other jobs and the timers until `stop`, then give unfinished work back."""
    db = await Database.open(
        context.conninfo, size=_SENDER_CONNECTIONS, application_name=f"clarion sender-{context.index}"
    )
    sending = work.sender(db, await _sealer(db, context.settings), context.settings)
    try:
        timers = Timers(db, work.timers(db, context.settings))
        context.ready()
        await asyncio.gather(
            Worker(db, [QUEUE], sending.handlers(), concurrency=_SEND_CHUNKS, lease=_LEASE, grace=_DRAIN).run(stop),
            Worker(db, [URGENT_QUEUE], sending.handlers(), concurrency=_URGENT, lease=_LEASE, grace=_DRAIN).run(stop),
            Worker(db, ["default"], work.handlers(db), concurrency=2, lease=_LEASE, grace=_DRAIN).run(stop),
            timers.run(stop),
            work.scheduler(db).run(stop),
        )
    finally:
        await sending.aclose()
        await db.close()


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


ROLES: dict[str, Callable[[Context, asyncio.Event], Awaitable[None]]] = {"api": api, "sender": sender}
