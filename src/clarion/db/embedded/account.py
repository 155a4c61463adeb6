"""Under which account PostgreSQL runs.

PostgreSQL refuses to run as root, so a root process starts it under an account that exists already: no account is
created and no folder outside the data folder changes its mode or owner. An ordinary user runs it under his own account.
"""

import os
import pwd
from pathlib import Path

from msgspec import Struct

from clarion.base.errors import ConfigurationError
from clarion.db.embedded.folder import DataFolder, explain

PREFERRED = ("clarion", "postgres", "nobody")
"""Accounts a root process looks for, in this order. An operator who wants a dedicated one creates `clarion`."""

_OVERFLOW_ID = 65534


class Account(Struct, frozen=True):
    """The account of PostgreSQL's processes. `foreign`: it is not the account of this (root) process."""

    uid: int
    gid: int
    foreign: bool

    @property
    def named(self) -> bool:
        """Whether the uid has a passwd entry, without which `initdb` refuses to work."""
        try:
            pwd.getpwuid(self.uid)
        except KeyError:
            return False
        return True

    def may_enter(self, path: Path) -> bool:
        """Whether the account can reach `path` and read it: every folder above open to it, by owner, group or all."""
        steps = [*reversed(path.parents), path]
        try:
            return all(self._allowed(step.stat()) for step in steps)
        except OSError:
            return False

    def _allowed(self, found: os.stat_result) -> bool:
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid == self.gid else 0
        return bool(found.st_mode >> shift & 1)


def choose_account(folder: DataFolder) -> Account:
    """The account for this data folder.

    A root process takes, in this order: the owner of an existing cluster, the owner of the data folder (so that an
    operator chooses with `chown`), the first of `PREFERRED` that exists. Raises ConfigurationError when an ordinary
    user meets a cluster that belongs to somebody else.
    """
    try:
        owner = _owner_of(folder.cluster)
    except OSError as error:
        raise explain(error, folder.cluster) from error
    uid = os.geteuid()
    if uid != 0:
        if owner is not None and owner[0] != uid:
            raise explain(PermissionError(1, "Operation not permitted"), folder.cluster)
        return Account(uid=uid, gid=os.getegid(), foreign=False)
    for uid, gid in filter(None, (owner, folder.owner())):
        if uid != 0:
            return Account(uid=uid, gid=gid, foreign=True)
    return _preferred()


def _owner_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_uid, found.st_gid


def _preferred() -> Account:
    for name in PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(uid=entry.pw_uid, gid=entry.pw_gid, foreign=True)
    return Account(uid=_OVERFLOW_ID, gid=_OVERFLOW_ID, foreign=True)


def hand_over(tree: Path, account: Account) -> None:
    """Give a folder and all it holds to the account when it belongs to root (new, or restored from a copy by root)."""
    if not account.foreign or tree.stat().st_uid == account.uid:
        return
    try:
        for parent, folders, files in os.walk(tree):
            for name in (*folders, *files):
                os.chown(Path(parent) / name, account.uid, account.gid, follow_symlinks=False)
        os.chown(tree, account.uid, account.gid)
    except PermissionError as error:
        raise ConfigurationError(
            f"Running as root, Clarion could not give {tree} to the account with uid {account.uid}.",
            "PostgreSQL does not run as root: start Clarion as an ordinary user (in a container: --user), "
            "or allow the capabilities CHOWN, SETUID and SETGID.",
        ) from error
