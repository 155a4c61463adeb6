"""Snapshots of device columns: they say what SQL said at their moment, whatever was written meanwhile."""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import ColumnKind
from clarion.audience.model import All, AnyOf, Compare, Events, InList, Not, Predicate
from clarion.audience.snapshot import files, frames, needs, service, worker
from clarion.audience.snapshot.build import build
from clarion.audience.snapshot.model import Form, Order, layout
from clarion.audience.snapshot.store import state
from clarion.db.pool import Database
from clarion.db.sql import app_table, execute, value
from clarion.queue import Job, Lease, Retry
from clarion.queue.store import claim
from clarion.tracking.model import EventKind
from tests.audience.snapshots import Kept

NOW = datetime.now(UTC)
TEXTS = [
    "gold",
    "Gold",
    "",
    "it's",
    'a "b"',
    "x,y\n",
    "\\N",
    "İstanbul",
    "straße",
    "ΣΑΣ",
    "b3.1.0",
    "3.10",
    "3.1",
    "v9z",
]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "tier": st.sampled_from(TEXTS),
    "points": st.sampled_from([-(2**63), -1, 0, 1, 5, 2**63 - 1]),
    "ratio": st.sampled_from([-1.5, -0.0, 0.0, 0.1, 1e300, 5e-324]),
    "birthday": st.sampled_from([NOW - timedelta(days=days, microseconds=1) for days in (-2, 0, 1, 3, 400, 300_000)]),
    "vip": st.booleans(),
    "feedback": st.integers(0, 2),
    "token": st.sampled_from(["t1", "t2"]),
}
SQL_NAMES = {"tier": "c1", "points": "c2", "ratio": "c3", "birthday": "c4", "vip": "c5", "feedback": "feedback"}
DEVICE = st.fixed_dictionaries(
    {name: st.one_of(st.none(), values) for name, values in VALUES.items() if name not in ("feedback", "token")}
    | {"feedback": VALUES["feedback"]}
)


@st.composite
def comparisons(draw: st.DrawFn, kept: Kept) -> Compare:
    name = draw(st.sampled_from(list(VALUES)))
    column = kept.scheme.find(name)
    assert column is not None
    ops = ["set", "unset"]
    if name != "token":
        ops += ["eq", "ne"]
    if name not in ("vip", "token"):
        ops += ["lt", "lte", "gt", "gte", "in"]
    ops += {"tier": ["contains", "starts", "from_version"], "birthday": ["within_days"]}.get(name, [])
    op = draw(st.sampled_from(ops))
    if op in ("set", "unset"):
        return Compare(column, op)
    if op == "within_days":
        return Compare(column, op, draw(st.sampled_from([1, 2, 30, 3650])))
    if op == "from_version":
        return Compare(column, op, draw(st.sampled_from(["3.1", "b3.2", "9", "3.10.0"])))
    if op == "in":
        return Compare(column, op, tuple(draw(st.lists(VALUES[name], min_size=1, max_size=3))))
    return Compare(column, op, draw(VALUES[name]))


def predicates(kept: Kept) -> st.SearchStrategy[Predicate]:
    return st.recursive(
        comparisons(kept),
        lambda inner: st.one_of(
            st.builds(All, st.lists(inner, max_size=3).map(tuple)),
            st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
            st.builds(Not, inner),
        ),
        max_leaves=6,
    )


@pytest.fixture
async def kept(database: Database, tmp_path: Path) -> Kept:
    return await Kept.begin(database, tmp_path / "snapshots")


async def write(kept: Kept, changes: Sequence[tuple[int, dict[str, Any] | None]]) -> None:
    """Devices by number as they shall be from now on; None deletes."""
    table = app_table(kept.app.id, "device")
    names = sql.SQL(", ").join(map(sql.Identifier, SQL_NAMES.values()))
    async with kept.database.transaction() as conn:
        for number, device in changes:
            await execute(conn, sql.SQL("DELETE FROM {} WHERE id = %s").format(table), (number,))
            if device is not None:
                await execute(
                    conn,
                    sql.SQL("INSERT INTO {} (id, udid, {}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)").format(
                        table, names
                    ),
                    (number, str(number), *(device[name] for name in SQL_NAMES)),
                )


