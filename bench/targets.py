"""What a page of targets costs at the beginning and at the end of a million of them (v1 rules 79 to 82).

    python -m bench.targets                     # or: --targets 200000

Three ways to a million targets: one send in chunks of 2,000 devices, a campaign of sends with 500 devices each, and a
campaign of instant messages, 50 devices each. Pages are read through the function of `results` and over HTTP (the whole
way of a signed request, on loopback), with and without a period, first and last in turns. PostgreSQL is the embedded
one on a temporary folder, as `clarion serve` runs it.
"""

import argparse
import asyncio
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import aiohttp
import uvicorn
import uvloop
from msgspec import Struct
from psycopg import sql
from rich.console import Console
from rich.table import Table

from clarion.api.edge import create_app
from clarion.api.v1.call import Services
from clarion.api.v1.surface import V1Surface
from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.assembly.operations import V1_HANDLERS
from clarion.audience import service as audience
from clarion.audience.model import All
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.content import service as content
from clarion.content.model import CampaignDraft, Content, MessageDraft
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from clarion.db.sql import Conn, app_table, execute
from clarion.identity import service as identity
from clarion.identity.model import Person, Role
from clarion.identity.signature import sign
from clarion.results import service as results
from clarion.results.model import Outcome, Period, Subject
from clarion.results.store import freezing, targets
from clarion.results.store.freezing import ChunkOrigin

PAGE = 100
ROUNDS = 15

Read = Callable[[int], Awaitable[object]]


class Case(Struct, frozen=True):
    """One way to have so many targets: `chunk` devices in a chunk, every chunk a send of its own or all of one."""

    name: str
    chunk: int
    one_send: bool


CASES = (
    Case("one send, chunks of 2,000", 2_000, one_send=True),
    Case("campaign, sends of 500", 500, one_send=False),
    Case("campaign, instant messages of 50", 50, one_send=False),
)


class Ready(Struct, frozen=True):
    """A case with its targets: what it is asked by, and the middle of its dates."""

    case: Case
    subject: Subject
    period: Period


class Caller:
    """Signs and sends requests of v1 over one connection."""

    def __init__(self, url: str, person: Person, api_key: str, token: str) -> None:
        self._url, self._key, self._token, self._person = url, api_key, token, person
        self._session = aiohttp.ClientSession()

    async def get(self, path: str) -> None:
        """Fetch a page; it must be full."""
        at = str(int(time.time()))
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accengage-Time": at,
            "Accengage-Signature": sign(b"", self._key, at),
        }
        async with self._session.get(self._url + path, headers=headers) as answer:
            found = await answer.json()
            assert answer.status == 200, found
            assert len(found["data"]) == PAGE, len(found["data"])

    async def close(self) -> None:
        """End the connection."""
        await self._session.close()


class Healthy:
    """The health of a bench."""

    async def ready(self) -> Sequence[str]:
        return ()


async def fill(conn: Conn, app: App, devices: int) -> None:
    """Devices with random ids."""
    table = app_table(app.id, "device")
    query = sql.SQL(
        """
        INSERT INTO {} (id, udid, token)
        SELECT ('x' || substr(md5(n::text), 1, 16))::bit(64)::bigint, md5(n::text), md5('t' || n)
        FROM generate_series(1, %s) AS n
        """
    )
    await execute(conn, query.format(table), (devices,))
    await execute(conn, sql.SQL("ANALYZE {}").format(table))


async def send(conn: Conn, app: App, case: Case) -> Ready:
    """Everybody is a target of the case, over 40 days that ended yesterday."""
    campaign = await content.create_campaign(conn, app.id, CampaignDraft(case.name))
    message = await content.create_message(conn, app, MessageDraft("m", (Content("Hello"),), campaign_id=campaign))
    bounds = {"low": -(2**63), "high": 2**63 - 1, "first_no": 0, "chunk_size": case.chunk}
    await freezing.insert_chunks(
        conn, ChunkOrigin(app.id, campaign, message, campaign), audience.selection(app.id, All(())), **bounds
    )
    begun = clock.now() - timedelta(days=41)
    await execute(
        conn,
        """
        UPDATE clarion.send_chunk
        SET outcomes = decode(repeat(%(code)s, size), 'hex'), delivered = size, targets = size,
            send_id = CASE WHEN %(one)s THEN send_id ELSE 1000000 * send_id + no END,
            started_at = %(begun)s + no * interval '40 days' / (SELECT count(*) FROM clarion.send_chunk
                                                               WHERE app_id = %(app)s AND campaign_id = %(campaign)s),
            closed_at = clarion.now()
        WHERE app_id = %(app)s AND campaign_id = %(campaign)s
        """,
        {
            "app": app.id,
            "campaign": campaign,
            "code": f"{Outcome.DELIVERED:02x}",
            "one": case.one_send,
            "begun": begun,
        },
    )
    subject = Subject(message_id=message) if case.one_send else Subject(campaign_id=campaign)
    return Ready(case, subject, Period(begun + timedelta(days=10), begun + timedelta(days=30)))


