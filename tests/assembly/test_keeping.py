"""What the supervisor does when the machine itself is short of something: folders, disks, processes."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from clarion.assembly.probe import Probe
from clarion.assembly.supervisor import Running, Supervisor, _Keeper, serve
from clarion.base.errors import ConfigurationError, Unavailable
from clarion.base.settings import Settings

Spawned = tuple[asyncio.subprocess.Process, int]

READY_THEN_GONE = "import os, sys; os.write(int(sys.argv[1]), b'1')"
READY_AND_STAYS = READY_THEN_GONE + "; sys.stdin.read()"


async def spawn(program: str) -> Spawned:
    read, write = os.pipe()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(write), pass_fds=[write], stdin=asyncio.subprocess.PIPE
    )
    os.close(write)
    return process, read


async def test_a_data_folder_that_cannot_be_made_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"(?s)file/data.*--data-dir"):
        await serve(Settings(data_dir=tmp_path / "file" / "data", port=0), announce=lambda _: None)


async def test_a_new_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    settings = Settings(data_dir=folder, port=0, database_url="postgresql://127.0.0.1:1/nothing")
    with pytest.raises(Unavailable):
        await serve(settings, announce=lambda _: None)
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_a_process_is_started_again_also_after_the_machine_refused_to() -> None:
    stopping, begun = asyncio.Event(), 0

    async def spawner(_role: str, _index: int, _probe: Probe) -> Spawned:
        nonlocal begun
        begun += 1
        if begun == 2:
            raise OSError("no more processes")
        return await spawn(READY_THEN_GONE if begun == 1 else READY_AND_STAYS)

    keeper, restarted = _Keeper("api", 1, spawner, stopping), asyncio.Event()
    await keeper.start()
    keeping = asyncio.create_task(keeper.keep(restarted.set))
    await asyncio.wait_for(restarted.wait(), 30)
    assert begun == 3
    stopping.set()
    await keeper.stop()
    await asyncio.wait_for(keeping, 10)


async def test_a_status_file_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    supervisor = Supervisor(Settings(data_dir=tmp_path), asyncio.Event())
    supervisor._write_status(Running({}, "", {"api-1": 1}))
    (tmp_path / "supervisor.new").mkdir()
    supervisor._changed()
    assert b'"api-1"' in (tmp_path / "supervisor.json").read_bytes()
