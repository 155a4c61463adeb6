"""How long the pages of the service desk take on a large base, through the surface of v2 in process.

    python -m bench.desk cases --rows 1000000

PostgreSQL is the embedded one on a temporary folder, as `clarion serve` runs it; rows are made in SQL. Each request is
a whole one, from the bytes of its query to those of its answer: token, quota, page, total, entity tag. The clock is a
client's, and nothing else is asked meanwhile; on a machine that others use, the least time is what the work takes.
Another resource is one more `Subject` in `SUBJECTS`.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from clarion.api.contract.engine import Contract
from clarion.api.edge import App, create_app
from clarion.api.v2.call import Services
from clarion.api.v2.surface import v2_surfaces
from clarion.assembly.operations import V2_HANDLERS
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.base.telemetry import configure
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from clarion.db.sql import execute, value
from clarion.identity import clients
from clarion.identity.clients import Limits
from clarion.identity.scopes import ScopeName
from tests.api.asgi import call

_PLENTY = Limits(reads=1_000_000_000, reads_a_second=1e9, writes_a_minute=1_000_000_000)
_ACCOUNTS = 1_000
_FIRST = 100_000_001
_WARM = 3

Targets = Callable[[Random, int], str]
"""The path and query of one request, with the number of rows there are."""


class Asked(Struct, frozen=True):
    """A request that is measured: `whose` is the operator, a small account, or the large one with a tenth of all rows.
    With a `body` it is a POST. `declared` marks what the guide says is slow."""

    name: str
    whose: str
    target: Targets
    body: dict[str, object] | None = None
    declared: bool = False


class Subject(Struct, frozen=True):
    """A resource: how its rows are made, and what is asked."""

    fill: Callable[[Database, int], Awaitable[None]]
    asked: Sequence[Asked]


class Nothing:
    """An installation that is ready."""

    async def ready(self) -> Sequence[str]:
        return ()


def at(target: str) -> Targets:
    """The same request each time."""
    return lambda _random, _rows: target


async def fill_companies(db: Database) -> None:
    """Accounts, with two sites and four services each."""
    async with db.connection() as conn:
        await execute(
            conn,
            "INSERT INTO clarion.account (name, legal_name) SELECT 'ACME ' || n, 'ACME' FROM generate_series(1, %s) n",
            (_ACCOUNTS,),
        )
        await execute(
            conn,
            """
            INSERT INTO clarion.site (account_id, name, city, country, time_zone)
            SELECT account_id, 'Site ' || n, 'Delft', 'NL', 'Europe/Amsterdam'
            FROM clarion.account CROSS JOIN generate_series(1, 2) AS n ORDER BY account_id, n
            """,
        )
        await execute(
            conn,
            """
            INSERT INTO clarion.service (account_id, site_id, service_name, service_type, status)
            SELECT account_id, site_id, 'Service ' || n, 'Broadband', 'ReadyForService'
            FROM clarion.site CROSS JOIN generate_series(1, 2) AS n ORDER BY site_id, n
            """,
        )


async def fill_cases(db: Database, rows: int) -> None:
    """Cases of three years in the order of their opening. One account has a tenth of them. What is open is mostly the
    newest hundredth and a half; one in three hundred of the older ones was left open."""
    await fill_companies(db)
    async with db.connection() as conn:
        await execute(
            conn,
            """
            INSERT INTO clarion.support_case (account_id, site_id, service_id, type, subject, priority, status,
                customer_reference, start_of_incident, resolved_date, closed_date, created_date, last_modified_date)
            SELECT s.account_id, s.site_id, s.service_id, kind, subject, priority, c.status,
                CASE WHEN h %% 3 > 0 THEN 'INC' || lpad(n::text, 8, '0') END,
                CASE WHEN kind = 'Incident' THEN created - interval '1 hour' END,
                CASE WHEN c.status IN ('Resolved', 'Closed') THEN created + h %% 200 * interval '20 minutes' END,
                CASE WHEN c.status IN ('Closed', 'Cancelled') THEN created + h %% 200 * interval '1 hour' END,
                created,
                least(created + h %% 200 * interval '1 hour', clarion.now())
            FROM (
                SELECT n, h, kind,
                    (CASE WHEN kind = 'Incident' THEN
                        ARRAY['RfoRequest', 'ServiceDegradation', 'ServiceIntermittent', 'ServiceDown']
                    ELSE ARRAY['ActivationSupport', 'ChangeRequest', 'InformationRequest', 'Other'] END
                    )[1 + h / 7 %% 4]::clarion.case_subject AS subject,
                    (CASE WHEN kind = 'Incident' THEN ARRAY['P1', 'P2', 'P3', 'P3', 'P3', 'P4']
                    ELSE ARRAY['P3', 'P3', 'P4', 'P5', 'P3', 'P4'] END
                    )[1 + h / 11 %% 6]::clarion.case_priority AS priority,
                    (CASE WHEN n > %(rows)s * 0.985 OR h %% 300 = 0 THEN
                        ARRAY['New', 'InProgress', 'InProgress', 'PendingCustomer', 'OnHold', 'Resolved']
                    WHEN h %% 14 = 0 THEN ARRAY['Cancelled'] ELSE ARRAY['Closed'] END
                    )[1 + CASE WHEN n > %(rows)s * 0.985 OR h %% 300 = 0 THEN h / 13 %% 6 ELSE 0 END
                    ]::clarion.case_status AS status,
                    clarion.now() - (%(rows)s - n) * interval '1095 days' / %(rows)s AS created,
                    'SVC-' || (CASE WHEN h %% 10 = 0 THEN %(first)s + h / 17 %% 4
                               ELSE %(first)s + 4 + h / 17 %% (4 * (%(accounts)s - 1)) END) AS service_id
                FROM (
                    SELECT n, h,
                        (CASE WHEN h / 3 %% 2 = 0 THEN 'Incident' ELSE 'NonIncident' END)::clarion.case_type AS kind
                    FROM (SELECT n, abs(hashint8extended(n, 5) %% 1000000007) AS h
                          FROM generate_series(1, %(rows)s) AS n) AS x
                ) AS y
            ) AS c JOIN clarion.service AS s USING (service_id) ORDER BY n
            """,
            {"rows": rows, "accounts": _ACCOUNTS, "first": _FIRST},
        )
        await execute(
            conn,
            """
            INSERT INTO clarion.case_message (case_message_id, case_id, message, type, sent_by, timestamp)
            SELECT 'MSG-' || upper(substr(md5(case_id || n), 1, 26)), case_id, repeat('The line is down. ', 5),
                   'Comment', 'Customer', created_date + n * interval '1 hour'
            FROM clarion.support_case CROSS JOIN generate_series(1, 2) AS n
            """,
        )
        for table in ("support_case", "case_message", "service", "site", "account"):
            await conn.execute(f"VACUUM (ANALYZE) clarion.{table}")


_STILL_OPEN = "filter[Status][in]=New,InProgress,PendingCustomer,OnHold"


def _open(rest: str = "") -> Targets:
    return at(f"/v2/cases?{_STILL_OPEN}{rest}")


def _since(field: str, days: int, rest: str = "") -> Targets:
    return lambda _random, _rows: (
        f"/v2/cases?filter[{field}][gte]={(clock.now() - timedelta(days=days)).strftime('%Y-%m-%dT%H:%M:%SZ')}{rest}"
    )


def _of(field: str, prefix: str, first: int, count: int, rest: str = "") -> Targets:
    return lambda random, _rows: f"/v2/cases?filter[{field}]={prefix}-{first + random.randrange(count)}{rest}"


def _reference(operator: str) -> Targets:
    cut = {"": 8, "[startsWith]": 6, "[contains]": 8}[operator]
    return lambda random, rows: (
        f"/v2/cases?filter[CustomerReference]{operator}=INC{str(random.randrange(1, rows)).rjust(8, '0')[:cut]}"
    )


def _case(rest: str) -> Targets:
    return lambda random, rows: f"/v2/cases/CAS-{_FIRST + random.randrange(rows)}{rest}"


_LISTS: dict[str, Targets] = {
    "first page": at("/v2/cases"),
    "200 rows": at("/v2/cases?page[limit]=200"),
    "offset 2,000": at("/v2/cases?page[offset]=2000"),
    **{
        f"sort {sign}{field}": at(f"/v2/cases?sort={sign}{field}")
        for field in ("CaseId", "Status", "Priority", "CreatedDate", "LastModifiedDate")
        for sign in ("", "-")
    },
    "sort Priority,-CreatedDate": at("/v2/cases?sort=Priority,-CreatedDate"),
    **{
        f"status {status}": at(f"/v2/cases?filter[Status]={status}")
        for status in ("New", "OnHold", "Closed", "Cancelled")
    },
    "status New, sort CreatedDate": at("/v2/cases?filter[Status]=New&sort=CreatedDate"),
    "status New, sort Priority": at("/v2/cases?filter[Status]=New&sort=Priority"),
    "status Closed, sort -CreatedDate": at("/v2/cases?filter[Status]=Closed&sort=-CreatedDate"),
    "status Closed, sort -LastModifiedDate": at("/v2/cases?filter[Status]=Closed&sort=-LastModifiedDate"),
    "open": _open(),
    "open, sort CreatedDate": _open("&sort=CreatedDate"),
    "open, sort -LastModifiedDate": _open("&sort=-LastModifiedDate"),
    "open, sort Priority": _open("&sort=Priority"),
    "open, sort Priority,CreatedDate": _open("&sort=Priority,CreatedDate"),
    "open, P1 and P2": _open("&filter[Priority][in]=P1,P2"),
    "priority P1": at("/v2/cases?filter[Priority]=P1"),
    "priority P1, sort -CreatedDate": at("/v2/cases?filter[Priority]=P1&sort=-CreatedDate"),
    "modified this week, sort LastModifiedDate": _since("LastModifiedDate", 7, "&sort=LastModifiedDate"),
    "modified this week": _since("LastModifiedDate", 7),
    "modified this week, open": _since("LastModifiedDate", 7, f"&{_STILL_OPEN}"),
    "created this month, sort -CreatedDate": _since("CreatedDate", 30, "&sort=-CreatedDate"),
    "type Incident": at("/v2/cases?filter[Type]=Incident"),
    "subject ServiceDown": at("/v2/cases?filter[Subject]=ServiceDown"),
    "reference": _reference(""),
    "reference startsWith": _reference("[startsWith]"),
}
_SLOW: dict[str, Targets] = {
    "reference contains": _reference("[contains]"),
    "created this year": _since("CreatedDate", 365),
    "status ne Closed": at("/v2/cases?filter[Status][ne]=Closed"),
    "sort Type": at("/v2/cases?sort=Type"),
    "sort -Subject": at("/v2/cases?sort=-Subject"),
    "sort StartOfIncident": at("/v2/cases?sort=StartOfIncident"),
    "offset at nine tenths": lambda _random, rows: f"/v2/cases?page[offset]={rows * 9 // 10}",
}
_SLOW_IN_LARGE = ("type Incident", "subject ServiceDown")
_SITES = _of("SiteId", "SIT", _FIRST + 2, 2 * (_ACCOUNTS - 1))
_ANY_SERVICE = _of("ServiceId", "SVC", _FIRST + 4, 4 * (_ACCOUNTS - 1), "&sort=-CreatedDate")

CASES = Subject(
    fill_cases,
    [
        *(
            Asked(name, whose, target, declared=whose == "large" and name in _SLOW_IN_LARGE)
            for whose in ("operator", "small", "large")
            for name, target in _LISTS.items()
        ),
        Asked("site", "operator", _SITES),
        Asked("site of the large account", "operator", _of("SiteId", "SIT", _FIRST, 2)),
        Asked("site of the large account, open", "operator", _of("SiteId", "SIT", _FIRST, 2, f"&{_STILL_OPEN}")),
        Asked("service, sort -CreatedDate", "operator", _ANY_SERVICE),
        Asked(
            "account, open", "operator", _of("AccountId", "ACC", _FIRST, _ACCOUNTS, "&filter[Status][in]=New,OnHold")
        ),
        Asked("one case", "operator", _case("")),
        Asked("its messages", "operator", _case("/case-messages")),
        Asked(
            "create",
            "operator",
            at("/v2/cases"),
            {
                "type": "NonIncident",
                "subject": "Other",
                "serviceId": f"SVC-{_FIRST}",
                "message": "Please send the utilisation report.",
            },
        ),
        *(
            Asked(name, whose, target, declared=True)
            for whose in ("operator", "large")
            for name, target in _SLOW.items()
        ),
    ],
)
SUBJECTS: dict[str, Subject] = {"cases": CASES}


class Measured(Struct):
    """Milliseconds of the requests of one kind, and how many rows there are in all."""

    asked: Asked
    taken: list[float]
    total: object


async def measure(db: Database, subject: Subject, rows: int, rounds: int) -> list[Measured]:
    """Every request so often; the first ones of a kind are not counted."""
    app = create_app(v2_surfaces(Contract.load("v2"), Services(db, Sealer(bytes(32))), V2_HANDLERS), Nothing())
    tokens = {
        "operator": await _token(db, None),
        "small": await _token(db, f"ACC-{_FIRST + 500}"),
        "large": await _token(db, f"ACC-{_FIRST}"),
    }
    random = Random(7)
    return [await _measured(app, asked, tokens[asked.whose], rows, rounds, random) for asked in subject.asked]


async def _measured(app: App, asked: Asked, token: str, rows: int, rounds: int, random: Random) -> Measured:
    headers = {"Host": "push.example", "Authorization": f"Bearer {token}"}
    if asked.body is not None:
        headers["Content-Type"] = "application/json"
    body = b"" if asked.body is None else json.dumps(asked.body).encode()
    found = Measured(asked, [], None)
    for number in range(_WARM + rounds):
        target = asked.target(random, rows)
        began = time.perf_counter()
        answer = await call(app, "POST" if body else "GET", target, headers=headers, body=body)
        taken = (time.perf_counter() - began) * 1000
        assert answer.status in (200, 201), (target, answer.body)
        if number >= _WARM:
            found.taken.append(taken)
        found.total = json.loads(answer.body).get("metadata", {}).get("total", "")
    return found


async def _token(db: Database, account_id: str | None) -> str:
    async with db.transaction() as conn:
        made, _ = await clients.create(conn, "Bench", tuple(ScopeName), account_id)
        await clients.set_limits(conn, made.client_id, _PLENTY)
        return (await clients.issue(conn, made.client_id, tuple(ScopeName), life=timedelta(days=1))).access_token


async def run(name: str, rows: int, rounds: int) -> Table:
    """Fill, measure, tell."""
    subject = SUBJECTS[name]
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "data", role="bench")
        await server.start()
        try:
            await migrate.upgrade(server.conninfo)
            db = await Database.open(server.conninfo)
            try:
                began = time.perf_counter()
                await subject.fill(db, rows)
                filled = time.perf_counter() - began
                found = await measure(db, subject, rows, rounds)
                async with db.connection() as conn:
                    size = await value(conn, "SELECT pg_size_pretty(pg_database_size(current_database()))")
            finally:
                await db.close()
        finally:
            await server.stop()
    return _table(f"{rows:,} {name} ({size}, filled in {filled:.0f} s), {rounds} requests each", found)


def _table(title: str, found: Sequence[Measured]) -> Table:
    table = Table(title=title)
    for column in ("whose", "request", "rows in all", "least ms", "p50 ms", "p99 ms", ""):
        table.add_column(column, justify="left" if column in ("whose", "request", "") else "right")
    for each in found:
        taken = sorted(each.taken)
        p99 = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
        remark = "declared slow" if each.asked.declared else ("above 50 ms" if p99 > 50 else "")
        total = ">10,000" if each.total is None else str(each.total)
        table.add_row(
            each.asked.whose, each.asked.name, total, *(f"{ms:.1f}" for ms in (taken[0], median(taken), p99)), remark
        )
    return table


def main() -> None:
    """Parse the arguments, run, show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subject", choices=sorted(SUBJECTS))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=100)
    given = parser.parse_args()
    configure(json=True, level="error", process="bench")
    Console(width=140).print(asyncio.run(run(given.subject, given.rows, given.rounds)))


if __name__ == "__main__":
    main()
