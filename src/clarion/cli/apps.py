"""`clarion apps`: applications, their gateways, and the names their messages may use."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct

from clarion.apps import declarations
from clarion.apps import service as apps
from clarion.apps.model import GATEWAY_OF, App, DeclarationKind, Platform
from clarion.assembly.database import sealer
from clarion.base.errors import ConfigurationError
from clarion.base.settings import Settings
from clarion.cli import credentials, output
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, changing, database, installation
from clarion.cli.stub_client import StubClient
from clarion.db.sql import Conn

app = typer.Typer(help="Applications, their gateways and declared names.", no_args_is_help=True)

PartnerId = Annotated[str, typer.Argument(metavar="PARTNER_ID", help="The application.")]


class Created(Struct, frozen=True, rename="camel"):
    """A new application and the private key its SDK registers with."""

    partner_id: str
    private_key: str


class Listed(Struct, frozen=True, rename="camel"):
    """An application as `apps list` shows it; `gateway` is its endpoint, "default", or None while none is set."""

    partner_id: str
    platform: Platform
    name: str
    gateway: str | None


@app.command("create")
def create(
    partner_id: Annotated[str, typer.Argument(metavar="PARTNER_ID", help="Letters, digits, dots and dashes.")],
    platform: Annotated[Platform, typer.Option("--platform", help="What its devices are.")],
    name: Annotated[str, typer.Option("--name", help="The name people see, also as title of messages without one.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Create an application and print the private key for its SDK, which cannot be shown again.

    Example:

        clarion apps create shop-ios --platform ios --name "The Shop"
    """
    key = output.run(_create(installation(data_dir, database_url), partner_id, platform, name))
    human = (
        f"{partner_id}\nPrivate key for its SDK: {key}\nNext: clarion apps set-gateway {partner_id} --credentials FILE"
    )
    output.answer(Created(partner_id, key), human, as_json=as_json)


async def _create(settings: Settings, partner_id: str, platform: Platform, name: str) -> str:
    async with changing(settings, "apps.create", partner_id) as conn:
        return (await apps.create_app(conn, await sealer(settings, conn), partner_id, platform, name))[1]


@app.command("list")
def list_apps(data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False) -> None:
    """List the applications.

    Example:

        clarion apps list
    """
    found = output.run(_list(installation(data_dir, database_url)))
    rows: list[tuple[object, ...]] = [
        (each.partner_id, each.platform.value, each.name, each.gateway or "none") for each in found
    ]
    human = output.table("partner id", "platform", "name", "gateway", rows=rows, empty="No application yet.")
    output.answer(found, human, as_json=as_json)


async def _list(settings: Settings) -> list[Listed]:
    async with database(settings) as db, db.connection() as conn:
        found = []
        opener = await sealer(settings, conn)
        for each in await apps.list_apps(conn):
            config = await apps.gateway_of(conn, opener, each.id)
            gateway = None if config is None else config.endpoint or "default"
            found.append(Listed(each.partner_id, each.platform, each.name, gateway))
        return found


