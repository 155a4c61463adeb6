"""Push tokens from a plain file: one a line, or CSV with a token, a UDID and further columns.

A token without UDID goes to the profile that holds it, and else to a new one, whose UDID follows from the token: the
same file gives the same devices each time. The SDK of such a device is told that UDID when it registers with its token
(v1 rule 70).
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import App, Column, Platform, Scheme
from clarion.base.errors import Finding, Invalid
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.devices.csv_file import Broken, CsvFile, Piece
from clarion.devices.model import AUTH, P256DH, TOKEN, UDID, DeviceRecord, TransferProgress, Value, WebKeys, device_id
from clarion.devices.store import read
from clarion.devices.transfer import COLLISION, Rejects, Report
from clarion.devices.values import Parser, parse_udid, parse_web_keys, parser
from clarion.migration.model import TokensReport
from clarion.migration.rejected import first_of, kept, told

_NAMES = {"endpoint": "token", "registration_id": "token", "device_token": "token", "push_token": "token"}
"""Other names of the token column."""

_HEADLESS = ("token", "UDID")
_HEADLESS_WEB = ("token", "p256dh", "auth")
_SPACE = uuid.UUID("7d6f0a3e-52a1-5c4b-9d3a-0c1a4e0b6f11")
_PIECE = 5_000


async def load_tokens(
    db: Database, app: App, file: Path, *, rejects: Path | None, progress: Report, dry_run: bool
) -> TokensReport:
    """Load a file of tokens; every line is written, empty, or rejected with its number and the reason.

    `rejects` is the folder for rejected lines, that of the file when None. Raises Invalid for a file or header that
    cannot be read.
    """
    async with db.connection() as conn:
        scheme = await apps.load_scheme(conn, app.id)
    with told(file), kept(file, rejects, dry_run=dry_run) as kept_in:
        source = _opened(app, file)
        refusals = Rejects(kept_in)
        try:
            account = await _load(db, app, source, _Layout(app, scheme, source.header), refusals, progress, dry_run)
        finally:
            source.close()
            refusals.close()
        return TokensReport(
            dry_run=dry_run,
            read=account.read,
            created=account.created,
            updated=account.updated,
            empty=account.empty,
            rejected=refusals.count,
            rejects=str(kept_in) if refusals.count and not dry_run else None,
            reasons=first_of(kept_in),
        )


def udid_of(token: str) -> str:
    """The UDID of a device of which nothing but its token is known."""
    return str(uuid.uuid5(_SPACE, token)).upper()


class _Account(Struct):
    """The figures so far."""

    read: int = 0
    created: int = 0
    updated: int = 0
    empty: int = 0


class _Line(Struct):
    """A sound line: its token, the UDID if it gives one, and all that is written of it."""

    number: int
    original: str
    token: str
    udid: str | None
    fields: Mapping[Column, Value]
    keys: WebKeys | None


def _opened(app: App, file: Path) -> CsvFile:
    """The file with its header, or with the names its columns have without one."""
    source = CsvFile(file)
    names = {_NAMES.get(name.lower(), name.lower()) for name in source.header}
    if "token" in names:
        return source
    source.close()
    width = len(source.header)
    known = _HEADLESS_WEB if app.platform is Platform.WEB and width == len(_HEADLESS_WEB) else _HEADLESS
    if not 0 < width <= len(known):
        message = (
            f"The first line has {width} values and names no column token. A file without header has {_shown(known)};"
            " any other needs a header with the column token (or endpoint)."
        )
        raise Invalid([Finding("", "no_token", message)])
    return CsvFile(file, known[:width])


def _shown(known: Sequence[str]) -> str:
    return "one token a line" + "".join(f", then {name}" for name in known[1:])


class _Layout:
    """What the columns of the file are, by position. Raises Invalid for a header that cannot be loaded."""

    def __init__(self, app: App, scheme: Scheme, header: Sequence[str]) -> None:
        keys = {column.name: column for column in (P256DH, AUTH)} if app.platform is Platform.WEB else {}
        names = [_NAMES.get(name.lower(), name) for name in header]
        found = [scheme.find(name) or keys.get(name.lower()) for name in names]
        findings = [
            Finding("", "unknown_column", f"The header names an unknown column {name[:100]!r}.")
            for name, column in zip(header, found, strict=True)
            if column is None
        ]
        known = [column for column in found if column is not None]
        findings += [
            Finding("", "repeated", f"The header names the column {column.name} twice.")
            for column in dict.fromkeys(known)
            if known.count(column) > 1
        ]
        if (P256DH in known) != (AUTH in known):
            findings.append(Finding("", "lonely_key", "The columns p256dh and auth must come together."))
        if findings:
            known_names = ", ".join([column.name for column in scheme.columns] + list(keys))
            message = f"The columns of this application are: {known_names}. `clarion columns add` makes further ones."
            raise Invalid([*findings, Finding("", "known_columns", message)])
        self._width = len(header)
        self._token = known.index(TOKEN)
        self._udid = known.index(UDID) if UDID in known else None
        self._keys = (known.index(P256DH), known.index(AUTH)) if P256DH in known else None
        self._parsers: list[tuple[int, Column, Parser]] = [
            (place, column, parser(column))
            for place, column in enumerate(known)
            if column.writable and column not in (P256DH, AUTH)
        ]

    def read(self, number: int, fields: Sequence[str], original: str) -> _Line | None:
        """A line; None when it has no token. Raises ValueError with a sentence."""
        if len(fields) != self._width:
            raise ValueError(f"The line has {len(fields)} values where there are {self._width} columns.")
        fields = [field.strip() for field in fields]
        if fields[self._token] in ("", "-"):
            return None
        values = {column: parse(fields[place]) for place, column, parse in self._parsers}
        udid = parse_udid(fields[self._udid]) if self._udid is not None and fields[self._udid] else None
        keys = parse_web_keys(fields[self._keys[0]], fields[self._keys[1]]) if self._keys else None
        return _Line(number, original, str(values[TOKEN]), udid, values, keys)


async def _load(
    db: Database, app: App, source: CsvFile, layout: _Layout, refusals: Rejects, progress: Report, dry_run: bool
) -> _Account:
    total = sum(len(piece) + len(piece.broken) for piece in source.pieces())
    account = _Account()
    for piece in _pieces(source):
        lines: list[_Line] = []
        refusals.add(piece.broken)
        for number, fields, original in zip(piece.lines, piece.fields, piece.originals, strict=True):
            try:
                line = layout.read(number, fields, original)
            except ValueError as error:
                refusals.add([Broken(number, str(error), original)])
                continue
            if line is None:
                account.empty += 1
            else:
                lines.append(line)
        if lines:
            known, refused = await (_look_up if dry_run else _write)(db, app, lines)
            refusals.add(refused)
            account.updated += known
            account.created += len(lines) - known - len(refused)
        account.read += len(piece) + len(piece.broken)
        progress(TransferProgress(account.read, account.created + account.updated, refusals.count, total))
    return account


def _pieces(source: CsvFile) -> Iterator[Piece]:
    """The file in pieces that a transaction takes at once."""
    for piece in source.pieces():
        for start in range(0, max(1, len(piece)), _PIECE):
            part = piece.only(range(start, min(start + _PIECE, len(piece))))
            yield Piece(part.lines, part.fields, part.originals, piece.broken if start == 0 else ())


async def _write(db: Database, app: App, lines: Sequence[_Line]) -> tuple[int, list[Broken]]:
    """Write lines in a transaction; how many of them were known devices, and those that were refused."""

    async def work(conn: Conn) -> tuple[int, list[Broken]]:
        udids = await _udids(conn, app.id, lines)
        found = await _known(conn, app.id, lines, udids)
        records = [DeviceRecord(udid, line.fields, line.keys) for udid, line in zip(udids, lines, strict=True)]
        await devices.upsert(conn, app, records)
        return found

    return await retry.transact(db, work)


async def _look_up(db: Database, app: App, lines: Sequence[_Line]) -> tuple[int, list[Broken]]:
    """What `_write` would do."""
    async with db.connection() as conn:
        return await _known(conn, app.id, lines, await _udids(conn, app.id, lines))


async def _udids(conn: Conn, app_id: int, lines: Sequence[_Line]) -> list[str]:
    """Whose token each line is: the UDID it gives, else that of the profile that holds the token, else a new one."""
    bare = {line.token for line in lines if line.udid is None}
    tokens = sorted(bare)
    held = await read.matching(conn, app_id, [TOKEN], [[token] for token in tokens], len(tokens)) if tokens else []
    holders = {tokens[n]: udid for n, udid in held}
    return [line.udid or holders.get(line.token) or udid_of(line.token) for line in lines]


async def _known(conn: Conn, app_id: int, lines: Sequence[_Line], udids: Sequence[str]) -> tuple[int, list[Broken]]:
    """How many lines are of devices that the application has, or that stand in an earlier line; and the lines whose id
    belongs to another UDID."""
    ids = [device_id(app_id, udid) for udid in udids]
    holders = await devices.udids_of(conn, app_id, sorted(set(ids)))
    known, refused = 0, []
    for number, udid, line in zip(ids, udids, lines, strict=True):
        known += number in holders and holders[number] == udid
        if holders.setdefault(number, udid) != udid:
            refused.append(Broken(line.number, COLLISION, line.original))
    return known, refused
