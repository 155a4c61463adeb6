"""Criteria of targets: what they are read as, what can be wrong, how they are looked up (v1 rules 52, 53, 56)."""

from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import App, Column, ColumnKind, Platform, Scheme
from clarion.audience import predicate as predicates
from clarion.audience import service
from clarion.audience.model import Compare, Predicate
from clarion.audience.targets import MOST_CRITERIA, Criterion, read_criteria
from clarion.audience.versions import version_parts
from clarion.base.errors import Invalid
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import Conn, app_table, execute
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord

CLIENT = Column("clientId", "c1", ColumnKind.TEXT, indexed=True, standard=False)
SCHEME = Scheme(
    [
        CLIENT,
        Column("code", "c2", ColumnKind.INTEGER, indexed=True, standard=False),
        Column("ratio", "c3", ColumnKind.DECIMAL, standard=False),
        Column("since", "c4", ColumnKind.DATE, standard=False),
        Column("vip", "c5", ColumnKind.BOOLEAN, standard=False),
    ]
)
ADA = Criterion("clientId", "eq", "C-1")


@pytest.mark.parametrize(
    ("field", "op", "given", "value"),
    [
        ("CLIENTID", "eq", "x", "x"),
        ("clientId", "eq", 1001, "1001"),
        ("clientId", "eq", 1.5, "1.5"),
        ("code", "eq", "12", 12),
        ("ratio", "gte", 3, 3.0),
        ("ratio", "lt", "1.5", 1.5),
        ("since", "gt", "2031-03-02", datetime(2031, 3, 2, tzinfo=UTC)),
        ("vip", "eq", "Y", True),
        ("vip", "ne", False, False),
        ("code", "in", (1, "2"), (1, 2)),
    ],
)
def test_v1_rule_53_values_are_read_in_the_kind_of_their_field(field: str, op: str, given: Any, value: Any) -> None:
    _, read = read_criteria(SCHEME, [ADA, Criterion(field, op, given)])
    assert (read.op, read.value) == (op, value)
    assert type(read.value) is type(value)


@pytest.mark.parametrize(("op", "read"), [("eq", "unset"), ("ne", "set")])
def test_v1_rule_53_an_empty_value_is_an_unset_one(op: str, read: str) -> None:
    for field, value in (("clientId", ""), ("since", "0000-00-00"), ("token", "-")):
        assert read_criteria(SCHEME, [ADA, Criterion(field, op, value)])[1].op == read


@pytest.mark.parametrize(
    ("criterion", "pointer", "code"),
    [
        (Criterion("nothing", "eq", 1), "/nothing", "unknown_column"),
        (Criterion("a/b~", "eq", 1), "/a~1b~0", "unknown_column"),
        (Criterion("vip", "gt", True), "/vip", "wrong_operator"),
        (Criterion("vip", "in", (True,)), "/vip", "wrong_operator"),
        (Criterion("code", "eq", "x"), "/code", "wrong_value"),
        (Criterion("code", "eq", True), "/code", "wrong_value"),
        (Criterion("clientId", "eq", True), "/clientId", "wrong_value"),
        (Criterion("ratio", "lt", ""), "/ratio", "wrong_value"),
        (Criterion("code", "in", (1, "")), "/code", "wrong_value"),
        (Criterion("code", "in", tuple(range(1001))), "/code", "wrong_value"),
        (Criterion("since", "eq", "2031-02-30"), "/since", "wrong_value"),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(criterion: Criterion, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_criteria(SCHEME, [ADA, criterion])
    assert [(each.pointer, each.code) for each in raised.value.findings] == [(pointer, code)]


@pytest.mark.parametrize(
    "criteria",
    [
        [],
        [Criterion("ratio", "eq", 1)],
        [Criterion("clientId", "ne", "x")],
        [Criterion("clientId", "gte", "x"), Criterion("ratio", "eq", 1)],
        [Criterion("clientId", "eq", "")],
    ],
)
def test_v1_rule_52_without_equality_on_an_indexed_field_nothing_is_looked_up(criteria: list[Criterion]) -> None:
    with pytest.raises(Invalid) as raised:
        read_criteria(SCHEME, criteria)
    assert [each.code for each in raised.value.findings] == ["no_indexed_equality"]


def test_one_of_several_values_is_an_equality_too_and_criteria_are_bounded() -> None:
    assert read_criteria(SCHEME, [Criterion("code", "in", (1, 2))])[0].op == "in"
    with pytest.raises(Invalid, match=str(MOST_CRITERIA)):
        read_criteria(SCHEME, [ADA] * (MOST_CRITERIA + 1))


# Versions


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("b3.1.0", [3, 1]),
        ("3", [3]),
        ("web10.02", [10, 2]),
        ("0.0", []),
        ("b", None),
        ("", None),
        ("b3.1.0-beta", None),
        ("b3..1", None),
        ("b-3", None),
        ("1234567890", None),
        ("1.2.3.4.5.6.7.8.9", None),
    ],
)
def test_v1_rule_56_a_version_is_its_numbers(text: str, parts: list[int] | None) -> None:
    assert version_parts(text) == parts


def test_from_version_is_an_operator_of_texts_and_wants_a_version() -> None:
    document = {"column": "sw_version", "op": "from_version", "value": "b3.1.0"}
    assert predicates.dump(predicates.parse(document, SCHEME)) == document
    for wrong in ({**document, "value": "new"}, {**document, "value": 3}, {**document, "column": "code"}):
        with pytest.raises(Invalid):
            predicates.parse(wrong, SCHEME)


# In SQL


@pytest.fixture
async def app(database: Database, sealer: Sealer) -> App:
    """An application with the devices u0 to u5 and their tokens t0 to t5, of versions 0.1 to 5.1."""
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, "demo", Platform.WEB, "Demo")
        scheme = await apps.load_scheme(conn, app.id)
        version = scheme.find("sw_version")
        assert version is not None
        records = [DeviceRecord(f"u{n}", {TOKEN: f"t{n}", version: f"b{n}.1"}) for n in range(6)]
        await devices.upsert(conn, app, records)
    return app


