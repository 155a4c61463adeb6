"""Turning records of an import file into rows for COPY: which column is which, values checked, bad lines told apart.

Work goes column by column, for speed: a value that was checked once is remembered, and text without anything to
escape passes as it is. Only the lines that fail are looked at one by one, for their reasons.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from msgspec import Struct

from clarion.apps.model import App, Column, ColumnKind, Platform, Scheme
from clarion.base.errors import Finding, Invalid
from clarion.devices.csv_file import Broken, Piece
from clarion.devices.model import AUTH, P256DH, TOKEN, UDID, WebKeys, device_id, token_digest
from clarion.devices.values import LONGEST_UDID, Parser, longest_text, parse_udid, parse_web_keys, parser

# A column as COPY wants it; None where a value is bad.
Cells = Sequence[str | None]
Converter = Callable[[Sequence[str]], Cells]

Names = Mapping[str, str | None]
"""What names of a header mean, by their lower-case form: the column of another name, or None for what is left out."""
AS_NAMED: Names = MappingProxyType({})

_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_UNSET = "\\N"
_MEMORY = 50_000
_KEYS = (P256DH, AUTH)
_UNEASY_TEXT = re.compile(r"[\x00\\\t\n\r]")
_UNEASY_UDID = re.compile(r"[\x00-\x1f\x7f\\]")


class Rows(Struct, frozen=True):
    """Sound records, ready for COPY in the order of `store.source.layout`, and those that were refused."""

    piece: Piece
    ids: list[int]
    block: str
    refused: list[Broken]


def with_columns(scheme: Scheme, proposed: Sequence[Column]) -> Scheme:
    """The scheme as it would be with further columns of the company's own."""
    return Scheme([*(column for column in scheme.columns if not column.standard), *proposed])


class Plan:
    """What the columns of a file are, by position. Raises Invalid for a header that cannot be loaded.

    `columns` are those to be written; UDID tells whose line it is, `id` follows from it and is passed over, as is what
    `names` leave out.
    """

    def __init__(self, app: App, scheme: Scheme, header: Sequence[str], names: Names = AS_NAMED) -> None:
        found = _columns_of(app, scheme, header, names)
        self._app_id = app.id
        self._width = len(header)
        self._udid = found.index(UDID)
        written = [
            (place, column)
            for place, column in enumerate(found)
            if column is not None and column.writable and column not in _KEYS
        ]
        self._places = [place for place, _ in written]
        self.columns = tuple(column for _, column in written)
        self._parsers = [parser(column) for column in self.columns]
        self._converters = [_converter(column) for column in self.columns]
        self._keys = (found.index(P256DH), found.index(AUTH)) if P256DH in found else None
        self._token = self.columns.index(TOKEN) if TOKEN in self.columns else None

    @property
    def has_keys(self) -> bool:
        """Whether the file carries the keys of web push subscriptions."""
        return self._keys is not None

    def ids_of(self, piece: Piece) -> list[int | None]:
        """The device each record speaks of; None when it cannot be told."""
        app_id, at, width = self._app_id, self._udid, self._width
        return [
            device_id(app_id, fields[at]) if len(fields) == width and fields[at] else None for fields in piece.fields
        ]

    def udids_of(self, piece: Piece) -> list[str]:
        """The UDIDs of sound records."""
        return [fields[self._udid] for fields in piece.fields]

    def reason(self, fields: Sequence[str]) -> str | None:
        """All that is wrong with a record, as one text; None when it is sound."""
        if len(fields) != self._width:
            return f"The line has {len(fields)} values where the header has {self._width} names."
        reasons = []
        for place, parse in [(self._udid, parse_udid), *zip(self._places, self._parsers, strict=True)]:
            try:
                parse(fields[place])
            except ValueError as error:
                reasons.append(str(error))
        try:
            self._keys_of(fields)
        except ValueError as error:
            reasons.append(str(error))
        return " ".join(reasons) or None

    def _keys_of(self, fields: Sequence[str]) -> WebKeys | None:
        """The keys of a record; they count only beside a token."""
        if self._keys is None or self._token is None or fields[self._places[self._token]] in ("", "-"):
            return None
        return parse_web_keys(fields[self._keys[0]], fields[self._keys[1]])

    def rows(self, piece: Piece) -> Rows:
        """The sound records of a piece as rows. No device stands in it twice; of records with the same token the last
        one has it."""
        refused = [
            Broken(piece.lines[n], reason or "", piece.originals[n])
            for n, fields in enumerate(piece.fields)
            if len(fields) != self._width and (reason := self.reason(fields))
        ]
        if refused:
            piece = piece.only([n for n, fields in enumerate(piece.fields) if len(fields) == self._width])
        columns = self._cells(piece)
        bad = {n for cells in columns if None in cells for n, cell in enumerate(cells) if cell is None}
        if bad:
            refused += [
                Broken(piece.lines[n], self.reason(piece.fields[n]) or "", piece.originals[n]) for n in sorted(bad)
            ]
            good = [n for n in range(len(piece)) if n not in bad]
            piece = piece.only(good)
            columns = [[cells[n] for n in good] for cells in columns]
        ids = [device_id(self._app_id, fields[self._udid]) for fields in piece.fields]
        written = [list(map(str, ids)), *self._tokens_settled(piece, ids, columns)]
        lines = map("\t".join, zip(*written, strict=True))
        return Rows(piece, ids, "".join([f"{line}\n" for line in lines]), refused)

    def _cells(self, piece: Piece) -> list[Cells]:
        """UDIDs, columns and keys as COPY wants them."""
        if not len(piece):
            return [[] for _ in range(1 + len(self.columns) + (2 if self._keys else 0))]
        given = list(zip(*piece.fields, strict=True))
        columns = [_udids(given[self._udid])]
        columns += [convert(given[place]) for place, convert in zip(self._places, self._converters, strict=True)]
        if self._keys is not None:
            pairs = [self._copied_keys(fields) for fields in piece.fields]
            columns += [[public for public, _ in pairs], [secret for _, secret in pairs]]
        return columns

    def _copied_keys(self, fields: Sequence[str]) -> tuple[str | None, str | None]:
        try:
            keys = self._keys_of(fields)
        except ValueError:
            return None, None
        return (_bytes(keys.p256dh), _bytes(keys.auth)) if keys else (_UNSET, _UNSET)

    def _tokens_settled(self, piece: Piece, ids: Sequence[int], columns: list[Cells]) -> list[Cells]:
        """The columns with digests beside the tokens; a token in several rows stays in the last of them."""
        if self._token is None:
            return columns
        at, place = 1 + self._token, self._places[self._token]
        tokens = list(columns[at])
        last = dict(zip(tokens, ids, strict=True))
        if len(last) < len(tokens):
            tokens = [token if last[token] == number else _UNSET for token, number in zip(tokens, ids, strict=True)]
        digests = [
            _UNSET if token == _UNSET else _bytes(token_digest(fields[place]))
            for token, fields in zip(tokens, piece.fields, strict=True)
        ]
        keys = [
            [_UNSET if token == _UNSET else key for token, key in zip(tokens, cells, strict=True)]
            for cells in columns[1 + len(self.columns) :]
        ]
        return [*columns[:at], tokens, *columns[at + 1 : 1 + len(self.columns)], digests, *keys]


