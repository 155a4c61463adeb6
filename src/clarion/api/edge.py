"""The ASGI application: one plain callable that hands each request to the surface its path belongs to.

It reads nothing of a request but its first path segment and adds nothing to an answer but `Content-Length`.
Exceptions a surface lets through are logged with the reference of the exchange and answered in that surface's own
envelope, without a word about the cause.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from clarion.api.exchange import ClientGone, Headers, Message, Receive, Request, Response, Send, send_response
from clarion.api.proxies import TrustedProxies
from clarion.base.errors import ConfigurationError
from clarion.base.telemetry import get_logger

log = get_logger(__name__)

Scope = Message


class Surface(Protocol):
    """One API under one first path segment, such as `/v1`."""

    @property
    def prefix(self) -> str:
        """The first path segment with its slash."""

    async def handle(self, request: Request) -> Response:
        """Answer a request; every refusal is a response."""

    def failure(self, request: Request, exc: Exception) -> Response:
        """The answer when `handle` failed; it may name `request.reference` and nothing else."""


class Health(Protocol):
    """What `/readyz` asks."""

    async def ready(self) -> Sequence[str]:
        """Names of the things that are not ready; empty means ready."""


class App:
    """The application `create_app` makes."""

    def __init__(self, surfaces: Iterable[Surface], health: Health, proxies: TrustedProxies) -> None:
        self._surfaces: dict[str, Surface] = {}
        self._health = health
        self._proxies = proxies
        for surface in surfaces:
            if not surface.prefix.startswith("/") or "/" in surface.prefix[1:] or surface.prefix in self._surfaces:
                raise ConfigurationError(f"The prefix {surface.prefix!r} is not one path segment or is taken.")
            self._surfaces[surface.prefix] = surface

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = self._request(scope, receive)
        surface = self._surfaces.get(f"/{request.path.split('/', 2)[1]}") if request.path.startswith("/") else None
        try:
            if surface is None:
                response = await self._own(request)
            else:
                response = await self._handle(surface, request)
        except ClientGone:
            log.debug("client_gone", method=request.method, path=request.path)
            return
        try:
            await send_response(send, response, head=request.method == "HEAD")
        except OSError:
            log.debug("client_gone", method=request.method, path=request.path)

    async def _handle(self, surface: Surface, request: Request) -> Response:
        try:
            return await surface.handle(request)
        except ClientGone:
            raise
        except Exception as exc:
            log.exception("request_failed", reference=request.reference, method=request.method, path=request.path)
            return surface.failure(request, exc)

    async def _own(self, request: Request) -> Response:
        """The paths of no surface: health, and nothing else."""
        if request.path not in ("/healthz", "/readyz"):
            return _problem(404, "Not Found", "Nothing is served at this path.")
        if request.method not in ("GET", "HEAD"):
            return _problem(405, "Method Not Allowed", "Use GET.", ("Allow", "GET, HEAD"))
        if request.path == "/healthz":
            return _json(200, {"status": "alive"})
        missing = list(await self._health.ready())
        if missing:
            return _json(503, {"status": "unavailable", "missing": missing})
        return _json(200, {"status": "ready"})

    def _request(self, scope: Scope, receive: Receive) -> Request:
        headers = Headers(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else ""
        origin = self._proxies.origin(peer, scope.get("scheme", "http"), headers)
        return Request(
            method=scope["method"],
            path=_raw_path(scope),
            query=scope.get("query_string", b""),
            headers=headers,
            client=origin.client,
            peer=peer,
            scheme=origin.scheme,
            server=scope["server"][0] if scope.get("server") else "",
            receive=receive,
        )


def create_app(surfaces: Iterable[Surface], health: Health, *, trusted_proxies: Iterable[str] = ()) -> App:
    """The ASGI application over these surfaces. `trusted_proxies` are addresses or networks (v2 rule 1.2)."""
    return App(surfaces, health, TrustedProxies(trusted_proxies))


def _raw_path(scope: Scope) -> str:
    """The path as sent; bytes that should have been percent-encoded are."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return raw.decode("ascii") if raw.isascii() else quote(raw, safe="/%:@!$&'()*+,;=~-._")


async def _lifespan(receive: Receive, send: Send) -> None:
    """Nothing is started here: the assembly opens and closes what the surfaces use."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _json(status: int, value: Any) -> Response:
    return Response(status, [("Content-Type", "application/json")], msgspec.json.encode(value))


def _problem(status: int, title: str, detail: str, *headers: tuple[str, str]) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    content = ("Content-Type", "application/problem+json")
    return Response(status, [content, *headers], msgspec.json.encode(body))