@app.command("update")
def update(
    partner_id: PartnerId,
    name: Annotated[str | None, typer.Option("--name", help="The name people see.")] = None,
    click_address: Annotated[
        str | None,
        typer.Option("--click-address", metavar="URL", help="What a web notification without address opens; none."),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Give an application another name, or another address that clicks on its web notifications open.

    Example:

        clarion apps update shop-web --click-address https://shop.example/
    """
    made = output.run(_update(installation(data_dir, database_url), partner_id, name, click_address))
    shown = {"partnerId": made.partner_id, "name": made.name, "clickAddress": made.click_address}
    human = f"{made.partner_id} is called {made.name}; clicks open {made.click_address or 'the app'}."
    output.answer(shown, human, as_json=as_json)


async def _update(settings: Settings, partner_id: str, name: str | None, click_address: str | None) -> App:
    async with changing(settings, "apps.update", partner_id) as conn:
        found = await apps.get_app(conn, partner_id)
        address = found.click_address if click_address is None else click_address
        return await apps.update_app(conn, found, name or found.name, None if address in ("", "none") else address)


@app.command("set-gateway")
def set_gateway(
    partner_id: PartnerId,
    files: Annotated[
        list[Path] | None,
        typer.Option("--credentials", metavar="FILE", help="JSON or PEM; may be given twice (certificate and key)."),
    ] = None,
    key_id: Annotated[
        str | None, typer.Option(help="APNs: the key's id; read from the name of an AuthKey file.")
    ] = None,
    team_id: Annotated[str | None, typer.Option(help="APNs: the team's id.")] = None,
    topic: Annotated[str | None, typer.Option(help="APNs: the bundle id of the app.")] = None,
    environment: Annotated[str | None, typer.Option(help="APNs: production (default) or sandbox.")] = None,
    subject: Annotated[str | None, typer.Option(help="Web Push: a contact, mailto: or https:.")] = None,
    stub: Annotated[
        str | None, typer.Option("--stub", metavar="URL", help="Use stub gateways at this address.")
    ] = None,
    stub_ca: Annotated[
        Path | None,
        typer.Option("--stub-ca", metavar="FILE", help="The stub's CA file. Default: that of this data folder's stub."),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Store the credentials of an application's gateway, sealed; they are checked first.

    Examples:

        clarion apps set-gateway shop-android --credentials service-account.json

        clarion apps set-gateway shop-ios --credentials AuthKey_ABC1234567.p8 --team-id DEF1234567 --topic com.shop

        clarion apps set-gateway shop-web --credentials vapid.pem --subject mailto:push@shop.example

        clarion apps set-gateway shop-ios --stub https://127.0.0.1:8444
    """
    if (stub is None) == (not files):
        raise ConfigurationError("Give either --credentials or --stub.", "See: clarion apps set-gateway --help")
    settings = installation(data_dir, database_url)
    facts = {"key_id": key_id, "team_id": team_id, "topic": topic, "environment": environment, "subject": subject}
    if stub is None:
        kind = output.run(_set(settings, partner_id, credentials.gather(files or [], facts)))
        endpoint = None
    else:
        ca_file = stub_ca or settings.data_dir / "stub" / "ca.pem"
        kind, endpoint = output.run(_set_stub(settings, partner_id, StubClient(stub, ca_file), ca_file.read_text()))
    shown = {"partnerId": partner_id, "kind": kind, "endpoint": endpoint}
    output.answer(shown, f"{partner_id} sends through {kind}{f' at {endpoint}' if endpoint else ''}.", as_json=as_json)


async def _set(settings: Settings, partner_id: str, secret: bytes) -> str:
    async with changing(settings, "apps.set-gateway", partner_id) as conn:
        found = await apps.get_app(conn, partner_id)
        await apps.set_gateway(conn, await sealer(settings, conn), found, secret)
        return GATEWAY_OF[found.platform]


async def _set_stub(settings: Settings, partner_id: str, stub: StubClient, ca: str) -> tuple[str, str]:
    async with stub, changing(settings, "apps.set-gateway", partner_id) as conn:
        return await connect_stub(conn, settings, partner_id, stub, ca), stub.origin


async def connect_stub(conn: Conn, settings: Settings, partner_id: str, stub: StubClient, ca: str) -> str:
    """Ask the stub for credentials of an application and store them with its address and authority (PEM); the kind."""
    found = await apps.get_app(conn, partner_id)
    kind = GATEWAY_OF[found.platform]
    secret = await stub.credentials(kind, partner_id.replace("_", "-"))
    await apps.set_gateway(conn, await sealer(settings, conn), found, secret, stub.origin, ca)
    return kind


@app.command("add-collapse-key")
def add_collapse_key(
    partner_id: PartnerId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The key, as messages name it.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Declare a collapse key: a message replaces an unread one with the same key.

    Example:

        clarion apps add-collapse-key shop-ios basket
    """
    output.run(_declare(installation(data_dir, database_url), partner_id, DeclarationKind.COLLAPSE_KEY, name))
    shown = {"partnerId": partner_id, "collapseKey": name}
    output.answer(shown, f"Messages of {partner_id} may use the collapse key {name}.", as_json=as_json)


@app.command("add-button-template")
def add_button_template(
    partner_id: PartnerId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The template, as messages and the app name it.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Declare a button template (on iOS the notification category that the app registers).

    Example:

        clarion apps add-button-template shop-ios offer
    """
    output.run(_declare(installation(data_dir, database_url), partner_id, DeclarationKind.BUTTON_TEMPLATE, name))
    shown = {"partnerId": partner_id, "buttonTemplate": name}
    output.answer(shown, f"Messages of {partner_id} may use the button template {name}.", as_json=as_json)


async def _declare(settings: Settings, partner_id: str, kind: DeclarationKind, value: str) -> None:
    async with changing(settings, "apps.declare", f"{partner_id} {kind.value} {value}") as conn:
        found = await apps.get_app(conn, partner_id)
        await declarations.declare(conn, found.id, kind, value)
