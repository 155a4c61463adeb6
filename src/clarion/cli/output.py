"""How commands speak: the answer on standard output, for people or as JSON; everything else on standard error."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import uvloop
from msgspec import UNSET, Struct, UnsetType
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from clarion.base.errors import ClarionError, Finding, Invalid

T = TypeVar("T")

_WIDE = 200

# Names and texts of a company may hold brackets: nothing is taken for markup.
out = Console(markup=False, highlight=False, soft_wrap=True)
err = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)


class _Complaint(Struct, frozen=True):
    error: str
    hint: str
    findings: list[Finding] | UnsetType = UNSET


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run the asynchronous part of a command to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def answer(value: object, human: RenderableType, *, as_json: bool) -> None:
    """Print what a command found or made: `value` as one line of JSON, or `human`."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")
        sys.stdout.flush()
    else:
        # A file or a pipe has no width: tables keep their lines whole there.
        wide = Console(markup=False, highlight=False, soft_wrap=True, width=_WIDE)
        (out if out.is_terminal else wide).print(human)


def note(text: str) -> None:
    """A remark beside the answer."""
    err.print(text, style="dim")


def warn(text: str) -> None:
    """A remark that deserves a look."""
    err.print(text, style="yellow")


def complain(error: ClarionError, *, as_json: bool) -> None:
    """Say why a command failed and what to do about it."""
    findings = error.findings if isinstance(error, Invalid) else []
    if as_json:
        complaint = _Complaint(error.message, error.hint, findings or UNSET)
        sys.stderr.write(msgspec.json.encode(complaint).decode() + "\n")
        return
    if findings:
        for finding in findings:
            place = f"{finding.pointer}: " if finding.pointer else ""
            err.print(f"{place}{finding.message}", style="bold red")
    else:
        err.print(error.message, style="bold red")
    if error.hint:
        err.print(error.hint)


def table(*columns: str, rows: list[tuple[object, ...]], empty: str = "Nothing yet.") -> RenderableType:
    """A plain table; numbers stand on the right. `empty` is said instead of a table without rows."""
    if not rows:
        return empty
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for place, name in enumerate(columns):
        numeric = all(isinstance(row[place], int | float) for row in rows)
        made.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_cell(cell) for cell in row))
    return made


def _cell(cell: object) -> Text:
    if isinstance(cell, Text):
        return cell
    return Text(f"{cell:,}" if isinstance(cell, int) else str(cell))


class _Rate(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


def progress(*, shown: bool = True) -> Progress:
    """A progress bar on standard error, gone when it is done; nothing where nobody watches."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not shown or not err.is_terminal,
    )
