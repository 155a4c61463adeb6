"""Who has the machine first: people who wait, then work in bulk, which has it while nobody else wants it.

Two things decide on Linux. The nice value is a task's share of a busy core; with autogroups it counts only among the
processes of one session, and every session has the same share of the machine, whatever its processes are called
(sched(7)). Our processes, and PostgreSQL's, have sessions of their own, so that the session has to be made to give way
as well. The slice is for how long a task asks to run at a time (sched_setattr(2), `sched_runtime`; Linux 6.12 and
later): who wakes up with a shorter slice than the running task takes its core at once, instead of waiting until the
other's slice is over. Older systems ignore it.
"""

import contextlib
import ctypes
import os
import platform
import struct
import sys
from pathlib import Path

BULK = 10
"""How nice (0 to 19) bulk work is: a tenth of the share of what people wait for, so that it still comes forward."""

_LONG = 100_000_000
_SHORT = 200_000
"""Slices in nanoseconds; the system's own is 0.7 to 3 ms, and it takes 0.1 to 100 ms."""

_CALL = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
_ATTRIBUTES = struct.Struct("=IIQiIQQQII")
"""`struct sched_attr`: size, policy, flags, nice, priority, runtime, deadline, period, and two clamps."""


def give_way(niceness: int, pid: int = 0) -> None:
    """Make a process of this machine, 0 for this one, and the session it leads, so nice, and let whoever wakes up take
    its core. What the system does not permit is left undone: it is a matter of speed."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
    with contextlib.suppress(OSError):
        if os.getsid(pid) == (pid or os.getpid()):
            Path(f"/proc/{pid or os.getpid()}/autogroup").write_text(str(niceness))
    if niceness:
        _ask_for_slices(pid, _LONG)


def come_first(pid: int = 0) -> None:
    """Let a process of this machine, 0 for this one, have its core as soon as it wakes up, with the share it has."""
    _ask_for_slices(pid, _SHORT)


def _ask_for_slices(pid: int, nanoseconds: int) -> None:
    number = _CALL.get(platform.machine())
    if number is None or sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        nice = os.getpriority(os.PRIO_PROCESS, pid)
        attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, nanoseconds, 0, 0, 0, 0)
        ctypes.CDLL(None).syscall(number, pid, attributes, 0)
