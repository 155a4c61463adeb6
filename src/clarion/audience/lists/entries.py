"""Users of a list as integrators and files write them: which device is meant, until when, with which values.

A device is named by exactly one indexed column, `deviceId` (its UDID) or another (v1 rule 74). Findings have pointers
below the user; their codes: `which` (none or several columns), `unknown_list_field` (unknown or not indexed),
`wrong_value`, `wrong_date`, `wrong_name`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from clarion.apps.model import LIST_FIELD, Column, Scheme
from clarion.audience.lists.javascript_dates import parse
from clarion.audience.lists.model import LONGEST_VALUE, Batch, Entry
from clarion.base.errors import Finding
from clarion.devices.model import TOKEN, UDID, Value, device_id, token_digest
from clarion.devices.values import Parser, parser

PIECE = 5_000
"""Entries of a batch at most: each is applied in a transaction of its own."""

_MEMORY = 10_000
_WHICH = "a device is named by `deviceId` or by exactly one indexed field"
_NO_FIELD = "this application has no indexed field of this name"
_DATE = (
    "expected a date that JavaScript takes, such as 2031-12-31T23:59:59Z, or milliseconds since 1970 as a number;"
    " years from 1 to 9999"
)
_NAME = f"a name of `data` has 1 to {LONGEST_VALUE} characters and is given once, with or without {LIST_FIELD}"


class EntryReader:
    """Reads users of lists of one application."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._columns: dict[str, tuple[Column, Parser] | None] = {}
        self._dates: dict[str | int, datetime | None] = {}

    def read(
        self,
        fields: Mapping[str, str | float],
        expires: str | int | None,
        data: Mapping[str, str] | None,
    ) -> Entry | list[Finding]:
        """The entry a user stands for, or everything that is wrong with it. Names of fields are found without case."""
        findings: list[Finding] = []
        named: list[tuple[Column, Value]] = []
        for name, given in fields.items():
            found = self._column(name)
            if found is None:
                findings.append(Finding(_pointer(name), "unknown_list_field", _NO_FIELD))
                continue
            try:
                named.append((found[0], found[1](given)))
            except ValueError as error:
                findings.append(Finding(_pointer(name), "wrong_value", str(error)))
        if len(named) > 1 or not (named or findings):
            findings.append(Finding("", "which", _WHICH))
        until = None if expires is None else self._date(expires)
        if until is None and expires is not None:
            findings.append(Finding("/expireAt", "wrong_date", _DATE))
        values = None if data is None else _values(data, findings)
        return findings or Entry(*named[0], until, values)

    def _column(self, name: str) -> tuple[Column, Parser] | None:
        """The indexed column of this name and the parser of its values."""
        if name not in self._columns:
            column = self._scheme.find(name)
            if len(self._columns) >= _MEMORY:
                self._columns.clear()
            self._columns[name] = (column, parser(column)) if column is not None and column.indexed else None
        return self._columns[name]

    def _date(self, given: str | int) -> datetime | None:
        if given not in self._dates:
            if len(self._dates) >= _MEMORY:
                self._dates.clear()
            self._dates[given] = parse(given)
        return self._dates[given]


def value_name(name: str) -> str | None:
    """The name of a personalisation value as it is kept: without the prefix that texts have; None for a bad one."""
    bare = name.removeprefix(LIST_FIELD)
    return bare if 0 < len(bare) <= LONGEST_VALUE else None


def _values(data: Mapping[str, str], findings: list[Finding]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in data.items():
        bare = value_name(name)
        if bare is None or bare in values:
            findings.append(Finding(f"/data{_pointer(name)}", "wrong_name", _NAME))
        else:
            values[bare] = value
    return values


def _pointer(name: str) -> str:
    return "/" + name[:LONGEST_VALUE].replace("~", "~0").replace("/", "~1")


class _Row(Struct, omit_defaults=True):
    """One entry as `store.members` reads it: its place, the value that names devices, how often it was given, the id
    that follows from a UDID, the column unless it is UDID, expiry and data."""

    n: int
    v: str
    w: int = 1
    i: int | None = None
    f: str | None = None
    e: datetime | None = None
    d: Mapping[str, str] | None = None


def batches(app_id: int, entries: Iterable[Entry]) -> list[Batch]:
    """Entries in the order given, made ready for the database. Of those for the same value the last one stands."""
    last: dict[tuple[str, Value], tuple[Entry, int]] = {}
    for entry in entries:
        if entry.value is not None:
            key = (entry.column.sql, entry.value)
            before = last.pop(key, None)
            last[key] = (entry, 1 if before is None else before[1] + 1)
    ordered = list(last.values())
    return [_batch(app_id, ordered[start : start + PIECE]) for start in range(0, len(ordered), PIECE)]


def _batch(app_id: int, entries: Sequence[tuple[Entry, int]]) -> Batch:
    rows = [_row(app_id, n, entry, times) for n, (entry, times) in enumerate(entries)]
    fields = dict.fromkeys(row.f for row in rows if row.f is not None)
    return Batch(msgspec.json.encode(rows).decode(), tuple(fields), len(rows))


def _row(app_id: int, n: int, entry: Entry, times: int) -> _Row:
    column, value = entry.column, entry.value
    if column == UDID:
        udid = str(value)
        return _Row(n, udid, times, device_id(app_id, udid), None, entry.expires_at, entry.data)
    text = token_digest(str(value)).hex() if column == TOKEN else _text(value)
    return _Row(n, text, times, None, column.name, entry.expires_at, entry.data)


def _text(value: Value) -> str:
    """A typed value as PostgreSQL reads it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)
