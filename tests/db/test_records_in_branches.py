"""Pages of records that are brought together from branches, or out of a span, are those that a plain query gives."""

from datetime import UTC, datetime
from enum import StrEnum

import pytest

from clarion.db import records
from clarion.db.pool import Database
from clarion.db.records import Filter, Operator, Order, PageRequest, Record, Records, Scope


class Colour(StrEnum):
    RED = "Red"
    GREEN = "Green"
    BLUE = "Blue"


class Size(StrEnum):
    LARGE = "Large"
    SMALL = "Small"


class Thing(Record, frozen=True, kw_only=True):
    thing_id: str
    colour: Colour
    size: Size
    made: datetime | None


CASTS = {"colour": "colour", "size": "size"}
PLAIN = Records("thing", Thing, key="thing_id", owner="owner", casts=CASTS)
BRANCHING = Records("thing", Thing, key="thing_id", owner="owner", casts=CASTS, branching=("colour", "size"))
SPANNED = Records(
    "thing", Thing, key="thing_id", owner="owner", casts=CASTS, branching=("colour", "size"), spanned=("made",)
)

COLOUR, SIZE, MADE, KEY = Order("colour"), Order("size", True), Order("made", True), Order("thing_id", True)
TWO = Filter("colour", Operator.IN, (Colour.BLUE, Colour.RED, Colour.BLUE))
ONE = Filter("colour", Operator.EQ, Colour.GREEN)
NOT = Filter("colour", Operator.NE, Colour.RED)
SMALL = Filter("size", Operator.IN, (Size.SMALL,))
NONE = Filter("colour", Operator.IN, ())
SINCE = Filter("made", Operator.GTE, datetime(2026, 1, 10, tzinfo=UTC))


@pytest.fixture
async def things(database: Database) -> Database:
    """Two hundred of them, of two owners."""
    async with database.connection() as conn:
        await conn.execute("CREATE TYPE colour AS ENUM ('Red', 'Green', 'Blue')")
        await conn.execute("CREATE TYPE size AS ENUM ('Large', 'Small')")
        await conn.execute(
            "CREATE TABLE thing (thing_id text PRIMARY KEY, owner text, colour colour, size size, made timestamptz)"
        )
        await conn.execute(
            """
            INSERT INTO thing SELECT 'T-' || n, 'O-' || n % 2, (ARRAY['Red', 'Green', 'Blue'])[1 + n / 3 % 3]::colour,
                (ARRAY['Large', 'Small'])[1 + n / 7 % 2]::size,
                CASE WHEN n % 5 > 0 THEN timestamptz '2026-01-01 00:00Z' + n % 20 * interval '1 day' END
            FROM generate_series(100, 299) AS n
            """,
        )
    return database


@pytest.mark.parametrize(
    "filters", [(), (TWO,), (ONE,), (NOT,), (SINCE,), (TWO, SMALL, SINCE), (TWO, NOT), (NONE,), (TWO, ONE)]
)
@pytest.mark.parametrize("order", [(), (COLOUR,), (SIZE, MADE), (MADE, COLOUR), (COLOUR, SIZE, KEY)])
async def test_v2_rules_5_6_and_5_9_a_page_in_branches_or_of_a_span_is_the_page(
    things: Database, filters: tuple[Filter, ...], order: tuple[Order, ...]
) -> None:
    async with things.connection() as conn:
        for scope in (Scope(), Scope("O-1")):
            for offset in (0, 7, 60, 500):
                request = PageRequest(offset, 7, filters, order)
                plain = await PLAIN.page(conn, request, scope)
                assert await BRANCHING.page(conn, request, scope) == plain
                assert await SPANNED.page(conn, request, scope) == plain


async def test_a_page_far_away_is_not_made_of_branches(things: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BRANCHED", 50)
    async with things.connection() as conn:
        for offset in (0, 40, 150):
            request = PageRequest(offset, 7, (), (COLOUR,))
            assert await BRANCHING.page(conn, request) == await PLAIN.page(conn, request)


async def test_a_span_of_many_rows_is_not_read_whole(things: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "COUNTED", 30)
    async with things.connection() as conn:
        for since in (10, 17, 20):
            least = Filter("made", Operator.GTE, datetime(2026, 1, since, tzinfo=UTC))
            most = Filter("made", Operator.LT, datetime(2026, 1, 20, tzinfo=UTC))
            for filters in ((least,), (least, most)):
                for offset in (0, 14, 70):
                    request = PageRequest(offset, 7, filters)
                    assert await SPANNED.page(conn, request) == await PLAIN.page(conn, request)
