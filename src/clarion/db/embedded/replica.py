"""Copies of the PostgreSQL programs, for two accounts that cannot use them where they lie.

* Root installed Clarion in a folder that only root may enter (a virtual environment below /root), and PostgreSQL runs
  under another account: the programs are copied once, per version and installation, to /var/cache/clarion.
* The uid has no passwd entry (a container started with an arbitrary --user): `initdb` asks the system for the name of
  its user and gives up when there is none, although it is told the name to use. A short-lived copy is made in which
  that question, `getpwuid`, is replaced by `getpwent`, a function of the same shape that answers with the first entry
  there is. The server itself never asks, and runs from the original programs.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from clarion.base.errors import ConfigurationError
from clarion.db.embedded.account import Account
from clarion.db.embedded.binaries import Binaries
from clarion.db.embedded.folder import DataFolder, explain

CACHE = Path("/var/cache/clarion")
PROGRAMS = ("initdb", "postgres")

_ASKS, _ASKS_NOT = b"\0getpwuid\0", b"\0getpwent\0"


def within_reach(binaries: Binaries, account: Account) -> Binaries:
    """The same programs at a place the account can reach: where they are, or else in a copy made by root."""
    if not account.foreign or account.may_enter(binaries.program("postgres")):
        return binaries
    home = _cache() / f"postgresql-{binaries.version}-{_fingerprint(binaries)}"
    copied = Binaries(folder=_programs_in(home), version=binaries.version)
    if not home.exists():
        _copy(binaries, home)
    if home.stat().st_uid != os.geteuid() or not account.may_enter(copied.program("postgres")):
        raise _out_of_reach(binaries, account)
    return copied


def _copy(binaries: Binaries, home: Path) -> None:
    try:
        with _workplace(home.parent) as draft:
            _replicate(binaries, draft, _copy_tree, shutil.copy2)
            _open_to_all(draft)
            draft.rename(home)
    except OSError as error:
        if not home.exists():  # else another process was faster
            raise explain(error, home) from error


def _open_to_all(tree: Path) -> None:
    for parent, _, files in os.walk(tree):
        Path(parent).chmod(0o755)
        for name in files:
            path = Path(parent) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _cache() -> Path:
    try:
        if not CACHE.exists():
            CACHE.mkdir(parents=True)
            CACHE.chmod(0o755)
    except OSError as error:
        raise ConfigurationError(
            f"Running as root, Clarion could not make {CACHE}, where PostgreSQL programs are kept for other accounts.",
            "Install Clarion in a folder every account may enter (for example /opt/clarion), or make that folder.",
        ) from error
    return CACHE


def _out_of_reach(binaries: Binaries, account: Account) -> ConfigurationError:
    return ConfigurationError(
        f"The account with uid {account.uid} may reach the PostgreSQL programs neither in {binaries.folder} "
        f"nor in {CACHE}.",
        f"Install Clarion in a folder every account may enter (for example /opt/clarion), or open {CACHE} to all.",
    )


@contextmanager
def for_initdb(binaries: Binaries, account: Account, folder: DataFolder) -> Iterator[Binaries]:
    """Programs with which the account can create a cluster; a copy made for the purpose is removed afterwards."""
    if account.named:
        yield binaries
        return
    with _workplace(_cache() if account.foreign else folder.path) as place:
        _replicate(binaries, place, os.symlink, _copy_unasking)
        yield Binaries(folder=_programs_in(place), version=binaries.version)


def _programs_in(place: Path) -> Path:
    return place / "package" / "install" / "bin"


def _replicate(
    binaries: Binaries, place: Path, take: Callable[[Path, Path], object], take_program: Callable[[Path, Path], object]
) -> None:
    """Lay out `place` as the programs expect it: libraries and shared files beside, a wheel's own libraries above."""
    target = _programs_in(place)
    target.mkdir(parents=True)
    for made in (target, *target.parents[:2]):
        made.chmod(0o755)
    for name in PROGRAMS:
        take_program(binaries.program(name), target / name)
    for beside in ("lib", "share"):
        if (binaries.folder.parent / beside).is_dir():
            take(binaries.folder.parent / beside, target.parent / beside)
    for libraries in binaries.folder.parents[2].glob("*postgres*.libs"):
        take(libraries, place / libraries.name)


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))


def _copy_unasking(source: Path, target: Path) -> None:
    program = source.read_bytes()
    if program.count(_ASKS) != 1:
        raise ConfigurationError(
            f"The user with uid {os.geteuid()} has no entry in /etc/passwd, and {source} cannot work without one.",
            "Add an entry for this user, or run as one that has an entry, or use a PostgreSQL server "
            "with --database-url.",
        )
    target.write_bytes(program.replace(_ASKS, _ASKS_NOT))
    target.chmod(0o755)


@contextmanager
def _workplace(parent: Path) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix=".postgresql-", dir=parent))
    try:
        place.chmod(0o755)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _fingerprint(binaries: Binaries) -> str:
    facts = ((binaries.program(name), binaries.program(name).stat()) for name in PROGRAMS)
    listing = "\n".join(f"{path} {found.st_size} {found.st_mtime_ns}" for path, found in facts)
    return hashlib.blake2b(listing.encode(), digest_size=4).hexdigest()
