"""`clarion clients`: the programs that call /v2, made on the server; so is the first of an operator (v2 rule 4.6)."""

from datetime import datetime
from typing import Annotated

import typer
from msgspec import Struct
from rich.console import RenderableType

from clarion.accounts import service as accounts
from clarion.base.errors import Finding, Invalid, NotFound
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, changing, database, installation
from clarion.db.sql import Conn
from clarion.identity import clients
from clarion.identity.clients import COMMON, ApiClient, Limits
from clarion.identity.scopes import ScopeName

app = typer.Typer(help="Programs that call /v2: their scopes, secrets and limits.", no_args_is_help=True)

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The client's id, as `clarion clients list` shows.")]


class WithSecret(Struct, frozen=True, rename="camel"):
    """A client's id and the secret that is shown this once."""

    client_id: str
    client_secret: str


class Shown(Struct, frozen=True, rename="camel"):
    """A client as the commands show it; one without account is the operator's."""

    client_id: str
    name: str
    account_id: str | None
    scopes: list[str]
    created_date: datetime
    last_used_date: datetime | None


class Allowed(Struct, frozen=True, rename="camel"):
    """How often a client may call, and which of the figures are its own and not the common ones."""

    client_id: str
    reads: int
    reads_a_second: float
    writes_a_minute: int
    own: list[str]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")],
    scopes: Annotated[
        str, typer.Option("--scopes", metavar="A,B", help="What it may do: BasicRead,SupportReadWrite; or all.")
    ],
    account: Annotated[
        str, typer.Option("--account", metavar="ACCOUNT_ID", help="Confine it to this account. Default: operator.")
    ] = "",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Make an API client and print its secret, which cannot be shown again.

    Without an account it is a client of the operator and sees every account. Scopes and account never change: a client
    that needs others is replaced.

    Examples:

        clarion clients create "Billing system" --scopes all

        clarion clients create "Shop BV" --scopes BasicRead,SupportReadWrite --account ACC-100000001
    """
    wanted = _scopes(scopes)
    made = output.run(_create(installation(data_dir, database_url), name, wanted, account))
    human = f"Client id: {made.client_id}\nClient secret: {made.client_secret}"
    output.answer(made, human, as_json=as_json)


async def _create(settings: Settings, name: str, scopes: list[ScopeName], account_id: str) -> WithSecret:
    wrong = _name_findings(name)
    if wrong:
        raise Invalid(wrong)
    async with changing(settings, "clients.create", f"{name} {account_id}".strip()) as conn:
        state = await _state_of(conn, account_id) if account_id else "Active"
        client, secret = await clients.create(conn, name, scopes, account_id or None, state=state)
    return WithSecret(client.client_id, secret)


async def _state_of(conn: Conn, account_id: str) -> str:
    account = await accounts.find(conn, account_id)
    if account is None:
        raise NotFound(f"There is no account {account_id}.", "Name it by its id, such as ACC-100000001.")
    return account.status.value


@app.command("list")
def list_clients(data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False) -> None:
    """List all API clients, with their scopes and when they last called.

    Example:

        clarion clients list
    """
    found = output.run(_list(installation(data_dir, database_url)))
    rows: list[tuple[object, ...]] = [
        (
            each.client_id,
            each.name,
            each.account_id or "operator",
            ", ".join(each.scopes),
            _instant(each.last_used_date),
        )
        for each in found
    ]
    human = output.table("client", "name", "account", "scopes", "last used", rows=rows, empty="No API client yet.")
    output.answer(found, human, as_json=as_json)


async def _list(settings: Settings) -> list[Shown]:
    async with database(settings) as db, db.connection() as conn:
        return [_shown(client) for client in await clients.everyone(conn)]


@app.command("show")
def show(
    client_id: ClientId, data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False
) -> None:
    """Show an API client. Its secret is kept as a digest alone and cannot be shown.

    Example:

        clarion clients show 3k9x0q2m7p4d8w1z5c6v3b2n
    """
    found = output.run(_show(installation(data_dir, database_url), client_id))
    rows: list[tuple[object, ...]] = [
        ("client", found.client_id),
        ("name", found.name),
        ("account", found.account_id or "none: a client of the operator"),
        ("scopes", ", ".join(found.scopes)),
        ("created", _instant(found.created_date)),
        ("last used", _instant(found.last_used_date)),
    ]
    output.answer(found, output.table("", "", rows=rows), as_json=as_json)


async def _show(settings: Settings, client_id: str) -> Shown:
    async with database(settings) as db, db.connection() as conn:
        return _shown(await clients.get(conn, client_id))


@app.command("delete")
def delete(
    client_id: ClientId, data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False
) -> None:
    """Delete an API client; its tokens end at once.

    Example:

        clarion clients delete 3k9x0q2m7p4d8w1z5c6v3b2n
    """
    output.run(_delete(installation(data_dir, database_url), client_id))
    output.answer({"clientId": client_id, "deleted": True}, f"{client_id} is deleted.", as_json=as_json)


async def _delete(settings: Settings, client_id: str) -> None:
    async with changing(settings, "clients.delete", client_id) as conn:
        await clients.delete(conn, client_id)


@app.command("limits")
def limits(
    client_id: ClientId,
    reads: Annotated[int | None, typer.Option("--reads", metavar="N", help="Reads at once.")] = None,
    reads_a_second: Annotated[
        float | None, typer.Option("--reads-a-second", metavar="N", help="Reads that come back each second.")
    ] = None,
    writes_a_minute: Annotated[
        int | None, typer.Option("--writes-a-minute", metavar="N", help="Writes within any 60 seconds.")
    ] = None,
    common: Annotated[bool, typer.Option("--common", help="Back to what everybody has.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Show how often an API client may call, or change what is given, from its next call on (v2 rule 9.7).

    Examples:

        clarion clients limits 3k9x0q2m7p4d8w1z5c6v3b2n

        clarion clients limits 3k9x0q2m7p4d8w1z5c6v3b2n --reads 1000 --reads-a-second 200 --writes-a-minute 6000

        clarion clients limits 3k9x0q2m7p4d8w1z5c6v3b2n --common
    """
    given = Limits(reads, reads_a_second, writes_a_minute)
    settings = installation(data_dir, database_url)
    if common and given != Limits(None, None, None):
        raise typer.BadParameter("--common stands alone: it takes every limit of the client's own away.")
    if common or given != Limits(None, None, None):
        found = output.run(_set_limits(settings, client_id, None if common else given))
    else:
        found = output.run(_limits(settings, client_id))
    output.answer(_allowed(client_id, found), _told(_allowed(client_id, found)), as_json=as_json)