async def found(database: Database, app: App, document: Any) -> set[str]:
    async with database.connection() as conn:
        scheme = await apps.load_scheme(conn, app.id)
        predicate = predicates.parse(document, scheme)
        ids = [i async for piece in service.pieces(database, app.id, predicate) for i in piece]
        return set((await devices.udids_of(conn, app.id, ids)).values())


@pytest.mark.parametrize(
    ("document", "numbers"),
    [
        ({"column": "UDID", "op": "eq", "value": "u1"}, {1}),
        ({"column": "UDID", "op": "in", "value": ["u1", "u2", "u9"]}, {1, 2}),
        ({"column": "token", "op": "eq", "value": "t3"}, {3}),
        ({"column": "token", "op": "in", "value": ["t3", "t4"]}, {3, 4}),
        ({"not": {"column": "UDID", "op": "eq", "value": "u1"}}, {0, 2, 3, 4, 5}),
        ({"not": {"column": "token", "op": "in", "value": ["t1", "t9"]}}, {0, 2, 3, 4, 5}),
        ({"column": "UDID", "op": "ne", "value": "u1"}, {0, 2, 3, 4, 5}),
        ({"column": "sw_version", "op": "from_version", "value": "4.0.9"}, {4, 5}),
        ({"column": "sw_version", "op": "from_version", "value": "b4.1.0"}, {4, 5}),
        ({"column": "sw_version", "op": "from_version", "value": "0.0"}, {0, 1, 2, 3, 4, 5}),
    ],
)
async def test_udids_and_tokens_are_looked_up_by_the_key_of_the_device(
    database: Database, app: App, document: Any, numbers: set[int]
) -> None:
    assert await found(database, app, document) == {f"u{n}" for n in numbers}


async def test_looking_up_targets_walks_through_no_table(database: Database, app: App) -> None:
    """v1 rule 52: also while the database has no statistics of the devices."""
    async with database.transaction() as conn:
        scheme = await apps.load_scheme(conn, app.id)
        await apps.add_column(conn, app, "clientId", ColumnKind.TEXT, indexed=True)
        scheme = await apps.load_scheme(conn, app.id)
        client = scheme.find("clientId")
        assert client is not None
        await execute(
            conn,
            sql.SQL(
                "INSERT INTO {} (id, udid, {c}) SELECT n, n::text, 'C-' || n FROM generate_series(1, 20000) AS n"
            ).format(app_table(app.id, "device"), c=sql.Identifier(client.sql)),
        )
        await execute(
            conn, sql.SQL("CREATE INDEX ON {} ({})").format(app_table(app.id, "device"), sql.Identifier(client.sql))
        )
        targets = [
            read_criteria(scheme, [Criterion("clientId", "eq", f"C-{n}"), Criterion("lat", "ne", 1)])
            for n in range(100)
        ]
        targets += [read_criteria(scheme, [Criterion(field, "eq", "x")]) for field in ("deviceId", "token")]
        targets += [
            read_criteria(scheme, [Criterion(field, "in", ("x", "y"))]) for field in ("deviceId", "token", "clientId")
        ]
        plan = await explained(conn, app, targets)
    assert "Seq Scan on device" not in plan
    assert "Seq Scan on push_token" not in plan


async def explained(conn: Conn, app: App, targets: list[tuple[Compare, ...]]) -> str:
    selection = service.targets_selection(app.id, targets)
    cursor = await conn.execute(sql.SQL("EXPLAIN {}").format(selection.sql), selection.params)
    return "\n".join(line for (line,) in await cursor.fetchall())


async def test_numbered_parts_give_the_first_that_holds(database: Database, app: App) -> None:
    async with database.connection() as conn:
        scheme = await apps.load_scheme(conn, app.id)
        parts: list[Predicate] = [
            predicates.parse({"column": "UDID", "op": "in", "value": wanted}, scheme)
            for wanted in (["u1", "u2"], ["u2", "u3"], ["u1"])
        ]
        selection = service.numbered_selection(app.id, parts)
        cursor = await conn.execute(sql.Composed([selection.sql]), selection.params)
        numbers = {int(number): no for number, no in await cursor.fetchall()}
        names = await devices.udids_of(conn, app.id, list(numbers))
    assert {names[number]: no for number, no in numbers.items()} == {"u1": 0, "u2": 0, "u3": 1}
