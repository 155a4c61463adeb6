"""Connecting: what a person is told when it does not work, and the one transaction helper."""

from datetime import timedelta

import pytest

from clarion.base import clock
from clarion.base.errors import ConfigurationError, Unavailable
from clarion.db.pool import Database, connect
from clarion.db.sql import execute, value
from tests.support import free_port, until


async def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(Unavailable, match=r"(?s)cannot be reached.*Connection refused.*URL is right"):
        await Database.open(f"postgresql://clarion@127.0.0.1:{free_port()}/clarion")


@pytest.mark.parametrize(
    "url", ["postgresql//clarion:opensesame@db/x", "opensesame", "postgresql://a:b@c/d?opensesame=1"]
)
async def test_a_url_that_cannot_be_read_is_refused_without_being_repeated(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        await connect(url)
    assert "opensesame" not in str(caught.value)


async def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction() as conn:
            await execute(conn, "INSERT INTO clarion.timer (name, next_run) VALUES ('lost', clock_timestamp())")
            raise RuntimeError
    async with database.transaction() as conn:
        await execute(conn, "INSERT INTO clarion.timer (name, next_run) VALUES ('kept', clock_timestamp())")
    async with database.connection() as conn:
        assert await value(conn, "SELECT string_agg(name, ',') FROM clarion.timer") == "kept"


async def test_the_clock_follows_the_database_when_a_pool_opens(database: Database) -> None:
    async with database.connection() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = '3 days'")
    other = await Database.open(database.conninfo)
    try:
        async with other.connection() as conn:
            apart = await value(conn, "SELECT clarion.now()") - clock.now()
            assert abs(apart) < timedelta(seconds=5)
            assert await value(conn, "SELECT clarion.now() - clock_timestamp() > interval '2 days'")
    finally:
        await other.close()


async def test_connections_that_the_server_ended_are_not_given_out(database: Database) -> None:
    """Also when nothing was asked of them since."""
    async with database.connection() as conn:
        ended = await value(conn, "SELECT pg_backend_pid()")
    async with await connect(database.conninfo) as other:
        await execute(other, "SELECT pg_terminate_backend(%s, 5000)", (ended,))

    async def fresh() -> bool:
        async with database.connection() as conn:
            return bool(await value(conn, "SELECT pg_backend_pid()") != ended)

    await until(fresh)