async def test_a_snapshot_agrees_with_sql_on_every_predicate_over_columns(kept: Kept) -> None:
    """The rows of the base, and those that changed, came or went since."""
    first = [
        {**dict.fromkeys(SQL_NAMES, None), "tier": text, "points": n, "feedback": 0} for n, text in enumerate(TEXTS)
    ]
    await write(kept, list(enumerate(first)))
    await kept.made()
    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.tuples(st.integers(0, 20), st.one_of(st.none(), DEVICE)), max_size=8),
        st.lists(predicates(kept), min_size=1, max_size=8),
    )
    def agrees(changes: list[tuple[int, dict[str, Any] | None]], wanted: list[Predicate]) -> None:
        asyncio.run_coroutine_threadsafe(check(changes, wanted), loop).result(100)

    async def check(changes: list[tuple[int, dict[str, Any] | None]], wanted: list[Predicate]) -> None:
        await write(kept, changes)
        await kept.turn()
        for predicate in wanted:
            found = await kept.count(predicate)
            assert found.source == "snapshot"
            assert found.count == (await kept.count(predicate, exact=True)).count, predicate

    await asyncio.to_thread(agrees)


def column(kept: Kept, name: str, op: str, value: Any = None) -> Compare:
    found = kept.scheme.find(name)
    assert found is not None
    return Compare(found, op, value)


def random_text(length: int) -> str:
    """A text that PostgreSQL cannot make shorter, so that few devices fill many pages."""
    return secrets.token_urlsafe(length)[:length]


EVERYBODY = All(())


async def test_the_answer_is_that_of_the_moment_it_names(kept: Kept) -> None:
    await kept.put("a", tier="gold")
    assert (await kept.count(EVERYBODY)).source == "sql"  # nobody had asked before
    assert await kept.turn() == 1
    before = await kept.count(EVERYBODY)
    assert (before.count, before.source) == (1, "snapshot")
    await kept.put("b", tier="gold")
    assert await kept.count(EVERYBODY) == before
    exact = await kept.count(EVERYBODY, exact=True)
    assert (exact.count, exact.source) == (2, "sql")
    assert exact.as_of > before.as_of
    assert await kept.turn() == 1
    after = await kept.count(column(kept, "tier", "eq", "gold"))
    assert (after.count, after.source) == (2, "snapshot")
    assert after.as_of > exact.as_of


async def test_only_the_age_changes_when_no_device_did(kept: Kept) -> None:
    await kept.put("a")
    await kept.made()
    before = await kept.count(EVERYBODY)
    async with kept.database.connection() as conn:
        generation = (await state.look(conn, kept.app.id)).generation
    await kept.turn()
    assert (await kept.count(EVERYBODY)).as_of > before.as_of
    async with kept.database.connection() as conn:
        assert (await state.look(conn, kept.app.id)).generation == generation


async def test_lists_events_and_keys_are_asked_of_sql(kept: Kept) -> None:
    await kept.put("a", tier="gold", token="t")
    await kept.made()
    for predicate, number in (
        (InList(5), 0),
        (Not(Events(EventKind.OPEN, "gte", 1, 30)), 1),
        (column(kept, "UDID", "eq", "a"), 1),
        (column(kept, "token", "eq", "t"), 1),
        (column(kept, "token", "starts", "T"), 1),
    ):
        found = await kept.count(AnyOf((predicate, column(kept, "tier", "eq", "silver"))))
        assert (found.count, found.source) == (number, "sql"), predicate
    assert (await kept.count(column(kept, "token", "set"))).source == "snapshot"


async def test_a_writer_that_commits_during_the_reading_is_in_the_next_refresh(kept: Kept) -> None:
    """It has moved its device to a page that was read before, or has not committed when the pages are read."""
    for number in range(50):
        await kept.put(f"d{number}", points=number)
    await kept.made()
    predicate = column(kept, "points", "gte", 0)
    async with kept.database.transaction() as writer:
        await execute(writer, sql.SQL("UPDATE {} SET c2 = -1").format(app_table(kept.app.id, "device")))
        await kept.turn()
        assert (await kept.count(predicate)).count == 50
    await kept.turn()
    found = await kept.count(predicate)
    assert (found.count, found.source) == (0, "snapshot")


