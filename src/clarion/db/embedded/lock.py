"""Who may run a data folder: advisory file locks, released by the kernel however their holder ends.

The owner's lock names its holder, so that a second owner can be told whom it met. The "alive" lock is passed on to the
PostgreSQL processes and kept by them: it is free exactly when the last of them is gone, whatever was killed before.
"""

import fcntl
import os
import weakref
from datetime import datetime

import msgspec
from msgspec import Struct

from clarion.base import clock
from clarion.base.errors import Conflict
from clarion.db.embedded.folder import DataFolder


class Holder(Struct, frozen=True):
    """The process that owns a data folder; `role` tells what it is ("serve", "command")."""

    pid: int
    role: str
    since: datetime

    @property
    def alive(self) -> bool:
        """Whether a process of that id exists (as far as this process can see)."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


class FileLock:
    """One lock file of a data folder. A forked child never holds on to its parent's locks."""

    def __init__(self, folder: DataFolder, name: str) -> None:
        self._folder = folder
        self._path = folder.lock_file(name)
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    @property
    def fd(self) -> int:
        """The open file of a held lock, to be passed on to a child."""
        if self._fd is None:
            raise RuntimeError(f"{self._path} is not held")
        return self._fd

    def try_take(self, *, shared: bool = False) -> bool:
        """Take the lock if it is free (for `shared`: not held exclusively). Never waits."""
        if self._fd is not None:
            return True
        fd = self._folder.open(self._path, os.O_RDWR)
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        _held.add(self)
        return True

    def taken(self) -> bool:
        """Whether some process holds the lock. Looking takes it for an instant, which takers make allowance for."""
        if self._fd is not None:
            return True
        if not self._path.exists() or not self.try_take(shared=True):
            return self._path.exists()
        self.let_go()
        return False

    def sign(self, role: str) -> None:
        """Write into the held file who holds it."""
        holder = Holder(pid=os.getpid(), role=role, since=clock.now())
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, msgspec.json.encode(holder), 0)

    def holder(self) -> Holder | None:
        """Who signed the file last and did not release it; None when nobody did."""
        try:
            return msgspec.json.decode(self._folder.read(self._path), type=Holder)
        except msgspec.DecodeError:
            return None

    def release(self) -> None:
        """Give the lock up and wipe the signature."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            self.let_go()

    def let_go(self) -> None:
        """Close this process' copy of the file: the lock lives on in children it was passed to."""
        if self._fd is not None:
            _held.discard(self)
            os.close(self._fd)
            self._fd = None


def owned_by_another(folder: DataFolder, holder: Holder | None) -> Conflict:
    """What a second owner of a data folder is told."""
    who = f"process {holder.pid} ({holder.role}, since {holder.since:%Y-%m-%d %H:%M:%S} UTC)" if holder else "a process"
    return Conflict(
        f"The data folder {folder.path} is already run by {who}.",
        "Stop that process first; further roles and commands attach to it instead of starting a second PostgreSQL.",
        code="data_folder_in_use",
    )


_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _let_go_in_child() -> None:
    for lock in list(_held):
        lock.let_go()


os.register_at_fork(after_in_child=_let_go_in_child)
