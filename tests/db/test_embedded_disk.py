"""A full disk: refused early, explained late, and nothing lost once there is room again."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clarion.base.errors import Unavailable
from clarion.db.embedded import EmbeddedServer, cluster
from clarion.db.embedded.failures import explain_failure
from clarion.db.embedded.folder import DataFolder
from tests.db.embedded_scenarios import UNSYNCED, add_row, count_rows


class SmallDisk:
    """A file system of a few megabytes, or, where mounting is not allowed, the promise of one.

    The promise: every limit on free space is set so high that the real disk falls short of it.
    """

    def __init__(self, place: Path, patch: pytest.MonkeyPatch) -> None:
        self.place = place
        self._patch = patch
        self._ballast = place / "ballast"
        place.mkdir()
        self.real = self._mount("size=30m")

    def lift_early_check(self) -> None:
        self._patch.setattr(cluster, "MINIMUM_FREE", 0 if self.real else 1 << 60)

    def grow(self) -> None:
        self._patch.setattr(cluster, "MINIMUM_FREE", 0)
        assert not self.real or self._mount("remount,size=400m")

    def fill(self) -> None:
        if self.real:
            with self._ballast.open("wb", buffering=0) as file:
                try:
                    while file.write(bytes(1 << 16)):
                        pass
                except OSError:
                    return
        else:
            (self.place / "data" / "postgres").rename(self._ballast)
            self._patch.setattr(cluster, "MINIMUM_FREE", 1 << 60)

    def clear(self) -> None:
        if self.real:
            self._ballast.unlink()
        else:
            self._ballast.rename(self.place / "data" / "postgres")

    def unmount(self) -> None:
        if self.real:
            subprocess.run(["umount", self.place], check=True)

    def _mount(self, options: str) -> bool:
        mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.place)]
        return shutil.which("mount") is not None and subprocess.run(mount, capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk", monkeypatch)
    yield disk
    disk.unmount()


async def test_a_new_database_is_refused_where_it_would_not_fit(
    small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not small_disk.real:
        monkeypatch.setattr(cluster, "MINIMUM_FREE", 1 << 60)
    with pytest.raises(Unavailable, match=r"MB free; a new database needs \d+ MB") as refused:
        await EmbeddedServer(small_disk.place / "data").start()
    assert "Free some space" in refused.value.hint


async def test_a_disk_that_fills_up_while_the_database_is_created(small_disk: SmallDisk) -> None:
    data_dir = small_disk.place / "data"
    small_disk.lift_early_check()
    server = EmbeddedServer(data_dir, settings=UNSYNCED)
    with pytest.raises(Unavailable, match="Free some space"):
        await server.start()
    assert not (data_dir / "postgres.new").exists(), "a half-made cluster does not keep the disk full"
    small_disk.grow()
    await server.start()
    try:
        assert count_rows(server.conninfo) == 0
    finally:
        await server.stop()


async def test_a_full_disk_at_start_is_named_and_costs_no_data(small_disk: SmallDisk) -> None:
    small_disk.grow()
    server = EmbeddedServer(small_disk.place / "data", settings=UNSYNCED)
    await server.start()
    add_row(server.conninfo)
    await server.stop()
    small_disk.fill()
    with pytest.raises(Unavailable, match="Free some space"):
        await server.start()
    small_disk.clear()
    await server.start()
    try:
        assert count_rows(server.conninfo) == 1
    finally:
        await server.stop()


def test_what_postgresql_says_about_a_full_disk_is_understood(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path)
    said = 'LOG:  redoing\nFATAL:  could not write to file "pg_wal/xlogtemp.12": No space left on device\n'
    assert "is full" in explain_failure("PostgreSQL did not start", said, folder).message


def test_a_full_shared_memory_device_is_no_full_disk(tmp_path: Path) -> None:
    folder = DataFolder.at(tmp_path)
    said = 'FATAL:  could not resize shared memory segment "/PostgreSQL.1": No space left on device\n'
    error = explain_failure("PostgreSQL did not start", said, folder)
    assert "is full" not in error.message
    assert "shared_buffers" in error.hint


def test_any_other_failure_is_told_in_postgresqls_own_words(tmp_path: Path) -> None:
    said = (
        "2026-01-01 LOG:  starting\n2026-01-01 FATAL:  the moon is in the wrong quarter\n2026-01-01 LOG:  shut down\n"
    )
    error = explain_failure("PostgreSQL did not start", said, DataFolder.at(tmp_path))
    assert error.message == "PostgreSQL did not start: the moon is in the wrong quarter"
    assert "postgres.out" in error.hint
