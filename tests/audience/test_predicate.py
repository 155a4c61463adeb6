"""Predicates: their JSON form, errors that point into the tree, and agreement of SQL with a plain evaluation."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from clarion.apps.model import Column, ColumnKind, Scheme
from clarion.audience import service
from clarion.audience.model import All, AnyOf, Compare, Events, InList, Not, Predicate
from clarion.audience.predicate import dump, parse
from clarion.audience.snapshot import service as counting
from clarion.base.errors import Conflict, Invalid
from clarion.db import app_schema
from clarion.db.pool import Database
from clarion.db.sql import Conn, app_table, execute, value, values
from clarion.tracking.model import EventKind

SCHEME = Scheme(
    [
        Column("tier", "c1", ColumnKind.TEXT, standard=False),
        Column("points", "c2", ColumnKind.INTEGER, standard=False),
        Column("ratio", "c3", ColumnKind.DECIMAL, standard=False),
        Column("birthday", "c4", ColumnKind.DATE, standard=False),
        Column("vip", "c5", ColumnKind.BOOLEAN, standard=False),
    ]
)
NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("document", "pointer", "code"),
    [
        ("text", "", "wrong_type"),
        ({}, "", "form"),
        ({"all": [], "any": []}, "", "form"),
        ({"all": {}}, "/all", "wrong_type"),
        ({"all": [{"column": "nope"}]}, "/all/0/column", "unknown_column"),
        ({"any": [{"not": {"column": "points", "op": "contains", "value": 1}}]}, "/any/0/not/op", "enum"),
        ({"column": "points", "op": "eq", "value": "1"}, "/value", "wrong_type"),
        ({"column": "points", "op": "eq", "value": 2**63}, "/value", "wrong_type"),
        ({"column": "points", "op": "eq", "value": True}, "/value", "wrong_type"),
        ({"column": "tier", "op": "eq", "value": "a\x00b"}, "/value", "wrong_type"),
        ({"column": "tier", "op": "eq", "value": "\ud800"}, "/value", "wrong_type"),
        ({"column": "tier", "op": "eq"}, "/value", "missing"),
        ({"column": "tier", "op": "set", "value": 1}, "/value", "unknown_field"),
        ({"column": "tier", "op": "in", "value": []}, "/value", "wrong_type"),
        ({"column": "tier", "op": "in", "value": ["a", 1]}, "/value/1", "wrong_type"),
        ({"column": "tier", "valu": "a", "value": "b"}, "/valu", "unknown_field"),
        ({"column": "birthday", "op": "within_days", "value": 0}, "/value", "wrong_type"),
        ({"column": "ratio", "op": "lt", "value": float("nan")}, "/value", "wrong_type"),
        ({"list": 0}, "/list", "wrong_type"),
        ({"event": {"kind": "jumped"}}, "/event/kind", "enum"),
        ({"event": {"kind": "open", "count": -1}}, "/event/count", "wrong_type"),
        ({"event": {"kind": "open", "days": 99999}}, "/event/days", "wrong_type"),
    ],
)
def test_a_mistake_is_named_where_it_stands(document: object, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(document, SCHEME)
    assert [(finding.pointer, finding.code) for finding in caught.value.findings] == [(pointer, code)]


def test_all_mistakes_are_found_at_once() -> None:
    document = {"all": [{"column": "nope"}, {"any": [{"list": "x"}, {"event": {"kind": "x", "op": "y"}}]}]}
    with pytest.raises(Invalid) as caught:
        parse(document, SCHEME)
    pointers = [finding.pointer for finding in caught.value.findings]
    assert pointers == ["/all/0/column", "/all/1/any/0/list", "/all/1/any/1/event/kind", "/all/1/any/1/event/op"]


def test_a_tree_too_deep_or_too_large_is_refused() -> None:
    deep: Any = {"column": "tier", "op": "set"}
    for _ in range(40):
        deep = {"not": deep}
    with pytest.raises(Invalid, match="levels"):
        parse(deep, SCHEME)
    with pytest.raises(Invalid, match="nodes"):
        parse({"all": [{"column": "tier", "op": "set"}] * 1001}, SCHEME)


def test_column_names_are_matched_without_case() -> None:
    """v1 rule 69."""
    assert parse({"column": "FIRSTOPEN", "op": "set"}, SCHEME) == parse({"column": "firstOpen", "op": "set"}, SCHEME)


# --- agreement with a plain evaluation -------------------------------------------------------------------------------

COLUMNS = {
    column.name: column for column in SCHEME.columns if column.name in {"tier", "points", "ratio", "birthday", "vip"}
}
TEXTS = ["gold", "Gold", "silver", "", "go", "%", "it's"]
MOMENTS = [NOW - timedelta(days=days, hours=1) for days in (-2, 0, 1, 3, 10, 400)]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "tier": st.sampled_from(TEXTS),
    "points": st.integers(-3, 3),
    "ratio": st.sampled_from([-1.5, 0.0, 0.25, 1.0, 2.5]),
    "birthday": st.sampled_from(MOMENTS),
    "vip": st.booleans(),
}
KINDS = [EventKind.OPEN, EventKind.CLICKED, EventKind.CUSTOM]


@st.composite
def comparisons(draw: st.DrawFn) -> Compare:
    name = draw(st.sampled_from(list(COLUMNS)))
    ops = ["eq", "ne", "set", "unset"]
    if name != "vip":
        ops += ["lt", "lte", "gt", "gte", "in"]
    ops += {"tier": ["contains", "starts"], "birthday": ["within_days"]}.get(name, [])
    op = draw(st.sampled_from(ops))
    if op in ("set", "unset"):
        return Compare(COLUMNS[name], op)
    if op == "within_days":
        return Compare(COLUMNS[name], op, draw(st.sampled_from([1, 2, 5, 30])))
    if op == "in":
        return Compare(COLUMNS[name], op, tuple(draw(st.lists(VALUES[name], min_size=1, max_size=3))))
    return Compare(COLUMNS[name], op, draw(VALUES[name]))


EVENTS = st.builds(
    Events,
    st.sampled_from(KINDS),
    st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"]),
    st.integers(0, 3),
    st.sampled_from([1, 5, 20]),
    st.one_of(st.none(), st.integers(0, 1)),
    st.one_of(st.none(), st.integers(1, 2)),
)
PREDICATES: st.SearchStrategy[Predicate] = st.recursive(
    st.one_of(comparisons(), st.builds(InList, st.integers(1, 3)), EVENTS),
    lambda inner: st.one_of(
        st.builds(All, st.lists(inner, max_size=3).map(tuple)),
        st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, inner),
    ),
    max_leaves=6,
)
DEVICE = st.fixed_dictionaries(
    {
        **{name: st.one_of(st.none(), values) for name, values in VALUES.items()},
        "lists": st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=2, unique_by=lambda pair: pair[0]),
        "events": st.lists(
            st.tuples(st.sampled_from(KINDS), st.integers(0, 1), st.integers(1, 2), st.sampled_from([0, 3, 12])),
            max_size=4,
        ),
    }
)


def holds(predicate: Predicate, device: dict[str, Any]) -> bool:
    match predicate:
        case All(parts):
            return all(holds(part, device) for part in parts)
        case AnyOf(parts):
            return any(holds(part, device) for part in parts)
        case Not(part):
            return not holds(part, device)
        case InList(list_id):
            return any(number == list_id and alive for number, alive in device["lists"])
        case Events(kind, op, count, days, code, message):
            n = sum(
                1
                for k, c, m, age in device["events"]
                if k == kind and age < days and code in (None, c) and message in (None, m)
            )
            return _order(op, n, count)
        case Compare(column, op, wanted):
            return _compare(device[column.name], op, wanted)


def _order(op: str, left: Any, right: Any) -> bool:
    return bool(
        {
            "eq": left == right,
            "ne": left != right,
            "lt": left < right,
            "lte": left <= right,
            "gt": left > right,
            "gte": left >= right,
        }[op]
    )


def _compare(held: Any, op: str, wanted: Any) -> bool:
    if op in ("set", "unset"):
        return (held is None) == (op == "unset")
    if held is None:
        return op == "ne"
    if op == "in":
        return held in wanted
    if op == "contains":
        return wanted.lower() in held.lower()
    if op == "starts":
        return bool(held.lower().startswith(wanted.lower()))
    if op == "within_days":
        return bool(NOW - timedelta(days=wanted) < held <= NOW)
    return _order(op, held, wanted)


async def _application(conn: Conn) -> int:
    app_id = int(
        await value(
            conn,
            "INSERT INTO clarion.app (partner_id, name, platform, private_key)"
            " VALUES ('p', 'n', 'ios', '') RETURNING id",
        )
    )
    await app_schema.create(conn, app_id)
    table = app_table(app_id, "device")
    for column, kind in (("c1", "text"), ("c2", "bigint"), ("c3", "float8"), ("c4", "timestamptz"), ("c5", "boolean")):
        await execute(
            conn, sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(table, sql.Identifier(column), sql.SQL(kind))
        )
    return app_id


async def _fill(conn: Conn, app_id: int, devices: list[dict[str, Any]]) -> None:
    device, member = app_table(app_id, "device"), app_table(app_id, "list_member")
    await execute(conn, sql.SQL("DELETE FROM {}").format(device))
    await execute(conn, sql.SQL("DELETE FROM {}").format(member))
    await execute(conn, "DELETE FROM clarion.event WHERE app_id = %s", (app_id,))
    for number, each in enumerate(devices):
        await execute(
            conn,
            sql.SQL("INSERT INTO {} (id, udid, c1, c2, c3, c4, c5) VALUES (%s, %s, %s, %s, %s, %s, %s)").format(device),
            (number, str(number), *(each[name] for name in ("tier", "points", "ratio", "birthday", "vip"))),
        )
        for list_id, alive in each["lists"]:
            never = alive and list_id == 1
            await execute(
                conn,
                sql.SQL("INSERT INTO {} VALUES (%s, %s, %s)").format(member),
                (list_id, number, None if never else NOW + timedelta(days=1 if alive else -1)),
            )
        for kind, code, message, age in each["events"]:
            at = datetime.now(UTC) - timedelta(days=age, hours=1 if age else 0)
            await execute(
                conn,
                "INSERT INTO clarion.event (app_id, ts, occurred_at, device_id, kind, code, message_id)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (app_id, at, at, number, int(kind), code, message),
            )


async def _unheard(_done: int, _total: int) -> None:
    """Nobody watches: only the number matters."""


async def test_sql_agrees_with_a_plain_evaluation(database: Database) -> None:
    async with database.transaction() as conn:
        app_id = await _application(conn)
        for week in range(4):
            await execute(
                conn, "SELECT clarion.ensure_event_partition(clarion.now() - %s * interval '7 days')", (week,)
            )

    # Hypothesis drives a synchronous function; one loop and one database serve all its examples.
    import asyncio

    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(DEVICE, min_size=1, max_size=6), st.lists(PREDICATES, min_size=1, max_size=5))
    def agrees(devices: list[dict[str, Any]], predicates: list[Predicate]) -> None:
        asyncio.run_coroutine_threadsafe(check(devices, predicates), loop).result(60)

    async def check(devices: list[dict[str, Any]], predicates: list[Predicate]) -> None:
        async with database.transaction() as conn:
            await _fill(conn, app_id, devices)
        for predicate in predicates:
            assert parse(dump(predicate), SCHEME) == predicate
            expected = [number for number, each in enumerate(devices) if holds(predicate, each)]
            found = [i async for piece in service.pieces(database, app_id, predicate, size=2) for i in piece]
            assert found == expected, dump(predicate)
            async with database.connection() as conn:
                assert await service.count(conn, app_id, predicate) == len(expected)
            watched = await counting.count(database, None, app_id, predicate, exact=True, least=0, progress=_unheard)
            assert watched.count == len(expected), dump(predicate)
        memberships = service.memberships(app_id, predicates)
        async with database.connection() as conn:
            for number, each in enumerate(devices):
                met = await service.met(conn, app_id, memberships, number)
                assert met == [holds(predicate, each) for predicate in predicates]
            assert await service.met(conn, app_id, memberships, 999) is None

    await asyncio.to_thread(agrees)


async def test_a_set_too_large_for_memory_is_not_searched_for_every_device(database: Database) -> None:
    """Negated it is joined; under OR each device is looked up through an index."""
    async with database.transaction() as conn:
        app_id = await _application(conn)
        device, member = app_table(app_id, "device"), app_table(app_id, "list_member")
        numbers = sql.SQL("FROM generate_series(1, 20000) AS n")
        await execute(conn, sql.SQL("INSERT INTO {} (id, udid) SELECT n, n::text {}").format(device, numbers))
        await execute(conn, sql.SQL("INSERT INTO {} (list_id, device_id) SELECT 1, n {}").format(member, numbers))
        await execute(
            conn,
            sql.SQL(
                "INSERT INTO clarion.event (app_id, ts, occurred_at, device_id, kind)"
                " SELECT %s, clarion.now(), clarion.now(), n, 1 {}"
            ).format(numbers),
            (app_id,),
        )
        for table in (device, member, sql.SQL("clarion.event")):
            await execute(conn, sql.SQL("ANALYZE {}").format(table))
        await execute(conn, "SET LOCAL work_mem = '64kB'")
        for part in (InList(1), Events(EventKind.OPEN, "gte", 1, 30), Events(EventKind.OPEN, "gte", 2, 30)):
            everybody = Compare(COLUMNS["tier"], "unset")
            joined = await _plan(conn, app_id, All((everybody, Not(part))))
            assert "Anti Join" in joined, joined
            looked_up = await _plan(conn, app_id, AnyOf((Compare(COLUMNS["tier"], "set"), part)))
            assert "SubPlan" in looked_up, looked_up
            assert re.search(r"Index Cond: .*device_id = d\.id", looked_up), looked_up


async def _plan(conn: Conn, app_id: int, predicate: Predicate) -> str:
    selected = service.selection(app_id, predicate)
    return "\n".join(await values(conn, sql.SQL("EXPLAIN {}").format(selected.sql), selected.params))


async def test_a_segment_is_kept_under_one_name(database: Database) -> None:
    async with database.transaction() as conn:
        app_id = await _application(conn)
        document = {"column": "tier", "op": "eq", "value": "gold"}
        segment = await service.create_segment(conn, app_id, SCHEME, "Gold", document)
        assert await service.segments(conn, app_id) == [segment]
        assert await service.segments(conn, app_id, [segment.id, 999]) == [segment]
        with pytest.raises(Conflict):
            await service.create_segment(conn, app_id, SCHEME, "GOLD", document)
        with pytest.raises(Invalid, match="static list 77"):
            await service.create_segment(conn, app_id, SCHEME, "Listed", {"not": {"list": 77}})


async def test_a_message_without_segment_and_list_is_for_the_opted_in_base(database: Database) -> None:
    """v1 rule 43, with the opted-in of rule 84."""
    async with database.transaction() as conn:
        app_id = await _application(conn)
        for number, (token, optin, feedback) in enumerate(
            [("t", True, 0), (None, True, 0), ("t", False, 0), ("t", True, 1)]
        ):
            await execute(
                conn,
                sql.SQL(
                    "INSERT INTO {} (id, udid, token, system_optin_notifs, feedback) VALUES (%s, %s, %s, %s, %s)"
                ).format(app_table(app_id, "device")),
                (number, str(number), token, optin, feedback),
            )
        everybody = service.target(SCHEME, [], [])
        assert await service.count(conn, app_id, everybody) == 1
