"""Whole device bases in and out as CSV files: import with an account of every line, export part by part.

An import reads the file twice: first to see which UDIDs stand on several lines, so that the last good one wins whatever
lies between; then to load it, in pieces that each commit. Importing the same file again gives the same devices.
"""

import asyncio
import csv
import os
from array import array
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import App, Column, Platform, Scheme
from clarion.base.errors import Finding, Invalid
from clarion.db import retry
from clarion.db.pool import Database, connect
from clarion.db.sql import Conn
from clarion.devices import service
from clarion.devices.csv_file import PIECE, Broken, CsvFile, Piece
from clarion.devices.importing import AS_NAMED, Names, Plan, Rows, with_columns
from clarion.devices.model import AUTH, P256DH, FileAccount, ImportResult, TransferProgress
from clarion.devices.store import read, staging
from clarion.devices.store.source import from_udids
from clarion.devices.store.write import collisions, known_devices
from clarion.devices.writing import write_sources

Report = Callable[[TransferProgress], None]

_LATER_LINE = "A later line has the same UDID and was taken instead."
COLLISION = "The id of this UDID belongs to another device; choose another UDID."
_BUCKETS = 256


async def import_csv(db: Database, app: App, file: Path, *, rejects: Path, progress: Report) -> ImportResult:
    """As `load_csv`, for a file whose header names columns of the application."""
    account = await load_csv(db, app, file, rejects=rejects, progress=progress)
    return ImportResult(account.read, account.created + account.updated, account.rejected)


async def load_csv(
    db: Database, app: App, file: Path, *, rejects: Path, progress: Report, names: Names = AS_NAMED
) -> FileAccount:
    """Load a CSV file of devices; every line is written or stands in `rejects` with its number and the reason.

    `names` tell what names of the header mean. `rejects` is a CSV file (line; reason; original) that exists afterwards
    only if a line was rejected. `progress` is called after every piece. Raises Invalid, before anything is loaded, for
    a file or header that cannot be read.
    """
    async with db.connection() as conn:
        scheme = await apps.load_scheme(conn, app.id)

    async def begin(conn: Conn, plan: Plan) -> None:
        await staging.create(conn, plan.columns, keys=plan.has_keys)

    return await _through(db, app, scheme, file, names, rejects, progress, begin, _load)


async def check_csv(
    db: Database,
    app: App,
    file: Path,
    *,
    rejects: Path,
    progress: Report,
    names: Names = AS_NAMED,
    proposed: Sequence[Column] = (),
) -> FileAccount:
    """As `load_csv`, without writing any device: what it would do to the base as it is now.

    `proposed` columns, which the application does not have yet, are taken to be there.
    """
    async with db.connection() as conn:
        scheme = with_columns(await apps.load_scheme(conn, app.id), proposed)

    async def begin(_conn: Conn, _plan: Plan) -> None:
        """Nothing is staged: ids and UDIDs are looked up as they are."""

    return await _through(db, app, scheme, file, names, rejects, progress, begin, _look_up)


class _Step(Struct, frozen=True):
    """What became of the rows of a piece: how many were known devices, and the lines that were refused."""

    known: int
    refused: list[Broken]


async def _through(
    db: Database,
    app: App,
    scheme: Scheme,
    file: Path,
    names: Names,
    rejects: Path,
    progress: Report,
    begin: Callable[[Conn, Plan], Awaitable[None]],
    take: Callable[[Conn, App, Plan, Rows], Awaitable[_Step]],
) -> FileAccount:
    """Take a file piece by piece, with an account of every line."""
    if rejects == file:
        raise Invalid([Finding("", "same_file", f"{file} cannot take its own rejected lines.")])
    source = await asyncio.to_thread(CsvFile, file)
    conn = await connect(db.conninfo, application_name="clarion import")
    refusals = Rejects(rejects)
    try:
        plan = Plan(app, scheme, source.header, names)
        total, repeated = await asyncio.to_thread(_survey, source, plan)
        await begin(conn, plan)
        loads = _loads(source, plan, repeated, refusals)
        read_lines = sound = known = 0
        ready = await asyncio.to_thread(next, loads, None)
        while ready is not None:
            # The next piece is parsed while PostgreSQL writes this one.
            ahead = asyncio.create_task(asyncio.to_thread(next, loads, None))
            try:
                step = await take(conn, app, plan, ready[0])
            finally:
                following = await ahead
            refusals.add(step.refused)
            read_lines += ready[1]
            sound += len(ready[0].ids) - len(step.refused)
            known += step.known
            progress(TransferProgress(read_lines, sound, refusals.count, total))
            ready = following
    finally:
        source.close()
        refusals.close()
        await conn.close()
    return FileAccount(read_lines, sound - known, known, refusals.count)


async def _load(conn: Conn, app: App, plan: Plan, rows: Rows) -> _Step:
    """Write one piece in a transaction of its own."""
    if not rows.ids:
        return _Step(0, [])

    async def write(conn: Conn) -> tuple[int, list[int]]:
        source = await staging.fill(conn, plan.columns, rows.block, len(rows.ids), keys=plan.has_keys)
        known = await known_devices(conn, app.id, source)
        return known, await write_sources(conn, app.id, [source])

    known, refused = await retry.repeat(conn, write)
    return _Step(known, _collided(rows, refused))


