"""The gateways that this process has open: one for each application, shared by all chunks it delivers.

A gateway is opened with the first chunk, replaced when the operator stores other credentials, and closed when nobody
has used it for a while. Each comes with its lane: the pauses that its answers ask for hold back every chunk alike, and
those that the gateway named a time for every process that uses the same account.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial

from clarion.apps.model import GatewayConfig
from clarion.gateways.fcm.quota import Source
from clarion.gateways.measured import MeasuredGateway, note_again
from clarion.gateways.pauses import AskedPause, Pauses
from clarion.gateways.registry import account_of, open_gateway, shares_pauses
from clarion.gateways.seam import Gateway, Scope, SetsAside, Verdict
from clarion.sending.backoff import backoff
from clarion.sending.flow.watch import Watch
from clarion.sending.flow.window import Window
from clarion.sending.tally import PAUSED

IDLE = 600.0
"""Seconds without a chunk after which a gateway is closed."""

_TROUBLES = 3
"""This many troubles of the connection without one sound answer between them make a pause."""

Opener = Callable[[GatewayConfig], Gateway]


class Lane:
    """The way to one application's gateway, with the pauses it asked for. Times are those of the event loop.

    `name` is that of the account at the push service, which other applications may share; `tell` lets other processes
    know of a pause, where the gateway does not do so itself.
    """

    def __init__(
        self, gateway: Gateway, revision: int, name: str = "", tell: Callable[[str, float], None] | None = None
    ) -> None:
        self.gateway = gateway
        self.revision = revision
        self.name = name
        self.users = 0
        self.used_at = 0.0
        self.watched = False
        self.paused_until = 0.0
        self._tell = tell
        self._setting_aside = gateway if isinstance(gateway, SetsAside) else None
        self._window = Window()
        self._asked = AskedPause()
        self._resumes = False
        self._troubles = 0
        self._pauses = 0
        self._answer = asyncio.Event()

    # What is under way

    @property
    def room(self) -> int:
        """How many more notifications should go out now: the gateway's room, less while it is in trouble."""
        now = asyncio.get_running_loop().time()
        if self._resumes and now >= self.paused_until:
            self._resumes = False
            self._window.restart(now)
        aside = 0 if self._setting_aside is None else self._setting_aside.aside
        return int(min(self.gateway.room, self._window.room(now, aside)))

    async def wait_room(self) -> None:
        """Return when there may be room."""
        await self.gateway.wait_room()
        if self.room <= 0:  # another chunk was faster, the window is full, or the gateway is closing
            self._answer.clear()
            try:
                async with asyncio.timeout(0.005 if self.gateway.room <= 0 else 0.1):
                    await self._answer.wait()
            except TimeoutError:
                pass

    def handed(self, number: int) -> None:
        """So many were handed over."""
        if number:
            self._window.handed(number, asyncio.get_running_loop().time())

    def answered(self) -> None:
        """One of them was judged."""
        self._window.answered()
        if not self._answer.is_set():
            self._answer.set()

    # Pauses

    def trouble(self, verdict: Verdict, now: float) -> None:
        """Pause if the verdict is about more than its device: the application, or a connection that keeps failing.

        Verdicts on what was handed over before a pause do not lengthen it, unless they name a time themselves.
        """
        note_again(self.gateway, verdict)
        if verdict.scope is Scope.DEVICE:
            return
        self._troubles += 1
        self._window.trouble()
        if verdict.retry_after > 0:
            if self._obey(self._asked.asked(now + verdict.retry_after)) and self._tell is not None:
                self._tell(self.name, verdict.retry_after)
        elif now >= self.paused_until and (verdict.scope is Scope.PROJECT or self._troubles >= _TROUBLES):
            self._pauses += 1
            self._resumes = True
            self.paused_until = now + backoff(self._pauses)

    def wait_along(self, no: int, seconds: float) -> None:
        """Another process was told to wait; see `Waiter`."""
        self._obey(self._asked.along(no, asyncio.get_running_loop().time() + seconds))

    def _obey(self, news: bool) -> bool:
        self._resumes = self._resumes or news
        self.paused_until = max(self.paused_until, self._asked.until)
        return news

    @property
    def troubled(self) -> bool:
        """Whether there has been trouble since the last sound answer."""
        return self._troubles > 0

    def proven(self) -> None:
        """A notification was judged: the way is open."""
        self._troubles = 0
        self._pauses = 0


def open_from(config: GatewayConfig, *, source: Source | None = None, pauses: Pauses | None = None) -> Gateway:
    """Open a gateway by its stored settings; their `ca` is PEM text. Raises ConfigurationError.

    `source` is where the permits come from that others use too, `pauses` what others were asked to wait.
    """
    if config.ca is None:
        return open_gateway(config.kind, config.secret, config.endpoint, source=source, pauses=pauses)
    # The TLS context reads the authorities while the gateway is made; the file is not needed afterwards.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(config.ca)
        file.flush()
        return open_gateway(config.kind, config.secret, config.endpoint, file.name, source=source, pauses=pauses)


class GatewayPool:
    """Lanes by application. `watch` tells them what other processes were told, and the other way round."""

    def __init__(self, watch: Watch, opener: Opener | None = None) -> None:
        self._watch = watch
        self._open = opener or partial(open_from, source=watch.source, pauses=watch)
        self._lanes: dict[int, Lane] = {}
        self._closing: set[asyncio.Task[None]] = set()
        PAUSED.add(self)

    def pauses(self, now: float) -> Iterator[tuple[str, float]]:
        """See `tally.Paused`."""
        for lane in self._lanes.values():
            if lane.paused_until > now and isinstance(lane.gateway, MeasuredGateway):
                yield lane.gateway.kind, lane.paused_until - now

    @asynccontextmanager
    async def lane(self, app_id: int, config: GatewayConfig) -> AsyncIterator[Lane]:
        """The lane of an application while a chunk uses it. Raises ConfigurationError for unusable settings."""
        now = asyncio.get_running_loop().time()
        self._close_idle(now)
        lane = self._lanes.get(app_id)
        if lane is None or lane.revision != config.revision:
            name = account_of(config.kind, config.secret) or f"app:{app_id}"
            tell = None if shares_pauses(config.kind) else self._watch.tell
            fresh = Lane(self._open(config), config.revision, name, tell)
            self._watch.add(fresh)
            if lane is not None and lane.users == 0:
                self._close(lane)
            self._lanes[app_id] = lane = fresh
        lane.users += 1
        try:
            if not lane.watched:
                await self._watch.refresh(lane)
                lane.watched = True
            yield lane
        finally:
            lane.users -= 1
            lane.used_at = asyncio.get_running_loop().time()
            lane.watched = lane.watched and lane.users > 0
            if lane.users == 0 and self._lanes.get(app_id) is not lane:
                self._close(lane)

    async def aclose(self) -> None:
        """Close every gateway, letting what is under way finish for a moment."""
        for lane in self._lanes.values():
            self._close(lane)
        self._lanes.clear()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _close_idle(self, now: float) -> None:
        idle = [app_id for app_id, lane in self._lanes.items() if lane.users == 0 and now - lane.used_at > IDLE]
        for app_id in idle:
            self._close(self._lanes.pop(app_id))

    def _close(self, lane: Lane) -> None:
        self._watch.remove(lane)
        task = asyncio.create_task(lane.gateway.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
