"""`clarion status`: what runs, how much waits, and how far the sends are; once, or live."""

from typing import Annotated

import msgspec
import typer
from rich.console import Group, RenderableType

from clarion.assembly import scraping
from clarion.base.errors import ConfigurationError
from clarion.cli import output
from clarion.cli.live import command
from clarion.cli.looking import Sending, Status, look
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, installation


def status(
    live: Annotated[
        bool, typer.Option("--live", help="Keep showing what moves, in this terminal, until q or Ctrl-C.")
    ] = False,
    metrics_token_file: Annotated[
        str, typer.Option(metavar="FILE", help="With --live: the token of /metrics, where the server asks for one.")
    ] = "",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Show what runs, the depth of the queues, and the sends under way with their sums (the latest ones after them).

    Examples:

        clarion status --json

        clarion status --live
    """
    settings = installation(data_dir, database_url)
    if live:
        if as_json:
            raise ConfigurationError("A live view is for people.", "Give --json or --live, not both.")
        token = scraping.token_of(msgspec.structs.replace(settings, metrics_token_file=metrics_token_file))
        output.run(command.watch(settings, token))
        return
    found = output.run(look(settings))
    output.answer(found, _shown(found), as_json=as_json)


def _shown(found: Status) -> RenderableType:
    parts: list[RenderableType] = []
    if found.running:
        parts.append(f"Clarion runs: {' and '.join(found.urls.values())}")
        rows: list[tuple[object, ...]] = [
            (
                each.name,
                str(each.pid),
                "alive" if each.alive else "dead",
                "" if each.memory is None else f"{each.memory / 1e6:.0f} MB",
            )
            for each in found.processes
        ]
        parts += ["", output.table("process", "pid", "", "memory", rows=rows)]
    else:
        parts.append("No server of this installation runs on this machine.")
    parts += ["", f"Database: {found.database}"]
    waiting: list[tuple[object, ...]] = [
        (each.queue, each.due, each.later, f"{each.oldest_seconds:.1f} s") for each in found.queues
    ]
    if waiting:
        parts += ["", output.table("queue", "due", "held or later", "oldest", rows=waiting)]
    if found.dead_jobs:
        parts += ["", f"{found.dead_jobs:,} jobs were given up for good; table clarion.dead_job tells why."]
    parts += ["", *map(_line, found.sends)] if found.sends else []
    return Group(*parts)


def _line(each: Sending) -> str:
    """A send with its sums; what is zero is left out."""
    counts = {**msgspec.structs.asdict(each.counts), "pending": each.pending}
    sums = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
    audience = "audience not frozen yet" if each.audience is None else f"audience {each.audience:,}"
    reason = f" ({each.reason})" if each.reason else ""
    return f"{each.partner_id}, send {each.send}: {each.state.value}{reason}, {audience}{f': {sums}' if sums else ''}"
