"""The disk with the data fills up in the middle of a send, stays full for a while, and is freed.

It needs a file system of its own, a tmpfs of limited size, for an installation of its own: where that may not be
mounted, the run is told as not made.
"""

import asyncio
import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from clarion.apps.model import Platform
from clarion.base.errors import ClarionError
from clarion.db.sql import execute
from tests.faults.row import Row
from tests.faults.sizes import Size
from tests.faults.stage import Stage, set_stage
from tests.faults.window import window

_NAME = "disk full"
_DISK = 1 << 30
_ATTEMPTS = 20
_MUCH_LOG = """
    SELECT count(pg_logical_emit_message(true, 'ballast', repeat('x', 1 << 20))) FROM generate_series(1, 1000)
"""
_STREAMS = 100
_SLOW = 20


async def run(stage: Stage, size: Size) -> Row:
    """See above. Of the stage only the stub is used."""
    with tempfile.TemporaryDirectory(prefix="clarion-full-") as folder:
        Path(folder).chmod(0o755)
        data_dir = Path(folder) / "data"
        data_dir.mkdir()
        try:
            with _small_disk(data_dir):
                async with set_stage(data_dir, stage.stub, senders=size.senders, within=size.send_within) as own:
                    return await _on_small_disk(own, data_dir, size)
        except _NotMounted as error:
            return Row(_NAME, not_run=str(error))


async def _on_small_disk(stage: Stage, data_dir: Path, size: Size) -> Row:
    app = await stage.company(Platform.IOS, size.devices)
    ballast = data_dir / "ballast"
    knobs = {"max_streams": _STREAMS, "throttle": size.rate}
    felt = False

    async def fill_up() -> None:
        nonlocal felt
        await stage.until_taken(app, size.devices * 0.3)
        stage.stub.set_knobs({**knobs, "throttle": _SLOW})  # the send is not to end before the disk is full
        try:
            felt = await _is_felt(stage, ballast)
            end = asyncio.get_running_loop().time() + size.full
            while asyncio.get_running_loop().time() < end:
                await stage.pass_time(0.1)
                await asyncio.to_thread(_fill, ballast)  # whatever was freed meanwhile
        finally:
            ballast.unlink(missing_ok=True)
            stage.stub.set_knobs(knobs)

    account = await stage.send(app, size.devices, knobs, meanwhile=fill_up)
    faults = [] if felt else ["the database did not notice"]
    faults += account.undelivered()
    log = (data_dir.parent / "serve.log").read_text(errors="replace")
    did = (
        f"full for {size.full:g} s; recording waited {log.count('recording_waits_for_database')} times, "
        f"PostgreSQL ended {log.count('postgres_died')} times"
    )
    return Row.of(_NAME, [account], did=did, allowed=size.senders * window(_STREAMS), faults=faults)


class _NotMounted(Exception):
    """A file system of its own cannot be had here."""


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """A tmpfs at `folder`. Raises _NotMounted."""
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=0755", "tmpfs", str(folder)],
            check=True,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        raise _NotMounted("there is no mount command") from None
    except subprocess.CalledProcessError as error:
        raise _NotMounted(f"mounting a tmpfs is not permitted here: {error.stderr.strip()}") from None
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(ballast: Path) -> None:
    """Make the ballast as large as the disk lets it be."""
    block = bytes(1 << 16)
    fd = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        with contextlib.suppress(OSError):
            while True:
                os.write(fd, block)
    finally:
        os.close(fd)


async def _is_felt(stage: Stage, ballast: Path) -> bool:
    """Whether the database can write no more. Others write too: the room that was set aside for its log is used up,
    faster than checkpoints can give it back."""
    for _ in range(_ATTEMPTS):
        await asyncio.to_thread(_fill, ballast)
        try:
            async with stage.database() as db, db.transaction() as conn:
                await execute(conn, _MUCH_LOG)
        except (psycopg.OperationalError, ClarionError):
            return True
    return False
