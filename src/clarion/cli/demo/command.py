"""`clarion demo`: the acts of the demo, in order."""

import asyncio
import shlex
import shutil
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Group, RenderableType

from clarion.apps.model import GATEWAY_OF, Platform
from clarion.assembly.database import conninfo_of
from clarion.base import clock
from clarion.base.settings import Settings, default_data_dir
from clarion.cli import output
from clarion.cli.demo import account as accounts
from clarion.cli.demo import campaign, company, devices, results
from clarion.cli.demo.account import Account, Books
from clarion.cli.demo.campaign import Memory
from clarion.cli.demo.company import PARTNER_IDS, Company
from clarion.cli.demo.screen import SendScreen, headline, said
from clarion.cli.demo.stage import Notebook, Stage, clear, keep, notebook_of, port_to_use, staged
from clarion.cli.options import AsJson
from clarion.cli.stub_client import StubClient
from clarion.client.v1 import V1Client
from clarion.db.pool import Database

DEVICES = 100_000
DEFAULT_PORT = 8443
_DEAD_TOKENS = 0.02
_REPORTING = 400


def demo(
    number: Annotated[
        int | None,
        typer.Option(
            "--devices",
            min=10,
            max=5_000_000,
            help=f"Devices over three applications, at least. Default: {DEVICES:,}, or those of an earlier run.",
            show_default=False,
        ),
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="End after the report instead of staying up.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an earlier run and begin anew.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="HTTPS port; another one when it is taken.")
    ] = DEFAULT_PORT,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="A folder of the demo's own. Default: .clarion/demo", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """See everything work: server, stub gateways, a company with devices, a delivered campaign and its reports.

    The gateways are stubs that speak the true protocols; nothing leaves this machine. The demo checks its own sums and
    ends with exit code 1 when one is off. A second run goes on with the first one's company.

    Example:

        clarion demo --devices 20000 --exit
    """
    folder = (data_dir or default_data_dir() / "demo").absolute()
    settings = Settings(data_dir=folder, port=port_to_use(port), log_level="warning")
    if fresh:
        clear(settings)
    account = output.run(_play(settings, number, leave=leave, as_json=as_json))
    if account is None:
        output.warn("Broken off. Run it again to go on with what is there, or with --fresh to begin anew.")
        raise typer.Exit(130)
    if account.problems:
        raise typer.Exit(1)


async def _play(settings: Settings, number: int | None, *, leave: bool, as_json: bool) -> Account | None:
    """The whole evening; None when it was broken off."""
    notebook = notebook_of(settings.data_dir)
    headline("Starting PostgreSQL, the server and the stub gateways")
    async with staged(settings) as stage:
        keep(settings.data_dir, notebook)
        said(f"server {stage.url}, gateways {stage.stub.url}")
        story = asyncio.create_task(_story(stage, notebook, number))
        stopped = asyncio.create_task(stage.stop.wait())
        try:
            await asyncio.wait({story, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not story.done():
                return None
            account = story.result()
            output.answer(account, _report(account), as_json=as_json)
            if not leave:
                output.err.print(_what_next(stage, notebook))
                await stopped
            return account
        finally:
            for task in (story, stopped):
                task.cancel()
            await asyncio.gather(story, stopped, return_exceptions=True)


async def _story(stage: Stage, notebook: Notebook, number: int | None) -> Account:
    """From an empty database to the report."""
    async with AsyncExitStack() as resources:
        db = await Database.open(await conninfo_of(stage.settings), size=4, application_name="clarion demo")
        resources.push_async_callback(db.close)
        stub = await resources.enter_async_context(StubClient(stage.stub.url, Path(stage.stub.ca_file)))
        ours = await _prepare(stage, db, stub, notebook, number)
        v1 = V1Client(stage.url, notebook.email, notebook.api_key, ca_file=stage.running.ca_file)
        await resources.enter_async_context(v1)
        today = clock.now().date()
        before = {
            platform: await results.read_days(v1, partner_id, today) for platform, partner_id in PARTNER_IDS.items()
        }
        account = await _send(stage, db, stub, ours, v1, notebook)
        headline("Devices report what they received")
        began = time.monotonic()
        reported = await devices.report(stage, stub, ours, notebook, _REPORTING)
        number_of = sum(each.devices for each in reported.values())
        said(f"{number_of:,} devices registered and reported in {time.monotonic() - began:.1f} s")
        headline("Reading the results back over v1")
        listed = {
            platform: await results.read(v1, send.partner_id, send.message_id, today)
            for platform, send in zip(ours.apps, account.sends, strict=True)
        }
        accounts.add_reports(account, reported, listed, before)
        return account


async def _prepare(stage: Stage, db: Database, stub: StubClient, notebook: Notebook, number: int | None) -> Company:
    """The company with its devices and gateways."""
    headline("The company")
    ours = await company.found_company(stage, db, notebook)
    await company.connect_gateways(stage, db, stub)
    said(f"{notebook.email} manages {', '.join(PARTNER_IDS.values())}")
    wanted = number or notebook.devices or DEVICES
    if notebook.devices < wanted:
        notebook.devices, notebook.origin = wanted, notebook.origin or stub.origin
        with output.progress() as bar:
            began = time.monotonic()
            await company.import_base(stage, db, stub, ours, notebook, bar)
        said(f"{wanted:,} devices imported in {time.monotonic() - began:.1f} s")
        keep(stage.settings.data_dir, notebook)
    else:
        said(f"{notebook.devices:,} devices of an earlier run; --fresh begins anew")
    # From now on some tokens are dead: the gateways say so, and the devices that hold them are switched off.
    await stub.set_knobs({"dead_rate": _DEAD_TOKENS})
    return ours


async def _send(
    stage: Stage, db: Database, stub: StubClient, ours: Company, v1: V1Client, notebook: Notebook
) -> Account:
    """The campaign, from its creation to the sums."""
    headline("The campaign, in two languages, with buttons")
    name = f"Spring, {clock.now():%Y-%m-%d %H:%M:%S}"
    messages = await campaign.create(v1, ours, name)
    await stub.reset()
    memory = Memory()
    campaign.sample(stage, memory)
    launched = await campaign.launch(v1, ours, messages)
    with SendScreen(output.err, shown=True) as screen:
        ended = await campaign.watch(stage, db, launched, screen, memory)
    stats = await stub.stats()
    books = {kind: msgspec.convert(stats[kind], Books) for kind in GATEWAY_OF.values()}
    account = accounts.of_sends(notebook.devices, ended, books, memory)
    said(accounts.pace(account))
    return account


def _report(account: Account) -> RenderableType:
    parts: list[RenderableType] = ["", accounts.sums_table(account), "", accounts.pace(account), ""]
    parts += [accounts.reports_table(account), ""]
    parts += [f"WRONG: {problem}" for problem in account.problems] or ["All figures agree."]
    return Group(*parts)


def _what_next(stage: Stage, notebook: Notebook) -> RenderableType:
    where = f"--data-dir {shlex.quote(str(stage.settings.data_dir))}"
    command = "clarion" if shutil.which("clarion") else shlex.quote(sys.argv[0])
    app = PARTNER_IDS[Platform.IOS]
    lines = [
        f"Server:         {stage.url}",
        f"  trust it by   {stage.running.ca_file}",
        f"Stub gateways:  {stage.stub.url}",
        f"User:           {notebook.email}",
        f"API key:        {notebook.api_key}",
        *(f"SDK key:        {name}:{key}" for name, key in notebook.private_keys.items()),
        "",
        "Try, in another window:",
        f"  {command} curl GET /v1/me/apps/{app}/messages {where}",
        f"  {command} curl GET /v1/me/apps/{app}/stats {where}",
        f"""  {command} curl POST /v1/me/apps/{app}/campaigns --json '{{"name": "Mine"}}' {where}""",
        f"""  {command} segments count {app} --where '{{"column": "vip", "op": "eq", "value": true}}' {where}""",
        f"  {command} status {where}",
        "",
        "Ctrl-C ends the demo. Running it again goes on with this company; --fresh begins anew.",
    ]
    return Group("", *lines)
