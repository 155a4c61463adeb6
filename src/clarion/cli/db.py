"""`clarion db`: the schema of the database."""

import typer

from clarion.assembly.database import opened
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, installation
from clarion.db import migrate as migrations

app = typer.Typer(help="The schema of the database.", no_args_is_help=True)


@app.command("migrate")
def migrate(data_dir: DataDir = None, database_url: DatabaseUrl = "", as_json: AsJson = False) -> None:
    """Bring the database to the revision of this release. Safe to repeat, also while the previous release runs.

    The embedded database is migrated at every start; a database given by URL by this command only.

    Example:

        clarion db migrate --database-url postgresql://clarion@db.example/clarion
    """
    before, after = output.run(_migrate(installation(data_dir, database_url)))
    human = f"The database is at revision {after}" + (
        " already." if before == after else f" (was {before or 'empty'})."
    )
    output.answer({"revision": after, "before": before}, human, as_json=as_json)


async def _migrate(settings: Settings) -> tuple[str | None, str | None]:
    if settings.embedded:
        async with opened(settings, size=1) as db:
            at = await migrations.current(db.conninfo)
        return at, at
    before = await migrations.current(settings.database_url)
    await migrations.upgrade(settings.database_url)
    return before, await migrations.current(settings.database_url)
