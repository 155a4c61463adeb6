"""Settings follow the machine, from a small container to a server."""

from pathlib import Path

import pytest

from clarion.db.embedded import sizing
from clarion.db.embedded.sizing import MB, machine_memory, sized_settings


@pytest.mark.parametrize(
    ("memory", "buffers", "work_mem", "wal"),
    [
        (256 * MB, "64MB", "4MB", "256MB"),
        (2048 * MB, "512MB", "4MB", "512MB"),
        (24 * 1024 * MB, "6144MB", "30MB", "4096MB"),
        (256 * 1024 * MB, "8192MB", "32MB", "4096MB"),
    ],
)
def test_memory_settings_follow_the_machine(memory: int, buffers: str, work_mem: str, wal: str) -> None:
    settings = sized_settings(memory, shm=None)
    assert (settings["shared_buffers"], settings["work_mem"], settings["max_wal_size"]) == (buffers, work_mem, wal)


def test_a_small_dev_shm_is_not_used_for_parallel_queries() -> None:
    assert sized_settings(1024 * MB, shm=64 * MB)["dynamic_shared_memory_type"] == "sysv"
    assert "dynamic_shared_memory_type" not in sized_settings(1024 * MB, shm=8192 * MB)


def test_a_containers_limit_counts_as_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, limit = machine_memory(), tmp_path / "memory.max"
    monkeypatch.setattr(sizing, "_LIMITS", (str(tmp_path / "missing"), str(limit)))
    limit.write_text(f"{300 * MB}\n")
    assert machine_memory() == 300 * MB
    limit.write_text("max\n")
    assert machine_memory() >= real
