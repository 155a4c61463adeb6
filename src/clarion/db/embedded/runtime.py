"""The runtime folder, which holds the unix socket.

A socket's path may have 107 bytes at most (103 on some systems), which data folders easily exceed; so the socket lies
in a short folder, mode 0700, whose name follows from the data folder and is the same at every start.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from clarion.base.errors import ConfigurationError
from clarion.db.embedded.account import Account
from clarion.db.embedded.folder import DataFolder

SETTING = "CLARION_RUNTIME_DIR"

_LONGEST = 103 - len("/.s.PGSQL.5432")


def prepare_runtime_folder(folder: DataFolder, account: Account) -> Path:
    """Make (or find again) the runtime folder of a data folder, owned by the account and empty.

    Only called while no PostgreSQL of that data folder lives: a socket found there is a dead one. Raises
    ConfigurationError when no place will do.
    """
    name = f"{folder.label}-{account.uid}"
    for parent in _places():
        place = parent / name
        if len(os.fsencode(place)) <= _LONGEST and _make(place, account):
            return place
    parent = Path("/tmp")  # noqa: S108 - mkdtemp makes a folder nobody else can have made before
    try:
        place = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
        _give(place, account)
    except OSError as error:
        raise ConfigurationError(
            f"No folder for the database socket could be made below {', '.join(str(each) for each in _places())}.",
            f"Name a writable folder with a short path in {SETTING}.",
        ) from error
    return place


def remove_runtime_folder(place: Path) -> None:
    """Remove the folder and the sockets in it, quietly."""
    shutil.rmtree(place, ignore_errors=True)


def _places() -> Iterator[Path]:
    configured = os.environ.get(SETTING)
    if configured:
        yield Path(configured).resolve()
    if os.geteuid() == 0:
        yield Path("/run")
    yield Path(tempfile.gettempdir()).resolve()
    yield Path("/tmp")  # noqa: S108 - see _make


def _make(place: Path, account: Account) -> bool:
    """Whether `place` is now a folder that belongs to the account alone, new or found, with nothing left in it."""
    try:
        with suppress(FileExistsError):
            place.mkdir(mode=0o700)
            _give(place, account)
        found = place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
            return False
        if not account.may_enter(place):
            place.rmdir()
            return False
        for leftover in place.iterdir():
            leftover.unlink()
    except OSError:
        return False
    return True


def _give(place: Path, account: Account) -> None:
    if account.foreign:
        os.chown(place, account.uid, account.gid, follow_symlinks=False)