async def _limits(settings: Settings, client_id: str) -> Limits:
    async with database(settings) as db, db.connection() as conn:
        return await clients.limits(conn, client_id)


async def _set_limits(settings: Settings, client_id: str, given: Limits | None) -> Limits:
    """Limits that are not given stay as they are; None takes all away."""
    async with changing(settings, "clients.limits", client_id) as conn:
        had = await clients.limits(conn, client_id)
        wanted = Limits(None, None, None) if given is None else _either(given, had)
        await clients.set_limits(conn, client_id, wanted)
    return wanted


def _either(given: Limits, had: Limits) -> Limits:
    return Limits(
        had.reads if given.reads is None else given.reads,
        had.reads_a_second if given.reads_a_second is None else given.reads_a_second,
        had.writes_a_minute if given.writes_a_minute is None else given.writes_a_minute,
    )


def _allowed(client_id: str, found: Limits) -> Allowed:
    in_force = _either(found, COMMON)
    assert in_force.reads is not None
    assert in_force.reads_a_second is not None
    assert in_force.writes_a_minute is not None
    own = [name for name in Limits.__struct_fields__ if getattr(found, name) is not None]
    camel = {"reads": "reads", "reads_a_second": "readsASecond", "writes_a_minute": "writesAMinute"}
    return Allowed(
        client_id, in_force.reads, in_force.reads_a_second, in_force.writes_a_minute, [camel[name] for name in own]
    )


def _told(allowed: Allowed) -> RenderableType:
    figures = [
        ("reads at once", allowed.reads, "reads"),
        ("reads a second after that", allowed.reads_a_second, "readsASecond"),
        ("writes a minute", allowed.writes_a_minute, "writesAMinute"),
    ]
    rows: list[tuple[object, ...]] = [
        (what, f"{figure:,}", "its own" if name in allowed.own else "as everybody") for what, figure, name in figures
    ]
    return output.table("", "", "", rows=rows)


def _scopes(text: str) -> list[ScopeName]:
    """The scopes that were named. Raises Invalid with every name that is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if [name.lower() for name in names] == ["all"]:
        return list(ScopeName)
    known = {name.value.lower(): name for name in ScopeName}
    wrong = [
        Finding(f"/scopes/{at}", "invalid_value", f"There is no scope {name}. Scopes are: {', '.join(ScopeName)}; all.")
        for at, name in enumerate(names)
        if name.lower() not in known
    ]
    if not names:
        wrong = [Finding("/scopes", "required", f"Name at least one scope of: {', '.join(ScopeName)}; or all.")]
    if wrong:
        raise Invalid(wrong)
    return [known[name.lower()] for name in names]


def _name_findings(name: str) -> list[Finding]:
    """The name of a client is a line of text of at most 100 characters, as the API would have it."""
    if not name or name != name.strip() or not name.isprintable() or len(name) > 100:
        message = "A client's name is one line of 1 to 100 characters without spaces at its ends."
        return [Finding("/name", "invalid_value", message)]
    return []


def _shown(client: ApiClient) -> Shown:
    return Shown(
        client.client_id,
        client.api_client_name,
        client.account_id,
        [scope.value for scope in client.scopes],
        client.created_date,
        client.last_used_date,
    )


def _instant(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M}"