async def _look_up(conn: Conn, app: App, plan: Plan, rows: Rows) -> _Step:
    """What `_load` would do."""
    if not rows.ids:
        return _Step(0, [])
    source = from_udids(rows.ids, plan.udids_of(rows.piece))
    refused = [number for number, _ in await collisions(conn, app.id, source)]
    return _Step(await known_devices(conn, app.id, source), _collided(rows, refused))


def _collided(rows: Rows, refused: Sequence[int]) -> list[Broken]:
    piece = rows.piece
    places = [rows.ids.index(number) for number in refused]
    return [Broken(piece.lines[n], COLLISION, piece.originals[n]) for n in places]


def _survey(source: CsvFile, plan: Plan) -> tuple[int, set[int]]:
    """How many records the file has, and the devices that stand in several. Takes 8 bytes a record."""
    buckets = [array("q") for _ in range(_BUCKETS)]
    total = 0
    for piece in source.pieces():
        total += len(piece) + len(piece.broken)
        for number in plan.ids_of(piece):
            if number is not None:
                buckets[number % _BUCKETS].append(number)
    repeated: set[int] = set()
    for bucket in buckets:
        if len(set(bucket)) < len(bucket):
            repeated.update(number for number, times in Counter(bucket).items() if times > 1)
    return total, repeated


def _loads(source: CsvFile, plan: Plan, repeated: set[int], refusals: "Rejects") -> Iterator[tuple[Rows, int]]:
    """The file as rows, with the number of records read for them. Those of devices that stand on several lines are held
    back: the last good one of each comes at the end."""
    held: dict[int, Piece] = {}
    for piece in source.pieces():
        read_lines = len(piece) + len(piece.broken)
        refusals.add(piece.broken)
        if repeated:
            piece = _held_back(piece, plan, repeated, held, refusals)
        rows = plan.rows(piece)
        refusals.add(rows.refused)
        yield rows, read_lines
    last = list(held.values())
    for start in range(0, len(last), PIECE):
        yield plan.rows(_joined(last[start : start + PIECE])), 0


def _held_back(piece: Piece, plan: Plan, repeated: set[int], held: dict[int, Piece], refusals: "Rejects") -> Piece:
    """Take the repeated devices out of a piece and keep the latest sound record of each in `held`."""
    others: list[int] = []
    for n, number in enumerate(plan.ids_of(piece)):
        if number not in repeated or plan.reason(piece.fields[n]):
            others.append(n)  # what is not sound is refused with its reason like any other line
            continue
        assert number is not None
        earlier = held.pop(number, None)
        if earlier is not None:
            refusals.add([Broken(earlier.lines[0], _LATER_LINE, earlier.originals[0])])
        held[number] = piece.only([n])
    return piece.only(others)


def _joined(pieces: Sequence[Piece]) -> Piece:
    return Piece(
        [line for piece in pieces for line in piece.lines],
        [fields for piece in pieces for fields in piece.fields],
        [original for piece in pieces for original in piece.originals],
    )


class Rejects:
    """The file of rejected lines, made with the first of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self.count = 0
        path.unlink(missing_ok=True)

    def add(self, refused: Sequence[Broken]) -> None:
        """Note lines, each with its reason and as it stands in the file."""
        for broken in refused:
            if self._file is None:
                self._file = self._path.open("w", encoding="utf-8", newline="")
                self._write("line", "reason", "original")
            self._write(str(broken.line), broken.reason, broken.original.rstrip("\r\n"))
            self.count += 1

    def _write(self, *fields: str) -> None:
        assert self._file is not None
        csv.writer(self._file, delimiter=";", quoting=csv.QUOTE_ALL).writerow(fields)

    def close(self) -> None:
        """Write what is left."""
        if self._file is not None:
            self._file.close()


async def export_csv(db: Database, app: App, file: Path, columns: Sequence[Column] | None, progress: Report) -> int:
    """Write all devices to a CSV file as `import_csv` reads them; how many. The file appears when it is complete.

    `columns` are all when None, with the keys of their subscriptions for a web application.
    """
    async with db.connection() as conn:
        if columns is None:
            scheme = await apps.load_scheme(conn, app.id)
            columns = (*scheme.columns, *((P256DH, AUTH) if app.platform is Platform.WEB else ()))
        total = await read.count(conn, app.id)
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    out = await asyncio.to_thread(scratch.open, "w", encoding="utf-8", newline="")
    try:
        with out:
            out.write(";".join(column.name for column in columns) + "\r\n")
            written, after, more = 0, None, True
            while more:
                async with db.connection() as conn:
                    part = await service.export_part(conn, app.id, columns, after=after)
                await asyncio.to_thread(out.write, part.lines)
                written += part.devices
                after = part.next_after
                more = after is not None
                progress(TransferProgress(written, written, 0, max(total, written)))
        await asyncio.to_thread(scratch.replace, file)
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)
    return written
