"""How fast an instant message is: 100 targets named by client id, from the request to the push gateway.

    python -m bench.instant                     # or: --devices 20000 --requests 50
    python -m bench.instant --campaign 1000000  # while a campaign to so many devices runs all the time

`clarion serve` runs with its embedded PostgreSQL in processes of its own; requests go over its plain listener, one
after the other, signed, on one kept connection. The stub gateway runs in a process of its own and notes when each
notification came. All share the cores of one machine. The campaign is another application's, and goes to nginx, which
stands for a machine elsewhere and therefore runs niced.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median

import aiohttp
import msgspec
import uvloop
from msgspec import Struct
from psycopg import sql
from rich.console import Console
from rich.table import Table

from bench import company as campaigns
from bench.delivery.sink import running_sink
from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, Platform
from clarion.assembly.database import conninfo_of, opened, sealer
from clarion.base.authority import CA_FILE
from clarion.cli.stub_client import StubClient
from clarion.content import service as content
from clarion.content.model import Content, MessageDraft
from clarion.db.pool import Database
from clarion.db.sql import Conn, app_table, execute
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from clarion.identity import service as identity
from clarion.identity.model import Role
from clarion.identity.signature import sign
from clarion.sending import service as sending
from clarion.sending.model import SendState
from tests.installation import Installation

TARGETS = 100
WARM_UP = 20
_PIECE = 5000
_LOOK = 0.04


class Company(Struct, frozen=True):
    """What a caller needs to know: where to send what, and by what right."""

    path: str
    parent: int
    api_key: str
    token: str


@asynccontextmanager
async def stub_gateway(folder: Path) -> AsyncIterator[StubClient]:
    """`clarion stub` in a process of its own."""
    command = [sys.executable, "-m", "clarion.cli.main", "stub", "--port", "0", "--data-dir", str(folder), "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        told = msgspec.json.decode(await process.stdout.readline())
        async with StubClient(told["url"], Path(told["caFile"])) as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


async def found(installation: Installation, stub: StubClient, ca: str, number: int) -> Company:
    """An iOS application with so many devices and an index on their client ids, and a message to be said again."""
    async with opened(installation.settings) as db:
        async with db.transaction() as conn:
            seal = await sealer(installation.settings, conn)
            app, _ = await apps.create_app(conn, seal, "bench", Platform.IOS, "Bench")
            secret = await stub.credentials("apns", "bench")
            await apps.set_gateway(conn, seal, app, secret, stub.origin, ca)
            client = await apps.add_column(conn, app, "clientId", ColumnKind.TEXT, indexed=True)
            first_name = await apps.add_column(conn, app, "firstname", ColumnKind.TEXT)
            draft = MessageDraft("Order", (Content("Hi ${firstname}, order ${order} is on its way"),))
            parent = await content.create_message(conn, app, draft)
            person, api_key = await identity.create_person(conn, seal, "bench@shop.example", Role.OPERATOR)
            await apps.grant(conn, app.id, person.id)
            token = await identity.issue_token(conn, person)
        for start in range(0, number, _PIECE):
            records = [
                DeviceRecord(f"d{n}", {TOKEN: f"{n:064x}", client: f"C-{n}", first_name: "Ada"})
                for n in range(start, min(start + _PIECE, number))
            ]
            async with db.transaction() as conn:
                await devices.upsert(conn, app, records)
        async with db.connection() as conn:
            await _prepare(conn, app, client.sql)
    return Company(f"/v1/me/apps/{app.partner_id}/send", parent, api_key, token)


async def _prepare(conn: Conn, app: App, column: str) -> None:
    """The index at once, and statistics, as an application has them that is not new."""
    device = app_table(app.id, "device")
    await execute(conn, sql.SQL("CREATE INDEX ON {} ({})").format(device, sql.Identifier(column)))
    await execute(conn, sql.SQL("ANALYZE {}").format(device))


class Took(Struct, frozen=True):
    """Milliseconds from the first byte of a request: to its answer, to the last notification at the gateway."""

    accepted: float
    arrived: float


async def say(
    session: aiohttp.ClientSession, url: str, company: Company, stub: StubClient, wanted: int, clients: list[int]
) -> Took:
    """One instant message to these clients, until the gateway has `wanted` notifications."""
    targets = [{"clientId": f"C-{n}", "data": {"order": n}} for n in clients]
    body = msgspec.json.encode({"parentMessageId": company.parent, "targets": targets})
    started, epoch = time.perf_counter(), time.time()
    at = str(int(epoch))
    headers = {
        "Authorization": f"Bearer {company.token}",
        "Accengage-Time": at,
        "Accengage-Signature": sign(body, company.api_key, at),
        "Content-Type": "application/json",
    }
    async with session.post(url + company.path, data=body, headers=headers) as answer:
        answered = await answer.read()
    accepted = time.perf_counter() - started
    assert answer.status == 200, answered

    async with asyncio.timeout(30):
        while True:
            await asyncio.sleep(_LOOK)  # seldom, so that looking takes nobody's time
            gateway = (await stub.stats())["apns"]
            if gateway["delivered"] >= wanted:
                return Took(accepted * 1e3, (gateway["last_at"] - epoch) * 1e3)


async def run(options: argparse.Namespace) -> Table:
    """Fill an installation, start it, send."""
    chance = random.Random(7)
    async with AsyncExitStack() as sinks:
        folder = sinks.enter_context(tempfile.TemporaryDirectory(prefix="clarion-bench-"))
        campaign = None
        place = Path(folder) / "stub"
        stub = await sinks.enter_async_context(stub_gateway(place))
        installation = Installation(Path(folder) / "data", http=True)
        company = await found(installation, stub, (place / "stub" / CA_FILE).read_text(), options.devices)
        if options.campaign:
            place = Path(folder) / "sink"
            place.mkdir()
            port = sinks.enter_context(running_sink(place, streams=1000, niceness=10))
            campaign = await Campaign.prepared(installation, port, (place / CA_FILE).read_text(), options.campaign)
        installation.start()
        try:
            url = f"http://127.0.0.1:{installation.settings.http_port}"
            async with aiohttp.ClientSession() as session:
                await _until_ready(session, url)
                if campaign is not None:
                    await campaign.begin()
                took = [
                    await say(session, url, company, stub, no * TARGETS, chance.sample(range(options.devices), TARGETS))
                    for no in range(1, 1 + WARM_UP + options.requests)
                ][WARM_UP:]
        finally:
            if campaign is not None:
                await campaign.end()
            await installation.stop()
    table = _table(options.devices, took)
    if campaign is not None:
        table.caption = f"meanwhile {campaign.sends} campaigns to {options.campaign:,} devices, one after the other"
    return table


class Campaign:
    """Campaigns of another application, one after the other, for as long as they are wanted."""

    def __init__(self, installation: Installation, app: App) -> None:
        self.sends = 0
        self._installation = installation
        self._app = app
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def prepared(cls, installation: Installation, port: int, ca: str, devices: int) -> "Campaign":
        async with opened(installation.settings) as db:
            async with db.connection() as conn:
                seal = await sealer(installation.settings, conn)
            app = await campaigns.found(db, seal, "bulk", f"https://localhost:{port}", ca)
            await campaigns.add_devices(db, app, 1, devices)
        return cls(installation, app)

    async def begin(self) -> None:
        """Return when the first one is being delivered."""
        begun = asyncio.Event()
        self._task = asyncio.create_task(self._run(begun))
        await begun.wait()

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, begun: asyncio.Event) -> None:
        db = await Database.open(await conninfo_of(self._installation.settings), size=1)
        try:
            while True:
                send_id = await campaigns.begin_campaign(db, self._app)
                self.sends += 1
                while True:
                    async with db.connection() as conn:
                        progress = await sending.progress(conn, self._app.id, send_id)
                    if progress.counts.delivered:
                        begun.set()
                    if progress.state is SendState.CLOSED:
                        break
                    await asyncio.sleep(0.5)
        finally:
            await db.close()


async def _until_ready(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)


def _table(number: int, took: list[Took]) -> Table:
    table = Table(title=f"{TARGETS} targets, {number:,} devices, {len(took)} requests, milliseconds")
    for name in ("until", "p50", "p90", "p99", "least", "most"):
        table.add_column(name, justify="left" if name == "until" else "right")
    for name, values in (
        ("accepted", sorted(each.accepted for each in took)),
        ("all at the gateway", sorted(each.arrived for each in took)),
    ):
        ranks = [median(values), *(values[int(len(values) * rank)] for rank in (0.9, 0.99)), values[0], values[-1]]
        table.add_row(name, *(f"{value:.1f}" for value in ranks))
    return table


def main() -> None:
    """Parse the arguments, run, show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument(
        "--campaign", type=int, default=0, metavar="DEVICES", help="beside campaigns to so many devices"
    )
    Console().print(uvloop.run(run(parser.parse_args())))


if __name__ == "__main__":
    main()
