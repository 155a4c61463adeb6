"""The data folder: what lies where, and how its small files are opened and replaced.

    postgres/          the cluster (PGDATA), owned by the account that runs PostgreSQL, mode 0700
    postgres.new/      a cluster being created; renamed to postgres/ once complete
    postgres.conf      optional, the operator's own PostgreSQL settings
    postgres.pass      passwords of both database roles, libpq passfile format, mode 0600
    postgres.owner     lock and name of the process that owns the folder
    postgres.alive     lock held by the PostgreSQL processes themselves
    postgres.users     lock shared by commands that use a server which another command started
    postgres.out       what PostgreSQL printed while it started last

A root process may work in a folder that belongs to another account, so no symbolic link is followed here.
"""

import errno
import hashlib
import os
import pwd
import stat
import tempfile
from pathlib import Path

from msgspec import Struct

from clarion.base.errors import ClarionError, ConfigurationError, Unavailable


class DataFolder(Struct, frozen=True):
    """Names of everything inside one data folder; `path` is absolute and free of symbolic links."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> "DataFolder":
        """The data folder at `path`, which need not exist yet."""
        return cls(path.expanduser().resolve())

    @property
    def cluster(self) -> Path:
        return self.path / "postgres"

    @property
    def unfinished_cluster(self) -> Path:
        return self.path / "postgres.new"

    @property
    def operator_settings(self) -> Path:
        return self.path / "postgres.conf"

    @property
    def passfile(self) -> Path:
        return self.path / "postgres.pass"

    @property
    def start_output(self) -> Path:
        return self.path / "postgres.out"

    @property
    def label(self) -> str:
        """Short name of this folder, the same at every start: names its processes and its runtime folder."""
        return f"clarion-{hashlib.blake2b(os.fsencode(self.path), digest_size=4).hexdigest()}"

    def lock_file(self, name: str) -> Path:
        return self.path / f"postgres.{name}"

    def create(self) -> None:
        """Make the folder (mode 0700) when it is missing; an existing one is left as it is."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise explain(error, self.path) from error

    def open(self, path: Path, flags: int) -> int:
        """Open a file of the folder for this process, created with mode 0600 for the folder's owner; returns the fd."""
        try:
            fd = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                self._give_to_owner(fd)
            except OSError:
                os.close(fd)
                raise
        except OSError as error:
            raise explain(error, path) from error
        return fd

    def replace(self, path: Path, content: str, *, uid: int, gid: int) -> None:
        """Write a file whole or not at all: prepared beside, then renamed over whatever bears the name (mode 0600)."""
        try:
            fd, beside = tempfile.mkstemp(prefix=".clarion-", dir=path.parent)
            try:
                with os.fdopen(fd, "w", encoding="utf-8") as file:
                    file.write(content)
                    if os.geteuid() == 0:
                        os.fchown(file.fileno(), uid, gid)
                    file.flush()
                    os.fsync(file.fileno())
                Path(beside).rename(path)
            except OSError:
                Path(beside).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise explain(error, path) from error

    def read(self, path: Path) -> str:
        """The text of a file of the folder, "" when it does not exist."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise explain(error, path) from error
        with os.fdopen(fd, encoding="utf-8", errors="replace") as file:
            return file.read()

    def owner(self) -> tuple[int, int]:
        """(uid, gid) of the data folder."""
        found = self.path.stat()
        return found.st_uid, found.st_gid

    def _give_to_owner(self, fd: int) -> None:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise OSError(errno.EINVAL, "not a plain file")
        uid, gid = self.owner()
        if os.geteuid() == 0 and found.st_uid != uid:
            os.fchown(fd, uid, gid)


def explain(error: OSError, path: Path) -> ClarionError:
    """The error a person should see for a failed file operation of ours on `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(path)
    if error.errno in (errno.EACCES, errno.EPERM):
        return ConfigurationError(
            f"No permission for {path}{_owned_by(path)}.",
            "Run this command as that user, or name another folder with --data-dir.",
        )
    if error.errno == errno.EROFS:
        return ConfigurationError(
            f"{path} is on a read-only file system.", "Name a writable folder with --data-dir, or mount a volume there."
        )
    return ConfigurationError(f"{path}: {error.strerror}.", "Name a folder that can be written with --data-dir.")


def disk_full(path: Path) -> Unavailable:
    """The disk below `path` has no room."""
    return Unavailable(
        f"The disk that holds {path} is full.",
        "Free some space there (200 MB at least) and start again; what was acknowledged is kept.",
    )


def _owned_by(path: Path) -> str:
    for candidate in (path, *path.parents):
        try:
            uid = candidate.lstat().st_uid
        except OSError:
            continue
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = str(uid)
        return f" ({candidate} belongs to user {name})"
    return ""
