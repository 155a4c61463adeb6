"""`clarion lists`: static lists, and files of their members."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from rich.progress import Progress as Bar

from clarion.apps import service as apps
from clarion.audience.lists import importing
from clarion.audience.lists import service as lists
from clarion.audience.lists.model import StaticList
from clarion.base.errors import ClarionError, Finding, Invalid, NotFound
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.apps import PartnerId
from clarion.cli.devices import watched
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, changing, database, installation
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry

app = typer.Typer(help="Static lists of devices.", no_args_is_help=True)

_FIRST_MEMBERS = 10
_LONGEST_NAME = 255
_MOST_LISTS = 1000

ListName = Annotated[str, typer.Argument(metavar="LIST", help="The list's number, or its external id.")]


class Shown(Struct, frozen=True, rename="camel"):
    """A list as commands show it."""

    id: int
    name: str
    external_id: str | None


class ShownMember(Struct, frozen=True, rename="camel"):
    """A member of a list, in the words of the API."""

    device_id: str
    expire_at: datetime | None
    data: Mapping[str, str] | None


class ShownInFull(Struct, frozen=True, rename="camel"):
    """A list, how it stands, and its first members. `waiting` users of queued changes are not applied yet."""

    id: int
    name: str
    external_id: str | None
    members: int
    expiring: int
    waiting: int
    first: list[ShownMember]


class Imported(Struct, frozen=True, rename="camel"):
    """The account of an import: every line named a device, named none, or stands in the file `rejects`."""

    read: int
    written: int
    unknown: int
    rejected: int
    rejects: str | None
    dry_run: bool


@app.command("create")
def create(
    partner_id: PartnerId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")],
    number: Annotated[
        int | None, typer.Option("--id", min=1, max=2**63 - 1, help="Its number. Default: a generated one.")
    ] = None,
    external_id: Annotated[
        str | None, typer.Option("--external-id", metavar="TEXT", help="Apps name it by this to subscribe devices.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Create a static list; prints its number, which messages and the API name.

    Example:

        clarion lists create shop-ios "Loyal buyers" --external-id loyal
    """
    made = output.run(_create(installation(data_dir, database_url), partner_id, name, number, external_id))
    output.answer(made, f"List {made.id} ({made.name}) is made.", as_json=as_json)


async def _create(settings: Settings, partner_id: str, name: str, number: int | None, external_id: str | None) -> Shown:
    for what, text in (("name", name), ("external id", external_id)):
        if text is not None and not (0 < len(text) <= _LONGEST_NAME and text.isprintable()):
            message = f"The {what} of a list has 1 to {_LONGEST_NAME} printable characters."
            raise Invalid([Finding("", "wrong_value", message)])
    async with changing(settings, "lists.create", f"{partner_id} {name}") as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        return _shown(await lists.create_list(conn, app_id, name, external_id, number))


@app.command("list")
def list_lists(
    partner_id: PartnerId, data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False
) -> None:
    """List the static lists of an application.

    Example:

        clarion lists list shop-ios
    """
    found = output.run(_list(installation(data_dir, database_url), partner_id))
    rows: list[tuple[object, ...]] = [(str(each.id), each.name, each.external_id or "") for each in found]
    human = output.table("id", "name", "external id", rows=rows, empty="No static list yet.")
    output.answer(found, human, as_json=as_json)


async def _list(settings: Settings, partner_id: str) -> list[Shown]:
    async with database(settings) as db, db.connection() as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        found: list[Shown] = []
        while page := await lists.list_lists(conn, app_id, _MOST_LISTS, len(found)):
            found += [_shown(each) for each in page]
        return found


