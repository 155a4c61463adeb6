"""How long pages of sites and services take: over all of them, and for accounts of three sizes.

    python bench/sites.py --sites 1000000

As many services as sites, on an embedded PostgreSQL of its own without fsync. One account owns 30 % of them, ten own
3 % each, 4,000 the rest. Every figure is the median of 7 pages of 25 rows with their total, in milliseconds.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from rich.console import Console
from rich.table import Table

from clarion.accounts.services import SERVICES
from clarion.accounts.sites import SITES
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from clarion.db.records import EVERYBODY, Filter, Operator, Order, PageRequest, Records, Scope

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "256MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
}
SCOPES = {
    "operator": EVERYBODY,
    "30 %": Scope("ACC-100000000"),
    "3 %": Scope("ACC-100000005"),
    "0.007 %": Scope("ACC-100000500"),
}
ROUNDS = 7

_ACCOUNTS = """
    INSERT INTO clarion.account (account_id, name, legal_name)
    SELECT 'ACC-' || (100000000 + i), 'Account', 'Account' FROM generate_series(0, 4010) AS i
"""
_SITES = """
    INSERT INTO clarion.site (account_id, name, status, city, country, time_zone, external_reference, is_venue,
                              created_date, last_modified_date)
    SELECT 'ACC-' || (100000000 + CASE WHEN random() < 0.3 THEN 0 WHEN random() < 0.43 THEN 1 + floor(random() * 10)
                                       ELSE 11 + floor(random() * 4000) END::integer),
           'Site ' || md5(i::text),
           ('{Planned,Active,Active,Active,Active,Active,Inactive,Closed}'::text[])[1 + floor(random() * 8)::integer]
               ::clarion.site_status,
           'City ' || floor(random() * 2000), ('{NL,BE,DE,FR,US}'::text[])[1 + floor(random() * 5)::integer],
           'UTC', 'ERP-' || i, random() < 0.02, made, made
    FROM (SELECT i, timestamptz '2026-01-01' + i * interval '20 s' AS made FROM generate_series(1, {}) AS i) AS s
"""
_SERVICES = """
    INSERT INTO clarion.service (account_id, site_id, service_name, service_type, status, external_reference,
                                 customer_reference, ready_for_service_date, planned_delivery_date, created_date,
                                 last_modified_date)
    SELECT account_id, site_id, 'Service ' || md5(site_id), 'Type ' || floor(random() * 20),
           ('{InProgress,ReadyForService,ReadyForService,ReadyForService,ReadyForService,Suspended,Deactivated,
              Cancelled}'::text[])[1 + floor(random() * 8)::integer]::clarion.service_status,
           external_reference, 'PO-' || floor(random() * 1000000),
           (created_date - floor(random() * 400) * interval '1 day')::date, created_date::date,
           created_date, last_modified_date
    FROM clarion.site
"""


def by(*keys: str) -> PageRequest:
    """A page in this order; a minus descends."""
    return PageRequest(order=tuple(Order(key.removeprefix("-"), key.startswith("-")) for key in keys))


def where(field: str, operator: Operator, value: Any, *keys: str) -> PageRequest:
    """A page of what compares so."""
    return PageRequest(filters=(Filter(field, operator, value),), order=by(*keys).order)


RECENT = datetime(2026, 8, 20, tzinfo=UTC)
PAGES: list[tuple[Records[Any], str, PageRequest]] = [
    *((SITES, f"by {keys}", by(*keys.split())) for keys in ("site_id", "name", "-name", "status", "-status", "city")),
    *((SITES, f"by {keys}", by(*keys.split())) for keys in ("-country", "-last_modified_date", "status name")),
    (SITES, "name =", where("name", Operator.EQ, "Site c4ca4238a0b923820dcc509a6f75849b")),
    (SITES, "name startsWith", where("name", Operator.STARTS_WITH, "site c4ca42")),
    (SITES, "name contains", where("name", Operator.CONTAINS, "c4ca4238")),
    (SITES, "city =", where("city", Operator.EQ, "City 7")),
    (SITES, "country in", where("country", Operator.IN, ("NL", "BE"))),
    (SITES, "status = by name", where("status", Operator.EQ, "Closed", "name")),
    (SITES, "reference =", where("external_reference", Operator.EQ, "ERP-77")),
    (SITES, "modified since", where("last_modified_date", Operator.GTE, RECENT, "last_modified_date")),
    (SITES, "venues", where("is_venue", Operator.EQ, True)),
    *((SERVICES, f"by {key}", by(key)) for key in ("service_id", "service_name", "service_type", "-service_type")),
    *((SERVICES, f"by {key}", by(key)) for key in ("status", "-status", "ready_for_service_date")),
    *((SERVICES, f"by {key}", by(key)) for key in ("-ready_for_service_date", "-last_modified_date")),
    (SERVICES, "type =", where("service_type", Operator.EQ, "Type 7")),
    (SERVICES, "status =", where("status", Operator.EQ, "Suspended")),
    (SERVICES, "customer reference =", where("customer_reference", Operator.EQ, "PO-77")),
    (SERVICES, "ready before", where("ready_for_service_date", Operator.LT, date(2025, 2, 1))),
]


def fill(conninfo: str, sites: int) -> None:
    """Rows first, then their indexes, as a dump is restored."""
    with psycopg.connect(conninfo, autocommit=True) as conn:
        indexes = conn.execute(
            """
            SELECT indexname, indexdef FROM pg_indexes
            WHERE schemaname = 'clarion' AND tablename IN ('site', 'service')
              AND indexname NOT IN (SELECT conname FROM pg_constraint)
            """
        ).fetchall()
        for name, _ in indexes:
            conn.execute(sql.SQL("DROP INDEX clarion.{}").format(sql.Identifier(name)))
        conn.execute(_ACCOUNTS)
        conn.execute(sql.SQL(_SITES.replace("{}", str(sites))))
        conn.execute(_SERVICES)
        for _, definition in indexes:
            conn.execute(definition.encode())
        conn.execute("VACUUM ANALYZE clarion.site")
        conn.execute("VACUUM ANALYZE clarion.service")


async def measure(database: Database, table: Table) -> None:
    """A row of the table for every kind of page."""
    async with database.connection() as conn:
        for records, name, request in PAGES:
            figures = []
            for scope in SCOPES.values():
                taken = []
                for _ in range(ROUNDS):
                    begun = time.perf_counter()
                    await records.page(conn, request, scope)
                    taken.append((time.perf_counter() - begun) * 1000)
                figures.append(f"{statistics.median(taken):.1f}")
            table.add_row(f"{records.record.__name__}: {name}", *figures)


async def run(sites: int) -> Table:
    """Make the data and measure."""
    table = Table(title=f"{sites:,} sites, {sites:,} services: ms a page")
    for name in ("page", *SCOPES):
        table.add_column(name, justify="left" if name == "page" else "right")
    with tempfile.TemporaryDirectory(prefix="clarion-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "data", role="bench", settings=SETTINGS)
        await server.start()
        try:
            with psycopg.connect(server.admin_conninfo, autocommit=True) as admin:
                admin.execute("CREATE DATABASE bench OWNER clarion")
            conninfo = make_conninfo(server.conninfo, dbname="bench")
            await migrate.upgrade(conninfo)
            fill(conninfo, sites)
            database = await Database.open(conninfo, size=2)
            try:
                await measure(database, table)
            finally:
                await database.close()
        finally:
            await server.stop(grace=0)
    return table


def main() -> None:
    """Measure and show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=1_000_000)
    Console(width=120).print(asyncio.run(run(parser.parse_args().sites)))


if __name__ == "__main__":
    main()
