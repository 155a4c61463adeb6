"""`clarion users`: people who call the API, their keys, and the applications they manage."""

from typing import Annotated

import typer
from msgspec import Struct

from clarion.apps import service as apps
from clarion.assembly.database import sealer
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, changing, database, installation
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity.model import Person, Role

app = typer.Typer(help="People who call the API, and their keys.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Their e-mail address, which is also their login.")]


class WithKey(Struct, frozen=True, rename="camel"):
    """A person and the API key that is shown this once."""

    email: str
    api_key: str


class Listed(Struct, frozen=True):
    """A person as `users list` shows them; administrators need no application granted."""

    email: str
    role: Role
    apps: list[str]
    disabled: bool


@app.command("create")
def create(
    email: Email,
    apps: Annotated[str, typer.Option("--apps", metavar="A,B", help="Partner ids they may manage.")] = "",
    role: Annotated[
        Role, typer.Option("--role", help="Administrators manage everything, viewers only read.")
    ] = Role.OPERATOR,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Open API access for a person and print their API key, which cannot be shown again.

    Example:

        clarion users create ana@shop.example --apps shop-android,shop-ios
    """
    names = [name.strip() for name in apps.split(",") if name.strip()]
    created = output.run(_create(installation(data_dir, database_url), email, role, names))
    if role is not Role.ADMINISTRATOR and not names:
        output.warn(f"{email} manages no application yet: clarion users grant {email} --apps PARTNER_ID")
    output.answer(created, f"{created.email}\nAPI key: {created.api_key}", as_json=as_json)


async def _create(settings: Settings, email: str, role: Role, names: list[str]) -> WithKey:
    async with changing(settings, "users.create", email) as conn:
        person, key = await identity.create_person(conn, await sealer(settings, conn), email, role)
        await _grant(conn, person, names)
    return WithKey(person.email, key)


async def _grant(conn: Conn, person: Person, names: list[str]) -> None:
    for name in names:
        await apps.grant(conn, (await apps.get_app(conn, name)).id, person.id)


@app.command("list")
def list_people(data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False) -> None:
    """List everybody, with their role and applications.

    Example:

        clarion users list
    """
    people = output.run(_list(installation(data_dir, database_url)))
    rows: list[tuple[object, ...]] = [
        (
            person.email,
            person.role.value,
            "everything" if person.role is Role.ADMINISTRATOR else ", ".join(person.apps),
            "shut out" if person.disabled else "",
        )
        for person in people
    ]
    human = output.table("email", "role", "applications", "", rows=rows, empty="Nobody yet.")
    output.answer(people, human, as_json=as_json)


async def _list(settings: Settings) -> list[Listed]:
    async with database(settings) as db, db.connection() as conn:
        people = sorted(await identity.people(conn), key=lambda person: person.email.lower())
        grants = await apps.grants_of(conn, [person.id for person in people])
        return [
            Listed(person.email, person.role, grants[person.id], person.disabled_at is not None) for person in people
        ]


@app.command("grant")
def grant(
    email: Email,
    apps: Annotated[str, typer.Option("--apps", metavar="A,B", help="Partner ids they may manage from now on.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Let a person manage further applications.

    Example:

        clarion users grant ana@shop.example --apps shop-web
    """
    names = [name.strip() for name in apps.split(",") if name.strip()]
    output.run(_grant_to(installation(data_dir, database_url), email, names))
    output.answer({"email": email, "apps": names}, f"{email} manages {', '.join(names)}.", as_json=as_json)


async def _grant_to(settings: Settings, email: str, names: list[str]) -> None:
    async with changing(settings, "users.grant", email) as conn:
        await _grant(conn, await identity.get_person(conn, email), names)


@app.command("revoke")
def revoke(
    email: Email,
    apps: Annotated[str, typer.Option("--apps", metavar="A,B", help="Partner ids they may not manage any more.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Take applications from a person, from their next request on.

    Example:

        clarion users revoke ana@shop.example --apps shop-web
    """
    names = [name.strip() for name in apps.split(",") if name.strip()]
    output.run(_revoke(installation(data_dir, database_url), email, names))
    shown = {"email": email, "apps": names}
    output.answer(shown, f"{email} does not manage {', '.join(names)} any more.", as_json=as_json)


async def _revoke(settings: Settings, email: str, names: list[str]) -> None:
    async with changing(settings, "users.revoke", email) as conn:
        person = await identity.get_record(conn, email)
        for name in names:
            await apps.revoke(conn, (await apps.get_app(conn, name)).id, person.id)


@app.command("role")
def set_role(
    email: Email,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="administrator, operator or viewer.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Give a person another role, from their next request on. The last administrator stays one.

    Example:

        clarion users role ana@shop.example administrator
    """
    output.run(_set_role(installation(data_dir, database_url), email, role))
    output.answer({"email": email, "role": role}, f"{email} is {role.value} now.", as_json=as_json)


async def _set_role(settings: Settings, email: str, role: Role) -> None:
    async with changing(settings, "users.role", f"{email} {role.value}") as conn:
        await identity.set_role(conn, email, role)


@app.command("new-key")
def new_key(email: Email, data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False) -> None:
    """Give a person a new API key; the old one and all their tokens and sessions end at once.

    Example:

        clarion users new-key ana@shop.example
    """
    key = output.run(_new_key(installation(data_dir, database_url), email))
    output.answer(WithKey(email, key), f"{email}\nAPI key: {key}", as_json=as_json)


async def _new_key(settings: Settings, email: str) -> str:
    async with changing(settings, "users.new-key", email) as conn:
        return await identity.renew_key(conn, await sealer(settings, conn), email)


@app.command("disable")
def disable(email: Email, data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False) -> None:
    """Shut a person out at once. Their lines in the audit trail stay.

    Example:

        clarion users disable ana@shop.example
    """
    output.run(_disable(installation(data_dir, database_url), email))
    output.answer({"email": email, "disabled": True}, f"{email} is shut out.", as_json=as_json)


async def _disable(settings: Settings, email: str) -> None:
    async with changing(settings, "users.disable", email) as conn:
        await identity.disable(conn, email)


@app.command("enable")
def enable(email: Email, data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False) -> None:
    """Let a person in again who was shut out, with the key they had.

    Example:

        clarion users enable ana@shop.example
    """
    output.run(_enable(installation(data_dir, database_url), email))
    output.answer({"email": email, "disabled": False}, f"{email} is let in again.", as_json=as_json)


async def _enable(settings: Settings, email: str) -> None:
    async with changing(settings, "users.enable", email) as conn:
        await identity.enable(conn, email)
