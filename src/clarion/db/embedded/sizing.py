"""PostgreSQL settings that follow the machine: a two-core box with 24 GB, or a container with 256 MB.

Memory is what the container's limit leaves, or else the machine's. Values are defaults: the operator's `postgres.conf`
and ALTER SYSTEM come after them.
"""

import os
import shutil
from pathlib import Path

MB = 1024 * 1024

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SMALL_SHM = 256 * MB


def machine_memory() -> int:
    """Bytes of memory this process may count on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _LIMITS:
        try:
            memory = min(memory, int(Path(path).read_text(encoding="ascii")))
        except (OSError, ValueError):
            continue
    return memory


def shared_memory_device() -> int | None:
    """Bytes of /dev/shm (64 MB in many containers); None where there is none."""
    try:
        return shutil.disk_usage("/dev/shm").total  # noqa: S108 - the kernel's own mount point
    except OSError:
        return None


def sized_settings(memory: int, shm: int | None) -> dict[str, str]:
    """Settings for a machine with that many bytes of memory and of /dev/shm."""
    settings = {
        "shared_buffers": _megabytes(memory // 4, 32, 8192),
        "effective_cache_size": _megabytes(memory * 6 // 10, 64, 1 << 20),
        "work_mem": _megabytes(memory // 800, 4, 32),
        "maintenance_work_mem": _megabytes(memory // 16, 32, 1024),
        "max_wal_size": _megabytes(memory // 4, 256, 4096),
        "max_connections": "200",
        "max_locks_per_transaction": "256",
        "max_wal_senders": "4",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",
        "autovacuum_naptime": "20s",
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.05",
        "autovacuum_vacuum_insert_scale_factor": "0.1",
        "autovacuum_vacuum_cost_limit": "2000",
    }
    if shm is not None and shm < _SMALL_SHM:
        # Parallel queries share memory through /dev/shm by default and fail when it is as small as containers make it.
        settings["dynamic_shared_memory_type"] = "sysv"
    return settings


def _megabytes(value: int, least: int, most: int) -> str:
    return f"{min(max(value // MB, least), most)}MB"
