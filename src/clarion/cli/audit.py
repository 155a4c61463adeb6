"""`clarion audit`: who did what."""

from datetime import datetime
from typing import Annotated

import typer
from msgspec import Struct

from clarion.apps import service as apps
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, database, installation
from clarion.identity import service as identity
from clarion.identity.model import AuditFilter


class Line(Struct, frozen=True, rename="camel"):
    """A line of the audit trail as the command shows it; `status` is 0 for commands."""

    id: int
    at: datetime
    surface: str
    operation: str
    target: str
    status: int
    email: str | None
    partner_id: str | None


def audit(
    partner_id: Annotated[
        str | None, typer.Option("--app", metavar="PARTNER_ID", help="Only what was done in this application.")
    ] = None,
    email: Annotated[str | None, typer.Option("--email", help="Only what this person did.")] = None,
    surface: Annotated[str | None, typer.Option("--surface", help="Only what came this way: v1, admin, cli.")] = None,
    operation: Annotated[str | None, typer.Option("--operation", help="Only this operation.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Most lines to show.")] = 50,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Show the audit trail, newest lines first: every write by people and commands, every attempt to sign in.

    Examples:

        clarion audit --app shop-ios --limit 10

        clarion audit --email ana@shop.example --surface admin
    """
    found = output.run(_read(installation(data_dir, database_url), partner_id, email, surface, operation, limit))
    rows: list[tuple[object, ...]] = [
        (
            f"{each.at:%Y-%m-%d %H:%M:%S}",
            each.surface,
            each.email or "",
            each.operation,
            str(each.status) if each.status else "",
            each.target,
        )
        for each in found
    ]
    output.answer(found, output.table("at", "", "who", "what", "", "where", rows=rows), as_json=as_json)


async def _read(
    settings: Settings,
    partner_id: str | None,
    email: str | None,
    surface: str | None,
    operation: str | None,
    limit: int,
) -> list[Line]:
    async with database(settings) as db, db.connection() as conn:
        keep = AuditFilter(
            app_id=None if partner_id is None else (await apps.get_app(conn, partner_id)).id,
            person_id=None if email is None else (await identity.get_record(conn, email)).id,
            surface=surface,
            operation=operation,
        )
        lines = await identity.audit_lines(conn, keep, limit=limit)
        names = await apps.partner_ids(conn, {line.app_id for line in lines if line.app_id is not None})
    return [
        Line(
            id=line.id,
            at=line.at,
            surface=line.surface,
            operation=line.operation,
            target=line.target,
            status=line.status,
            email=line.email,
            partner_id=None if line.app_id is None else names.get(line.app_id),
        )
        for line in lines
    ]
