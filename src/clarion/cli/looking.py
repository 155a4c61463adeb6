"""Looking at an installation: what runs, how much waits, and how far the sends are."""

from datetime import datetime

import psycopg
from msgspec import Struct

from clarion.apps import service as apps
from clarion.assembly.database import conninfo_of
from clarion.assembly.supervisor import lives
from clarion.base.errors import ConfigurationError, Unavailable
from clarion.base.settings import Settings
from clarion.cli.running import memory_of, running_of
from clarion.db import migrate
from clarion.db.pool import Database
from clarion.queue import store as queue
from clarion.results.model import Counts
from clarion.sending import service as sending
from clarion.sending.model import Progress, Send, SendState


class Process(Struct, frozen=True):
    """One process of the installation on this machine; `memory` in bytes, None where the system does not tell."""

    name: str
    pid: int
    alive: bool
    memory: int | None


class Waiting(Struct, frozen=True, rename="camel"):
    """One queue: jobs due, jobs held by a worker or due later, and how long the oldest due one has waited (s)."""

    queue: str
    due: int
    later: int
    oldest_seconds: float


class Sending(Struct, frozen=True, rename="camel"):
    """A send with its sums so far. `audience` is None until it is frozen."""

    partner_id: str
    send: int
    message: int
    state: SendState
    reason: str | None
    audience: int | None
    counts: Counts
    pending: int
    reasons: dict[str, int]
    created_at: datetime
    closed_at: datetime | None


class Status(Struct, frozen=True, rename="camel"):
    """The whole answer. `queues` and `sends` are empty when the database does not run; `database` says why."""

    running: bool
    urls: dict[str, str]
    processes: list[Process]
    database: str
    queues: list[Waiting]
    dead_jobs: int
    sends: list[Sending]


async def look(settings: Settings) -> Status:
    """Everything there is to say, also when nothing runs."""
    looker = Looker(settings)
    try:
        return await looker.look()
    finally:
        await looker.aclose()


class Looker:
    """Looks at an installation as often as it is asked to, over one connection that is opened again when it is lost."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._db: Database | None = None

    async def look(self) -> Status:
        """Everything there is to say, also when nothing runs."""
        running = running_of(self._settings)
        processes = [
            Process(name, pid, lives(pid), (memory_of(pid) or (None,))[0])
            for name, pid in (running.pids.items() if running else ())
        ]
        queues: list[Waiting] = []
        sends: list[Sending] = []
        dead = 0
        said = "reachable"
        try:
            db = await self._database()
            queues, dead = await _queues(db)
            sends = await _sends(db)
        except (Unavailable, ConfigurationError) as error:
            said = error.message
            await self.aclose()
        except psycopg.OperationalError as error:
            said = f"The database failed: {str(error).strip()}"
            await self.aclose()
        return Status(running is not None, running.urls if running else {}, processes, said, queues, dead, sends)

    async def _database(self) -> Database:
        if self._db is None:
            conninfo = await conninfo_of(self._settings)
            await migrate.require_current(conninfo)
            self._db = await Database.open(conninfo, size=1, application_name="clarion status")
        return self._db

    async def aclose(self) -> None:
        """Give the connection back."""
        db, self._db = self._db, None
        if db is not None:
            await db.close()


async def _queues(db: Database) -> tuple[list[Waiting], int]:
    async with db.connection() as conn:
        found = [Waiting(*row) for row in await queue.depth(conn)]
    dead = next((each.due for each in found if each.queue == "dead"), 0)
    return sorted((each for each in found if each.queue != "dead"), key=lambda each: each.queue), dead


async def _sends(db: Database) -> list[Sending]:
    async with db.connection() as conn:
        found: list[Sending] = []
        for app in await apps.list_apps(conn):
            found += [
                _sending(app.partner_id, send, await sending.progress(conn, app.id, send.id))
                for send in await sending.latest(conn, app.id, 5)
            ]
    return sorted(found, key=lambda each: (each.closed_at is not None, each.created_at))


def _sending(partner_id: str, send: Send, progress: Progress) -> Sending:
    return Sending(
        partner_id=partner_id,
        send=send.id,
        message=send.message_id,
        state=progress.state,
        reason=progress.reason,
        audience=progress.audience,
        counts=progress.counts,
        pending=progress.pending,
        reasons=progress.reasons,
        created_at=send.created_at,
        closed_at=send.closed_at,
    )
