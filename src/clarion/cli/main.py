"""The `clarion` command itself: its families, and what becomes of errors.

Exit codes: 0 done, 1 refused or failed with a message that says what to do, 2 wrong usage.
"""

import psycopg
import typer
from typer.core import TyperGroup

from clarion import __version__
from clarion.base import telemetry
from clarion.base.errors import ClarionError, Unavailable
from clarion.cli import (
    apps,
    audit,
    clients,
    columns,
    curl,
    db,
    declarations,
    devices,
    doctor,
    imports,
    limits,
    lists,
    output,
    places,
    segments,
    sends,
    serve,
    status,
    stub,
    users,
)
from clarion.cli.demo import command as demo
from clarion.cli.options import wants_json
from clarion.cli.v2 import commands as v2
from clarion.cli.v2 import loading


class _Clarion(TyperGroup):
    """The root: every error of ours ends here as a message and exit code 1."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]
        try:
            return super().invoke(ctx)
        except ClarionError as error:
            output.complain(error, as_json=wants_json(ctx))
        except psycopg.OperationalError as error:
            output.complain(
                Unavailable(f"The database failed: {str(error).strip()}", "`clarion doctor` looks into it."),
                as_json=wants_json(ctx),
            )
        raise typer.Exit(1)


app = typer.Typer(
    cls=_Clarion,
    help="Clarion: push campaigns, device base and reports on one PostgreSQL.",
    epilog="First look: `clarion demo`. Every command explains itself with an example: `clarion users create --help`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(value: bool) -> None:
    if value:
        output.out.print(f"clarion {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", help="Show the version.", is_eager=True, callback=_show_version),
) -> None:
    del version
    telemetry.configure(json=False, level="warning")


app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.command("stub")(stub.stub)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
app.command("curl")(curl.curl)
app.command("audit")(audit.audit)
apps.app.command("declare")(declarations.declare)
apps.app.command("declarations")(declarations.list_declarations)
apps.app.command("withdraw")(declarations.withdraw)
apps.app.command("pressure")(limits.pressure)
apps.app.command("capping")(limits.capping)
app.add_typer(users.app, name="users")
app.add_typer(clients.app, name="clients")
app.add_typer(apps.app, name="apps")
app.add_typer(columns.app, name="columns")
app.add_typer(segments.app, name="segments")
app.add_typer(lists.app, name="lists")
app.add_typer(sends.app, name="sends")
app.add_typer(devices.app, name="devices")
loading.add_to(imports.app)
app.add_typer(imports.app, name="import")
app.add_typer(v2.app, name="v2")
app.add_typer(places.geofences, name="geofences")
app.add_typer(places.beacons, name="beacons")
app.add_typer(db.app, name="db")


def run() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    run()
