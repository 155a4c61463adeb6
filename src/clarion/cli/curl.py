"""`clarion curl`: one call to v1, signed and with its token, or to the administration API, in a session."""

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.json import JSON

from clarion.assembly.database import sealer
from clarion.base.errors import ConfigurationError, NotFound
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.calls import AdminCaller, Connection
from clarion.cli.options import DatabaseUrl, DataDir, database, installation
from clarion.cli.running import running_of
from clarion.client.v1 import Answer, V1Client
from clarion.identity import service as identity
from clarion.identity.model import Role


def curl(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PUT, PATCH or DELETE.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="From /v1 or /admin on, query included.")],
    email: Annotated[
        str, typer.Option("--email", metavar="E", help="Who calls. Default: the first administrator.")
    ] = "",
    body: Annotated[str, typer.Option("--json", metavar="BODY", help="The body; @FILE reads it from a file.")] = "",
    base_url: Annotated[
        str, typer.Option("--base-url", metavar="URL", help="The server. Default: the one running on this data folder.")
    ] = "",
    ca: Annotated[
        str, typer.Option("--ca", metavar="FILE", help="The authority to trust. Default: the generated one.")
    ] = "",
    api_key: Annotated[
        str, typer.Option(envvar="CLARION_API_KEY", help="The caller's API key, to call without the database.")
    ] = "",
    show_headers: Annotated[bool, typer.Option("--include", "-i", help="Show status and headers too.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
) -> None:
    """Make a call to /v1 or /admin and print the answer; an answer of 400 and above is exit code 1.

    The key of the caller is read from the database; signatures, tokens and sessions are seen to.

    Examples:

        clarion curl GET /v1/me

        clarion curl POST /v1/me/apps/shop-ios/campaigns --json '{"name": "Spring"}' --email ana@shop.example

        clarion curl GET /admin/apps
    """
    settings = installation(data_dir, database_url)
    url, ca_file = server_of(settings, base_url, ca)
    if api_key and not email:
        raise ConfigurationError("An API key says not whose it is.", "Give the person's address with --email.")
    caller, key = (email, api_key) if api_key else output.run(_caller(settings, email))
    if path.startswith("/admin"):
        with closing(Connection(url, ca_file)) as connection:
            answer = AdminCaller(connection, caller, key).call(method.upper(), path, _read(body))
    else:
        answer = output.run(_call(V1Client(url, caller, key, ca_file=ca_file), method.upper(), path, _read(body)))
    _print(answer, show_headers)
    if answer.status >= 400:
        output.err.print(f"{answer.status}", style="bold red")
        raise typer.Exit(1)


def server_of(settings: Settings, base_url: str, ca: str) -> tuple[str, str]:
    """The address to call and the CA file to trust."""
    generated = settings.data_dir / "tls" / "ca.pem"
    if base_url:
        return base_url, ca or (str(generated) if generated.is_file() else "")
    running = running_of(settings)
    if running is None or "https" not in running.urls:
        raise ConfigurationError(
            f"No server runs on the data folder {settings.data_dir}.",
            "Start one with `clarion serve`, name its folder with --data-dir, or its address with --base-url.",
        )
    return running.urls["https"], ca or running.ca_file


async def _caller(settings: Settings, email: str) -> tuple[str, str]:
    """E-mail address and API key of who calls."""
    async with database(settings) as db, db.connection() as conn:
        if not email:
            people = await identity.list_people(conn)
            chosen = next((each for each in people if each.role is Role.ADMINISTRATOR), people[0] if people else None)
            if chosen is None:
                raise NotFound("Nobody may call yet.", "Run: clarion users create EMAIL --role administrator")
            email = chosen.email
        holder = await identity.key_holder(conn, email)
        return holder.person.email, identity.open_key(await sealer(settings, conn), holder)


async def _call(v1: V1Client, method: str, path: str, body: bytes) -> Answer:
    async with v1:
        return await v1.request(method, path, body)


def _read(body: str) -> bytes:
    if not body.startswith("@"):
        return body.encode()
    try:
        return Path(body[1:]).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{body[1:]} cannot be read: {error.strerror}.", "Check the path.") from None


def _print(answer: Answer, show_headers: bool) -> None:
    if show_headers:
        output.out.print(f"HTTP {answer.status}", style="bold")
        for name, value in answer.headers.items():
            output.out.print(f"{name}: {value}")
        output.out.print()
    if not answer.body:
        return
    if output.out.is_terminal and answer.headers.get("content-type", "").endswith("json"):
        output.out.print(JSON.from_data(msgspec.json.decode(answer.body)))
        return
    sys.stdout.write(answer.body.decode(errors="replace").rstrip("\n") + "\n")
