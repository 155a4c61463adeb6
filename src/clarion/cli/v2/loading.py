"""`clarion import accounts|sites|services|invoices`: records out of CSV files, over /v2, by external reference."""

import csv
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import UNSET, Struct, UnsetType
from rich.console import Group, RenderableType

from clarion.base.errors import ClarionError
from clarion.cli import output
from clarion.cli.options import AsJson
from clarion.cli.v2.connection import Connection, connected
from clarion.client.v2.importing.load import Loader
from clarion.client.v2.importing.model import KINDS, Became, FileKind, Item, Outcome
from clarion.client.v2.importing.reading import Table, items_of, read_table

_MOST_REASONS = 20

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV in UTF-8, a header row of member names first.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Look everything up and tell what would happen; write nothing.")
]
Rejects = Annotated[
    Path | None, typer.Option("--rejects", metavar="FILE", help="Where refused rows go. Default: FILE.refused.csv")
]


class Refused(Struct, frozen=True):
    """A record of the file that was not taken, and the lines its rows begin at."""

    lines: list[int]
    reference: str
    reason: str


class Report(Struct, frozen=True, rename="camel"):
    """What became of the records of a file; each stands in exactly one of the four figures, or was not reached."""

    file: str
    rows: int
    records: int
    created: int
    changed: int
    unchanged: int
    refused: int
    dry_run: bool
    reasons: list[Refused]
    rejects: str | None
    stopped: str | UnsetType = UNSET


def command_of(kind: FileKind) -> Any:
    """The command for one kind of file."""

    def command(
        connection: Connection, file: File, dry_run: DryRun = False, rejects: Rejects = None, as_json: AsJson = False
    ) -> None:
        table = read_table(file, kind)
        items = items_of(table, kind)
        outcomes, stopped = output.run(_load(connection, kind, items, dry_run, shown=not as_json))
        refused = [each for each in outcomes if each.became is Became.REFUSED]
        target = rejects or file.with_name(f"{file.name}.refused.csv")
        if refused and not dry_run:
            _write_rejects(target, table, refused)
        report = _report(
            file, table, items, outcomes, dry_run, str(target) if refused and not dry_run else None, stopped
        )
        output.answer(report, _told(kind, report), as_json=as_json)
        if stopped is not None:
            raise stopped

    command.__doc__ = _HELP[kind.name]
    return connected(command)


async def _load(
    connection: Connection, kind: FileKind, items: list[Item], dry_run: bool, *, shown: bool
) -> tuple[list[Outcome], ClarionError | None]:
    """What became of the records, and what stopped the work before its end."""
    outcomes: list[Outcome] = []
    with output.progress(shown=shown) as progress:
        task = progress.add_task(kind.name, total=len(items))
        try:
            async with connection.client() as v2:
                async for outcome in Loader(v2.caller, kind, dry_run=dry_run).load(items):
                    outcomes.append(outcome)
                    progress.advance(task)
        except ClarionError as error:
            if not outcomes:
                raise
            return outcomes, error
    return outcomes, None


def _write_rejects(target: Path, table: Table, refused: list[Outcome]) -> None:
    """The refused rows as they stand in the file, under its header: corrected, the file can be loaded by itself."""
    rows = sorted((row for each in refused for row in each.item.rows), key=lambda row: row.line)
    try:
        with target.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=table.delimiter)
            writer.writerow(table.header)
            writer.writerows(row.raw for row in rows)
    except OSError as error:
        output.warn(f"Refused rows cannot be written to {target}: {error.strerror}.")


def _report(
    file: Path,
    table: Table,
    items: list[Item],
    outcomes: list[Outcome],
    dry_run: bool,
    rejects: str | None,
    stopped: ClarionError | None,
) -> Report:
    figures = Counter(each.became for each in outcomes)
    return Report(
        file=str(file),
        rows=len(table.rows),
        records=len(items),
        created=figures[Became.CREATED],
        changed=figures[Became.CHANGED],
        unchanged=figures[Became.UNCHANGED],
        refused=figures[Became.REFUSED],
        dry_run=dry_run,
        reasons=[
            Refused([row.line for row in each.item.rows], each.item.reference, each.reason)
            for each in outcomes
            if each.became is Became.REFUSED
        ],
        rejects=rejects,
        stopped=UNSET if stopped is None else stopped.message,
    )


def _told(kind: FileKind, report: Report) -> RenderableType:
    would = "would be " if report.dry_run else ""
    parts: list[RenderableType] = [
        f"{report.records:,} {kind.name} in {report.rows:,} rows: {report.created:,} {would}created,"
        f" {report.changed:,} {would}changed, {report.unchanged:,} unchanged, {report.refused:,} refused."
    ]
    if report.reasons:
        rows: list[tuple[object, ...]] = [
            (", ".join(map(str, each.lines)), each.reference, each.reason) for each in report.reasons[:_MOST_REASONS]
        ]
        parts.append(output.table("line", "reference", "why it is refused", rows=rows))
    if report.rejects:
        parts.append(f"{report.rejects} holds every refused row.")
    if report.stopped is not UNSET:
        reached = report.created + report.changed + report.unchanged + report.refused
        parts.append(f"{report.records - reached:,} were not reached: load the file again.")
    if report.dry_run:
        parts.append("This was a dry run: nothing was written.")
    return Group(*parts)


_HELP = {
    "accounts": """Create and change accounts out of a CSV file.

    Accounts are found by externalReference, a column the file must have; what differs is changed, an empty cell leaves
    its member alone, `null` clears it. Loading a file again changes nothing.

    Example:

        clarion import accounts accounts.csv --dry-run
    """,
    "sites": """Create and change sites out of a CSV file.

    Sites are found by account and externalReference. Column accountId names the account by its id,
    accountExternalReference by yours; location.latitude and location.longitude place a site.

    Example:

        clarion import sites sites.csv
    """,
    "services": """Create and change services out of a CSV file.

    Services are found by account and externalReference. Column siteId names the site by its id, siteExternalReference
    by yours.

    Example:

        clarion import services services.csv
    """,
    "invoices": """Create and change invoices with their lines out of a CSV file.

    One row for each line: rows with the same externalReference and account are one invoice. Columns that begin with
    line. are those of the line (line.description, line.quantity, line.serviceExternalReference). The lines of a draft
    become those of the file; status Issued issues the invoice once its lines are there.

    Example:

        clarion import invoices invoices.csv
    """,
}


def add_to(app: typer.Typer) -> None:
    """The commands, beside those for the files of other systems."""
    for kind in KINDS.values():
        app.command(kind.name)(command_of(kind))
