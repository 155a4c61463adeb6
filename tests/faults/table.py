"""The rows of a series as a table: for the terminal, and for `docs/reliability.md` between its markers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from tests.faults.account import KINDS
from tests.faults.row import Row
from tests.faults.sizes import Size

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"

_SHOWN = tuple(kind for kind in KINDS if kind != "cancelled")
_HEADS = ("run", "sends", "devices", *_SHOWN, "lost", "doubles (allowed)", "what was done", "s", "exact")


def _cells(row: Row) -> list[str]:
    if row.not_run:
        return [row.name, *("" for _ in _HEADS[1:-1]), f"NOT RUN: {row.not_run}"]
    return [
        row.name,
        f"{row.sends}",
        f"{row.audience:,}",
        *(f"{row.counts.get(kind, 0):,}" for kind in _SHOWN),
        f"{row.lost:,}",
        f"{row.doubles:,} ({row.allowed:,})",
        row.did,
        f"{row.seconds:.0f}",
        "; ".join(row.faults) or "yes",
    ]


def for_terminal(rows: Sequence[Row]) -> Table:
    """The table for a person at a terminal."""
    table = Table(*_HEADS)
    for row in rows:
        table.add_row(*_cells(row))
    return table


def as_markdown(rows: Sequence[Row]) -> str:
    """The table as Markdown."""
    left = {"run", "what was done", "exact"}
    lines = [_line(_HEADS), _line(["---" if head in left else "---:" for head in _HEADS])]
    return "\n".join([*lines, *(_line([cell.replace("|", "\\|") for cell in _cells(row)]) for row in rows)])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def markers(size: Size) -> tuple[str, str]:
    """What the table of a size stands between."""
    return f"<!-- faults-{size.name}: begin -->", f"<!-- faults-{size.name}: end -->"


def write(rows: Sequence[Row], size: Size, conditions: str, document: Path = DOCUMENT) -> None:
    """Put the rows between the markers of their size; rows of other runs that stand there stay. Raises ValueError when
    the document has no markers."""
    begin, end = markers(size)
    text = document.read_text()
    before, opening, rest = text.partition(begin)
    old, closing, after = rest.partition(end)
    if not opening or not closing:
        raise ValueError(f"{document} has no {begin} ... {end}")
    day = datetime.now(UTC).date().isoformat()
    told = f"Last runs {day}, size {size.name}, {size.senders} senders, {conditions}:"
    head, rule, *fresh = as_markdown(rows).splitlines()
    lines = {_name(line): line for line in old.splitlines() if line.startswith("| ") and line not in (head, rule)}
    lines |= {_name(line): line for line in fresh}
    table = "\n".join([head, rule, *lines.values()])
    document.write_text(f"{before}{begin}\n{told}\n\n{table}\n{end}{after}")


def _name(line: str) -> str:
    return line.split("|")[1].strip()
