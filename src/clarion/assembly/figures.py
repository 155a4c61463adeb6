"""What is counted in the database for all processes together: sends, the ledger's sums, queues, sizes.

Read when somebody asks, on one connection of its own, in one snapshot, and never more often than every fifty times as
long as it took: however many sends there are, watching them takes two hundredths of a core at most. The age of what is
shown is shown with it. A database that does not answer shows as such.
"""

import asyncio
from time import monotonic

import psycopg
from msgspec import Struct
from psycopg import IsolationLevel

from clarion.base import metrics
from clarion.base.errors import Unavailable
from clarion.base.metrics import Family
from clarion.db import size
from clarion.db.pool import connect
from clarion.db.sql import Conn
from clarion.queue import store as queue
from clarion.results.model import Counts
from clarion.results.store import figures as chunk_figures
from clarion.sending.figures import store as send_figures
from clarion.sending.model import SendKind

_PATIENCE = 5.0
_SHARE = 50


class _Sums:
    """The sums of one kind of send."""

    def __init__(self) -> None:
        self.sends = self.open = self.planned = 0
        self.outcomes = dict.fromkeys(Counts.__struct_fields__, 0)

    def add(self, counts: Counts) -> None:
        for name in self.outcomes:
            self.outcomes[name] += getattr(counts, name)


class _Read(Struct):
    """What was read, when (monotonic clock), and how long it took (s)."""

    families: list[Family]
    at: float
    took: float


class Figures:
    """The figures of one database."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._conn: Conn | None = None
        self._read: _Read | None = None
        self._turn = asyncio.Lock()

    async def families(self) -> list[Family]:
        """The metrics; `clarion_database_up` alone when the database does not answer within five seconds."""
        async with self._turn:
            now = monotonic()
            if self._read is None or now - self._read.at > _SHARE * self._read.took:
                try:
                    async with asyncio.timeout(_PATIENCE):
                        self._read = _Read(await self._look(), now, monotonic() - now)
                except (TimeoutError, psycopg.Error, Unavailable):
                    self._read = None
                    await self._hang_up()
            found = self._read
        up = metrics.gauge("clarion_database_up", "1 when the database answered, else 0.", ({}, found is not None))
        if found is None:
            return [up]
        age = metrics.gauge(
            "clarion_ledger_age_seconds",
            "Age of the figures that are read from the database.",
            ({}, max(0.0, monotonic() - found.at - found.took)),
        )
        return [up, age, *found.families]

    async def aclose(self) -> None:
        """Give the connection back."""
        async with self._turn:
            await self._hang_up()

    async def _hang_up(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()

    async def _look(self) -> list[Family]:
        if self._conn is None or self._conn.closed:
            self._conn = await connect(self._conninfo, application_name="clarion metrics")
            await self._conn.set_isolation_level(IsolationLevel.REPEATABLE_READ)
            await self._conn.set_read_only(True)
        conn = self._conn
        async with conn.transaction():
            sums = await _sums(conn)
            depth = await queue.depth(conn)
            bytes_used = await size.of_database(conn)
        return [*_sends(sums), *_queues(depth), metrics.gauge(
            "clarion_database_bytes", "Bytes of the database on disk, WAL not included.", ({}, bytes_used)
        )]  # fmt: skip


async def _sums(conn: Conn) -> dict[SendKind, _Sums]:
    found = {kind: _Sums() for kind in SendKind}
    for each in await send_figures.sums(conn):
        of_kind = found[each.kind]
        of_kind.sends += each.sends
        of_kind.open += each.open
        of_kind.planned += each.audience
        of_kind.add(each.counts)
    unended = {(send.app_id, send.id): send for send in await send_figures.open_sends(conn)}
    if unended:
        for each_open in await chunk_figures.open_sums(conn, list(unended)):
            send = unended[each_open.app_id, each_open.send_id]
            found[send.kind].add(each_open.counts)
            # A frozen audience is in the sums already.
            found[send.kind].planned += 0 if send.frozen else each_open.planned
    return found


def _sends(sums: dict[SendKind, _Sums]) -> list[Family]:
    return [
        metrics.counter(
            "clarion_sends",
            "Sends accepted since the installation began, by kind.",
            *(({"kind": kind}, each.sends) for kind, each in sums.items()),
        ),
        metrics.gauge(
            "clarion_sends_open",
            "Sends that have not ended: being planned, sending, or cancelled and settling.",
            *(({"kind": kind}, each.open) for kind, each in sums.items()),
        ),
        metrics.counter(
            "clarion_ledger_planned",
            "Devices in frozen audiences and in what is planned of audiences being frozen.",
            *(({"kind": kind}, each.planned) for kind, each in sums.items()),
        ),
        metrics.counter(
            "clarion_ledger_devices",
            "Devices by their outcome as the ledger has it, over all sends: exact, and kept over restarts.",
            *(
                ({"kind": kind, "outcome": outcome}, number)
                for kind, each in sums.items()
                for outcome, number in each.outcomes.items()
            ),
        ),
    ]


def _queues(depth: list[tuple[str, int, int, float]]) -> list[Family]:
    living = [row for row in depth if row[0] != "dead"]
    return [
        metrics.gauge(
            "clarion_queue_jobs",
            "Jobs by queue: due, or held by a worker or due later.",
            *(({"queue": name, "state": "due"}, due) for name, due, _, _ in living),
            *(({"queue": name, "state": "held_or_later"}, later) for name, _, later, _ in living),
        ),
        metrics.gauge(
            "clarion_queue_oldest_seconds",
            "Seconds for which the oldest due job of a queue has waited.",
            *(({"queue": name}, oldest) for name, _, _, oldest in living),
        ),
        metrics.gauge(
            "clarion_dead_jobs",
            "Jobs given up for good; table clarion.dead_job tells why.",
            ({}, next((row[1] for row in depth if row[0] == "dead"), 0)),
        ),
    ]
