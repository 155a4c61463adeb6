"""Invoices in plenty: how long the surface takes for the pages, filters and sort keys that people use.

    python -m bench.desk_invoices --rows 1000000

Fills a database of the embedded PostgreSQL by SQL: accounts of very unequal size over three years of monthly runs, in
which all invoices of a month carry its last day; what is older than a few months is paid, but for few. Then calls the
surface in process, as an operator client and as one of the largest account, and shows milliseconds at the median and
the 99th percentile of `--calls` calls each. Authentication, quota and the encoding of the answer are part of what is
measured; the network is not. The queries at the end have no index, as `docs/guide/v2.md` says.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from clarion.api.contract.engine import Contract
from clarion.api.edge import App, create_app
from clarion.api.v2.call import Services
from clarion.api.v2.surface import v2_surfaces
from clarion.assembly.operations import V2_HANDLERS
from clarion.base.sealing import Sealer
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from clarion.db.sql import value
from clarion.identity import clients
from clarion.identity.clients import Limits
from clarion.identity.scopes import ScopeName

_PLENTY = Limits(reads=10**9, reads_a_second=1e9, writes_a_minute=10**9)
_ACCOUNTS = """
    INSERT INTO clarion.account (name, legal_name, time_zone)
    SELECT 'Account ' || n, 'Account ' || n, (ARRAY['UTC', 'Europe/Paris', 'Asia/Tokyo', 'America/New_York'])[1 + n % 4]
    FROM generate_series(1, 200) AS n
"""
# The account is drawn by a square: the first has a fourteenth of all invoices, the last four in a thousand of that.
_INVOICES = """
    WITH drawn AS (
        SELECT n, (date_trunc('month', clarion.now()) - interval '35 months' + (36 * n / %(rows)s) * interval '1 month'
               + interval '1 month - 1 day')::date AS day,
            'ACC-' || (100000001 + floor(200 * power(random(), 2)))::bigint AS account_id,
            random() AS chance, round((random() * 5000)::numeric, 2) AS excluded
        FROM generate_series(0, %(rows)s - 1) AS n
    ), shown AS (
        SELECT *, CASE
            WHEN day > clarion.now() - interval '10 days' THEN CASE WHEN chance < 0.1 THEN 'Draft' ELSE 'Issued' END
            WHEN day > clarion.now() - interval '90 days' THEN
                CASE WHEN chance < 0.3 THEN 'Issued' WHEN chance < 0.35 THEN 'PartiallyPaid' ELSE 'Paid' END
            WHEN chance < 0.003 THEN 'Issued' WHEN chance < 0.01 THEN 'Void' ELSE 'Paid'
        END AS status
        FROM drawn
    )
    INSERT INTO clarion.invoice (
        account_id, invoice_reference, invoice_date, due_date, invoice_currency, status, external_reference,
        tax_excluded_amount, tax_amount, total_amount, paid_amount, line_count, last_line_number,
        created_date, last_modified_date
    )
    SELECT account_id, to_char(day, 'YYYY') || '-' || lpad(n::text, 8, '0'), day,
        CASE WHEN n %% 20 > 0 THEN day + 30 END, 'EUR', status::clarion.invoice_status, 'ERP-' || n,
        excluded, round(excluded * 0.21, 2), excluded + round(excluded * 0.21, 2),
        CASE status WHEN 'Paid' THEN excluded + round(excluded * 0.21, 2) WHEN 'PartiallyPaid' THEN 0.01 ELSE 0 END,
        1, 1, day + n %% 86400 * interval '1 second', day + 20 + n %% 86400 * interval '1 second'
    FROM shown
