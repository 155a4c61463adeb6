"""The processor time of whole families of processes, read from /proc."""

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def family(root: int) -> set[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = [root]
    while waiting:
        found.add(pid := waiting.pop())
        waiting += children.get(pid, [])
    return found


def seconds(root: int) -> float:
    """User and system time of a process, of its descendants that run and of those it has waited for."""
    used = 0
    for pid in family(root):
        if fields := _fields(pid):
            used += sum(map(int, fields[11:15]))
    return used / _TICK


def _fields(pid: int) -> list[str]:
    """What follows the name in `stat`: state, parent, ...; utime, stime, cutime and cstime stand at 11 to 14."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
