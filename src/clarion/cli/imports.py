"""`clarion import`: a company and its devices, lists and history out of the files of another system."""

from datetime import date
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind
from clarion.base.errors import ClarionError, Finding, Invalid
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.apps import PartnerId
from clarion.cli.devices import watched
from clarion.cli.import_report import told, told_tokens
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, database, installation
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry
from clarion.migration import accengage, service, tokens
from clarion.migration.model import Brought, Choices, ColumnChoice, FileKind, TokensReport

app = typer.Typer(help="Records, devices, lists and history out of the files of another system.", no_args_is_help=True)

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Go through every line and tell what would happen; write nothing.")
]
Rejects = Annotated[
    Path | None,
    typer.Option("--rejects", metavar="FOLDER", help="Where rejected lines go. Default: beside their file."),
]


@app.command("accengage")
def import_accengage(
    partner_id: PartnerId,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Export files, or folders of them.")],
    dry_run: DryRun = False,
    create_columns: Annotated[
        bool, typer.Option("--create-columns", help="Make the columns that are missing, as the dry run proposes them.")
    ] = False,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="NAME=KIND[:indexed]", help="Make this column as said. May be repeated."),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="NAME", help="Leave this column out. May be repeated.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option("--rename", metavar="NAME=NEW", help="Read this column under another name. May be repeated."),
    ] = None,
    list_name: Annotated[
        str | None,
        typer.Option("--list", metavar="NAME|ID|ext:TEXT", help="The list of the list file. Default: the file's name."),
    ] = None,
    day: Annotated[
        str, typer.Option("--date", metavar="YYYY-MM-DD", help="When the messages of reactions were sent.")
    ] = "",
    kind: Annotated[
        FileKind | None, typer.Option("--kind", help="What all files hold, where neither name nor header tells.")
    ] = None,
    app_id: Annotated[
        str | None, typer.Option("--app-id", metavar="ID", help="Take the files of this application of Accengage only.")
    ] = None,
    rejects: Rejects = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Bring an application over from Accengage: its devices, its static lists, what it sent and who reacted.

    Takes the vendor's CSV exports: exportDevices_APPID_YYYYMMDD.csv, exportMessagesReactions_APPID_YYYYMMDD.csv, and
    files of list members; other names are told by their header. Devices are loaded first, then lists, then reactions.
    UDIDs and tokens stay as they are. Loading the same files again changes nothing.

    Begin with a dry run: it shows which columns are missing and what they would be, and the lines that do not fit.

    Examples:

        clarion import accengage shop-ios exports/ --dry-run

        clarion import accengage shop-ios exports/ --create-columns --column birthday=date --column card=text:indexed

        clarion import accengage shop-ios vips.csv --list ext:vips
    """
    choices = Choices(
        create_columns=create_columns,
        columns=_columns(columns or []),
        skip=frozenset(name.lower() for name in skip or []),
        renames=_renames(rename or []),
        list_name=list_name,
        day=_day(day),
        rejects=rejects,
    )
    given_kind = FileKind.LIST if kind is None and list_name is not None and _one_file(paths) else kind
    settings = installation(data_dir, database_url)
    work = _accengage(settings, partner_id, paths, choices, given_kind, app_id, dry_run, shown=not as_json)
    result = output.run(work)
    if not as_json:
        for remark in result.remarks:
            output.warn(remark)
    output.answer(result, told(result), as_json=as_json)


@app.command("tokens")
def import_tokens(
    partner_id: PartnerId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One token a line, or CSV with a column token.")],
    dry_run: DryRun = False,
    rejects: Rejects = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Load push tokens of any origin: one a line, or CSV (`;` or `,`) with token, UDID and further columns.

    Without header the columns are token, then UDID; for a web application also endpoint, p256dh, auth. With a header
    they stand in any order: token (or endpoint) and whatever columns the application has. A token without UDID goes to
    the device that holds it, else to a new one whose UDID follows from the token: loading the file again changes
    nothing. Lines whose token is empty or - are passed over.

    Example:

        clarion import tokens shop-android tokens.txt --dry-run
    """
    settings = installation(data_dir, database_url)
    result = output.run(_tokens(settings, partner_id, file, rejects, dry_run, shown=not as_json))
    output.answer(result, told_tokens(result), as_json=as_json)


