"""Migrations: repeatable, one at a time, bounded in their waits, and clear about what they refuse."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import Platform
from clarion.base.errors import ConfigurationError, Unavailable
from clarion.base.sealing import Sealer
from clarion.db import app_schema, migrate
from clarion.db.pool import Database, connect
from clarion.db.sql import Conn, app_table, execute, tuples, values


@pytest.fixture
async def other(empty_database: str) -> AsyncIterator[Conn]:
    """Somebody else at work on the empty database."""
    conn = await connect(empty_database)
    yield conn
    await conn.close()


def release_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on applications have one more step, which keeps what limits it ran under."""
    step = (
        "ALTER TABLE {schema}.device ADD COLUMN lock_limit text DEFAULT current_setting('lock_timeout')",
        "ALTER TABLE {schema}.device ADD COLUMN statement_limit text DEFAULT current_setting('statement_timeout')",
        "INSERT INTO {schema}.device (id, udid) VALUES (1, 'witness')",
    )
    monkeypatch.setattr(app_schema, "_STEPS", (*app_schema._STEPS, step))
    monkeypatch.setattr(app_schema, "NEWEST", app_schema.NEWEST + 1)


async def two_apps(database: Database, sealer: Sealer) -> list[int]:
    async with database.transaction() as conn:
        made = [await apps.create_app(conn, sealer, name, Platform.WEB, name) for name in ("first", "second")]
    return [app.id for app, _ in made]


async def steps(conn: Conn) -> list[int]:
    return await values(conn, "SELECT schema_version FROM clarion.app ORDER BY id")


async def test_an_empty_database_is_brought_to_the_newest_revision_and_stays_there(empty_database: str) -> None:
    assert await migrate.current(empty_database) is None
    with pytest.raises(ConfigurationError, match="clarion db migrate"):
        await migrate.require_current(empty_database)
    for _ in range(2):
        await migrate.upgrade(empty_database)
        assert await migrate.current(empty_database) == migrate.newest()
    await migrate.require_current(empty_database)


async def test_those_who_migrate_at_once_wait_for_each_other(empty_database: str) -> None:
    await asyncio.gather(*(migrate.upgrade(empty_database) for _ in range(3)))
    await migrate.require_current(empty_database)


async def test_a_database_of_a_newer_release_is_refused_with_what_to_do(empty_database: str, other: Conn) -> None:
    await migrate.upgrade(empty_database)
    await execute(other, "UPDATE clarion.alembic_version SET version_num = '9999'")
    for refusing in (migrate.upgrade, migrate.require_current):
        with pytest.raises(ConfigurationError, match=r"(?s)9999.*newer release"):
            await refusing(empty_database)


@pytest.mark.parametrize("in_the_way", ["CREATE SCHEMA clarion", "CREATE TABLE clarion.clock_offset ()"])
async def test_a_lock_is_waited_for_four_seconds_and_no_longer(
    empty_database: str, other: Conn, in_the_way: str
) -> None:
    if "TABLE" in in_the_way:
        await execute(other, "CREATE SCHEMA clarion")
    async with other.transaction(force_rollback=True):
        await other.execute(in_the_way.encode())
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable, match=r"(?s)lock timeout.*Try again"):
            await asyncio.wait_for(migrate.upgrade(empty_database), 15)
        assert 3.5 < asyncio.get_running_loop().time() - began < 12
    await migrate.upgrade(empty_database)
    await migrate.require_current(empty_database)


async def test_applications_migrate_one_by_one_within_the_limits_and_go_on_where_they_were(
    database: Database, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await two_apps(database, sealer)
    before = app_schema.NEWEST
    release_a_step(monkeypatch)
    async with database.transaction() as conn:
        await execute(conn, sql.SQL("LOCK {}").format(app_table(second, "device")))
        with pytest.raises(Unavailable, match="lock timeout"):
            await migrate.upgrade(database.conninfo)
        assert await steps(conn) == [before + 1, before]
    await migrate.upgrade(database.conninfo)
    async with database.connection() as conn:
        assert await steps(conn) == [before + 1] * 2
        for app_id in (first, second):
            seen = sql.SQL("SELECT lock_limit, statement_limit FROM {}").format(app_table(app_id, "device"))
            assert await tuples(conn, seen) == [("4s", "5s")]
