"""The folder of snapshots: where generations and the pieces of their base lie, and what may be deleted.

    snapshots/place                     names this folder among those of other machines
    snapshots/app_7/base-<name>/0000.arrow ...
    snapshots/app_7/<generation>/snapshot.json, gone.arrow, fresh.arrow

Files are written once, brought to the disk, and only then named by the database; readers in other processes follow the
name. Everything may be deleted at any time: counts are answered by SQL until there is a new snapshot.
"""

import os
import secrets
import shutil
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import msgspec

from clarion.audience.snapshot.model import Snapshot

GONE = "gone.arrow"
FRESH = "fresh.arrow"
_BASE = "base-"
_SNAPSHOT = "snapshot.json"


def new_name() -> str:
    """A name that nothing had before."""
    return secrets.token_hex(8)


def base_name() -> str:
    """A name for the folder of a base."""
    return _BASE + new_name()


def app_folder(folder: Path, app_id: int) -> Path:
    """Where the files of an application lie."""
    return folder / f"app_{app_id}"


def made(folder: Path) -> Path:
    """This folder, made if it is missing, for its owner alone: the files hold device data."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def place(folder: Path) -> str:
    """The name of this folder of snapshots, which it gets when it is first asked."""
    file = made(folder) / "place"
    try:
        with file.open("x") as out:
            out.write(new_name())
            settle(out.fileno())
    except FileExistsError:
        pass
    return file.read_text()


def settle(descriptor: int) -> None:
    """Bring what was written to the disk: a snapshot that the database names is whole after a power cut."""
    os.fsync(descriptor)


def settled(file: Path) -> None:
    """As `settle`, of a file that somebody else has written."""
    with file.open("rb") as written:
        settle(written.fileno())


def write(folder: Path, app_id: int, generation: str, snapshot: Snapshot) -> None:
    """Write what a generation is; its other files lie there already."""
    file = made(app_folder(folder, app_id) / generation) / _SNAPSHOT
    with file.open("wb") as out:
        out.write(msgspec.json.encode(snapshot))
        out.flush()
        settle(out.fileno())


def read(folder: Path, app_id: int, generation: str) -> Snapshot:
    """What a generation is. Raises FileNotFoundError when it is not, or no longer, in this folder."""
    file = app_folder(folder, app_id) / generation / _SNAPSHOT
    file.stat()
    return _decoded(file)


@lru_cache(maxsize=16)
def _decoded(file: Path) -> Snapshot:
    return msgspec.json.decode(file.read_bytes(), type=Snapshot)


def base_files(folder: Path, app_id: int, snapshot: Snapshot) -> list[Path]:
    """The pieces of a base."""
    home = app_folder(folder, app_id) / snapshot.base.folder
    return [home / name for name in snapshot.base.files]


def sweep(folder: Path, app_id: int, kept: Collection[str]) -> None:
    """Delete all generations but those kept, and the bases that these do not need."""
    home = app_folder(folder, app_id)
    if not home.is_dir():
        return
    needed = set(kept)
    for generation in kept:
        try:
            needed.add(read(folder, app_id, generation).base.folder)
        except FileNotFoundError:
            continue
    for each in home.iterdir():
        if each.name not in needed:
            shutil.rmtree(each, ignore_errors=True)
    if not kept:
        shutil.rmtree(home, ignore_errors=True)