async def _accengage(
    settings: Settings,
    partner_id: str,
    paths: list[Path],
    choices: Choices,
    kind: FileKind | None,
    app_id: str | None,
    dry_run: bool,
    *,
    shown: bool,
) -> Brought:
    async with database(settings) as db:
        async with db.connection() as conn:
            found = await apps.get_app(conn, partner_id)
            scheme = await apps.load_scheme(conn, found.id)
        exports, ignored = accengage.gather(paths, scheme, kind=kind, app=app_id)
        with output.progress(shown=shown) as bar:
            try:
                return await service.bring_over(
                    db,
                    found,
                    exports,
                    choices,
                    ignored=ignored,
                    dry_run=dry_run,
                    watch=partial(watched, bar),
                    audit=_audit(found),
                )
            except OSError as error:
                raise _unwritable(error) from None


async def _tokens(
    settings: Settings, partner_id: str, file: Path, rejects: Path | None, dry_run: bool, *, shown: bool
) -> TokensReport:
    async with database(settings) as db:
        async with db.connection() as conn:
            found = await apps.get_app(conn, partner_id)
        with output.progress(shown=shown) as bar:
            report = watched(bar, f"Tokens of {file.name}")
            try:
                result = await tokens.load_tokens(db, found, file, rejects=rejects, progress=report, dry_run=dry_run)
            except OSError as error:
                raise _unwritable(error) from None
        if not dry_run:
            async with db.transaction() as conn:
                await _audit(found)(conn, "import.tokens", file.name)
        return result


def _audit(found: App) -> service.Audit:
    async def note(conn: Conn, operation: str, what: str) -> None:
        entry = AuditEntry("cli", operation, f"{found.partner_id} {what}", 0, app_id=found.id)
        await identity.record_audit(conn, entry)

    return note


def _unwritable(error: OSError) -> ClarionError:
    return ClarionError(
        f"{error.filename} cannot be written: {error.strerror}.", "Choose a folder for rejected lines: --rejects."
    )


def _columns(given: list[str]) -> dict[str, ColumnChoice]:
    """The columns to be made, from NAME=KIND[:indexed]. Raises Invalid."""
    found: dict[str, ColumnChoice] = {}
    findings = []
    for text in given:
        name, _, said = text.rpartition("=")
        kind, _, index = said.lower().partition(":")
        if not name or kind not in set(ColumnKind) or index not in ("", "indexed"):
            kinds = ", ".join(ColumnKind)
            message = f"--column {text}: write NAME=KIND or NAME=KIND:indexed; kinds are {kinds}."
            findings.append(Finding("", "column_option", message))
        else:
            found[name.lower()] = ColumnChoice(ColumnKind(kind), indexed=bool(index))
    if findings:
        raise Invalid(findings)
    return found


def _renames(given: list[str]) -> dict[str, str]:
    """New names by old ones in lower case, from NAME=NEW. Raises Invalid."""
    pairs = [text.rpartition("=") for text in given]
    findings = [
        Finding("", "rename_option", f"--rename {text}: write NAME=NEW.")
        for text, (name, _, new) in zip(given, pairs, strict=True)
        if not (name and new)
    ]
    if findings:
        raise Invalid(findings)
    return {name.lower(): new for name, _, new in pairs}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid([Finding("", "date_option", f"--date {text}: write YYYY-MM-DD.")]) from None


def _one_file(paths: list[Path]) -> bool:
    return len(paths) == 1 and paths[0].is_file()