"""
_KEYS = ("InvoiceReference", "InvoiceDate", "DueDate", "Status", "TotalAmount", "CreatedDate", "LastModifiedDate")
_COMMON = (
    "",
    *(f"sort={sign}{key}" for key in _KEYS for sign in ("", "-")),
    "page[offset]=10000",
    *(f"filter[Status]={status}" for status in ("Draft", "Issued", "Paid", "Void")),
    "filter[Status]=Draft&sort=InvoiceDate",
    "filter[Status]=Issued&sort=-InvoiceDate",
    "filter[Status][in]=Issued,PartiallyPaid&sort=DueDate",
    "filter[IsOverdue]=true",
    "filter[IsOverdue]=true&sort=DueDate",
    "filter[IsOverdue]=true&sort=-InvoiceDate",
    "filter[IsOverdue]=false",
    "filter[InvoiceReference]={reference}",
    "filter[InvoiceReference][startsWith]={prefix}",
    "filter[ExternalReference]=ERP-77",
    "filter[InvoiceDate][gte]={day}&sort=-InvoiceDate",
    "filter[LastModifiedDate][gte]={moment}&sort=LastModifiedDate",
)
_OPERATORS = ("filter[AccountId]={account}&sort=-InvoiceDate", "filter[AccountId]={small}&sort=-InvoiceDate")
_UNSERVED = (
    "filter[InvoiceReference][contains]=00007",
    "filter[InvoiceReference][contains]=nowhere",
    "filter[InvoiceCurrency]=USD",
    "filter[LastModifiedDate][gte]={moment}",
)


async def fill(db: Database, rows: int) -> None:
    """So many invoices, and what PostgreSQL knows of them."""
    async with db.transaction() as conn:
        await conn.execute(_ACCOUNTS)
        await conn.execute(_INVOICES, {"rows": rows})
    async with db.connection() as conn:
        await conn.execute("VACUUM ANALYZE clarion.invoice")
        await conn.execute("VACUUM ANALYZE clarion.account")


async def token(db: Database, account_id: str | None) -> str:
    """A token of a client with every scope that billing needs."""
    scopes = (ScopeName.BILLING_READ, ScopeName.BILLING_READ_WRITE)
    async with db.transaction() as conn:
        made, _ = await clients.create(conn, "Bench", scopes, account_id)
        await clients.set_limits(conn, made.client_id, _PLENTY)
        return (await clients.issue(conn, made.client_id, scopes, life=clients.TOKEN_LIFE)).access_token


async def call(app: App, target: str, bearer: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
    """One request in process."""
    path, _, query = target.partition("?")
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"bench.example"), (b"authorization", f"Bearer {bearer}".encode())]
    if body:
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
        "scheme": "https",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 443),
    }
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


class Bench:
    """The surface, and the table of figures."""

    def __init__(self, app: App, calls: int, title: str) -> None:
        self._app = app
        self._calls = calls
        self.table = Table(title=title)
        for name in ("who", "call", "p50 ms", "p99 ms"):
            self.table.add_column(name, justify="left" if name in ("who", "call") else "right")

    async def reads(self, who: str, bearer: str, target: str) -> None:
        """The same page again and again, after a few calls that nobody counts."""
        took = []
        for number in range(self._calls + 5):
            began = time.perf_counter()
            status, body = await call(self._app, target, bearer)
            if number >= 5:
                took.append((time.perf_counter() - began) * 1000)
            if status != 200:
                raise SystemExit(f"{target}: {status} {body!r}")
        self._line(who, target, took)

    async def writes(self, bearer: str, account: str) -> None:
        """Drafts of three lines, a further line each, issue and payment."""
        line = {
            "description": "Uplink",
            "chargeType": "Recurring",
            "quantity": "3",
            "unitPrice": "9.99",
            "taxRate": "21",
        }
        steps: dict[str, list[float]] = {}
        for number in range(self._calls):
            body = {
                "accountId": account,
                "invoiceReference": f"bench-{number}",
                "invoiceDate": "2026-03-31",
                "lineDetails": [line] * 3,
            }
            made = await self._write(bearer, "POST", "/v2/invoices", body, steps, "POST with three lines")
            path = f"/v2/invoices/{made['data']['invoiceId']}"
            await self._write(bearer, "POST", f"{path}/invoice-line-details", line, steps, "POST a line")
            await self._write(bearer, "PATCH", path, {"status": "Issued"}, steps, "PATCH issue")
            await self._write(bearer, "PATCH", path, {"paidAmount": "1"}, steps, "PATCH payment")
        for step, took in steps.items():
            self._line("operator", step, took)

    async def _write(
        self, bearer: str, method: str, target: str, body: object, steps: dict[str, list[float]], step: str
    ) -> Any:
        began = time.perf_counter()
        status, answer = await call(self._app, target, bearer, method, msgspec.json.encode(body))
        steps.setdefault(step, []).append((time.perf_counter() - began) * 1000)
        if status >= 300:
            raise SystemExit(f"{method} {target}: {status} {answer!r}")
        return msgspec.json.decode(answer)

    def _line(self, who: str, what: str, took: list[float]) -> None:
        cuts = quantiles(took, n=100, method="inclusive")
        self.table.add_row(who, escape(what.removeprefix("/v2/invoices?")), f"{cuts[49]:.1f}", f"{cuts[98]:.1f}")


class Ready:
    """Ready at all times."""

    async def ready(self) -> Sequence[str]:
        """Nothing stands in the way."""
        return ()


async def run(conninfo: str, rows: int, calls: int) -> Table:
    """Fill and measure."""
    await migrate.upgrade(conninfo)
    db = await Database.open(conninfo)
    try:
        began = time.perf_counter()
        await fill(db, rows)
        filled = time.perf_counter() - began
        app = create_app(v2_surfaces(Contract.load("v2"), Services(db, Sealer(bytes(32))), V2_HANDLERS), Ready())
        bench = Bench(app, calls, f"{rows:,} invoices (filled in {filled:.0f} s), {calls} calls each")
        names = await _names(db)
        operator, customer = await token(db, None), await token(db, names["account"])
        await bench.reads("operator", operator, f"/v2/invoices/{names['invoice']}")
        await bench.reads("operator", operator, f"/v2/invoices/{names['invoice']}/invoice-line-details")
        for query in (*_COMMON, *_OPERATORS):
            await bench.reads("operator", operator, "/v2/invoices?" + query.format_map(names))
        for query in _COMMON:
            await bench.reads("account", customer, "/v2/invoices?" + query.format_map(names))
        bench.table.add_section()
        for query in _UNSERVED:
            await bench.reads("no index", operator, "/v2/invoices?" + query.format_map(names))
        bench.table.add_section()
        await bench.writes(operator, names["account"])
        return bench.table
    finally:
        await db.close()


async def _names(db: Database) -> dict[str, str]:
    async with db.connection() as conn:
        last = await value(conn, "SELECT max(invoice_id) FROM clarion.invoice WHERE account_id = 'ACC-100000001'")
        day = await value(conn, "SELECT max(invoice_date)::text FROM clarion.invoice WHERE account_id IS NOT NULL")
        moment = await value(
            conn,
            """
            SELECT to_char(max(last_modified_date) - interval '1 day', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            FROM clarion.invoice WHERE account_id IS NOT NULL
            """,
        )
        reference = await value(
            conn, "SELECT invoice_reference FROM clarion.invoice WHERE account_id = 'ACC-100000001' LIMIT 1"
        )
    return {
        "invoice": str(last),
        "day": str(day),
        "moment": str(moment),
        "reference": str(reference),
        "prefix": str(reference)[:10],
        "account": "ACC-100000001",
        "small": "ACC-100000200",
    }


async def run_embedded(given: argparse.Namespace) -> Table:
    """On a server of its own."""
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "data", role="bench")
        await server.start()
        try:
            return await run(server.conninfo, given.rows, given.calls)
        finally:
            await server.stop()


def main() -> None:
    """Parse the arguments, run, show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=200)
    Console(width=140).print(asyncio.run(run_embedded(parser.parse_args())))


if __name__ == "__main__":
    main()
