"""Where an installation is and as which API client to call it: the options of every command over /v2."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import Struct

from clarion.base.errors import ConfigurationError
from clarion.cli.curl import server_of
from clarion.cli.options import DataDir, installation
from clarion.client.v2 import V2Client

_PANEL = "Connection"

Url = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="CLARION_URL",
        metavar="URL",
        help="The installation, as https://host. Default: the one running on this data folder.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
ClientId = Annotated[
    str,
    typer.Option(
        "--client-id",
        envvar="CLARION_CLIENT_ID",
        metavar="ID",
        help="The API client.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
ClientSecret = Annotated[
    str,
    typer.Option(
        "--client-secret",
        envvar="CLARION_CLIENT_SECRET",
        metavar="SECRET",
        help="Its secret; better in the environment, where lists of processes do not show it.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Scopes = Annotated[
    str,
    typer.Option(
        "--token-scopes",
        envvar="CLARION_SCOPES",
        metavar="A,B",
        help="Ask for a token with these scopes (guestapi/venues.read). Default: what the command needs.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
Ca = Annotated[
    str,
    typer.Option(
        "--ca",
        envvar="CLARION_CA",
        metavar="FILE",
        help="The authority to trust. Default: the generated one of this data folder, or those of the machine.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]


class Connection(Struct, frozen=True):
    """What the options say."""

    url: str
    client_id: str
    client_secret: str
    scopes: list[str]
    ca: str
    data_dir: Path | None

    def client(self) -> V2Client:
        """A client as the options say. Raises ConfigurationError with what is missing."""
        if not self.client_id or not self.client_secret:
            raise ConfigurationError(
                "No API client is given.",
                "Make one with `clarion clients create NAME --scopes all`, and set CLARION_CLIENT_ID and"
                " CLARION_CLIENT_SECRET, or give --client-id and --client-secret.",
            )
        url, ca_file = server_of(installation(self.data_dir, ""), self.url, self.ca)
        return V2Client(url, self.client_id, self.client_secret, scopes=self.scopes, ca_file=ca_file)


def _connection(
    url: Url = "",
    client_id: ClientId = "",
    client_secret: ClientSecret = "",
    token_scopes: Scopes = "",
    ca: Ca = "",
    data_dir: DataDir = None,
) -> Connection:
    scopes = [scope.strip() for scope in token_scopes.split(",") if scope.strip()]
    return Connection(url, client_id, client_secret, scopes, ca, data_dir)


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose first argument, the Connection, is made of the options above."""
    options = inspect.signature(_connection).parameters
    own = list(inspect.signature(command).parameters.values())[1:]

    def called(**given: Any) -> None:
        connection = _connection(**{name: given.pop(name) for name in options})
        command(connection, **given)

    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *options.values())]
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    called.__doc__ = command.__doc__
    called.__name__ = command.__name__
    return called
