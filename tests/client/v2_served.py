"""The v2 surface behind a socket with TLS, and what can be made to go wrong on the way to it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from msgspec import Struct

from clarion.base import certificates
from clarion.client.v2 import V2Client
from clarion.identity import clients
from clarion.identity.clients import Limits
from clarion.identity.scopes import ScopeName
from tests.api.v2.client import EVERY_SCOPE, PLENTY, Api

Trouble = Callable[[Any, Any, Any, Any], Awaitable[None]]


class Seen(Struct, frozen=True):
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]


class V2Served(Struct):
    """A server on a socket. `troubles` befall the next requests of resources, one each; `waits` are what clients
    waited, without waiting."""

    url: str
    ca_file: str
    api: Api
    seen: list[Seen]
    troubles: list[Trouble]
    waits: list[float]

    async def credentials(
        self,
        scopes: Sequence[ScopeName] = EVERY_SCOPE,
        account_id: str | None = None,
        *,
        limits: Limits | None = PLENTY,
    ) -> tuple[str, str]:
        """Id and secret of a new API client."""
        async with self.api.database.transaction() as conn:
            made, secret = await clients.create(conn, "Tests", scopes, account_id)
            if limits is not None:
                await clients.set_limits(conn, made.client_id, limits)
        return made.client_id, secret

    async def client(self, **options: Any) -> V2Client:
        """A client with every scope; options of V2Client, and `scopes_held`, `limits`."""
        held = options.pop("held", EVERY_SCOPE)
        limits = options.pop("limits", PLENTY)
        client_id, secret = await self.credentials(held, limits=limits)
        given: dict[str, Any] = {"ca_file": self.ca_file, "pause": self.pause, **options}
        return V2Client(given.pop("base_url", self.url), client_id, given.pop("secret", secret), **given)

    async def pause(self, seconds: float) -> None:
        """How the clients wait: they note it."""
        self.waits.append(seconds)

    def count(self, method: str, path: str) -> int:
        """How often this was asked for."""
        return sum((each.method, each.path) == (method, path) for each in self.seen)


@asynccontextmanager
async def v2_served(api: Api, folder: Path) -> AsyncIterator[V2Served]:
    """The surface over HTTPS on loopback."""
    tls = certificates.generated(folder / "tls", "127.0.0.1")
    listener = socket.create_server(("127.0.0.1", 0))
    found = V2Served(f"https://127.0.0.1:{listener.getsockname()[1]}", tls.ca_file, api, [], [], [])

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        found.seen.append(Seen(scope["method"], scope["path"], headers))
        if found.troubles and scope["path"].startswith("/v2"):
            await found.troubles.pop(0)(api.app, scope, receive, send)
        else:
            await api.app(scope, receive, send)

    config = uvicorn.Config(
        noting, lifespan="off", log_config=None, ssl_certfile=str(tls.certificate), ssl_keyfile=str(tls.key)
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listener]))
    yield found
    server.should_exit = True
    await running
    listener.close()


def answering(status: int, *headers: tuple[str, str], body: bytes = b"{}") -> Trouble:
    """Somebody on the way answers, and the installation never hears of it."""

    async def trouble(_app: Any, _scope: Any, _receive: Any, send: Any) -> None:
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    return trouble


async def losing(_app: Any, _scope: Any, _receive: Any, send: Any) -> None:
    """The connection breaks before the installation hears of the request."""
    await _break(send)


async def losing_the_answer(app: Any, scope: Any, receive: Any, send: Any) -> None:
    """The installation does its work, and the connection breaks before it tells."""

    async def nowhere(_message: Any) -> None:
        return None

    await app(scope, receive, nowhere)
    await _break(send)


async def _break(send: Any) -> None:
    """A body that is shorter than announced: the server closes the connection."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
