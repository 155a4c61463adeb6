"""Keeping the live view going: a look each second, until `q` or Ctrl-C."""

import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic

from rich.console import Console
from rich.live import Live

from clarion.base import clock
from clarion.base.errors import ConfigurationError
from clarion.base.settings import Settings
from clarion.cli.live import screen
from clarion.cli.live.figures import Gateways, Speed, fetch
from clarion.cli.looking import Looker, Sending, Status
from clarion.cli.running import running_of

EVERY = 1.0


async def watch(settings: Settings, token: str) -> None:
    """Show what moves until told to stop. Raises ConfigurationError where there is no terminal to show it on."""
    console = Console(markup=False, highlight=False)
    if not console.is_terminal or not sys.stdin.isatty():
        raise ConfigurationError(
            "A live view needs a terminal.", "Without --live, and with --json, scripts are served."
        )
    stop = asyncio.Event()
    looker, watcher = Looker(settings), Watcher(settings, token)
    try:
        with _keys(stop), Live(console=console, screen=True, auto_refresh=False) as live:
            while not stop.is_set():
                view = await watcher.look(await looker.look())
                live.update(screen.draw(view, console.width, console.height), refresh=True)
                with suppress(TimeoutError):
                    async with asyncio.timeout(EVERY):
                        await stop.wait()
    finally:
        await looker.aclose()


class Watcher:
    """Puts successive looks together."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._settings = settings
        self._token = token
        self._gateways = Gateways()
        self._sends: dict[tuple[str, int], Speed] = {}
        self._growth = Speed()

    async def look(self, status: Status) -> screen.View:
        """One look: `status` as it is now, and the metrics page."""
        said = await self._metrics()
        now = monotonic()
        size = self._gateways.value("clarion_database_bytes") if not said else None
        if size is not None:
            self._growth.add(now, int(size))
        running = {(each.partner_id, each.send) for each in status.sends if each.closed_at is None}
        self._sends = {key: speed for key, speed in self._sends.items() if key in running}
        return screen.View(
            at=clock.now(),
            status=status,
            sends=[screen.Running(each, self._rate(each, now)) for each in status.sends],
            lanes=[] if said else self._gateways.lanes(),
            gateways_said=said,
            database_bytes=None if size is None else int(size),
            database_growth=self._growth.rate,
        )

    def _rate(self, each: Sending, now: float) -> float | None:
        if each.closed_at is not None:
            return None
        speed = self._sends.setdefault((each.partner_id, each.send), Speed())
        speed.add(now, each.counts.total)
        return speed.rate

    async def _metrics(self) -> str:
        """Read the metrics page; why it cannot be read, or ""."""
        running = running_of(self._settings)
        if running is None or not running.metrics:
            return "their figures are with the servers that run elsewhere."
        try:
            self._gateways.add(monotonic(), await asyncio.to_thread(fetch, running.metrics, self._token))
        except OSError as error:
            return f"{running.metrics} does not answer: {error}"
        return ""


@contextmanager
def _keys(stop: asyncio.Event) -> Iterator[None]:
    """`q` and Ctrl-C set `stop`; the terminal is left as it was found."""
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed() -> None:
        if os.read(descriptor, 1) in (b"q", b"Q", b""):
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tty.setcbreak(descriptor)
    loop.add_reader(descriptor, pressed)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
