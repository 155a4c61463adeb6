"""Data folders for the tests of the embedded server: a created one is copied, which is quicker than creating it."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clarion.db.embedded import EmbeddedServer
from tests.db.embedded_scenarios import UNSYNCED


@pytest.fixture(scope="session")
def created_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a cluster nobody runs."""
    data_dir = tmp_path_factory.mktemp("created") / "data"

    async def create() -> None:
        server = EmbeddedServer(data_dir, settings=UNSYNCED)
        await server.start()
        await server.stop()

    asyncio.run(create())
    return data_dir


@pytest.fixture
def data_dir(created_folder: Path, tmp_path: Path) -> Path:
    """A data folder of this test's own, with a cluster nobody runs."""
    place = tmp_path / "data"
    subprocess.run(["cp", "-a", created_folder, place], check=True)
    return place


@pytest.fixture
async def server(data_dir: Path) -> AsyncIterator[EmbeddedServer]:
    """A running server on `data_dir`, stopped afterwards however the test left it."""
    running = EmbeddedServer(data_dir, settings=UNSYNCED)
    await running.start()
    yield running
    await running.stop()
