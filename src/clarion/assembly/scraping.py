"""`/metrics`: the page that Prometheus reads, on a listener of its own.

The supervisor serves it for all its processes, a role that runs alone for itself. Loopback is the default; any other
address wants a token. Without a token, requests that name another host than this machine are refused, so that a page
in somebody's browser cannot read it through a name of its own.
"""

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import uvicorn
from msgspec import Struct

from clarion.assembly import listeners
from clarion.assembly.figures import Figures
from clarion.assembly.protocol import BoundedProtocol
from clarion.base import metrics
from clarion.base.errors import ConfigurationError
from clarion.base.metrics import Family
from clarion.base.settings import Settings
from clarion.base.telemetry import get_logger

log = get_logger(__name__)

SHORTEST_TOKEN = 16


class Process(Struct, frozen=True):
    """One process, how often it was started again, and what it counts: None when it does not answer."""

    name: str
    role: str
    restarts: int
    families: list[Family] | None


Processes = Callable[[], Awaitable[Iterable[Process]]]


def bind(settings: Settings) -> socket.socket:
    """The listener of the page. Raises ConfigurationError for an address in use, or one that others reach without a
    token."""
    if not _is_loopback(settings.metrics_host) and not settings.metrics_token_file:
        raise ConfigurationError(
            f"Metrics on {settings.metrics_host} could be read by others.",
            "Give a token with --metrics-token-file FILE, or leave them on 127.0.0.1.",
        )
    token_of(settings)
    return listeners.listen(settings.metrics_host, settings.metrics_port, "--metrics-port")


def url(listener: socket.socket) -> str:
    """The address of the page."""
    return f"{listeners.url('http', listener)}/metrics"


def token_of(settings: Settings) -> str:
    """The token that callers must bring, "" when none is asked for. Raises ConfigurationError for a file without."""
    if not settings.metrics_token_file:
        return ""
    try:
        token = Path(settings.metrics_token_file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The metrics token cannot be read from {settings.metrics_token_file}: {error}.",
            "Write a token into it, for example: openssl rand -hex 32",
        ) from None
    if len(token) < SHORTEST_TOKEN or not token.isascii():
        raise ConfigurationError(
            f"The metrics token in {settings.metrics_token_file} is shorter than {SHORTEST_TOKEN} characters.",
            "Write a longer one, for example: openssl rand -hex 32",
        )
    return token


class Page:
    """Serves the page on a bound listener between `open` and `aclose`."""

    def __init__(self, settings: Settings, listener: socket.socket, processes: Processes) -> None:
        self._token = token_of(settings)
        self._listener = listener
        self._processes = processes
        self._figures: Figures | None = None
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    def open(self, conninfo: str) -> None:
        """Begin to serve; figures of the database are read through `conninfo`."""
        self._figures = Figures(conninfo)
        config = uvicorn.Config(
            self,
            loop="none",
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=32,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        # Its own signal handling is left out: this is not the only thing that runs here.
        self._serving = asyncio.create_task(self._server._serve([self._listener]))

    async def aclose(self) -> None:
        """Stop serving, and close the listener."""
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await asyncio.gather(self._serving, return_exceptions=True)
        if self._figures is not None:
            await self._figures.aclose()
        self._listener.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI 3."""
        del receive
        if scope["type"] != "http":
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        status, body, content_type, more = await self._answer(scope, headers)
        fields = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            *more,
        ]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Any, headers: dict[bytes, str]) -> tuple[int, bytes, str, list[tuple[bytes, bytes]]]:
        plain = "text/plain; charset=utf-8"
        if scope["path"] != "/metrics":
            return 404, b"Metrics are at /metrics.\n", plain, []
        if scope["method"] not in ("GET", "HEAD"):
            return 405, b"Use GET.\n", plain, [(b"allow", b"GET, HEAD")]
        if self._token:
            given = headers.get(b"authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
                return 401, b"The token is missing or wrong.\n", plain, [(b"www-authenticate", b"Bearer")]
        elif not _is_loopback(_host(headers.get(b"host", ""))):
            return 403, b"Without a token, metrics are for this machine.\n", plain, []
        try:
            return 200, await self.page(), metrics.CONTENT_TYPE, []
        except Exception:
            log.exception("metrics_failed")
            return 500, b"The metrics could not be read; see the log.\n", plain, []

    async def page(self) -> bytes:
        """The page as it is now."""
        assert self._figures is not None, "the page is open"
        processes, figures = await asyncio.gather(self._processes(), self._figures.families())
        processes = list(processes)
        own = [
            *figures,
            metrics.gauge(
                "clarion_process_up",
                "1 when a process of this machine answers, 0 when it is dead or hangs.",
                *(({"process": each.name, "role": each.role}, each.families is not None) for each in processes),
            ),
            metrics.counter(
                "clarion_process_restarts",
                "How often the supervisor had to start a process again.",
                *(({"process": each.name, "role": each.role}, each.restarts) for each in processes),
            ),
            metrics.gauge(
                "clarion_senders",
                "Sender processes of this machine that answer.",
                ({}, sum(each.role == "sender" and each.families is not None for each in processes)),
            ),
        ]
        return metrics.exposition(own, {each.name: each.families or () for each in processes})


def _host(header: str) -> str:
    return header.rpartition(":")[0].strip("[]") if not header.endswith("]") and ":" in header else header.strip("[]")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
