"""Files of records: CSV with a header row of member names, read whole before anything is written.

UTF-8, commas or semicolons. A column is a member of the record's kind, or names what it stands below; an empty cell
leaves its member alone.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from clarion.base.errors import ClarionError
from clarion.client.v2.importing.model import LINE, REFERENCE, FileKind, Item, Name, Parent, Row
from clarion.client.v2.members import is_known, read_members, types_of


class Table(Struct, frozen=True):
    """A file as it stands: its header, its rows, what parts its cells."""

    header: list[str]
    rows: list[Row]
    delimiter: str


def read_table(path: Path, kind: FileKind) -> Table:
    """The rows of a file. Raises ClarionError when it cannot be read or a column is none of the kind's."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ClarionError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    except UnicodeDecodeError as error:
        raise ClarionError(f"{path} is not UTF-8: byte {error.start} does not fit.", "Save it as UTF-8.") from None
    first = text.partition("\n")[0]
    delimiter = ";" if ";" in first and "," not in first else ","
    try:
        lines = list(_lines(text, delimiter))
    except csv.Error as error:
        raise ClarionError(f"{path} is no CSV: {error}.") from None
    if not lines:
        raise ClarionError(f"{path} is empty.", f"Its first row names members: {', '.join(columns_of(kind))}.")
    header = [name.strip() for name in lines[0][1]]
    _check_header(path, header, kind)
    rows = [_row(line, cells, header) for line, cells in lines[1:] if any(cell.strip() for cell in cells)]
    return Table(header, rows, delimiter)


def columns_of(kind: FileKind) -> list[str]:
    """The names a header may have; dotted names lead into members that are objects."""
    above = [kind.parent.column] if kind.parent else []
    lines = [f"{LINE}{name}" for name in types_of(kind.lines)] if kind.lines else []
    return [
        *(name for name in types_of(kind.create, kind.patch) if name != "lineDetails"),
        *above,
        *lines,
        *(f"{LINE}{parent.column}" for parent in kind.line_parents),
    ]


def items_of(table: Table, kind: FileKind) -> list[Item]:
    """The records a file wants, in its order; rows of one record need not stand together."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for number, row in enumerate(table.rows):
        reference = row.cells.get(REFERENCE, "")
        above = [row.cells.get(name, "") for name in ((kind.parent.member, kind.parent.column) if kind.parent else ())]
        # Only rows with lines belong together; others of one name are told to be doubles.
        key = (reference, *above) if kind.lines and reference else ("", str(number))
        groups.setdefault(key, []).append(row)
    items = [_item(rows, kind) for rows in groups.values()]
    return list(_without_doubles(items))


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    line = 1
    for cells in reader:
        yield line, cells
        line = reader.line_num + 1


def _check_header(path: Path, header: list[str], kind: FileKind) -> None:
    known = set(columns_of(kind))
    types = types_of(kind.create, kind.patch)
    line_types = types_of(kind.lines) if kind.lines else {}
    unknown = [name for name in header if not (name in known or ("." in name and _dotted(name, types, line_types)))]
    if unknown:
        raise ClarionError(
            f"{path} has columns that {kind.name} do not have: {', '.join(map(repr, unknown))}.",
            f"Columns are: {', '.join(columns_of(kind))}.",
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ClarionError(f"{path} has columns twice: {', '.join(twice)}.", "Keep one of each.")
    if REFERENCE not in header:
        raise ClarionError(
            f"{path} has no column {REFERENCE}.", "Records are found again by it: give each a reference of your own."
        )


def _dotted(name: str, types: Mapping[str, Any], line_types: Mapping[str, Any]) -> bool:
    if name.startswith(LINE):
        return is_known(name.removeprefix(LINE), line_types)
    return is_known(name, types)


def _row(line: int, raw: list[str], header: list[str]) -> Row:
    cells = {name: cell for name, cell in zip(header, raw, strict=False) if cell != ""}
    if len(raw) > len(header):
        cells[""] = f"The row has {len(raw)} cells and the header {len(header)}."
    return Row(line, raw, cells)


def _item(rows: list[Row], kind: FileKind) -> Item:
    findings: list[str] = []
    texts: dict[str, str] = {}
    lines: list[dict[str, Any]] = []
    line_parents: list[dict[str, Name]] = []
    line_types = types_of(kind.lines) if kind.lines else {}
    for row in rows:
        if "" in row.cells:
            findings.append(row.cells[""])
        for name, cell in row.cells.items():
            if name and not name.startswith(LINE) and texts.setdefault(name, cell) != cell:
                findings.append(f"{name}: line {row.line} says {cell!r} and an earlier one {texts[name]!r}.")
        own = {name.removeprefix(LINE): cell for name, cell in row.cells.items() if name.startswith(LINE)}
        if own:
            above = {each.member: found for each in kind.line_parents if (found := _named(own, each)) is not None}
            values, wrong = read_members(own, line_types)
            findings += [f"{LINE}{each.pointer[1:]}: {each.message}" for each in wrong]
            lines.append(values)
            line_parents.append(above)
    parent = _named(texts, kind.parent) if kind.parent else None
    values, wrong = read_members(texts, types_of(kind.create, kind.patch))
    findings += [f"{each.pointer[1:]}: {each.message}" for each in wrong]
    if kind.parent and parent is None:
        findings.append(f"{kind.parent.member} or {kind.parent.column} is missing.")
    reference = values.get(REFERENCE) or ""
    if not reference:
        findings.append(f"{REFERENCE} is missing.")
    return Item(rows, reference, values, parent, lines, line_parents, findings)


def _named(texts: dict[str, str], parent: Parent) -> Name | None:
    """What a row stands below; its cells are taken out of `texts`. The id counts where both are given."""
    by_id, by_reference = texts.pop(parent.member, ""), texts.pop(parent.column, "")
    if by_id:
        return Name(parent, by_id, by_id=True)
    return Name(parent, by_reference, by_id=False) if by_reference else None


def _without_doubles(items: list[Item]) -> Iterator[Item]:
    seen: dict[tuple[str, Name | None], int] = {}
    for item in items:
        first = seen.setdefault((item.reference, item.parent), item.rows[0].line)
        if item.reference and first != item.rows[0].line:
            item.findings.append(f"{REFERENCE}: line {first} has {item.reference!r} already.")
        yield item
