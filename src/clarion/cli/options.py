"""The options every command has: where the installation is, and in which form to answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from clarion.assembly.database import opened
from clarion.base.settings import Settings, default_data_dir
from clarion.cli import output
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry

_JSON = "clarion.json"
_PANEL = "Installation and output"


def _remember(context: typer.Context, value: bool) -> bool:
    if value:
        context.meta[_JSON] = True
    return value


def wants_json(context: typer.Context) -> bool:
    """Whether the command that ran below this context was asked for JSON."""
    return bool(context.meta.get(_JSON))


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="CLARION_DATA_DIR",
        help="Folder of the installation: embedded database, sealing key, certificate. Default: .clarion",
        show_default=False,
        file_okay=False,
        rich_help_panel=_PANEL,
    ),
]
DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database-url",
        envvar="CLARION_DATABASE_URL",
        help="A PostgreSQL server (15 or newer) instead of the embedded one: postgresql://user:password@host/name",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Answer as one line of JSON on standard output.",
        is_eager=True,
        callback=_remember,
        rich_help_panel=_PANEL,
    ),
]


def installation(data_dir: Path | None, database_url: str) -> Settings:
    """The settings of a command that only needs to know where the installation is."""
    return Settings(data_dir=(data_dir or default_data_dir()).absolute(), database_url=database_url)


@asynccontextmanager
async def database(settings: Settings, *, size: int = 4) -> AsyncIterator[Database]:
    """The database of an installation, whether or not it runs; says so when a new one has to be made."""
    if settings.embedded and not (settings.data_dir / "postgres").exists():
        output.note(f"There is no installation in {settings.data_dir} yet: making one.")
    async with opened(settings, size=size) as db:
        yield db


@asynccontextmanager
async def changing(settings: Settings, operation: str, target: str) -> AsyncIterator[Conn]:
    """One transaction of a command that changes something; the audit trail gets its line in the same transaction."""
    async with database(settings) as db, db.transaction() as conn:
        yield conn
        await identity.record_audit(conn, AuditEntry("cli", operation, target, 0))
