"""Which lists of sites and services an index serves, for an account and for an operator (decision 37).

Scans of whole tables and sorting are priced out of the way: where they are planned all the same, no index can serve.
"""

import re
from typing import Any, Self

import psycopg
import pytest

from clarion.accounts.services import SERVICES
from clarion.accounts.sites import SITES
from clarion.accounts.venues import POINTS
from clarion.db.pool import Database
from clarion.db.records import EVERYBODY, Filter, Operator, Order, PageRequest, Records, Scope
from clarion.db.sql import execute

MINE = Scope("ACC-100000001")
ORDERS: list[tuple[Records[Any], str]] = [
    *((SITES, name) for name in ("site_id", "account_id", "name", "city", "country", "status")),
    *((SITES, name) for name in ("created_date", "last_modified_date")),
    *((SERVICES, name) for name in ("service_id", "service_name", "service_type", "status", "planned_delivery_date")),
    *((SERVICES, name) for name in ("ready_for_service_date", "created_date", "last_modified_date")),
    *((POINTS, name) for name in ("poi_id", "name", "type", "created_date", "last_modified_date")),
]
FILTERS: list[tuple[Records[Any], Filter]] = [
    (SITES, Filter("name", Operator.EQ, "Park")),
    (SITES, Filter("name", Operator.STARTS_WITH, "Pa")),
    (SITES, Filter("city", Operator.EQ, "Delft")),
    (SITES, Filter("country", Operator.EQ, "NL")),
    (SITES, Filter("country", Operator.IN, ("NL", "BE"))),
    (SITES, Filter("site_id", Operator.IN, ("SIT-100000001", "SIT-100000002"))),
    (SITES, Filter("account_id", Operator.EQ, "ACC-100000001")),
    (SITES, Filter("status", Operator.EQ, "Closed")),
    (SITES, Filter("status", Operator.IN, ("Closed", "Planned"))),
    (SITES, Filter("external_reference", Operator.EQ, "ERP-1")),
    (SITES, Filter("last_modified_date", Operator.GTE, "2026-11-28T00:00:00Z")),
    (SERVICES, Filter("service_name", Operator.EQ, "Wi-Fi")),
    (SERVICES, Filter("service_type", Operator.EQ, "Internet")),
    (SERVICES, Filter("site_id", Operator.EQ, "SIT-100000001")),
    (SERVICES, Filter("status", Operator.EQ, "Suspended")),
    (SERVICES, Filter("customer_reference", Operator.EQ, "PO-7")),
    (SERVICES, Filter("external_reference", Operator.EQ, "ERP-1")),
    (SERVICES, Filter("ready_for_service_date", Operator.LT, "2026-11-28")),
    (SERVICES, Filter("last_modified_date", Operator.GTE, "2026-11-28T00:00:00Z")),
    (POINTS, Filter("Category", Operator.EQ, "Coasters")),
    (POINTS, Filter("external_reference", Operator.EQ, "E-1")),
    (POINTS, Filter("type", Operator.IN, ("Ride", "Show"))),
]


class Noting(psycopg.AsyncClientCursor[Any]):
    """Keeps the text of what it executed last, with its values in place."""

    noted = b""

    async def execute(self, query: Any, params: Any = None, **how: Any) -> Self:
        await super().execute(query, params, **how)
        assert self._query is not None
        Noting.noted = self._query.query
        return self


async def plan(database: Database, records: Records[Any], request: PageRequest, scope: Scope) -> str:
    """How PostgreSQL finds a page."""
    async with database.transaction() as conn:
        await execute(conn, "SET LOCAL enable_seqscan = off")
        await execute(conn, "SET LOCAL enable_sort = off")
        usual, conn.cursor_factory = conn.cursor_factory, Noting
        try:
            await records.page(conn, request, scope)
        finally:
            conn.cursor_factory = usual
        cursor = await conn.execute(b"EXPLAIN " + Noting.noted)
        return "\n".join(line for (line,) in await cursor.fetchall())


def of_page(found: str) -> str:
    """The part of a plan that finds the rows, without what counts them."""
    return found[: found.index("InitPlan 2") if "InitPlan 2" in found else None]


BOTH_WAYS = [
    (records, name, descending)
    for records, name in ORDERS
    for descending in (False, True)
    if not (descending and records.fields[name].nullable)
]
"""Not descending by what may be null: nulls come last in both directions, and no index of an order serves both."""


@pytest.mark.parametrize(("records", "name", "descending"), BOTH_WAYS)
async def test_an_index_serves_the_order(
    database: Database, records: Records[Any], name: str, descending: bool
) -> None:
    found = await plan(database, records, PageRequest(order=(Order(name, descending),)), EVERYBODY)
    assert "Index" in of_page(found), found
    assert not re.search(r"(?<!Incremental )Sort  \(", of_page(found)), found


STRAIGHT = [
    (records, Order(name, descending))
    for records, names in ((SITES, ("site_id", "name", "status")), (SERVICES, ("service_id", "service_name", "status")))
    for name in names
    for descending in (False, True)
    if not (descending and name.endswith("name"))
]


@pytest.mark.parametrize(("records", "order"), STRAIGHT)
@pytest.mark.parametrize("scope", [EVERYBODY, MINE])
async def test_an_index_has_the_rows_in_their_order(
    database: Database, records: Records[Any], order: Order, scope: Scope
) -> None:
    """For an account they stand together there."""
    found = of_page(await plan(database, records, PageRequest(order=(order,)), scope))
    assert "Sort" not in found, found
    if scope is MINE:
        assert re.search(r"Index Cond: \(account_id = ", found), found


@pytest.mark.parametrize(("records", "wanted"), FILTERS)
async def test_an_index_finds_what_is_filtered(database: Database, records: Records[Any], wanted: Filter) -> None:
    """The rows, or where few rows of an order are read until the page is full, at least their number."""
    found = await plan(database, records, PageRequest(filters=(wanted,)), EVERYBODY)
    column = "categories" if wanted.field == "Category" else wanted.field
    assert re.search(rf"Index Cond: .*\b{column}\b", found), found


async def test_a_substring_is_found_by_reading_every_row(database: Database) -> None:
    """What the lists above are told apart from."""
    request = PageRequest(filters=(Filter("name", Operator.CONTAINS, "ark"),))
    assert not re.search(r"Index Cond: .*\bname\b", await plan(database, SITES, request, EVERYBODY))