@app.command("show")
def show(
    partner_id: PartnerId,
    name: ListName,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Show a static list: how many devices are on it, how many will leave by themselves, what waits to be applied.

    Example:

        clarion lists show shop-ios loyal
    """
    found = output.run(_show(installation(data_dir, database_url), partner_id, name))
    rows: list[tuple[object, ...]] = [
        ("list", f"{found.id} {found.name}"),
        ("external id", found.external_id or ""),
        ("members", f"{found.members:,}"),
        ("of which with an expiry", f"{found.expiring:,}"),
        ("users of queued changes", f"{found.waiting:,}"),
        *(("member" if n == 0 else "", _described(member)) for n, member in enumerate(found.first)),
    ]
    output.answer(found, output.table("", "", rows=rows), as_json=as_json)


async def _show(settings: Settings, partner_id: str, name: str) -> ShownInFull:
    async with database(settings) as db, db.connection() as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        found = await find(conn, app_id, name)
        state = await lists.state(conn, app_id, found.id)
        first = [
            ShownMember(member.udid, member.expires_at, member.data)
            for member in await lists.members_of(conn, app_id, found.id, _FIRST_MEMBERS, 0)
        ]
        return ShownInFull(found.id, found.name, found.external_id, state.members, state.expiring, state.waiting, first)


@app.command("import")
def import_(
    partner_id: PartnerId,
    name: ListName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: `;` or `,`, UTF-8, a header with column names.")],
    by: Annotated[
        str, typer.Option("--by", metavar="COLUMN", help="The column that names devices, where several could.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and look up everything, change nothing.")] = False,
    rejects: Annotated[
        Path | None,
        typer.Option("--rejects", metavar="FILE", help="Where lines that do not fit go. Default: FILE.rejects.csv"),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Put the devices of a CSV file on a static list, or refresh them there.

    The header names the column that tells devices (UDID, or an indexed column), expireAt if devices are to leave one
    day, and up to ten personalisation values, which texts use as ${a4p_name}. It changes the list at once; changes
    that the API has queued are applied afterwards.

    Example:

        clarion lists import shop-ios loyal buyers.csv --dry-run
    """
    refused = rejects or file.with_name(f"{file.name}.rejects.csv")
    with output.progress(shown=not as_json) as bar:
        work = _import(
            installation(data_dir, database_url), partner_id, name, file, refused, bar, by or None, dry_run=dry_run
        )
        result = output.run(work)
    if result.rejected:
        output.warn(f"{result.rejected:,} lines were rejected; {result.rejects} tells why.")
    if result.unknown:
        output.warn(f"{result.unknown:,} lines name no device of this application.")
    done = "would be put" if dry_run else "are"
    output.answer(
        result, f"The devices of {result.written:,} of {result.read:,} lines {done} on the list.", as_json=as_json
    )


async def _import(
    settings: Settings,
    partner_id: str,
    name: str,
    file: Path,
    rejects: Path,
    bar: Bar,
    by: str | None,
    *,
    dry_run: bool,
) -> Imported:
    async with database(settings) as db:
        async with db.connection() as conn:
            found = await apps.get_app(conn, partner_id)
            static_list = await find(conn, found.id, name)
        watch = watched(bar, f"Importing into {static_list.name}")
        try:
            result = await importing.import_members(
                db, found, static_list.id, file, rejects=rejects, progress=watch, by=by, dry_run=dry_run
            )
        except OSError as error:
            raise ClarionError(
                f"{rejects} cannot be written: {error.strerror}.", "Choose another file for rejected lines: --rejects."
            ) from None
        if not dry_run:
            async with db.transaction() as conn:
                target = f"{partner_id} {static_list.id}"
                await identity.record_audit(conn, AuditEntry("cli", "lists.import", target, 0, app_id=found.id))
    kept = str(rejects) if result.rejected else None
    return Imported(result.read, result.written, result.unknown, result.rejected, kept, dry_run)


async def find(conn: Conn, app_id: int, name: str) -> StaticList:
    """The list with this number, or else this external id. Raises NotFound."""
    number = int(name) if name.isascii() and name.isdecimal() and len(name) < 19 else 0
    found = await lists.find_lists(conn, app_id, list_ids=[number], external_ids=[name])
    if not found:
        raise NotFound(f"The application has no static list {name}.", "`clarion lists list` shows those it has.")
    return next((each for each in found if each.id == number), found[0])


def _shown(found: StaticList) -> Shown:
    return Shown(found.id, found.name, found.external_id)


def _described(member: ShownMember) -> str:
    until = f" until {member.expire_at:%Y-%m-%d %H:%M:%S}" if member.expire_at else ""
    values = ", ".join(f"{name}={value}" for name, value in (member.data or {}).items())
    return f"{member.device_id}{until}{f' ({values})' if values else ''}"