class _Memory(dict[str, str | None]):
    """Values of a column by their text, in COPY's form; None for a bad one. Forgets all when it grows too large."""

    def __init__(self, parse: Parser) -> None:
        self._parse = parse

    def __missing__(self, text: str) -> str | None:
        if len(self) >= _MEMORY:
            self.clear()
        try:
            value = self._parse(text)
        except ValueError:
            copied = None
        else:
            copied = _COPIED[type(value)](value)
        self[text] = copied
        return copied


def _converter(column: Column) -> Converter:
    memory = _Memory(parser(column))

    def remembered(given: Sequence[str]) -> Cells:
        return [memory[text] for text in given]

    if column.kind is not ColumnKind.TEXT:
        return remembered
    longest = longest_text(column)
    is_token = column == TOKEN

    def plain(given: Sequence[str]) -> Cells:
        if _UNEASY_TEXT.search("".join(given)) or max(map(len, given)) > longest or (is_token and "-" in given):
            return remembered(given)
        return [text or _UNSET for text in given]

    return plain


def _udids(given: Sequence[str]) -> Cells:
    if not _UNEASY_UDID.search("".join(given)) and "" not in given and max(map(len, given)) <= LONGEST_UDID:
        return given
    cells: list[str | None] = []
    for text in given:
        try:
            cells.append(_copied_text(parse_udid(text)))
        except ValueError:
            cells.append(None)
    return cells


def _columns_of(app: App, scheme: Scheme, header: Sequence[str], names: Names) -> list[Column | None]:
    """The column of each name of the header, None for what is left out; all that is wrong with it at once."""
    keys = {column.name: column for column in _KEYS} if app.platform is Platform.WEB else {}
    found: list[Column | None] = []
    findings: list[Finding] = []
    for given in header:
        name = names.get(given.lower(), given)
        if name is None:
            found.append(None)
            continue
        column = scheme.find(name) or keys.get(name.lower())
        if column is None:
            findings.append(Finding("", "unknown_column", f"The header names an unknown column {name[:100]!r}."))
        elif column in found:
            findings.append(Finding("", "repeated", f"The header names the column {column.name} twice."))
        else:
            found.append(column)
    if UDID not in found:
        findings.append(Finding("", "no_udid", "The header must name the column UDID."))
    if (P256DH in found) != (AUTH in found) or (P256DH in found and TOKEN not in found):
        findings.append(Finding("", "lonely_key", "The columns token, p256dh and auth must come together."))
    if findings:
        known = ", ".join([column.name for column in scheme.columns] + list(keys))
        raise Invalid([*findings, Finding("", "known_columns", f"The columns of this application are: {known}.")])
    return found


def _copied_text(value: str) -> str:
    return value.translate(_COPY_ESCAPES)


def _bytes(value: bytes) -> str:
    return "\\\\x" + value.hex()


# How COPY wants a value, by its exact type.
_COPIED: dict[type, Callable[..., str]] = {
    str: _copied_text,
    int: str,
    float: repr,
    bool: lambda value: "t" if value else "f",
    datetime: datetime.isoformat,
    type(None): lambda _: _UNSET,
}
