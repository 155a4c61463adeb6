"""`clarion geofences` and `clarion beacons`: places from CSV files."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from msgspec import Struct
from rich.progress import Progress as Bar

from clarion.apps import service as apps
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.apps import PartnerId
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, database, installation
from clarion.db import retry
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry
from clarion.places import importing
from clarion.places.model import BeaconDraft, GeofenceDraft, Merged

geofences = typer.Typer(help="Geofences of an application.", no_args_is_help=True)
beacons = typer.Typer(help="Beacons of an application.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV: `;` or `,`, UTF-8, a header with column names.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the file and tell what would change; write nothing.")]
T = TypeVar("T", GeofenceDraft, BeaconDraft)


class Imported(Struct, frozen=True, rename="camel"):
    """The account of an import; lines without external id are `unnamed` and are new each time."""

    read: int
    created: int
    updated: int
    unchanged: int
    unnamed: int
    dry_run: bool


@geofences.command("import")
def import_geofences(
    partner_id: PartnerId,
    file: File,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Load geofences from a CSV file: all of its lines, or none when one does not fit.

    The header names name, latitude, longitude (degrees), radius (metres) and externalId; other columns become the
    geofence's own values. A geofence of the same externalId is replaced by what the line says.

    Example:

        clarion geofences import shop-ios stores.csv --dry-run
    """
    settings = installation(data_dir, database_url)
    drafts = importing.read_geofences(file)
    with output.progress(shown=not as_json) as bar:
        made = _import(settings, partner_id, "geofences", drafts, importing.import_geofences, dry_run, bar)
        result = output.run(made)
    _answer(result, "geofences", as_json=as_json)


@beacons.command("import")
def import_beacons(
    partner_id: PartnerId,
    file: File,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Load beacons from a CSV file: all of its lines, or none when one does not fit.

    The header names name, uuid, major, minor and externalId; other columns become the beacon's own values. A beacon
    of the same externalId is replaced by what the line says.

    Example:

        clarion beacons import shop-ios aisles.csv --dry-run
    """
    settings = installation(data_dir, database_url)
    drafts = importing.read_beacons(file)
    with output.progress(shown=not as_json) as bar:
        made = _import(settings, partner_id, "beacons", drafts, importing.import_beacons, dry_run, bar)
        result = output.run(made)
    _answer(result, "beacons", as_json=as_json)


async def _import(
    settings: Settings,
    partner_id: str,
    kind: str,
    drafts: Sequence[T],
    write: Callable[[Conn, int, Sequence[T], importing.Report], Awaitable[Merged]],
    dry_run: bool,
    bar: Bar,
) -> Imported:
    task = bar.add_task(f"Importing {kind} into {partner_id}", total=None)

    def report(done: int, total: int) -> None:
        bar.update(task, total=total, completed=done)

    async with database(settings) as db:

        async def work(conn: Conn) -> Merged:
            app = await apps.get_app(conn, partner_id)
            async with conn.transaction(force_rollback=dry_run):
                merged = await write(conn, app.id, drafts, report)
            if not dry_run:
                entry = AuditEntry("cli", f"{kind}.import", partner_id, 0, app_id=app.id)
                await identity.record_audit(conn, entry)
            return merged

        merged = await retry.transact(db, work)
    unnamed = sum(draft.external_id is None for draft in drafts)
    return Imported(len(drafts), merged.created, merged.updated, merged.unchanged, unnamed, dry_run)


def _answer(result: Imported, kind: str, *, as_json: bool) -> None:
    if result.unnamed:
        lines = "1 line has" if result.unnamed == 1 else f"{result.unnamed:,} lines have"
        output.warn(f"{lines} no externalId: loading the file again makes such places once more.")
    what = "would be" if result.dry_run else "were"
    human = (
        f"{result.read:,} {kind}: {result.created:,} {what} created, {result.updated:,} updated, "
        f"{result.unchanged:,} are there as given."
    )
    output.answer(result, human, as_json=as_json)