async def test_a_device_that_was_read_twice_counts_once(kept: Kept) -> None:
    """What a base read while devices moved holds: rows twice, and rows not at all. All of them are noted changes."""
    for number in range(5):
        await kept.put(f"d{number}", points=number)
    await kept.made()
    async with kept.database.connection() as conn:
        found = await state.look(conn, kept.app.id)
    assert found.generation is not None
    snapshot = files.read(kept.folder, kept.app.id, found.generation)
    [piece] = files.base_files(kept.folder, kept.app.id, snapshot)
    rows = frames.read(piece)
    frames.write(frames.joined([rows[:4], rows[:1]]), piece)
    async with kept.database.connection() as conn:
        await execute(conn, sql.SQL("UPDATE {} SET c2 = c2").format(app_table(kept.app.id, "device")))
    await kept.turn()
    assert (await kept.count(EVERYBODY)).count == 5
    assert (await kept.count(column(kept, "points", "eq", 0))).count == 1


async def test_a_crash_that_lost_changes_makes_a_new_base(kept: Kept) -> None:
    """A crash of the server empties unlogged tables, the epoch among them."""
    await kept.put("a")
    await kept.made()
    await kept.put("b")
    async with kept.database.connection() as conn:
        before = await state.look(conn, kept.app.id)
        schema = sql.Identifier(f"app_{kept.app.id}")
        await execute(conn, sql.SQL("TRUNCATE {0}.device_change, {0}.device_change_epoch").format(schema))
    await kept.turn()
    assert (await kept.count(EVERYBODY)).count == 2
    async with kept.database.connection() as conn:
        assert (await state.look(conn, kept.app.id)).epoch != before.epoch


async def test_a_new_column_is_taken_up(kept: Kept) -> None:
    await kept.put("a")
    await kept.made()
    async with kept.database.transaction() as conn:
        added = await apps.add_column(conn, kept.app, "shoe", ColumnKind.INTEGER)
    assert (await kept.count(Compare(added, "unset"))).source == "sql"
    await kept.turn()
    found = await kept.count(Compare(added, "unset"))
    assert (found.count, found.source) == (1, "snapshot")


async def test_deleted_files_cost_a_count_by_sql_and_come_again(kept: Kept) -> None:
    await kept.put("a")
    await kept.made()
    files.sweep(kept.folder, kept.app.id, ())
    assert (await kept.count(EVERYBODY)).source == "sql"
    await kept.turn()
    assert (await kept.count(EVERYBODY)).source == "snapshot"


async def test_readers_find_the_generation_before_the_last(kept: Kept) -> None:
    await kept.put("a")
    await kept.made()
    seen = []
    for number in range(3):
        async with kept.database.connection() as conn:
            seen.append((await state.look(conn, kept.app.id)).generation)
        await kept.put(f"d{number}")
        await kept.turn()
    there = {each.name for each in files.app_folder(kept.folder, kept.app.id).iterdir()}
    assert seen[2] in there
    assert not {seen[0], seen[1]} & there
    assert len(there) == 3


async def test_another_machine_leaves_a_snapshot_to_its_place(kept: Kept, tmp_path: Path) -> None:
    await kept.put("a")
    await kept.made()
    with pytest.raises(Retry, match="another machine"):
        await kept.turn(tmp_path / "elsewhere")


async def test_a_process_that_stops_leaves_the_making_to_another(kept: Kept) -> None:
    await kept.put("a")
    await kept.order()
    async with kept.database.connection() as conn:
        [columns] = [each for each in await claim(conn, ["default"], 10, 600.0) if each[2] == worker.SNAPSHOT]
    stopping = asyncio.Event()
    stopping.set()
    with pytest.raises(Retry, match="stopping"):
        await worker.maker(kept.database, kept.folder)(Lease(Job(*columns), stopping))
    assert (await kept.count(EVERYBODY)).source == "sql"
    await kept.turn()
    assert (await kept.count(EVERYBODY)).source == "snapshot"


