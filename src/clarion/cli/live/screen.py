"""How the live view looks: one screen, readable from 80 columns by 24 lines on.

Running sends come first, each with a bar; then gateways, queues and processes, as far as there is room.
"""

from datetime import datetime, timedelta

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from clarion.cli.live.figures import Lane
from clarion.cli.looking import Sending, Status

_COLOURS = {
    "delivered": "green",
    "refused": "red",
    "suppressed": "yellow",
    "expired": "magenta",
    "cancelled": "bright_black",
    "unknown": "bright_red",
}


class Running(Struct, frozen=True):
    """A send with how fast it goes (devices a second; None at the first look)."""

    send: Sending
    rate: float | None


class View(Struct, frozen=True):
    """Everything on the screen. `gateways_said` is why gateways are not shown, "" when they are."""

    at: datetime
    status: Status
    sends: list[Running]
    lanes: list[Lane]
    gateways_said: str
    database_bytes: int | None
    database_growth: float | None


def draw(view: View, width: int, height: int) -> RenderableType:
    """The whole screen for a terminal of this size."""
    running = [each for each in view.sends if each.send.closed_at is None]
    ended = [each for each in view.sends if each.send.closed_at is not None]
    below = [*_gateways(view), *_queues(view.status), *_processes(view, width)]
    room = height - 4 - sum(map(_lines, below))
    parts: list[RenderableType] = [_head(view, width), Text("")]
    shown = max(1, (room - 1) // 2) if running else 0
    for each in running[:shown]:
        parts += [_bar(each, width), _sums(each.send, width)]
    if len(running) > shown:
        parts.append(Text(f"and {len(running) - shown} more sends under way", style="dim"))
    left = room - 2 * min(shown, len(running)) - (len(running) > shown)
    if not running:
        parts.append(Text("No send is under way.", style="dim"))
        left -= 1
    for each in sorted(ended, key=lambda one: one.send.created_at, reverse=True)[: max(0, left)]:
        parts.append(_ended(each.send, width))
    return Group(*parts, Text(""), *below)


def _head(view: View, width: int) -> Text:
    status = view.status
    state = Text("● running", "green") if status.running else Text("● no server here", "red")
    text = Text("Clarion  ", "bold").append_text(state)
    text.append(f"  {view.at:%H:%M:%S} UTC", "dim")
    if status.database != "reachable":
        text.append(f"  {status.database}", "bold red")
    elif view.database_bytes is not None:
        text.append(f"  database {size(view.database_bytes)}")
        if view.database_growth:
            text.append(f" (+{size(round(view.database_growth))}/s)", "dim")
    if status.dead_jobs:
        text.append(f"  {status.dead_jobs:,} dead jobs", "bold red")
    text.append("  q quits", "dim")
    text.truncate(width, overflow="ellipsis")
    return text


def _bar(each: Running, width: int) -> RenderableType:
    send = each.send
    done = sum(_counts(send).values())
    audience = send.audience
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    for options in ({"no_wrap": True}, {"ratio": 1}, {"justify": "right", "no_wrap": True}):
        table.add_column(**options)
    name = Text(f"{send.partner_id} #{send.send}", "bold")
    name.truncate(max(12, width // 4), overflow="ellipsis")
    if audience is None:
        planned = done + send.pending
        table.add_row(name, ProgressBar(total=None, pulse=True), f"planning, {planned:,} so far")
    else:
        share = f"{100 * done // audience if audience else 100}%"
        text = f"{share} of {audience:,}"
        if each.rate is not None:
            text += f"  {each.rate:,.0f}/s"
            if each.rate > 0 and send.pending:
                text += f"  {duration(send.pending / each.rate)} left"
        if send.state == "cancelled":
            text += "  cancelled"
        table.add_row(name, ProgressBar(total=max(1, audience), completed=done), text)
    return table


def _sums(send: Sending, width: int) -> Text:
    text = Text("  ")
    for name, number in _counts(send).items():
        if number:
            text.append(f"{number:,} {name}  ", _COLOURS[name])
    if send.pending:
        text.append(f"{send.pending:,} open  ", "dim")
    told = [f"{reason} {number:,}" for reason, number in send.reasons.items()]
    if told:
        text.append(f"({', '.join(told)})", "dim")
    text.truncate(width, overflow="ellipsis")
    return text


def _ended(send: Sending, width: int) -> Text:
    text = Text(f"{send.closed_at:%H:%M} ", "dim") if send.closed_at else Text()
    text.append(f"{send.partner_id} #{send.send} ")
    text.append(send.state.value, {"failed": "bold red", "cancelled": "yellow"}.get(send.state.value, "green"))
    if send.reason:
        text.append(f" ({send.reason})", "dim")
    text.append(f" of {send.audience or 0:,}: ")
    text.append(", ".join(f"{number:,} {name}" for name, number in _counts(send).items() if number) or "nobody")
    text.truncate(width, overflow="ellipsis")
    return text


def _gateways(view: View) -> list[RenderableType]:
    if view.gateways_said:
        text = Text(f"Gateways: {view.gateways_said}", "dim")
        text.truncate(78, overflow="ellipsis")
        return [text]
    if not view.lanes:
        return []
    table = _table("gateway", "handed/s", "p50", "p99", "streams", "again/s", "pause")
    for lane in view.lanes:
        pause = f"{lane.paused} app{'s' * (lane.paused > 1)}, {duration(lane.pause)}" if lane.paused else "-"
        table.add_row(
            lane.kind,
            f"{lane.rate:,.0f}",
            _latency(lane.p50),
            _latency(lane.p99),
            f"{lane.streams:,}/{lane.allowed:,}",
            Text(f"{lane.again:,.1f}" if lane.again else "-", "yellow" if lane.again else ""),
            Text(pause, "bold yellow" if lane.paused else ""),
        )
    return [table]


def _queues(status: Status) -> list[RenderableType]:
    if not status.queues:
        return []
    table = _table("queue", "due", "held/later", "oldest")
    for each in status.queues:
        table.add_row(
            each.queue, f"{each.due:,}", f"{each.later:,}", duration(each.oldest_seconds) if each.due else "-"
        )
    return [table]


def _processes(view: View, width: int) -> list[RenderableType]:
    text = Text()
    for each in view.status.processes:
        memory = "" if each.memory is None else f" {each.memory / 1e6:.0f} MB"
        text.append(f"{each.name}{memory if each.alive else ' dead'}  ", "dim" if each.alive else "bold red")
    text.truncate(width, overflow="ellipsis")
    return [text] if text else []


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place else "left", no_wrap=True, min_width=8)
    return table


def _lines(part: RenderableType) -> int:
    return part.row_count + 1 if isinstance(part, Table) else 1


def _counts(send: Sending) -> dict[str, int]:
    return {name: getattr(send.counts, name) for name in _COLOURS}


def _latency(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:,.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def duration(seconds: float) -> str:
    """About how long, in at most two units."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    whole = timedelta(seconds=round(seconds))
    hours, minutes = divmod(round(whole.total_seconds()) // 60, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {round(seconds) % 60:02} s"


def size(number: int) -> str:
    """Bytes for people."""
    for unit, bytes_of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= bytes_of:
            return f"{number / bytes_of:.1f} {unit}"
    return f"{number} B"
