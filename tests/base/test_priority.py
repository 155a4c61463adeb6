"""Slices and shares that a process asks the system for, read back from the system."""

import ctypes
import os
import platform
import re
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from clarion.base import priority

_READ = {"x86_64": 315, "aarch64": 275, "riscv64": 275}


@pytest.fixture
def process() -> Iterator[int]:
    """A process that leads a session of its own and only waits."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as started:
        yield started.pid
        started.kill()


def slice_of(pid: int) -> int | None:
    """Nanoseconds, or None where the system knows no slices of single processes."""
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    if sys.platform != "linux" or platform.machine() not in _READ or version is None:
        return None
    if (int(version[1]), int(version[2])) < (6, 12):
        return None
    told = ctypes.create_string_buffer(56)
    assert ctypes.CDLL(None).syscall(_READ[platform.machine()], pid, told, 56, 0) == 0
    found: int = struct.unpack("=IIQiIQQQII", told.raw)[5]
    return found


def test_bulk_work_is_nice_and_may_be_interrupted(process: int) -> None:
    priority.give_way(priority.BULK, process)
    assert os.getpriority(os.PRIO_PROCESS, process) == priority.BULK
    assert slice_of(process) in (100_000_000, None)


def test_what_people_wait_for_interrupts_and_keeps_its_share(process: int) -> None:
    os.setpriority(os.PRIO_PROCESS, process, 3)
    priority.come_first(process)
    assert os.getpriority(os.PRIO_PROCESS, process) == 3
    assert slice_of(process) in (200_000, None)


def test_a_process_that_has_gone_is_no_error(process: int) -> None:
    os.kill(process, 9)
    os.waitpid(process, 0)
    priority.give_way(priority.BULK, process)
    priority.come_first(process)