async def test_who_asks_too_late_gets_sql_and_a_refresh(kept: Kept) -> None:
    await kept.put("a")
    await kept.made()
    async with kept.database.connection() as conn:
        await execute(
            conn,
            """
            UPDATE clarion.audience_snapshot
            SET as_of = as_of - interval '1 hour', asked_at = as_of - interval '1 hour' WHERE app_id = %s
            """,
            (kept.app.id,),
        )
        await execute(conn, "DELETE FROM clarion.job")
    assert (await kept.count(EVERYBODY)).source == "sql"
    assert await kept.turn() == 1
    assert (await kept.count(EVERYBODY)).source == "snapshot"


async def test_nobody_pays_for_a_snapshot_that_nobody_wants(kept: Kept) -> None:
    await kept.put("a")
    await kept.made()
    async with kept.database.connection() as conn:
        await execute(
            conn, "UPDATE clarion.audience_snapshot SET asked_at = clarion.now() - interval '25 hours' WHERE app_id > 0"
        )
    assert await kept.turn() == 1
    assert await kept.turn() == 0  # it is not refreshed any more
    assert await worker.drop_unwanted(kept.database, kept.folder) == 1
    assert not files.app_folder(kept.folder, kept.app.id).exists()
    async with kept.database.connection() as conn:
        triggers = "SELECT count(*) FROM pg_trigger WHERE starts_with(tgname, 'device_change')"
        assert await value(conn, triggers) == 0
        assert (await state.look(conn, kept.app.id)).asked_at is None
    await kept.put("b")


async def test_nothing_happens_for_a_small_application(database: Database, kept: Kept) -> None:
    await kept.put("a")
    found = await service.count(database, kept.folder, kept.app.id, EVERYBODY)
    assert (found.count, found.source) == (1, "sql")
    async with database.connection() as conn:
        assert (await state.look(conn, kept.app.id)).asked_at is None


async def test_a_count_by_sql_tells_how_far_it_is(kept: Kept) -> None:
    for number in range(30):
        await kept.put(f"d{number}", model=random_text(1500))
    heard: list[tuple[int, int]] = []

    async def hear(done: int, total: int) -> None:
        heard.append((done, total))

    for predicate in (EVERYBODY, Not(InList(5))):
        heard.clear()
        found = await service.count(
            kept.database,
            None,
            kept.app.id,
            predicate,
            least=1,
            progress=hear,
        )
        assert found.count == 30
        assert heard == sorted(heard)
        assert len(heard) > 2
        assert heard[-1][0] == heard[-1][1]


def test_of_a_text_with_too_many_values_only_whether_it_is_set_is_kept() -> None:
    encoder = frames.Encoder({"id": Form.INTEGER, "c1": Form.WORDS}, {}, most=2)
    first = encoder.encode(b'1,a\n2,\n3,"b"\n')
    assert first["c1"].to_list() == [1, 0, 2] or first["c1"].to_list() == [2, 0, 1]
    assert encoder.encode(b"4,c\n5,\n6,a\n")["c1"].to_list() == [1, 0, 1]
    assert encoder.forms["c1"] is Form.PRESENCE
    assert encoder.words == {}
    assert encoder.encode(b"7,z\n8,\n")["c1"].to_list() == [1, 0]


async def test_a_base_is_read_piece_by_piece(kept: Kept) -> None:
    for number in range(30):
        await kept.put(f"d{number}", model=random_text(1500), tier="gold")
    order = Order(kept.database.conninfo, kept.app.id, str(kept.folder), layout(kept.scheme))
    built = await asyncio.to_thread(build, order, pages=1)
    assert built.base.rows == 30
    assert len(built.base.files) > 5
    assert len(built.words["model"]) == 30
    assert built.words["c1"] == ["gold"]


def test_what_a_snapshot_lacks_is_told_before_it_is_asked() -> None:
    assert needs.of_columns_only(All((Not(AnyOf(())),)))
    assert not needs.of_columns_only(All((Not(InList(1)),)))
