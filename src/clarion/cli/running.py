"""What can be seen of a running installation from outside its processes."""

from pathlib import Path

import msgspec

from clarion.assembly.supervisor import Running, lives
from clarion.base.settings import Settings


def running_of(settings: Settings) -> Running | None:
    """What the supervisor on this data folder told when it was ready; None when none of its processes lives."""
    try:
        running = msgspec.json.decode((settings.data_dir / "supervisor.json").read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return None
    return running if any(map(lives, running.pids.values())) else None


def memory_of(pid: int) -> tuple[int, int] | None:
    """(resident bytes now, at most so far) of a process; None where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = dict(line.split(":", 1) for line in text.splitlines() if line.startswith(("VmRSS", "VmHWM")))
    if len(found) < 2:
        return None
    return _bytes(found["VmRSS"]), _bytes(found["VmHWM"])


def _bytes(text: str) -> int:
    return int(text.split()[0]) * 1024
