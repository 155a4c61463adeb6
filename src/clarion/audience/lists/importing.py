"""Files of list members: loaded straight, piece by piece, with an account of every line.

A file is CSV (`;` or `,`) with a header: the column that names devices (UDID, or an indexed column), `expireAt` if
any, and up to ten columns of personalisation values, named as texts use them, with or without `a4p_` (v1 rule 78).
Empty cells, and zero dates, are no value. Later lines win over earlier ones. Changes that wait in the queue are applied
afterwards.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import App, Column, Scheme
from clarion.audience.lists.entries import EntryReader, batches, value_name
from clarion.audience.lists.model import LONGEST_VALUE, MOST_VALUES, Batch, Entry, ListImport
from clarion.audience.lists.service import expire, get_list, moving
from clarion.audience.lists.sizes import id_ranges
from clarion.audience.lists.store import members
from clarion.base.errors import Finding, Invalid
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices.csv_file import Broken, CsvFile
from clarion.devices.importing import AS_NAMED, Names, with_columns
from clarion.devices.model import UDID, TransferProgress
from clarion.devices.transfer import Rejects
from clarion.devices.values import ZERO_DATES

Report = Callable[[TransferProgress], None]

_EXPIRY = "expireat"
_NEVER = ("", *ZERO_DATES)


async def import_members(
    db: Database,
    app: App,
    list_id: int,
    file: Path,
    *,
    rejects: Path,
    progress: Report,
    by: str | None = None,
    names: Names = AS_NAMED,
    dry_run: bool = False,
) -> ListImport:
    """Put the devices of a CSV file on a list. `by` names the column that names devices, where the header leaves that
    open; `names` tell what names of the header mean. A dry run reads and looks up everything and writes no member.

    `rejects` is a CSV file (line; reason; original) that exists afterwards only if a line was rejected. Raises NotFound
    for an unknown list, and Invalid, before anything is written, for a file or header that cannot be read.
    """
    async with db.connection() as conn:
        await get_list(conn, app.id, list_id)
        scheme = await apps.load_scheme(conn, app.id)
    target = None if dry_run else list_id
    account = await _through(db, app.id, target, scheme, scheme, file, by, names, rejects, progress)
    if target is not None:
        await _finish(db, app.id, target)
    return account


async def check_members(
    db: Database,
    app: App,
    file: Path,
    *,
    rejects: Path,
    progress: Report,
    by: str | None = None,
    names: Names = AS_NAMED,
    proposed: Sequence[Column] = (),
) -> ListImport:
    """A dry run of `import_members` for a list that may not be there yet.

    `proposed` columns, which the application does not have yet, are taken to be there; they name nobody so far.
    """
    async with db.connection() as conn:
        scheme = await apps.load_scheme(conn, app.id)
    expected = with_columns(scheme, proposed)
    return await _through(db, app.id, None, scheme, expected, file, by, names, rejects, progress)


def check_header(scheme: Scheme, header: Sequence[str], by: str | None = None, names: Names = AS_NAMED) -> None:
    """Raises Invalid with everything that is wrong with the header of a file of members."""
    _layout(scheme, _meant(header, names), by)


async def _through(
    db: Database,
    app_id: int,
    list_id: int | None,
    scheme: Scheme,
    expected: Scheme,
    file: Path,
    by: str | None,
    names: Names,
    rejects: Path,
    progress: Report,
) -> ListImport:
    """Take a file piece by piece, with an account of every line; without a list nothing is written. Lines are read by
    the `expected` scheme, and devices looked up by the one that there is."""
    if rejects == file:
        raise Invalid([Finding("", "same_file", f"{file} cannot take its own rejected lines.")])
    source = await asyncio.to_thread(CsvFile, file)
    refusals = Rejects(rejects)
    try:
        layout = _layout(expected, _meant(source.header, names), by)
        total = await asyncio.to_thread(_lines_of, source)
        loads = _loads(app_id, expected, layout, source)
        read_lines = written = 0
        ready = await asyncio.to_thread(next, loads, None)
        while ready is not None:
            # The next piece is parsed while PostgreSQL writes this one.
            ahead = asyncio.create_task(asyncio.to_thread(next, loads, None))
            try:
                written += await _write(db, app_id, list_id, scheme, ready)
            finally:
                following = await ahead
            refusals.add(ready.refused)
            read_lines += ready.lines
            progress(TransferProgress(read_lines, written, refusals.count, total))
            ready = following
    finally:
        source.close()
        refusals.close()
    return ListImport(read_lines, written, read_lines - written - refusals.count, refusals.count)


class _Layout(Struct, frozen=True):
    """Where in a line stands what: the name of the column that tells devices, expiry if any, values by their name."""

    width: int
    by: int
    field: str
    expiry: int | None
    values: Mapping[str, int]


def _meant(header: Sequence[str], names: Names) -> list[str | None]:
    return [names.get(name.lower(), name) for name in header]


def _layout(scheme: Scheme, header: Sequence[str | None], by: str | None) -> _Layout:
    """The layout of a file, whose header has None for what is left out. Raises Invalid with everything that is wrong
    with it."""
    findings: list[Finding] = []
    expiries = [place for place, name in enumerate(header) if name is not None and name.lower() == _EXPIRY]
    if len(expiries) > 1:
        findings.append(Finding("", "repeated", "The header names expireAt twice."))
    place = _selecting(scheme, header, by, findings)
    values: dict[str, int] = {}
    for at, name in enumerate(header):
        if name is None or at in (place, *expiries):
            continue
        bare = value_name(name)
        if bare is None:
            message = f"The name of column {at + 1} is empty or has more than {LONGEST_VALUE} characters."
            findings.append(Finding("", "name", message))
        elif bare in values:
            findings.append(Finding("", "repeated", f"The header names the value {bare} twice."))
        else:
            values[bare] = at
    if len(values) > MOST_VALUES:
        message = f"A list takes {MOST_VALUES} personalisation values; the header names {len(values)}."
        findings.append(Finding("", "too_many", message))
    if findings or place is None:
        raise Invalid(findings)
    return _Layout(len(header), place, header[place] or "", expiries[0] if expiries else None, values)


def _selecting(scheme: Scheme, header: Sequence[str | None], by: str | None, findings: list[Finding]) -> int | None:
    """The place of the column that names devices: the one asked for, UDID, or the only indexed one."""
    columns = [None if name is None else scheme.find(name) for name in header]
    indexed = [place for place, column in enumerate(columns) if column is not None and column.indexed]
    if by is None:
        found = [place for place in indexed if columns[place] == UDID] or indexed
    else:
        wanted = scheme.find(by)
        found = [place for place in indexed if columns[place] == wanted]
    if len(found) == 1:
        return found[0]
    findings.append(_unclear(scheme, [header[place] or "" for place in found], by))
    return None


def _unclear(scheme: Scheme, found: Sequence[str], by: str | None) -> Finding:
    known = ", ".join(column.name for column in scheme.columns if column.indexed)
    if found:
        return Finding("", "which", f"Several columns could name the devices: {', '.join(found)}. Say which (--by).")
    what = "no column that can name devices" if by is None else f"no indexed column {by[:100]}"
    return Finding("", "which", f"The header has {what}; these can: {known}.")


def _lines_of(source: CsvFile) -> int:
    return sum(len(piece) + len(piece.broken) for piece in source.pieces())


class _Load(Struct, frozen=True):
    """A piece of a file: its sound lines as batches, those that were refused, and how many lines it had."""

    batches: Sequence[Batch]
    refused: Sequence[Broken]
    lines: int


def _loads(app_id: int, scheme: Scheme, layout: _Layout, source: CsvFile) -> Iterator[_Load]:
    reader = EntryReader(scheme)
    for piece in source.pieces():
        entries: list[Entry] = []
        refused = list(piece.broken)
        for place, fields in enumerate(piece.fields):
            read = _read(reader, layout, fields)
            if isinstance(read, Entry):
                entries.append(read)
            else:
                refused.append(Broken(piece.lines[place], read, piece.originals[place]))
        yield _Load(batches(app_id, entries), refused, len(piece) + len(piece.broken))


def _read(reader: EntryReader, layout: _Layout, fields: Sequence[str]) -> Entry | str:
    """The entry of a line, or all that is wrong with it as one text."""
    if len(fields) != layout.width:
        return f"The line has {len(fields)} values where the header has {layout.width} names."
    values = {name: text for name, at in layout.values.items() if (text := fields[at])}
    expires = fields[layout.expiry] if layout.expiry is not None else ""
    reasons = [
        f"`{name}` has more than {LONGEST_VALUE} characters."
        for name, text in values.items()
        if len(text) > LONGEST_VALUE
    ]
    if any("\x00" in text for text in fields):
        reasons.append("A value holds a NUL character.")
    until = None if expires in _NEVER else expires
    read = reader.read({layout.field: fields[layout.by]}, until, values if layout.values else None)
    if not isinstance(read, Entry):
        reasons += [_sentence(finding) for finding in read]
    elif not reasons:
        return read
    return " ".join(reasons)


def _sentence(finding: Finding) -> str:
    return finding.message if finding.code == "wrong_value" else f"`{finding.pointer[1:]}`: {finding.message}."


async def _write(db: Database, app_id: int, list_id: int | None, scheme: Scheme, load: _Load) -> int:
    """Write the batches of a piece, or without a list only look them up; how many lines named a device."""
    named = 0
    for batch in load.batches:
        users = members.users_given(batch.users)
        fields = [column for name in batch.fields if (column := scheme.find(name)) is not None]
        async with db.connection() as conn:
            found = await members.matches(conn, app_id, users, fields)
        named += found.entries
        if list_id is not None:
            for ids in id_ranges(found.devices):
                await _put(db, app_id, list_id, users, fields, ids)
    return named


async def _put(
    db: Database, app_id: int, list_id: int, users: members.Users, fields: Sequence[Column], ids: tuple[int, int]
) -> None:
    async def put(conn: Conn) -> Mapping[int, int]:
        return await members.put(conn, app_id, list_id, users, fields, ids)

    await retry.transact(db, lambda conn: moving(conn, app_id, list_id, put))


async def _finish(db: Database, app_id: int, list_id: int) -> None:
    """What a worker does after many changes: delete who was put with a date gone by, take statistics anew."""

    async def over(conn: Conn) -> Mapping[int, int]:
        return await expire(conn, app_id, list_id)

    while await retry.transact(db, lambda conn: moving(conn, app_id, list_id, over)):
        continue
    async with db.connection() as conn:
        await members.analyze(conn, app_id)
