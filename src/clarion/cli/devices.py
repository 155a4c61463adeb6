"""`clarion devices`: whole device bases in and out as CSV files, and unused profiles away."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from rich.progress import Progress as Bar

from clarion.apps import service as apps
from clarion.apps.model import Column
from clarion.assembly.erasure import FORGET
from clarion.base.errors import ClarionError, Finding, Invalid
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.apps import PartnerId
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, database, installation
from clarion.devices import purging, transfer
from clarion.devices.model import PurgeRule, TransferProgress
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry

app = typer.Typer(help="Device bases in and out.", no_args_is_help=True)


class Imported(Struct, frozen=True):
    """The account of an import: every line was written or stands in the file `rejects`, with its reason."""

    read: int
    written: int
    rejected: int
    rejects: str | None


class Exported(Struct, frozen=True):
    """The account of an export."""

    written: int
    file: str


class Purged(Struct, frozen=True, rename="camel"):
    """How many profiles were taken away, or would be."""

    profiles: int
    dry_run: bool


@app.command("import")
def import_(
    partner_id: PartnerId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: `;` or `,`, UTF-8, a header with column names.")],
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", metavar="FILE", help="Where lines that do not fit go. Default: FILE.rejects.csv"),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Load devices from a CSV file; known ones (by UDID) are updated.

    The header names columns of the application, UDID among them; web subscriptions come as token (the endpoint),
    p256dh and auth. Loading the same file again changes nothing.

    Example:

        clarion devices import shop-ios devices.csv
    """
    refused = rejects or file.with_name(f"{file.name}.rejects.csv")
    with output.progress(shown=not as_json) as bar:
        result = output.run(_import(installation(data_dir, database_url), partner_id, file, refused, bar))
    if result.rejected:
        output.warn(f"{result.rejected:,} lines were rejected; {result.rejects} tells why.")
    output.answer(result, f"{result.written:,} of {result.read:,} devices written.", as_json=as_json)


async def _import(settings: Settings, partner_id: str, file: Path, rejects: Path, bar: Bar) -> Imported:
    async with database(settings) as db:
        async with db.connection() as conn:
            found = await apps.get_app(conn, partner_id)
        watch = watched(bar, f"Importing into {partner_id}")
        try:
            result = await transfer.import_csv(db, found, file, rejects=rejects, progress=watch)
        except OSError as error:
            raise ClarionError(
                f"{rejects} cannot be written: {error.strerror}.", "Choose another file for rejected lines: --rejects."
            ) from None
        async with db.transaction() as conn:
            await identity.record_audit(conn, AuditEntry("cli", "devices.import", partner_id, 0, app_id=found.id))
    return Imported(result.read, result.written, result.rejected, str(rejects) if result.rejected else None)


@app.command("export")
def export(
    partner_id: PartnerId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write.")],
    columns: Annotated[
        str, typer.Option("--columns", metavar="A,B", help="Only these columns. Default: all, tokens included.")
    ] = "",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Write all devices of an application to a CSV file, as `devices import` reads it.

    Example:

        clarion devices export shop-ios devices.csv --columns UDID,language,lastopen
    """
    names = [name.strip() for name in columns.split(",") if name.strip()]
    with output.progress(shown=not as_json) as bar:
        written = output.run(_export(installation(data_dir, database_url), partner_id, file, names, bar))
    output.answer(Exported(written, str(file)), f"{written:,} devices written to {file}.", as_json=as_json)


async def _export(settings: Settings, partner_id: str, file: Path, names: list[str], bar: Bar) -> int:
    async with database(settings) as db:
        async with db.connection() as conn:
            found = await apps.get_app(conn, partner_id)
            wanted = _columns(names, (await apps.load_scheme(conn, found.id)).find) if names else None
        try:
            return await transfer.export_csv(db, found, file, wanted, watched(bar, f"Exporting {partner_id}"))
        except OSError as error:
            raise ClarionError(f"{file} cannot be written: {error.strerror}.", "Choose another file.") from None


@app.command("purge")
def purge(
    partner_id: PartnerId,
    days: Annotated[int, typer.Option(min=1, max=36500, help="Days since the last opening.")] = 365,
    bounces: Annotated[
        int, typer.Option(min=0, max=1000, help="Refusals of the gateway that a purged profile has more than.")
    ] = 2,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many profiles would go.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Take away profiles that nobody opened for long and the gateway refuses, as the server does once a day.

    Their tokens, list memberships and inboxes go with them; reports of the past stay. What the server does by itself
    is set with `clarion serve --purge-days`.

    Example:

        clarion devices purge shop-ios --dry-run
    """
    rule = PurgeRule(days, bounces)
    with output.progress(shown=not as_json and not dry_run) as bar:
        number = output.run(_purge(installation(data_dir, database_url), partner_id, rule, dry_run, bar))
    human = f"{number:,} profiles would be taken away." if dry_run else f"{number:,} profiles taken away."
    output.answer(Purged(number, dry_run), human, as_json=as_json)


async def _purge(settings: Settings, partner_id: str, rule: PurgeRule, dry_run: bool, bar: Bar) -> int:
    async with database(settings) as db:
        async with db.connection() as conn:
            found = await apps.get_app(conn, partner_id)
            total = await purging.count_unused(conn, found.id, rule)
        if dry_run:
            return total
        task = bar.add_task(f"Purging {partner_id}", total=total)
        purged, more = 0, True
        while more:
            part = await purging.purge_part(
                db, found.id, rule, FORGET, report=lambda number: bar.update(task, advance=number)
            )
            purged += part.devices
            more = part.more
        async with db.transaction() as conn:
            await identity.record_audit(conn, AuditEntry("cli", "devices.purge", partner_id, 0, app_id=found.id))
    return purged


def _columns(names: list[str], find: Callable[[str], Column | None]) -> list[Column]:
    found = {name: find(name) for name in names}
    unknown = [name for name, column in found.items() if column is None]
    if unknown:
        raise Invalid([Finding("", "unknown_column", f"This application has no column {', '.join(unknown)}.")])
    return [column for column in found.values() if column]


def watched(bar: Bar, title: str) -> transfer.Report:
    """A report of progress that moves a task of this bar."""
    task = bar.add_task(title, total=None)

    def report(progress: TransferProgress) -> None:
        bar.update(task, total=progress.total, completed=progress.read)

    return report
