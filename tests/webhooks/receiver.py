"""A receiver of webhooks: HTTPS on loopback with a certificate of a test's authority. It keeps what it is sent."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct
from standardwebhooks import Webhook

from clarion.base.authority import Authority
from tests.support import until

Answering = Callable[[int], tuple[int, dict[str, str]]]
"""Status and headers of the answer to the so manieth request, from 1 on."""


class Received(Struct, frozen=True):
    """One request."""

    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Receiver:
    """An endpoint. `answering` says what it answers; while `gate` is closed it answers nobody."""

    def __init__(self, authority: Authority, folder: Path) -> None:
        self.received: list[Received] = []
        self.waiting = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.answering: Answering = lambda _: (204, {})
        self.url = ""
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issued = authority.server_certificate("Receiver", ())
        (folder / "receiver.pem").write_bytes(issued.certificate)
        (folder / "receiver.key").write_bytes(issued.key)
        self._tls.load_cert_chain(folder / "receiver.pem", folder / "receiver.key")
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"https://localhost:{port}/hooks"

    async def stop(self) -> None:
        self.gate.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        self.received.append(Received({name.lower(): text for name, text in request.headers.items()}, body))
        status, headers = self.answering(len(self.received))
        return web.Response(status=status, headers=headers)

    async def count(self, wanted: int) -> list[Received]:
        """Everything received, once there is so much."""

        async def enough() -> bool:
            return len(self.received) >= wanted

        await until(enough)
        return self.received


def always(status: int, **headers: str) -> Answering:
    """The same answer to everybody."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _: (status, named)


def signed_by(secret: str, got: Received) -> bool:
    """Whether one of the signatures is what the published library makes with this secret, whatever the time."""
    at = datetime.fromtimestamp(int(got.headers["webhook-timestamp"]), UTC)
    return Webhook(secret).sign(got.id, at, got.body.decode()) in got.headers["webhook-signature"].split(" ")