async def measured(reads: dict[str, Callable[[], Awaitable[object]]]) -> dict[str, float]:
    """Milliseconds by name, the median of rounds in which each had its turn."""
    taken: dict[str, list[float]] = {name: [] for name in reads}
    for name, read in reads.items():
        await read()
        assert name
    for _ in range(ROUNDS):
        for name, read in reads.items():
            begun = time.perf_counter()
            await read()
            taken[name].append(1000 * (time.perf_counter() - begun))
    return {name: statistics.median(each) for name, each in taken.items()}


async def compare(db: Database, app: App, caller: Caller, ready: Ready, targets: int, table: Table) -> None:
    """Two lines of the table for each way in: all targets, and those of a period."""
    for period in (Period(), ready.period):
        number = await listed(db, app, ready.subject, period, targets)
        pages = {"first": 0, "middle": number // PAGE // 2, "last": number // PAGE - 1}
        for way, read in (
            ("function", partial(through_function, db, app, ready.subject, period)),
            ("HTTP", partial(through_http, caller, app, ready.subject, period)),
        ):
            found = await measured({name: partial(read, page) for name, page in pages.items()})
            table.add_row(
                ready.case.name,
                "20 days" if period.start else "all",
                f"{number:,}",
                way,
                *(f"{found[name]:.1f}" for name in pages),
                f"{found['last'] / found['first']:.2f}",
            )


async def through_function(db: Database, app: App, subject: Subject, period: Period, page: int) -> None:
    """A page as the surface reads it."""
    async with db.connection() as conn:
        found = await results.targets(conn, app.id, subject, period, [], limit=PAGE + 1, offset=page * PAGE)
        assert len(found) >= PAGE


async def through_http(caller: Caller, app: App, subject: Subject, period: Period, page: int) -> None:
    """A page as an integrator reads it."""
    kind, number = ("messages", subject.message_id) if subject.message_id else ("campaigns", subject.campaign_id)
    query = f"page={page + 1}"
    if period.start is not None and period.end is not None:
        query += f"&startDate={_plain(period.start)}&endDate={_plain(period.end)}"
    await caller.get(f"/v1/me/apps/{app.partner_id}/{kind}/{number}/targets?{query}")


async def listed(db: Database, app: App, subject: Subject, period: Period, most: int) -> int:
    """How many full pages of targets there are, in targets."""
    async with db.connection() as conn:
        marks = await targets.target_marks(conn, app.id, subject, period)
    number = sum(mark.targets for mark in marks)
    assert number <= most
    return number // PAGE * PAGE


def _plain(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d%%20%H:%M:%S")


async def run(targets: int) -> Table:
    """Fill a database, serve it, measure."""
    table = Table(title=f"Milliseconds a page of {PAGE} targets, median of {ROUNDS}, in turns")
    for name in ("case", "period", "targets", "through", "first", "middle", "last", "last/first"):
        table.add_column(name, justify="left" if name in ("case", "period", "through") else "right")
    sealer = Sealer(os.urandom(32))
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "data", role="bench")
        await server.start()
        try:
            await migrate.upgrade(server.conninfo)
            db = await Database.open(server.conninfo)
            async with db.transaction() as conn:
                person, api_key = await identity.create_person(conn, sealer, "bench@shop.example", Role.OPERATOR)
                app, _ = await apps.create_app(conn, sealer, "bench", Platform.IOS, "Bench")
                await apps.grant(conn, app.id, person.id)
                token = await identity.issue_token(conn, person)
            async with db.connection() as conn:
                await fill(conn, app, targets)
                ready = [await send(conn, app, case) for case in CASES]
                await execute(conn, "VACUUM ANALYZE clarion.send_chunk")
            await serve(db, sealer, partial(over_all, db, app, ready, targets, table, person, api_key, token))
            await db.close()
        finally:
            await server.stop()
    return table


async def over_all(
    db: Database,
    app: App,
    ready: Sequence[Ready],
    targets: int,
    table: Table,
    person: Person,
    api_key: str,
    token: str,
    url: str,
) -> None:
    """Every case in its turn."""
    caller = Caller(url, person, api_key, token)
    try:
        for each in ready:
            await compare(db, app, caller, each, targets, table)
    finally:
        await caller.close()


async def serve(db: Database, sealer: Sealer, work: Callable[[str], Awaitable[None]]) -> None:
    """Serve v1 on loopback while `work` runs."""
    surface = V1Surface(Services(db, sealer), V1_HANDLERS)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app([surface], Healthy()), loop="none", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        await work(f"http://127.0.0.1:{listener.getsockname()[1]}")
    finally:
        server.should_exit = True
        await serving
        listener.close()


def main() -> None:
    """Parse the arguments, run, show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=1_000_000)
    Console(width=130).print(uvloop.run(run(parser.parse_args().targets)))


if __name__ == "__main__":
    main()
