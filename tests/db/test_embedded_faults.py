"""Processes are killed at every awkward moment: the next start always comes up, with everything that was committed."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from clarion.db.embedded import EmbeddedServer
from clarion.db.embedded.account import choose_account
from clarion.db.embedded.folder import DataFolder
from clarion.db.embedded.process import processes_of
from tests.db.embedded_scenarios import UNSYNCED, add_row, count_rows, own, running
from tests.support import until


async def test_a_killed_postmaster_is_noticed_and_started_again_with_all_data(server: EmbeddedServer) -> None:
    add_row(server.conninfo)
    before = server.conninfo
    killed = server.pid
    assert killed
    os.kill(killed, signal.SIGKILL)
    assert await asyncio.wait_for(server.wait_died(), 10) == -signal.SIGKILL
    await server.start()
    assert server.pid != killed
    assert count_rows(before) == 1


async def test_a_start_ends_children_that_outlive_a_killed_postmaster(server: EmbeddedServer, data_dir: Path) -> None:
    """A backend busy computing does not notice the death of its postmaster, and keeps hold of the shared memory."""
    async with await psycopg.AsyncConnection.connect(server.conninfo, autocommit=True) as conn:
        busy = asyncio.create_task(
            conn.execute("SELECT count(*) FROM generate_series(1, 1000000000) AS n, pg_sleep(0)")
        )
        await until_computing(server, conn.info.backend_pid)
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        await server.wait_died()
        folder = DataFolder.at(data_dir)
        assert conn.info.backend_pid in processes_of(folder.label, choose_account(folder))
        await server.start()
        with pytest.raises(psycopg.OperationalError):
            await busy
        assert conn.info.backend_pid not in processes_of(folder.label, choose_account(folder))


async def until_computing(server: EmbeddedServer, backend: int) -> None:
    async with await psycopg.AsyncConnection.connect(server.admin_conninfo, autocommit=True) as watcher:

        async def computing() -> bool:
            found = await watcher.execute(
                "SELECT state = 'active' AND wait_event IS NULL FROM pg_stat_activity WHERE pid = %s", (backend,)
            )
            row = await found.fetchone()
            return bool(row and row[0])

        await until(computing)


async def test_a_new_owner_takes_over_from_a_killed_one(data_dir: Path) -> None:
    with running(own, data_dir) as killed:
        told = await killed.told()
        add_row(told["conninfo"])
        await killed.kill()
    assert count_rows(told["conninfo"]) == 1, "PostgreSQL outlives its owner"
    server = EmbeddedServer(data_dir, settings=UNSYNCED)
    await server.start()
    try:
        assert server.pid != told["postmaster"]
        folder = DataFolder.at(data_dir)
        assert told["postmaster"] not in processes_of(folder.label, choose_account(folder))
        assert count_rows(server.conninfo) == 1
    finally:
        await server.stop()


async def test_owner_and_postmaster_killed_together(data_dir: Path) -> None:
    with running(own, data_dir) as killed:
        told = await killed.told()
        add_row(told["conninfo"])
        await killed.kill()
        os.kill(told["postmaster"], signal.SIGKILL)
    server = EmbeddedServer(data_dir, settings=UNSYNCED)
    await server.start()
    try:
        assert count_rows(server.conninfo) == 1
    finally:
        await server.stop()


async def test_an_owner_killed_while_it_creates_the_cluster(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    draft = data_dir / "postgres.new"

    async def begun() -> bool:
        return draft.is_dir() and any(draft.iterdir())

    with running(own, data_dir) as killed:
        await until(begun)
        await killed.kill()
    assert not (data_dir / "postgres").exists()
    server = EmbeddedServer(data_dir, settings=UNSYNCED)
    await server.start()
    try:
        assert count_rows(server.conninfo) == 0
        assert not draft.exists()
    finally:
        await server.stop()


@pytest.fixture
def somebody() -> "Iterator[subprocess.Popen[bytes]]":
    """A process that has nothing to do with the database."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process


async def test_a_stale_pid_file_that_names_a_living_process_of_somebody_else(
    data_dir: Path, somebody: "subprocess.Popen[bytes]"
) -> None:
    """In containers the same few process ids come back after every restart."""
    lines = [somebody.pid, data_dir / "postgres", 1, 5432, "/run", "", "  5432001  1", "ready"]
    (data_dir / "postgres" / "postmaster.pid").write_text("".join(f"{line}\n" for line in lines))
    server = EmbeddedServer(data_dir, settings=UNSYNCED)
    await server.start()
    try:
        assert count_rows(server.conninfo) == 0
    finally:
        await server.stop()
    assert somebody.poll() is None


async def test_sockets_left_by_a_killed_server_do_not_matter(server: EmbeddedServer) -> None:
    place = Path(str(conninfo_to_dict(server.conninfo)["host"]))
    account = place.stat().st_uid
    await server.stop()
    place.mkdir(mode=0o700)
    os.chown(place, account, -1)
    (place / ".s.PGSQL.5432.lock").write_text(f"{os.getppid()}\n")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(place / ".s.PGSQL.5432"))
    await server.start()
    assert count_rows(server.conninfo) == 0


async def test_a_socket_folder_somebody_else_made_is_not_used(server: EmbeddedServer) -> None:
    place = Path(str(conninfo_to_dict(server.conninfo)["host"]))
    await server.stop()
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    try:
        await server.start()
        assert Path(str(conninfo_to_dict(server.conninfo)["host"])) != place
        assert count_rows(server.conninfo) == 0
        await server.stop()
    finally:
        place.rmdir()


async def test_a_cancelled_start_leaves_nothing_running(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    server = EmbeddedServer(data_dir, settings=UNSYNCED)
    starting = asyncio.create_task(server.start())

    async def begun() -> bool:
        return (data_dir / "postgres.new" / "base").is_dir()

    await until(begun)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await server.start()
    try:
        assert count_rows(server.conninfo) == 0
    finally:
        await server.stop()
