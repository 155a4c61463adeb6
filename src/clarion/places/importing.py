"""Places from CSV files: every line read and checked before anything is written, and all of them written or none.

The header names the columns of the kind in any case; every other column is a value of the place's own (`data`). A line
says all there is of its place, as an update by API does. Places are known by external id; a line without one makes a
new place each time it is loaded.
"""

import math
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from clarion.base.errors import Conflict, Finding, Invalid
from clarion.db.sql import Conn
from clarion.devices.csv_file import CsvFile
from clarion.places import service
from clarion.places.model import BeaconDraft, GeofenceDraft, Merged
from clarion.places.store import beacons, geofences

Report = Callable[[int, int], None]
"""Called with how many places are written so far, and of how many."""

GEOFENCE_COLUMNS = ("name", "latitude", "longitude", "radius", "externalId")
BEACON_COLUMNS = ("name", "uuid", "major", "minor", "externalId")

_MOST_FINDINGS = 100
_PIECE = 1000
_LONGEST_TEXT = 255
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:[.,][0-9]{0,30})?")
_WHOLE = re.compile(r"\+?[0-9]{1,18}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

T = TypeVar("T", GeofenceDraft, BeaconDraft)


def read_geofences(file: Path) -> list[GeofenceDraft]:
    """The geofences of a file. Raises Invalid with everything that is wrong in it, line by line."""
    return _read(file, GEOFENCE_COLUMNS, ("name", "latitude", "longitude", "radius"), _geofence)


def read_beacons(file: Path) -> list[BeaconDraft]:
    """The beacons of a file. Raises Invalid with everything that is wrong in it, line by line."""
    return _read(file, BEACON_COLUMNS, ("name", "uuid"), _beacon)


async def import_geofences(conn: Conn, app_id: int, drafts: Sequence[GeofenceDraft], report: Report) -> Merged:
    """Write geofences as `read_geofences` gives them, in the caller's transaction.

    Raises Conflict (code `too_many_geofences`) when the application would have more than it may (v1 rule 88).
    """
    if len(drafts) > service.MOST_GEOFENCES:
        raise Conflict(
            f"The file has {len(drafts):,} geofences; an application has at most {service.MOST_GEOFENCES:,}.",
            "Leave some out, or put areas together.",
            code="too_many_geofences",
        )
    await geofences.lock_number(conn, app_id)
    merged = await _merge(conn, app_id, drafts, geofences.merge, report)
    await service.check_number(conn, app_id)
    return merged


async def import_beacons(conn: Conn, app_id: int, drafts: Sequence[BeaconDraft], report: Report) -> Merged:
    """Write beacons as `read_beacons` gives them, in the caller's transaction. May fail with a deadlock."""
    return await _merge(conn, app_id, drafts, beacons.merge, report)


async def _merge(
    conn: Conn,
    app_id: int,
    drafts: Sequence[T],
    merge: Callable[[Conn, int, Sequence[T]], Awaitable[list[bool]]],
    report: Report,
) -> Merged:
    written: list[bool] = []
    for start in range(0, len(drafts), _PIECE):
        piece = drafts[start : start + _PIECE]
        written += await merge(conn, app_id, piece)
        report(start + len(piece), len(drafts))
    created = sum(written)
    return Merged(created, len(written) - created, len(drafts) - len(written))


def _read(file: Path, columns: Sequence[str], mandatory: Sequence[str], make: Callable[["_Line"], T]) -> list[T]:
    source = CsvFile(file)
    try:
        header = _Header(source.header, columns, mandatory)
        found: list[T] = []
        findings: list[Finding] = []
        lines_of: dict[str, int] = {}
        wrong = 0
        for at, fields, broken in _records(source):
            line = _Line(header, fields)
            draft = None if broken else make(line)
            reasons = [broken] if broken else line.reasons
            if draft is not None and draft.external_id is not None:
                first = lines_of.setdefault(draft.external_id, at)
                if first != at:
                    reasons.append(f"line {first} has the same `externalId`.")
            if reasons:
                wrong += 1
                findings += [Finding("", "wrong_line", f"Line {at}: {reason}") for reason in reasons]
            elif draft is not None:
                found.append(draft)
    finally:
        source.close()
    if findings:
        raise Invalid([*findings[:_MOST_FINDINGS], Finding("", "nothing_written", _verdict(wrong))])
    return found


def _verdict(wrong: int) -> str:
    lines = "1 line does" if wrong == 1 else f"{wrong:,} lines do"
    return f"{lines} not fit: nothing was written."


def _records(source: CsvFile) -> Iterator[tuple[int, list[str], str]]:
    """Line number, fields and, for what is no record, the reason, in the order of the file."""
    for piece in source.pieces():
        records = [(at, fields, "") for at, fields in zip(piece.lines, piece.fields, strict=True)]
        records += [(broken.line, [], broken.reason) for broken in piece.broken]
        yield from sorted(records, key=lambda record: record[0])


class _Header:
    """What the columns of a file are, by position. Raises Invalid for a header without what is mandatory."""

    def __init__(self, names: Sequence[str], columns: Sequence[str], mandatory: Sequence[str]) -> None:
        known = {column.lower(): column for column in columns}
        self.names = [known.get(name.lower(), name) for name in names]
        self.columns = frozenset(columns)
        findings = [
            Finding("", "missing_column", f"The header does not name the column {name}.")
            for name in mandatory
            if name not in self.names
        ]
        findings += [
            Finding("", "repeated", f"The header names the column {name[:100]} twice.")
            for name in dict.fromkeys(self.names)
            if name and self.names.count(name) > 1
        ]
        if any("\x00" in name for name in self.names):
            findings.append(Finding("", "nul", "The header holds a NUL character."))
        if findings:
            raise Invalid([*findings, Finding("", "known_columns", f"Columns: {', '.join(columns)}, and your own.")])


class _Line:
    """One record. Readers give a value that fits its type even where the text does not, and note why in `reasons`."""

    def __init__(self, header: _Header, fields: Sequence[str]) -> None:
        self.reasons: list[str] = []
        self._values = dict(zip(header.names, (field.strip() for field in fields), strict=False))
        self._own = [name for name in header.names if name not in header.columns]
        if len(fields) != len(header.names):
            self.reasons.append(f"{len(fields)} values where the header has {len(header.names)} names.")
        elif any("\x00" in field for field in fields):
            self.reasons.append("a NUL character cannot be stored.")
        self._readable = not self.reasons

    def text(self, name: str) -> str:
        """A text of 1 to 255 characters."""
        found = self.text_or_none(name)
        if found is None:
            self._note(f"`{name}` is empty.")
        return found or ""

    def text_or_none(self, name: str) -> str | None:
        """A text of at most 255 characters; None when empty."""
        found = self._values.get(name, "")
        if len(found) > _LONGEST_TEXT:
            self._note(f"`{name}` has more than {_LONGEST_TEXT} characters.")
        return found or None

    def number(self, name: str, least: int, most: int) -> float:
        """A number within bounds, with a point or a comma before its decimals."""
        found = self._values.get(name, "")
        number = float(found.replace(",", ".")) if _NUMBER.fullmatch(found) else math.nan
        if not least <= number <= most:
            self._note(f"`{name}` must be a number from {least} to {most}.")
        return number

    def whole(self, name: str, least: int, most: int | None = None) -> int | None:
        """A whole number within bounds; None when empty."""
        found = self._values.get(name, "")
        if not found:
            return None
        number = int(found) if _WHOLE.fullmatch(found) else -1
        if number < least or (most is not None and number > most):
            bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
            self._note(f"`{name}` must be a whole number {bounds}.")
        return number

    def data(self) -> dict[str, str]:
        """The values of the other columns that are not empty."""
        data = {name: self._values[name] for name in self._own if self._values.get(name)}
        if data.pop("", ""):
            self._note("a value stands in a column without name.")
        for finding in service.check_data(data):
            self._note(f"{finding.message}.")
        return data

    def uuid(self, name: str) -> str:
        """A UUID, in upper case."""
        found = self._values.get(name, "")
        if not _UUID.fullmatch(found):
            self._note(f"`{name}` must be a UUID such as 0F9D2B6C-1111-4222-8333-444455556666.")
        return found.upper()

    def _note(self, reason: str) -> None:
        if self._readable:
            self.reasons.append(reason)


def _geofence(line: _Line) -> GeofenceDraft:
    radius = line.whole("radius", 1)
    if radius is None:
        line.text("radius")
    return GeofenceDraft(
        name=line.text("name"),
        latitude=line.number("latitude", -90, 90),
        longitude=line.number("longitude", -180, 180),
        radius=radius or 1,
        external_id=line.text_or_none("externalId"),
        data=line.data(),
    )


def _beacon(line: _Line) -> BeaconDraft:
    return BeaconDraft(
        name=line.text("name"),
        uuid=line.uuid("uuid"),
        major=line.whole("major", 0, 65_535),
        minor=line.whole("minor", 0, 65_535),
        external_id=line.text_or_none("externalId"),
        data=line.data(),
    )
