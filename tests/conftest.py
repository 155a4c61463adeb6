"""Fixtures of all tests: one real embedded PostgreSQL per test process, one fresh migrated database per test.

Every pytest-xdist worker has a server of its own. The database of a test is a file copy of a template migrated once.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.db import migrate
from clarion.db.embedded import EmbeddedServer
from clarion.db.pool import Database
from clarion.gateways.stub import StubServer

# A test's database need not outlive the machine: nothing waits for the disk.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "shared_buffers": "128MB",
    "checkpoint_timeout": "1h",
    "autovacuum": "off",
}

# A busy machine is no failed property.
hypothesis_settings.register_profile("house", deadline=None)
hypothesis_settings.load_profile("house")

_TEMPLATE = "migrated"
_numbers = count(1)

# Backends of closed connections leave within moments; DROP DATABASE would wait 100 ms for the first look at them.
_UNTIL_LEFT = sql.SQL("""
    DO $$ BEGIN
        FOR tries IN 1..25 LOOP
            EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = {name});
            PERFORM pg_sleep(0.002), pg_stat_clear_snapshot();
        END LOOP;
    END $$
""")


@pytest.fixture(autouse=True)
def clock_reset() -> Iterator[None]:
    """A test may move the clock; the next one finds it right."""
    clock.shift(timedelta(0))
    yield
    clock.shift(timedelta(0))


@pytest.fixture
def sealer() -> Sealer:
    return Sealer(bytes(range(32)))


@pytest.fixture
async def stub(tmp_path: Path) -> AsyncIterator[StubServer]:
    """Strict stub gateways."""
    server = StubServer(tmp_path / "stub")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[EmbeddedServer]:
    """The server of this test process, on a temporary data folder."""
    with tempfile.TemporaryDirectory(prefix="clarion-test-", dir=_memory_disk()) as folder:
        server = EmbeddedServer(Path(folder) / "data", role="tests", settings=FAST)
        asyncio.run(server.start())
        try:
            yield server
        finally:
            asyncio.run(server.stop(grace=0))


@pytest.fixture(scope="session")
def admin_conninfo(embedded_server: EmbeddedServer) -> str:
    """The superuser, to database "postgres"."""
    return embedded_server.admin_conninfo


@pytest.fixture(scope="session")
def admin(admin_conninfo: str) -> Iterator[psycopg.Connection]:
    """One autocommit connection of the superuser, for creating and dropping databases."""
    with psycopg.connect(admin_conninfo, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def migrated_template(embedded_server: EmbeddedServer, admin: psycopg.Connection) -> str:
    """Name of a database migrated to the newest revision, to be copied."""
    admin.execute(sql.SQL("CREATE DATABASE {} OWNER clarion").format(sql.Identifier(_TEMPLATE)))
    asyncio.run(migrate.upgrade(make_conninfo(embedded_server.conninfo, dbname=_TEMPLATE)))
    return _TEMPLATE


@pytest.fixture
def empty_database(embedded_server: EmbeddedServer, admin: psycopg.Connection) -> Iterator[str]:
    """Connection string of an empty database of this test's own, under the role of everyday work."""
    with _copy_of("template1", embedded_server, admin) as conninfo:
        yield conninfo


@pytest.fixture
async def database(
    embedded_server: EmbeddedServer, admin: psycopg.Connection, migrated_template: str
) -> AsyncIterator[Database]:
    """A migrated, empty database of this test's own, under the role of everyday work."""
    with _copy_of(migrated_template, embedded_server, admin) as conninfo:
        opened = await Database.open(conninfo)
        try:
            yield opened
        finally:
            await opened.close()


def _memory_disk() -> str | None:
    """A file system in memory with room for the databases of a test process (copies take a fifth of the time there)."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 << 30
    return str(memory) if roomy else None


@contextmanager
def _copy_of(template: str, server: EmbeddedServer, admin: psycopg.Connection) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    admin.execute(
        sql.SQL("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy OWNER clarion").format(**names)
    )
    try:
        yield make_conninfo(server.conninfo, dbname=name)
    finally:
        admin.execute(_UNTIL_LEFT.format(name=sql.Literal(name)))
        admin.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))
