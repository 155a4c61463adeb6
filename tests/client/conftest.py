"""The installation of the v1 tests behind a socket with TLS, and the client under test that calls it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from msgspec import Struct

from clarion.base import certificates
from clarion.client.v1 import V1Client
from clarion.client.v2 import V2Client
from tests.api.v1 import client as inside
from tests.api.v1.conftest import v1, v1_checker, v1_contract, v1_settings
from tests.api.v2.client import Api
from tests.api.v2.conftest import api, app, checker, contract
from tests.client.v2_served import V2Served, v2_served

__all__ = [
    "api",
    "app",
    "checker",
    "contract",
    "served",
    "v1",
    "v1_checker",
    "v1_client",
    "v1_contract",
    "v1_settings",
    "v2",
    "v2_server",
]


class Served(Struct):
    """A server on a socket. `inside` is the same installation without one; `seen` holds what was asked for."""

    url: str
    ca_file: str
    inside: inside.V1Client
    seen: list[tuple[str, str]]
    agents: set[str]

    def client(self, **options: Any) -> V1Client:
        """A client of the operator who manages the three applications."""
        given = {"ca_file": self.ca_file, "api_key": self.inside.api_key, "email": self.inside.person.email, **options}
        return V1Client(given.pop("base_url", self.url), given.pop("email"), given.pop("api_key"), **given)

    def count(self, method: str, path: str) -> int:
        """How often this was asked for."""
        return self.seen.count((method, path))


@pytest.fixture
async def served(v1: inside.V1Client, tmp_path: Path) -> AsyncIterator[Served]:
    """The v1 surface of an installation, over HTTPS on loopback."""
    tls = certificates.generated(tmp_path / "tls", "127.0.0.1")
    listener = socket.create_server(("127.0.0.1", 0))
    found = Served(f"https://127.0.0.1:{listener.getsockname()[1]}", tls.ca_file, v1, [], set())

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        query = scope["query_string"].decode()
        found.seen.append((scope["method"], scope["path"] + (f"?{query}" if query else "")))
        found.agents.update(value.decode() for name, value in scope["headers"] if name == b"user-agent")
        await v1.asgi(scope, receive, send)

    config = uvicorn.Config(
        noting, lifespan="off", log_config=None, ssl_certfile=str(tls.certificate), ssl_keyfile=str(tls.key)
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listener]))
    yield found
    server.should_exit = True
    await running
    listener.close()


@pytest.fixture
async def v1_client(served: Served) -> AsyncIterator[V1Client]:
    """The client under test."""
    async with served.client() as client:
        yield client


@pytest.fixture
async def v2_server(api: Api, tmp_path: Path) -> AsyncIterator[V2Served]:
    """The v2 surface of an installation, over HTTPS on loopback."""
    async with v2_served(api, tmp_path) as found:
        yield found


@pytest.fixture
async def v2(v2_server: V2Served) -> AsyncIterator[V2Client]:
    """The client under test."""
    async with await v2_server.client() as client:
        yield client
