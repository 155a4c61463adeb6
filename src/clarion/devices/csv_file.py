"""Reading a CSV file of devices line by line, without ever losing one.

Pieces that are sound go through the csv module whole. A piece that is not is read record by record, so that a line
in a wrong encoding, or a quote that nobody closes, costs that one line and nothing after it.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from clarion.base.errors import Finding, Invalid

PIECE = 20_000
# A quoted value may hold line ends. One that is still open after so many lines was never meant to be one.
_LONGEST_RECORD = 200
_LONGEST_HEADER = 1 << 20
_MARK = b"\xef\xbb\xbf"


class Broken(Struct, frozen=True):
    """A line that is no record, and why."""

    line: int
    reason: str
    original: str


class Piece(Struct, frozen=True):
    """Records side by side: the line each begins on, its fields, its text as it stands in the file."""

    lines: Sequence[int]
    fields: Sequence[list[str]]
    originals: Sequence[str]
    broken: Sequence[Broken] = ()

    def __len__(self) -> int:
        return len(self.fields)

    def only(self, places: Sequence[int]) -> "Piece":
        """The records at these places, in this order."""
        return Piece(
            [self.lines[n] for n in places], [self.fields[n] for n in places], [self.originals[n] for n in places]
        )


class CsvFile:
    """An open CSV file: UTF-8 with or without byte-order mark, `;` or `,` as its first line has it, `"` for quotes.

    `names` are those of its columns when it has no header: its first line is then a record like any other.
    """

    def __init__(self, path: Path, names: Sequence[str] | None = None) -> None:
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise _unreadable(f"{path} cannot be read: {error.strerror}.") from error
        first = self._file.readline(_LONGEST_HEADER)
        try:
            text = first.decode("utf-8-sig")
        except UnicodeDecodeError:
            self._file.close()
            raise _unreadable(f"{path} is not UTF-8 text.") from None
        self.separator = ";" if text.count(";") >= text.count(",") else ","
        first_line = next(csv.reader([text], delimiter=self.separator, skipinitialspace=True), [])
        self.header = list(names) if names is not None else [name.strip() for name in first_line]
        self._first = 1 if names is not None else 2
        self._start = self._file.tell() if names is None else len(first) - len(first.removeprefix(_MARK))

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def pieces(self) -> Iterator[Piece]:
        """All records after the header, in pieces; blank lines are left out. Begins anew with every call."""
        self._file.seek(self._start)
        line = self._first
        held: list[bytes] = []
        while True:
            lines = held + list(islice(self._file, PIECE))
            if not lines:
                return
            done = len(lines)
            piece = self._read_whole(lines, line)
            if piece is None:
                piece, done = self._read_singly(lines, line, last=len(lines) - len(held) < PIECE)
            yield piece
            held = lines[done:]
            line += done

    def _read_whole(self, lines: list[bytes], line: int) -> Piece | None:
        """The records of a piece in which every line is a sound record of its own; None for any other piece."""
        try:
            texts = [text.decode() for text in lines]
            fields = list(csv.reader(texts, delimiter=self.separator, strict=True))
        except (UnicodeDecodeError, csv.Error):
            return None
        if len(fields) != len(texts):
            return None
        piece = Piece(range(line, line + len(lines)), fields, texts)
        return piece.only([n for n, found in enumerate(fields) if found]) if [] in fields else piece

    def _read_singly(self, lines: list[bytes], line: int, *, last: bool) -> tuple[Piece, int]:
        """The records of a piece one by one, and how many of its lines they took: unless it is the last piece, the
        lines at its end, which may be half a record, are left for the next."""
        records: list[tuple[int, list[str], str]] = []
        broken: list[Broken] = []
        at = 0
        while at < len(lines) and (last or len(lines) - at >= _LONGEST_RECORD):
            found = self._read_one(lines[at : at + _LONGEST_RECORD], line + at)
            if isinstance(found, Broken):
                broken.append(found)
                at += 1
                continue
            fields, original, taken = found
            if fields:
                records.append((line + at, fields, original))
            at += taken
        return Piece([r[0] for r in records], [r[1] for r in records], [r[2] for r in records], broken), at

    def _read_one(self, lines: list[bytes], line: int) -> tuple[list[str], str, int] | Broken:
        """The record that begins with the first of these lines: fields, text, and how many lines it takes."""
        try:
            text = first = lines[0].decode()
        except UnicodeDecodeError:
            return Broken(line, "The line is not UTF-8.", lines[0].decode(errors="backslashreplace"))
        fields = self._parse(text)
        if fields is not None:
            return fields, text, 1
        taken = 1
        while text.count('"') % 2 and taken < len(lines):
            text += lines[taken].decode(errors="replace")
            taken += 1
        fields = self._parse(text) if taken > 1 else None
        if fields is not None and len(fields) == len(self.header) and "\ufffd" not in text:
            return fields, text, taken
        return Broken(line, "The quotes do not fit: one is not closed, or stands in the middle of a value.", first)

    def _parse(self, text: str) -> list[str] | None:
        """The fields of a text that is exactly one record."""
        try:
            return next(csv.reader([text], delimiter=self.separator, strict=True), [])
        except csv.Error:
            return None


def _unreadable(message: str) -> Invalid:
    return Invalid([Finding("", "unreadable_file", message)])
