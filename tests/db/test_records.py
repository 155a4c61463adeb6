"""Records against a plain model in Python: filters, sort keys and pages over rows of every kind (v2 section 5)."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict

from clarion.base.errors import Conflict
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.records import (
    COUNTED,
    EVERYBODY,
    Filter,
    Kind,
    Operator,
    Order,
    Page,
    PageRequest,
    Record,
    Records,
    Scope,
)
from clarion.db.sql import Conn, execute


class Shade(StrEnum):
    """Declared in no alphabetical order."""

    PALE = "Pale"
    DARK = "Dark"
    BRIGHT = "Bright"


class Thing(Record, frozen=True, kw_only=True):
    """One field of every kind, each null at times."""

    thing_id: str
    account_id: str
    title: str | None
    shade: Shade | None
    known: bool | None
    size: int | None
    price: Decimal | None
    day: date | None
    seen_date: datetime | None
    words: tuple[str, ...]
    external_reference: str | None
    parent_id: str | None
    last_modified_date: datetime


_TABLES = """
CREATE TYPE clarion.shade AS ENUM ('Pale', 'Dark', 'Bright');
CREATE TABLE clarion.thing (
    thing_id text COLLATE "C" PRIMARY KEY,
    account_id text COLLATE "C" NOT NULL,
    title text, shade clarion.shade, known boolean, size bigint, price numeric, day date, seen_date timestamptz(3),
    words text[] NOT NULL DEFAULT '{}',
    external_reference text,
    parent_id text COLLATE "C" REFERENCES clarion.thing,
    last_modified_date timestamptz(3) NOT NULL DEFAULT clarion.now(),
    CONSTRAINT thing_external_reference UNIQUE (account_id, external_reference),
    CONSTRAINT thing_words UNIQUE (words, title)
);
"""
THINGS = Records("clarion.thing", Thing, key="thing_id", casts={"shade": "clarion.shade"})

TEXT = st.text(alphabet="aAbBéÉßzZ_%\\,1 😀", max_size=4)
_BEGIN = datetime(2026, 11, 28, tzinfo=UTC)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "title": TEXT,
    "shade": st.sampled_from([each.value for each in Shade]),
    "known": st.booleans(),
    "size": st.sampled_from([-(2**62), -1, 0, 1, 2, 10, 2**62]),
    "price": st.sampled_from([Decimal(text) for text in ("-1.50", "0", "0.00", "0.01", "1.5", "1.50", "10")]),
    "day": st.integers(0, 3).map(lambda days: date(2026, 11, 28) + timedelta(days)),
    "seen_date": st.integers(0, 3).map(lambda seconds: _BEGIN + timedelta(milliseconds=seconds)),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | each for name, each in VALUES.items()}), min_size=1, max_size=12
)


def _filters(name: str) -> st.SearchStrategy[Filter]:
    def of(operator: Operator) -> st.SearchStrategy[Filter]:
        if operator is Operator.EXISTS:
            value: st.SearchStrategy[Any] = st.booleans()
        elif operator is Operator.IN:
            value = st.lists(VALUES[name], min_size=1, max_size=3).map(tuple)
        else:
            value = VALUES[name]
        return value.map(lambda each: Filter(name, operator, each))

    return st.sampled_from(sorted(THINGS.fields[name].operators)).flatmap(of)


FILTERS = st.lists(st.sampled_from(sorted(VALUES)).flatmap(_filters), max_size=2)
ORDERS = st.lists(
    st.builds(Order, st.sampled_from([*sorted(VALUES), "thing_id"]), st.booleans()),
    max_size=5,
    unique_by=lambda order: order.field,
)

COMPARED: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: lambda own, value: own is not None and own == value,
    Operator.NE: lambda own, value: own != value,
    Operator.IN: lambda own, value: own is not None and own in value,
    Operator.GT: lambda own, value: own is not None and own > value,
    Operator.GTE: lambda own, value: own is not None and own >= value,
    Operator.LT: lambda own, value: own is not None and own < value,
    Operator.LTE: lambda own, value: own is not None and own <= value,
    Operator.CONTAINS: lambda own, value: own is not None and value.lower() in own.lower(),
    Operator.STARTS_WITH: lambda own, value: own is not None and own.lower().startswith(value.lower()),
    Operator.EXISTS: lambda own, value: (own is not None) is value,
}


def sort_key(name: str, value: Any) -> Any:
    """What orders a value that is not null (v2 rule 5.9)."""
    if THINGS.fields[name].kind is Kind.ENUM:
        return list(Shade).index(Shade(value))
    return (value.lower(), value) if isinstance(value, str) else value


def expected(rows: list[dict[str, Any]], request: PageRequest) -> list[dict[str, Any]]:
    """The rows that fit, all of them, in their order."""
    fitting = [
        row for row in rows if all(COMPARED[each.operator](row[each.field], each.value) for each in request.filters)
    ]
    fitting.sort(key=lambda row: row["thing_id"])
    for order in reversed(request.order):
        full = [row for row in fitting if row[order.field] is not None]
        full.sort(key=lambda row: sort_key(order.field, row[order.field]), reverse=order.descending)
        fitting = full + [row for row in fitting if row[order.field] is None]
    return fitting


@pytest.fixture
async def things(database: Database) -> Database:
    async with database.transaction() as conn:
        await execute(conn, _TABLES)
    return database


async def _fill(conn: Conn, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    await execute(conn, "TRUNCATE clarion.thing")
    numbered = []
    for number, row in enumerate(rows):
        row = {"thing_id": f"T{(number * 7) % 13:02}", "account_id": "A", **row}
        numbered.append(row)
        await THINGS.insert(conn, {**row, "words": (str(number),)})
    return numbered


async def test_v2_rules_5_9_to_5_11_agree_with_a_plain_model(things: Database) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=60)
    @given(ROWS, st.lists(st.tuples(FILTERS, ORDERS, st.integers(0, 14), st.integers(1, 5)), min_size=1, max_size=6))
    def agrees(rows: list[dict[str, Any]], requests: list[tuple[Any, Any, int, int]]) -> None:
        asyncio.run_coroutine_threadsafe(check(rows, requests), loop).result(60)

    async def check(rows: list[dict[str, Any]], requests: list[tuple[Any, Any, int, int]]) -> None:
        async with things.transaction() as conn:
            numbered = await _fill(conn, rows)
        async with things.connection() as conn:
            for filters, order, offset, limit in requests:
                request = PageRequest(offset, limit, tuple(filters), tuple(order))
                found = await THINGS.page(conn, request)
                wanted = expected(numbered, request)
                assert [row.thing_id for row in found.rows] == [
                    row["thing_id"] for row in wanted[offset : offset + limit]
                ]
                assert found.more is (len(wanted) > offset + limit)
                assert found.total == len(wanted)
                for row in found.rows:
                    own = next(each for each in numbered if each["thing_id"] == row.thing_id)
                    assert {name: asdict(row)[name] for name in own} == own

    await asyncio.to_thread(agrees)


async def test_v2_rule_5_6_the_total_is_exact_to_ten_thousand(things: Database) -> None:
    fill = "INSERT INTO clarion.thing (thing_id, account_id, title) SELECT lpad(n::text, 6, '0'), 'A', n::text"
    for more, total in ((f"generate_series(1, {COUNTED}) AS n", COUNTED), ("generate_series(10001, 10001) AS n", None)):
        async with things.transaction() as conn:
            await execute(conn, f"{fill} FROM {more}")
        counted = 10_000 if total else 10_001
        for offset, limit, rows, beyond in (
            (0, 25, 25, True),
            (9_990, 25, counted - 9_990, False),
            (10_000, 25, counted - 10_000, False),
            (20_000, 25, 0, False),
        ):
            async with things.connection() as conn:
                page = await THINGS.page(conn, PageRequest(offset, limit))
            assert (len(page.rows), page.more) == (rows, beyond)
            assert page.total == total
            if not page.rows and offset:
                assert page.end == counted
    async with things.connection() as conn:
        one = PageRequest(filters=(Filter("title", Operator.EQ, "7"),))
        assert (await THINGS.page(conn, one)).total == 1


async def test_v2_rule_4_7_a_scope_holds_for_reading_and_for_counting(things: Database) -> None:
    async with things.transaction() as conn:
        for owner, number in (("A", 1), ("B", 2), ("A", 3)):
            await THINGS.insert(conn, {"thing_id": f"T{number}", "account_id": owner, "words": (str(number),)})

        async def seen(scope: Scope) -> tuple[list[str], int | None, bool]:
            page: Page[Thing] = await THINGS.page(conn, PageRequest(limit=1), scope)
            return [row.thing_id for row in page.rows], page.total, page.more

        assert await seen(EVERYBODY) == (["T1"], 3, True)
        assert await seen(Scope("A")) == (["T1"], 2, True)
        assert await seen(Scope("B")) == (["T2"], 1, False)
        assert await seen(Scope("A", {"thing_id": "T2"})) == ([], 0, False)
        assert await seen(Scope("A", hiding="t.thing_id <> 'T1'")) == (["T3"], 1, False)
        assert await THINGS.find(conn, "T2", Scope("A")) is None
        assert await THINGS.find(conn, "T2", Scope("B"), lock=True) is not None


async def test_v2_rule_10_2_a_change_that_changes_nothing_touches_nothing(things: Database) -> None:
    async with things.transaction() as conn:
        made = await THINGS.insert(conn, {"thing_id": "T1", "account_id": "A", "words": ("a",), "shade": Shade.DARK})
    async with things.transaction() as conn:
        same = await THINGS.update(conn, made, {"shade": Shade.DARK, "words": ("a",), "title": None})
        assert same is made
        changed = await THINGS.update(conn, made, {"shade": None})
    assert changed.last_modified_date > made.last_modified_date
    assert changed.shade is None


async def test_v2_rule_10_3_a_taken_reference_and_value_are_conflicts(things: Database) -> None:
    first = {"thing_id": "T1", "account_id": "A", "external_reference": "E", "words": ("a",), "title": "x"}
    async with things.transaction() as conn:
        await THINGS.insert(conn, first)
    for other, code in (
        ({"thing_id": "T2", "account_id": "A", "external_reference": "E"}, "duplicate_external_reference"),
        ({"thing_id": "T2", "account_id": "B", "words": ("a",), "title": "x"}, "duplicate_value"),
    ):
        with pytest.raises(Conflict) as refused:
            async with things.transaction() as conn:
                await THINGS.insert(conn, other)
        assert refused.value.code == code
    async with things.transaction() as conn:
        await THINGS.insert(conn, {"thing_id": "T2", "account_id": "B", "external_reference": "E"})


async def test_v2_rule_4_9_what_others_refer_to_stays(things: Database) -> None:
    async with things.transaction() as conn:
        parent = await THINGS.insert(conn, {"thing_id": "T1", "account_id": "A", "words": ("a",)})
        await THINGS.insert(conn, {"thing_id": "T2", "account_id": "A", "parent_id": "T1"})
    with pytest.raises(Conflict) as refused:
        async with things.transaction() as conn:
            await THINGS.delete(conn, parent)
    assert refused.value.code == "resource_in_use"


async def test_a_reference_to_what_has_gone_is_looked_at_again(things: Database) -> None:
    """Whoever saw a record that was deleted before it could be referred to runs again, and then finds it gone."""
    async with things.transaction() as conn:
        parent = await THINGS.insert(conn, {"thing_id": "T1", "account_id": "A", "words": ("a",)})
    seen: list[bool] = []

    async def work(conn: Conn) -> None:
        seen.append(await THINGS.find(conn, "T1") is not None)
        if seen[-1]:
            async with things.transaction() as other:
                await THINGS.delete(other, parent)
            await THINGS.insert(conn, {"thing_id": "T2", "account_id": "A", "parent_id": "T1"})

    await retry.transact(things, work, pipelined=True)
    assert seen == [True, False]
