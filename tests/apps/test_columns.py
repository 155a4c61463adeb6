"""The columns of a company: names, slots that are used again, indexes built and mended by jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest

from clarion.apps import columns
from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, Platform
from clarion.apps.store import columns as store
from clarion.base import clock
from clarion.base.errors import Conflict, Invalid, NotFound, Unavailable
from clarion.base.sealing import Sealer
from clarion.db.pool import Database, connect
from clarion.db.sql import execute, value, values
from clarion.queue import Worker
from tests.support import until


@pytest.fixture
async def app(database: Database, sealer: Sealer) -> App:
    async with database.transaction() as conn:
        made, _ = await apps.create_app(conn, sealer, "shop", Platform.ANDROID, "Shop")
    return made


@asynccontextmanager
async def working(database: Database) -> AsyncIterator[None]:
    stop = asyncio.Event()
    handlers = {
        columns.BUILD_INDEX: columns.index_builder(database),
        columns.EMPTY_COLUMN: columns.column_emptier(database),
    }
    task = asyncio.create_task(Worker(database, ["default"], handlers).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def indexes(database: Database) -> dict[str, bool]:
    """Names of the indexes of company columns, and whether they stand."""
    async with database.connection() as conn:
        names = await values(conn, "SELECT relname FROM pg_class WHERE relname LIKE 'device_c%%' ORDER BY 1")
        valid = await values(conn, "SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid")
    return {name: f"app_1.{name}" in valid for name in names}


async def index_ready(database: Database) -> bool:
    async with database.connection() as conn:
        query = "SELECT bool_and(index_ready) FROM clarion.app_column WHERE app_id = 1 AND indexed"
        return bool(await value(conn, query))


async def test_a_declared_column_is_found_without_case(database: Database, app: App) -> None:
    """v1 rule 69."""
    async with database.transaction() as conn:
        column = await apps.add_column(conn, app, "clientId", ColumnKind.TEXT, indexed=True)
        scheme = await apps.load_scheme(conn, app.id)
        assert scheme.find("CLIENTID") == column == scheme.columns[-1]
        assert column.indexed
        assert not column.standard
        with pytest.raises(Conflict) as refused:
            await apps.add_column(conn, app, "ClientID", ColumnKind.TEXT)
        assert refused.value.code == "column_exists"


@pytest.mark.parametrize(
    "name",
    ["", "1a", "_a", "a-b", "a b", "é", "a" * 64, 'a"b', "udid", "ID", "deviceId", "Token", "p256dh", "a4p_x", "a\n"],
)
async def test_a_bad_or_reserved_name_is_refused(database: Database, app: App, name: str) -> None:
    async with database.transaction() as conn:
        with pytest.raises(Invalid):
            await apps.add_column(conn, app, name, ColumnKind.TEXT)


async def test_two_who_add_columns_at_once_get_different_slots(database: Database, app: App) -> None:
    async def add(number: int) -> str:
        async with database.transaction() as conn:
            return (await apps.add_column(conn, app, f"field{number}", ColumnKind.INTEGER)).sql

    slots = await asyncio.gather(*(add(number) for number in range(5)))
    assert sorted(slots) == ["c1", "c2", "c3", "c4", "c5"]


async def test_a_column_is_not_added_while_the_device_table_stays_locked(database: Database, app: App) -> None:
    async with database.transaction() as holder:
        await execute(holder, "LOCK TABLE app_1.device IN ACCESS SHARE MODE")
        async with asyncio.timeout(8):
            with pytest.raises(Unavailable, match="busy"):
                async with database.transaction() as conn:
                    await apps.add_column(conn, app, "late", ColumnKind.TEXT)
    async with database.transaction() as conn:
        await apps.add_column(conn, app, "late", ColumnKind.TEXT)
        assert await value(conn, "SELECT current_setting('lock_timeout')") == "0"


async def test_a_job_builds_the_index_of_an_indexed_column(database: Database, app: App) -> None:
    async with database.transaction() as conn:
        await apps.add_column(conn, app, "plain", ColumnKind.TEXT)
        await apps.add_column(conn, app, "clientId", ColumnKind.TEXT, indexed=True)
    assert await indexes(database) == {}
    async with working(database):
        await until(lambda: index_ready(database))
    assert await indexes(database) == {"device_c2": True}


async def test_indexes_of_one_application_are_built_one_by_one(database: Database, app: App) -> None:
    """Two builds on one table would wait for each other, and PostgreSQL would end one of them."""
    async with database.transaction() as conn:
        for number in range(3):
            await apps.add_column(conn, app, f"field{number}", ColumnKind.TEXT, indexed=True)

    async def told_to_wait() -> bool:
        async with database.connection() as conn:
            query = "SELECT count(*) FROM clarion.job WHERE last_error LIKE 'Another index of this application%%'"
            return int(await value(conn, query)) == 3

    async with database.connection() as other:
        assert await store.try_lock_indexes(other, app.id)
        async with working(database):
            await until(told_to_wait)
            assert await indexes(database) == {}
            await store.unlock_indexes(other, app.id)
            await until(lambda: index_ready(database))
    assert await indexes(database) == {"device_c1": True, "device_c2": True, "device_c3": True}


async def test_an_invalid_index_left_by_a_broken_build_is_built_anew(database: Database, app: App) -> None:
    async with database.transaction() as conn:
        await apps.add_column(conn, app, "clientId", ColumnKind.INTEGER, indexed=True)
    async with database.connection() as conn:
        await execute(conn, "INSERT INTO app_1.device (id, udid, c1) VALUES (1, 'A', 7), (2, 'B', 7)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            await execute(conn, "CREATE UNIQUE INDEX CONCURRENTLY device_c1 ON app_1.device (c1)")
    assert await indexes(database) == {"device_c1": False}
    async with working(database):
        await until(lambda: index_ready(database))
    assert await indexes(database) == {"device_c1": True}


async def test_only_one_process_builds_an_index(database: Database, app: App) -> None:
    async with database.transaction() as conn:
        await apps.add_column(conn, app, "clientId", ColumnKind.INTEGER, indexed=True)
    other = await connect(database.conninfo)
    query = "SELECT pg_advisory_lock(hashtextextended('clarion.slot', 1::bigint * 65536 + 1))"
    await execute(other, query)

    async def put_off() -> bool:
        async with database.connection() as conn:
            return await value(conn, "SELECT last_error FROM clarion.job") is not None

    async with working(database):
        await until(put_off)
        assert await indexes(database) == {}
    await other.close()


async def test_the_slot_of_a_removed_column_is_emptied_and_used_again(database: Database, app: App) -> None:
    async with database.transaction() as conn:
        await apps.add_column(conn, app, "old", ColumnKind.TEXT, indexed=True)
        await execute(conn, "INSERT INTO app_1.device (id, udid, c1) SELECT n, n, n FROM generate_series(1, 12000) n")
    async with working(database):
        await until(lambda: index_ready(database))
    async with database.transaction() as conn:
        await apps.remove_column(conn, app, "OLD")
        assert (await apps.load_scheme(conn, app.id)).find("old") is None
        with pytest.raises(NotFound):
            await apps.remove_column(conn, app, "old")
        assert (await apps.add_column(conn, app, "old", ColumnKind.TEXT)).sql == "c2", "c1 still holds values"
        await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp()")

    async def emptied() -> bool:
        async with database.connection() as conn:
            return bool(await value(conn, "SELECT emptied FROM clarion.app_column WHERE app_id = 1 AND slot = 1"))

    async with working(database):
        await until(emptied)
    assert await indexes(database) == {}
    async with database.transaction() as conn:
        assert await value(conn, "SELECT count(c1) FROM app_1.device") == 0
        assert (await apps.add_column(conn, app, "number", ColumnKind.INTEGER)).sql == "c3", "another kind"
        assert (await apps.add_column(conn, app, "new", ColumnKind.TEXT)).sql == "c1"


async def test_a_removed_column_keeps_its_values_for_an_hour(database: Database, app: App) -> None:
    """Those who still hold the old scheme write into a column that nobody else has."""
    async with database.transaction() as conn:
        await apps.add_column(conn, app, "old", ColumnKind.TEXT)
        await apps.remove_column(conn, app, "old")
        due = await value(conn, "SELECT run_at FROM clarion.job")
    assert due > clock.now() + timedelta(minutes=59)
