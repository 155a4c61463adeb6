"""The gateways that this process has open: one for each application, shared by all chunks it delivers.

A gateway is opened with the first chunk, replaced when the operator stores other credentials, and closed when nobody
has used it for a while. Each comes with its lane: the pauses that its answers ask for hold back every chunk alike.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from clarion.apps.model import GatewayConfig
from clarion.gateways.registry import open_gateway
from clarion.gateways.seam import Gateway, Scope, Verdict
from clarion.sending.backoff import asked, backoff

IDLE = 600.0
"""Seconds without a chunk after which a gateway is closed."""

_TROUBLES = 3
"""This many troubles of the connection without one sound answer between them make a pause."""

Opener = Callable[[GatewayConfig], Gateway]


class Lane:
    """The way to one application's gateway, with the pauses it asked for. Times are those of the event loop."""

    def __init__(self, gateway: Gateway, revision: int) -> None:
        self.gateway = gateway
        self.revision = revision
        self.users = 0
        self.used_at = 0.0
        self.paused_until = 0.0
        self._troubles = 0
        self._pauses = 0

    def trouble(self, verdict: Verdict, now: float) -> None:
        """Pause if the verdict is about more than its device: the application, or a connection that keeps failing.

        Verdicts on what was handed over before a pause do not lengthen it, unless they name a time themselves.
        """
        if verdict.scope is Scope.DEVICE:
            return
        self._troubles += 1
        if verdict.retry_after > 0:
            self.paused_until = max(self.paused_until, now + asked(verdict.retry_after))
        elif now >= self.paused_until and (verdict.scope is Scope.PROJECT or self._troubles >= _TROUBLES):
            self._pauses += 1
            self.paused_until = now + backoff(self._pauses)

    @property
    def troubled(self) -> bool:
        """Whether there has been trouble since the last sound answer."""
        return self._troubles > 0

    def proven(self) -> None:
        """A notification was judged: the way is open."""
        self._troubles = 0
        self._pauses = 0


def open_from(config: GatewayConfig, *, share: float = 1.0) -> Gateway:
    """Open a gateway by its stored settings; their `ca` is PEM text. Raises ConfigurationError.

    `share` is the part of the application's quota at the push service that this process may use.
    """
    if config.ca is None:
        return open_gateway(config.kind, config.secret, config.endpoint, share=share)
    # The TLS context reads the authorities while the gateway is made; the file is not needed afterwards.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(config.ca)
        file.flush()
        return open_gateway(config.kind, config.secret, config.endpoint, file.name, share=share)


class GatewayPool:
    """Lanes by application."""

    def __init__(self, opener: Opener = open_from) -> None:
        self._open = opener
        self._lanes: dict[int, Lane] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def lane(self, app_id: int, config: GatewayConfig) -> AsyncIterator[Lane]:
        """The lane of an application while a chunk uses it. Raises ConfigurationError for unusable settings."""
        now = asyncio.get_running_loop().time()
        self._close_idle(now)
        lane = self._lanes.get(app_id)
        if lane is None or lane.revision != config.revision:
            fresh = Lane(self._open(config), config.revision)
            if lane is not None and lane.users == 0:
                self._close(lane)
            self._lanes[app_id] = lane = fresh
        lane.users += 1
        try:
            yield lane
        finally:
            lane.users -= 1
            lane.used_at = asyncio.get_running_loop().time()
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
        task = asyncio.create_task(lane.gateway.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
