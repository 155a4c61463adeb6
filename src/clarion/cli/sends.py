"""`clarion sends`: what is being sent, how far it is, pausing, throttling and stopping it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import msgspec
import typer
from msgspec import Struct

from clarion.apps import service as apps
from clarion.base.settings import Settings
from clarion.cli import output
from clarion.cli.apps import PartnerId
from clarion.cli.options import AsJson, DatabaseUrl, DataDir, changing, database, installation
from clarion.db.sql import Conn
from clarion.results.model import Counts
from clarion.sending import service as sending
from clarion.sending.model import SendKind, SendState

app = typer.Typer(help="What is being sent.", no_args_is_help=True)

SendId = Annotated[int, typer.Argument(metavar="SEND", min=1, max=2**63 - 1, help="Its number.")]


class Shown(Struct, frozen=True, rename="camel"):
    """A send with its sums so far. `audience` is None until it is frozen."""

    send: int
    message: int
    kind: SendKind
    state: SendState
    reason: str | None
    throttle: int | None
    audience: int | None
    counts: Counts
    pending: int
    reasons: dict[str, int]
    created_at: datetime
    closed_at: datetime | None


@app.command("list")
def list_sends(
    partner_id: PartnerId,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Most sends to show.")] = 20,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """List the sends of an application, newest first, with what became of their devices so far.

    Example:

        clarion sends list shop-ios --limit 5
    """
    found = output.run(_list(installation(data_dir, database_url), partner_id, limit))
    rows: list[tuple[object, ...]] = [
        (
            str(each.send),
            str(each.message),
            each.kind.value,
            each.state.value,
            f"{each.created_at:%Y-%m-%d %H:%M}",
            "" if each.audience is None else each.audience,
            _sums(each),
        )
        for each in found
    ]
    human = output.table("send", "message", "kind", "state", "begun", "audience", "", rows=rows, empty="No send yet.")
    output.answer(found, human, as_json=as_json)


async def _list(settings: Settings, partner_id: str, limit: int) -> list[Shown]:
    async with database(settings) as db, db.connection() as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        return [await _shown(conn, app_id, send.id) for send in await sending.page(conn, app_id, None, limit)]


@app.command("show")
def show(
    partner_id: PartnerId,
    send: SendId,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Show one send: its state, its sums, and the most frequent reasons of refusals.

    Example:

        clarion sends show shop-ios 7
    """
    found = output.run(_show(installation(data_dir, database_url), partner_id, send))
    lines = [_line(partner_id, found), *(f"  {number:,} {reason}" for reason, number in found.reasons.items())]
    output.answer(found, "\n".join(lines), as_json=as_json)


async def _show(settings: Settings, partner_id: str, send_id: int) -> Shown:
    async with database(settings) as db, db.connection() as conn:
        return await _shown(conn, (await apps.get_app(conn, partner_id)).id, send_id)


@app.command("cancel")
def cancel(
    partner_id: PartnerId,
    send: SendId,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Hand nothing more of a send over. What is under way gets its true outcome; the rest ends as cancelled.

    Example:

        clarion sends cancel shop-ios 7
    """
    settings = installation(data_dir, database_url)
    found = output.run(_change(settings, "sends.cancel", partner_id, send, sending.cancel))
    output.answer(found, _line(partner_id, found), as_json=as_json)


@app.command("pause")
def pause(
    partner_id: PartnerId,
    send: SendId,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Hand nothing of a send over until it is resumed. Its time to live runs on: what is open then has expired.

    Example:

        clarion sends pause shop-ios 7
    """
    settings = installation(data_dir, database_url)
    found = output.run(_change(settings, "sends.pause", partner_id, send, sending.pause))
    output.answer(found, _line(partner_id, found), as_json=as_json)


@app.command("resume")
def resume(
    partner_id: PartnerId,
    send: SendId,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Go on with a paused send.

    Example:

        clarion sends resume shop-ios 7
    """
    settings = installation(data_dir, database_url)
    found = output.run(_change(settings, "sends.resume", partner_id, send, sending.resume))
    output.answer(found, _line(partner_id, found), as_json=as_json)


@app.command("throttle")
def throttle(
    partner_id: PartnerId,
    send: SendId,
    per_minute: Annotated[
        int,
        typer.Argument(metavar="PER_MINUTE", min=0, max=100_000_000, help="0 for any number."),
    ],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Hand at most so many notifications of a send over in a minute, from now on and over all processes.

    Example:

        clarion sends throttle shop-ios 7 6000
    """

    async def work(conn: Conn, app_id: int, send_id: int) -> None:
        await sending.throttle(conn, app_id, send_id, per_minute or None)

    settings = installation(data_dir, database_url)
    found = output.run(_change(settings, "sends.throttle", partner_id, send, work))
    output.answer(found, _line(partner_id, found), as_json=as_json)


async def _change(
    settings: Settings, operation: str, partner_id: str, send_id: int, work: Callable[[Conn, int, int], Awaitable[None]]
) -> Shown:
    async with changing(settings, operation, f"{partner_id} {send_id}") as conn:
        app_id = (await apps.get_app(conn, partner_id)).id
        await work(conn, app_id, send_id)
        return await _shown(conn, app_id, send_id)


async def _shown(conn: Conn, app_id: int, send_id: int) -> Shown:
    send = await sending.get(conn, app_id, send_id)
    progress = await sending.progress(conn, app_id, send_id)
    return Shown(
        send=send.id,
        message=send.message_id,
        kind=send.kind,
        state=progress.state,
        reason=progress.reason,
        throttle=send.throttle,
        audience=progress.audience,
        counts=progress.counts,
        pending=progress.pending,
        reasons=progress.reasons,
        created_at=send.created_at,
        closed_at=send.closed_at,
    )


def _sums(found: Shown) -> str:
    """What became of how many devices; what is zero is left out."""
    counts = {**msgspec.structs.asdict(found.counts), "pending": found.pending}
    return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)


def _line(partner_id: str, found: Shown) -> str:
    throttled = "" if found.throttle is None else f", at most {found.throttle:,} a minute"
    audience = "audience not frozen yet" if found.audience is None else f"audience {found.audience:,}"
    reason = f" ({found.reason})" if found.reason else ""
    sums = _sums(found)
    state = f"{found.state.value}{reason}{throttled}"
    return f"{partner_id}, send {found.send}: {state}, {audience}{f': {sums}' if sums else ''}"
