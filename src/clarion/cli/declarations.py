"""`clarion apps declare`, `declarations`, `withdraw`: what messages and devices of an application may name."""

from typing import Annotated, Any

import msgspec
import typer
from msgspec import Struct

from clarion.apps import declarations
from clarion.apps import service as apps
from clarion.apps.model import Declaration, DeclarationKind
from clarion.base.errors import Finding, Invalid
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.apps import PartnerId
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, changing, database, installation
from clarion.content import declaring

Kind = Annotated[DeclarationKind, typer.Argument(metavar="KIND", help="What it is.")]
Value = Annotated[
    str,
    typer.Argument(metavar="VALUE", help="What messages and devices write: of an event its code, of a language fr."),
]


class Shown(Struct, frozen=True, rename="camel"):
    """A declaration as commands show it."""

    kind: DeclarationKind
    value: str
    name: str
    details: dict[str, Any]
    built_in: bool

    @classmethod
    def of(cls, found: Declaration) -> "Shown":
        return cls(found.kind, found.value, found.name, found.details, found.built_in)


def declare(
    partner_id: PartnerId,
    kind: Kind,
    value: Value,
    name: Annotated[str | None, typer.Option("--name", help="The name people see. Default: the value.")] = None,
    details: Annotated[
        str, typer.Option("--details", metavar="JSON", help="Buttons of a template, what an in-app template demands.")
    ] = "{}",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Declare something that messages may name, or say something else about it.

    Examples:

        clarion apps declare shop-ios event 1001 --name "Basket left behind"

        clarion apps declare shop-ios language fr-CA

        clarion apps declare shop-ios button_template offer --details '{"buttons": [{"id": "1", "title": "Show"}]}'

        clarion apps declare shop-ios inapp_template top --details '{"kind": "banner", "required": ["title"]}'
    """
    document = _details(details)
    made = output.run(_declare(installation(data_dir, database_url), partner_id, kind, value, name, document))
    human = f"Messages of {partner_id} may use the {kind.label} {value}."
    output.answer(Shown.of(made), human, as_json=as_json)


async def _declare(
    settings: Settings, partner_id: str, kind: DeclarationKind, value: str, name: str | None, details: dict[str, Any]
) -> Declaration:
    async with changing(settings, "apps.declare", f"{partner_id} {kind.value} {value}") as conn:
        found = await apps.get_app(conn, partner_id)
        return await declaring.declare(conn, found.id, kind, value, name, details)


def list_declarations(
    partner_id: PartnerId,
    kind: Annotated[DeclarationKind | None, typer.Option("--kind", help="Only this kind.")] = None,
    built_in: Annotated[bool, typer.Option("--built-in", help="Also what every application has.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """List what messages of an application may name.

    Examples:

        clarion apps declarations shop-ios

        clarion apps declarations shop-ios --kind button_template --built-in
    """
    kinds = list(DeclarationKind) if kind is None else [kind]
    found = output.run(_list(installation(data_dir, database_url), partner_id, kinds, built_in))
    rows: list[tuple[object, ...]] = [
        (
            each.kind.label,
            each.value,
            each.name if each.name != each.value else "",
            msgspec.json.encode(each.details).decode() if each.details else "",
        )
        for each in found
    ]
    human = output.table("kind", "value", "name", "details", rows=rows, empty="Nothing is declared yet.")
    output.answer([Shown.of(each) for each in found], human, as_json=as_json)


async def _list(settings: Settings, partner_id: str, kinds: list[DeclarationKind], built_in: bool) -> list[Declaration]:
    async with database(settings) as db, db.connection() as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        read = declarations.known if built_in else declarations.listed
        return [each for kind in kinds for each in await read(conn, app_id, kind)]


def withdraw(
    partner_id: PartnerId,
    kind: Kind,
    value: Value,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Take a declaration back. Messages that name it keep it; new ones may not.

    Example:

        clarion apps withdraw shop-ios event 1001
    """
    output.run(_withdraw(installation(data_dir, database_url), partner_id, kind, value))
    shown = {"partnerId": partner_id, "kind": kind, "value": value, "withdrawn": True}
    output.answer(shown, f"{partner_id} does not declare the {kind.label} {value} any more.", as_json=as_json)


async def _withdraw(settings: Settings, partner_id: str, kind: DeclarationKind, value: str) -> None:
    async with changing(settings, "apps.withdraw", f"{partner_id} {kind.value} {value}") as conn:
        await declarations.withdraw(conn, (await apps.get_app(conn, partner_id)).id, kind, value)


def _details(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        message = f'Details are a JSON object ({error}). Example: {{"buttons": [{{"id": "1", "title": "Show"}}]}}'
        raise Invalid([Finding("/details", "not_json", message)]) from None
