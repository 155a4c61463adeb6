"""PostgreSQL's processes: started apart from our terminal and secrets, awaited, and recognised again later.

Processes are recognised by their command line, which carries the data folder's label (`cluster_name`), and by their
account: both can be read in containers where root may not look deeper into other accounts' processes.
"""

import asyncio
import contextlib
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from msgspec import Struct

from clarion.base.errors import ConfigurationError
from clarion.db.embedded.account import Account

_POLL = 0.01


class Postmaster(Struct, frozen=True):
    """What `postmaster.pid` tells of a server."""

    pid: int
    socket_folder: Path
    port: int
    ready: bool


def spawn(
    account: Account,
    command: Sequence[str | Path],
    *,
    folder: Path,
    output: int | IO[bytes],
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program under the account, in a session of its own, with an environment free of ours.

    Where the command names `folder`, an account that may not walk the path to it (a data folder in the home of root)
    is handed the opened folder instead. Output and errors both go to `output`; the descriptors in `keep` stay open.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    handed = Path(f"/proc/self/fd/{opened}")
    path = handed if account.foreign and handed.exists() else folder
    try:
        return subprocess.Popen(  # noqa: S603 - our own commands
            [str(path if part == folder else part) for part in command],
            cwd="/",
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[*keep, opened],
            start_new_session=True,
            umask=0o077,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            user=account.uid if account.foreign else None,
            group=account.gid if account.foreign else None,
            extra_groups=[] if account.foreign else None,
        )
    except PermissionError as error:
        raise ConfigurationError(
            f"Running as root, Clarion could not start {command[0]} under the account with uid {account.uid}.",
            "PostgreSQL does not run as root: start Clarion as an ordinary user (in a container: --user), "
            "or allow the capabilities CHOWN, SETUID and SETGID.",
        ) from error
    finally:
        os.close(opened)


async def ended(process: "subprocess.Popen[bytes]") -> int:
    """Wait until a child of ours ends and return its code (-9 when it was killed)."""
    if process.poll() is not None:
        return process.wait()
    try:
        watched = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        await until(lambda: process.poll() is not None)
        return process.wait()
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_reader(watched, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(watched)
        os.close(watched)
    return process.wait()


async def until(condition: Callable[[], bool], seconds: float = math.inf) -> bool:
    """Look at a condition of the world outside, again and again, until it holds; False when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL)
    return True


def read_postmaster(cluster: Path) -> Postmaster | None:
    """What `postmaster.pid` in the cluster says; None when it is missing or half written."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        return Postmaster(
            pid=int(lines[0]), socket_folder=Path(lines[4]), port=int(lines[3]), ready=lines[7].strip() == "ready"
        )
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None


def forget_postmaster(cluster: Path) -> None:
    """Remove a stale `postmaster.pid`: only while no process of the cluster lives, whoever bears that pid today."""
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def processes_of(label: str, account: Account) -> list[int]:
    """Ids of the living PostgreSQL processes of that data folder, postmaster and children, that we can see."""
    if Path("/proc/self/cmdline").exists():
        return [pid for pid, uid, command in _from_proc() if uid == account.uid and _bears(command, label)]
    return [pid for pid, uid, command in _from_ps() if uid == account.uid and _bears(command, label)]


def send(number: signal.Signals, pids: Sequence[int]) -> None:
    """Signal processes, those already gone excepted."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _bears(command: str, label: str) -> bool:
    return "postgres" in command and (f"cluster_name={label}" in command or f"postgres: {label}:" in command)


def _from_proc() -> list[tuple[int, int, str]]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                command = Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append((int(name), Path("/proc", name).stat().st_uid, command))
            except OSError:
                continue
    return found


def _from_ps() -> list[tuple[int, int, str]]:
    listing = subprocess.run(["ps", "-axo", "pid=,uid=,command="], capture_output=True, text=True, check=False).stdout  # noqa: S607
    rows = (line.split(None, 2) for line in listing.splitlines())
    return [(int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3]
