"""`clarion columns`: what a company keeps of its devices beside the standard columns."""

from typing import Annotated

import typer
from msgspec import Struct

from clarion.apps import service as apps
from clarion.apps.model import Column, ColumnKind
from clarion.audience import columns
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.apps import PartnerId
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, changing, database, installation

app = typer.Typer(help="Columns of an application's devices.", no_args_is_help=True)


class Shown(Struct, frozen=True):
    """A column as commands show it."""

    name: str
    type: ColumnKind
    indexed: bool
    standard: bool

    @classmethod
    def of(cls, column: Column) -> "Shown":
        return cls(column.name, column.kind, column.indexed, column.standard)


@app.command("add")
def add(
    partner_id: PartnerId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A letter, then letters, digits and underscores.")],
    kind: Annotated[ColumnKind, typer.Option("--type", help="What it holds.")],
    indexed: Annotated[
        bool, typer.Option("--indexed", help="Devices may be searched by it; the index is built in the background.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Add a column to the devices of an application, at once and whatever their number.

    Example:

        clarion columns add shop-ios customer_id --type text --indexed
    """
    column = output.run(_add(installation(data_dir, database_url), partner_id, name, kind, indexed))
    human = f"{partner_id} has the column {column.name} ({column.kind.value})."
    output.answer(Shown.of(column), human, as_json=as_json)


async def _add(settings: Settings, partner_id: str, name: str, kind: ColumnKind, indexed: bool) -> Column:
    async with changing(settings, "columns.add", f"{partner_id} {name}") as conn:
        return await apps.add_column(conn, await apps.get_app(conn, partner_id), name, kind, indexed)


@app.command("list")
def list_columns(
    partner_id: PartnerId, data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False
) -> None:
    """List the columns of an application's devices, the company's own last.

    Example:

        clarion columns list shop-ios
    """
    found = [Shown.of(column) for column in output.run(_list(installation(data_dir, database_url), partner_id))]
    rows: list[tuple[object, ...]] = [
        (each.name, each.type.value, "indexed" if each.indexed else "", "" if each.standard else "own")
        for each in found
    ]
    output.answer(found, output.table("name", "type", "", "", rows=rows), as_json=as_json)


async def _list(settings: Settings, partner_id: str) -> tuple[Column, ...]:
    async with database(settings) as db, db.connection() as conn:
        return (await apps.load_scheme(conn, (await apps.get_app(conn, partner_id)).id)).columns


@app.command("remove")
def remove(
    partner_id: PartnerId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The column, in any case.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Remove a column the company added; its values are wiped an hour later. Refused while a segment looks at it.

    Example:

        clarion columns remove shop-ios customer_id
    """
    output.run(_remove(installation(data_dir, database_url), partner_id, name))
    shown = {"partnerId": partner_id, "name": name, "removed": True}
    output.answer(shown, f"{partner_id} has no column {name} any more.", as_json=as_json)


async def _remove(settings: Settings, partner_id: str, name: str) -> None:
    async with changing(settings, "columns.remove", f"{partner_id} {name}") as conn:
        await columns.remove_column(conn, await apps.get_app(conn, partner_id), name)
