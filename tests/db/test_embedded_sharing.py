"""One owner, many users: who is refused, who attaches, and what a command does when nothing runs."""

import asyncio
import os
from pathlib import Path

import pytest

from clarion.base.errors import Conflict, Unavailable
from clarion.db.embedded import EmbeddedServer, attach, borrow
from clarion.db.embedded.folder import DataFolder
from clarion.db.embedded.lock import FileLock
from tests.db.embedded_scenarios import UNSYNCED, add_row, count_rows, own, running, use
from tests.support import until


async def test_a_second_owner_is_refused_and_told_who_is_first(data_dir: Path) -> None:
    with running(own, data_dir) as first:
        await first.told()
        with pytest.raises(Conflict, match=rf"process {first.process.pid} \(serve") as refused:
            await EmbeddedServer(data_dir).start()
        await first.finish()
    assert refused.value.code == "data_folder_in_use"
    assert str(data_dir) in refused.value.message


async def test_a_second_owner_in_the_same_process_is_refused(server: EmbeddedServer, data_dir: Path) -> None:
    with pytest.raises(Conflict, match=rf"process {os.getpid()} "):
        await EmbeddedServer(data_dir).start()
    assert count_rows(server.conninfo) == 0


async def test_another_name_of_the_same_folder_is_the_same_folder(
    server: EmbeddedServer, data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "alias").symlink_to(data_dir)
    with pytest.raises(Conflict):
        await EmbeddedServer(tmp_path / "alias").start()
    assert await attach(tmp_path / "alias") == server.conninfo


async def test_further_processes_attach(data_dir: Path) -> None:
    with running(own, data_dir) as owner:
        told = await owner.told()
        assert await attach(data_dir) == told["conninfo"]
        await owner.finish()


async def test_attaching_where_nothing_runs_says_how_to_start_it(data_dir: Path, tmp_path: Path) -> None:
    for place in (data_dir, tmp_path / "never-made"):
        with pytest.raises(Unavailable, match="clarion serve --data-dir"):
            await attach(place)
    assert not (tmp_path / "never-made").exists()


async def test_attaching_waits_for_a_server_that_is_starting(tmp_path: Path) -> None:
    with running(own, tmp_path / "data") as owner:
        holder = FileLock(DataFolder.at(tmp_path / "data"), "owner")

        async def owned() -> bool:
            return holder.holder() is not None

        await until(owned)
        conninfo = await attach(tmp_path / "data")
        assert conninfo == (await owner.told())["conninfo"]
        await owner.finish()


async def test_a_command_starts_the_database_when_none_runs_and_stops_it_after(data_dir: Path) -> None:
    async with borrow(data_dir) as conninfo:
        add_row(conninfo)
    with pytest.raises(Unavailable):
        await attach(data_dir)
    async with borrow(data_dir) as conninfo:
        assert count_rows(conninfo) == 1


async def test_a_command_uses_the_running_server_and_leaves_it_running(server: EmbeddedServer, data_dir: Path) -> None:
    async with borrow(data_dir) as conninfo:
        assert conninfo == server.conninfo
    assert await attach(data_dir) == server.conninfo


async def test_the_last_of_several_commands_ends_the_database_they_share(data_dir: Path) -> None:
    with running(use, data_dir) as first:
        await first.told()
        with running(use, data_dir) as second:
            await second.told()
            assert first.process.stdin
            first.process.stdin.close()
            assert (await first.told())["counted"] == 0
            await second.finish()
            assert (await second.told())["counted"] == 0
        assert await asyncio.to_thread(first.process.wait) == 0
    with pytest.raises(Unavailable):
        await attach(data_dir)


async def test_commands_that_begin_at_once_share_one_server(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with running(use, data_dir) as first, running(use, data_dir) as second, running(use, data_dir) as third:
        told = [await each.told() for each in (first, second, third)]
        assert len({each["conninfo"] for each in told}) == 1
        for each in (first, second, third):
            assert each.process.stdin
            each.process.stdin.close()
        for each in (first, second, third):
            assert await asyncio.to_thread(each.process.wait) == 0


async def test_an_owner_waits_for_a_command_to_end(data_dir: Path) -> None:
    with running(use, data_dir) as command:
        await command.told()
        server = EmbeddedServer(data_dir, settings=UNSYNCED)
        with pytest.raises(Conflict, match="command"):
            await server.start(patience=0)
        starting = asyncio.create_task(server.start())
        await asyncio.sleep(0)
        await command.finish()
        await starting
        try:
            assert count_rows(server.conninfo) == 0
        finally:
            await server.stop()


def test_a_forked_child_does_not_keep_the_folder_locked(data_dir: Path) -> None:
    folder = DataFolder.at(data_dir)
    lock = FileLock(folder, "owner")
    assert lock.try_take()
    (told, tell), (ended, end) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        os.write(tell, b"!")
        os.read(ended, 1)
        os._exit(0)
    assert os.read(told, 1) == b"!"
    lock.release()
    other = FileLock(folder, "owner")
    try:
        assert other.try_take()
    finally:
        other.release()
        for fd in (told, tell, ended, end):
            os.close(fd)
        os.waitpid(child, 0)
