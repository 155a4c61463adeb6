"""Which export file of Accengage is what: by its name where it has the vendor's, else by the names in its header."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from clarion.apps.model import STANDARD_COLUMNS, Scheme
from clarion.base.errors import Finding, Invalid
from clarion.devices.csv_file import CsvFile
from clarion.devices.model import TOKEN, UDID
from clarion.migration.model import Export, FileKind
from clarion.migration.reactions import is_reactions

REJECTS = ".rejects.csv"
"""How names of files of rejected lines end."""

_EXPORT = re.compile(r"export([A-Za-z]+)_([^_]+)_[0-9]{8}", re.IGNORECASE)
_DAY = re.compile(r"(?<![0-9])([0-9]{4})([0-9]{2})([0-9]{2})$")
_KINDS = {"devices": FileKind.DEVICES, "messagesreactions": FileKind.REACTIONS}
_PACKED = (".gz", ".zip", ".bz2", ".xz", ".7z")
_ORDER = (FileKind.DEVICES, FileKind.LIST, FileKind.REACTIONS)
_SOME = 2
"""Standard columns beside UDID from which on a file is one of devices."""


def gather(
    paths: Sequence[Path], scheme: Scheme, *, kind: FileKind | None = None, app: str | None = None
) -> tuple[list[Export], list[Path]]:
    """The export files under these paths in the order in which they are to be loaded, and files of folders that nobody
    can tell the kind of.

    Devices come first, then lists, then reactions, each by date. `kind` decides for all of them; `app` keeps the files
    of one application of the vendor, besides those whose name tells none. Raises Invalid for a file that is not there
    or not CSV, one named by the caller that nobody can tell the kind of, and files of several applications.
    """
    found: list[Export] = []
    ignored: list[Path] = []
    for path, named in _files(paths):
        export = _export(path, scheme, kind)
        if export is None and named:
            raise Invalid([Finding("", "unknown_file", f"{_strange(path)} Say what it is: --kind.")])
        if export is None:
            ignored.append(path)
        elif app is None or export.app in (None, app):
            found.append(export)
    _one_application(found)
    if not found:
        raise Invalid([Finding("", "no_file", "There is no export file to load.")])
    found.sort(key=lambda each: (_ORDER.index(each.kind), each.day or date.max, str(each.path)))
    return found, ignored


def day_of(path: Path) -> date | None:
    """The date a file name ends with, as `20150131`."""
    match = _DAY.search(path.stem)
    if match is None:
        return None
    try:
        return date(*map(int, match.groups()))
    except ValueError:
        return None


def bare_name(path: Path) -> str:
    """The name of a file without its ending and without the date before it."""
    return _DAY.sub("", path.stem).rstrip("_- ") or path.stem


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Every file once, and whether the caller named it."""
    seen: set[Path] = set()
    for path in paths:
        inside = sorted(each for each in path.iterdir() if _is_export(each)) if path.is_dir() else [path]
        for each in inside:
            if each.resolve() not in seen:
                seen.add(each.resolve())
                yield each, each == path


def _is_export(path: Path) -> bool:
    name = path.name.lower()
    packed = name.endswith(_PACKED)
    return (
        path.is_file() and not name.startswith(".") and not name.endswith(REJECTS) and (packed or name.endswith(".csv"))
    )


def _export(path: Path, scheme: Scheme, kind: FileKind | None) -> Export | None:
    if path.suffix.lower() in _PACKED:
        raise Invalid([Finding("", "packed", f"{path} is packed: unpack it first.")])
    source = CsvFile(path)
    source.close()
    match = _EXPORT.match(path.stem)
    found = kind or (_KINDS.get(match.group(1).lower()) if match else None) or _by_header(source.header, scheme)
    if found is None:
        return None
    return Export(path, found, source.header, match.group(2) if match else None, day_of(path))


def _by_header(header: Sequence[str], scheme: Scheme) -> FileKind | None:
    if is_reactions(header):
        return FileKind.REACTIONS
    columns = [scheme.find(name) for name in header]
    standard = [column for column in columns if column in STANDARD_COLUMNS and column != UDID]
    if UDID in columns and (TOKEN in columns or len(standard) >= _SOME):
        return FileKind.DEVICES
    if any(column is not None and column.indexed for column in columns):
        return FileKind.LIST
    return None


def _one_application(found: Sequence[Export]) -> None:
    names = sorted({export.app for export in found if export.app is not None})
    if len(names) > 1:
        message = f"The files are of several applications: {', '.join(names)}. Choose one: --app-id {names[0]}."
        raise Invalid([Finding("", "several_applications", message)])


def _strange(path: Path) -> str:
    return f"{path} is no export that can be told by its name or header."
