"""The supervisor with real processes: start order, readiness, restart of what is killed, drain, clear refusals."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from clarion.assembly.database import opened, sealer
from clarion.assembly.supervisor import Running
from clarion.base.errors import ConfigurationError
from clarion.base.settings import Settings, to_environment
from clarion.identity import service as identity
from clarion.identity.model import Role
from tests.support import alive, free_port, postmaster, until

SERVE = """
import asyncio, sys
from clarion.assembly.supervisor import serve
from clarion.base import settings, telemetry
from clarion.base.errors import ClarionError
telemetry.configure(json=True)
try:
    asyncio.run(serve(settings.from_environment(), announce=lambda running: print("ready", flush=True)))
except ClarionError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
"""


def start(settings: Settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVE],
        env={**os.environ, **to_environment(settings)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@asynccontextmanager
async def installation(folder: Path, **options: object) -> AsyncIterator[tuple[Settings, subprocess.Popen[str]]]:
    settings = Settings(data_dir=folder, port=free_port(), log_json=True, **options)  # type: ignore[arg-type]
    process = start(settings)
    errors = asyncio.create_task(asyncio.to_thread(process.stderr.read))  # type: ignore[union-attr]
    try:
        line = await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 60)  # type: ignore[union-attr]
        assert line == "ready\n", await errors
        yield settings, process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(process.wait, 60)
        text = await errors
        if process.stdout:
            process.stdout.close()
        if process.stderr:
            process.stderr.close()
        assert code in (0, -signal.SIGKILL), text


def status(settings: Settings) -> Running:
    return msgspec.json.decode((settings.data_dir / "supervisor.json").read_bytes(), type=Running)


def get(settings: Settings, path: str) -> int:
    context = ssl.create_default_context(cafile=str(settings.data_dir / "tls" / "ca.pem"))
    try:
        with urllib.request.urlopen(f"https://localhost:{settings.port}{path}", context=context, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except (urllib.error.URLError, OSError):
        return 0


async def ready(settings: Settings) -> bool:
    return await asyncio.to_thread(get, settings, "/readyz") == 200


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.mark.timeout(180)
async def test_an_installation_starts_serves_restarts_what_dies_and_drains(folder: Path) -> None:
    async with installation(folder) as (settings, supervisor):
        assert await asyncio.to_thread(get, settings, "/healthz") == 200
        assert await ready(settings)
        assert await asyncio.to_thread(get, settings, "/v1/me") == 403
        assert await asyncio.to_thread(get, settings, "/v2/accounts") == 401

        for name in ("api-1", "sender-1", "courier-1"):
            before = status(settings).pids[name]
            os.kill(before, signal.SIGKILL)

            async def replaced(name: str = name, before: int = before) -> bool:
                now = status(settings).pids[name]
                return now != before and await ready(settings)

            await until(replaced, 30)

        postgres = postmaster(settings.data_dir)
        os.kill(postgres, signal.SIGKILL)

        async def reborn() -> bool:
            return postmaster(settings.data_dir) not in (0, postgres) and await ready(settings)

        await until(reborn, 40)
        supervisor.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(supervisor.wait, 60) == 0
        assert not (settings.data_dir / "supervisor.json").exists()
        assert await asyncio.to_thread(get, settings, "/healthz") == 0


@pytest.mark.timeout(180)
async def test_children_end_when_their_supervisor_is_killed_and_the_next_start_goes_well(folder: Path) -> None:
    async with installation(folder) as (settings, supervisor):
        children = list(status(settings).pids.values())
        supervisor.kill()

        async def gone() -> bool:
            return not any(alive(pid) for pid in children)

        await until(gone, 30)
    async with installation(folder) as (settings, _):
        assert await ready(settings)


@pytest.mark.timeout(120)
async def test_a_port_in_use_is_said_clearly(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(Settings(data_dir=folder, port=taken.getsockname()[1]))
        _, errors = await asyncio.to_thread(process.communicate, None, 60)
    assert process.returncode == 1
    assert "is in use by another program" in errors
    assert "--port" in errors


@pytest.mark.timeout(180)
async def test_a_second_owner_of_a_data_folder_is_refused(folder: Path) -> None:
    async with installation(folder):
        process = start(Settings(data_dir=folder, port=free_port()))
        _, errors = await asyncio.to_thread(process.communicate, None, 60)
        assert process.returncode == 1
        assert str(folder) in errors


@pytest.mark.timeout(120)
async def test_a_lost_or_foreign_sealing_key_is_refused_before_it_does_harm(folder: Path) -> None:
    settings = Settings(data_dir=folder)
    async with opened(settings) as db, db.transaction() as conn:
        await identity.create_person(conn, await sealer(settings, conn), "ops@shop.example", Role.OPERATOR)
    key = settings.seal_key_file.read_text()
    settings.seal_key_file.unlink()
    async with opened(settings) as db, db.connection() as conn:
        with pytest.raises(ConfigurationError, match="is not in"):
            await sealer(settings, conn)
        assert not settings.seal_key_file.exists()
        settings.seal_key_file.touch(mode=0o600)
        settings.seal_key_file.write_text("ab" * 32)
        with pytest.raises(ConfigurationError, match="does not open"):
            await sealer(settings, conn)
        settings.seal_key_file.write_text(key)
        await sealer(settings, conn)
