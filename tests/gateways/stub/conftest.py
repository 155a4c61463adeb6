"""A running stub, and independent clients for it."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from clarion.gateways.stub import StubServer
from tests.gateways.stub.sender import RawClient

Connect = Callable[..., Awaitable[RawClient]]


@pytest.fixture
async def connect(stub: StubServer) -> AsyncIterator[Connect]:
    """Opens connections to the stub; `certificate` names a PEM file with certificate and key."""
    opened: list[RawClient] = []

    async def open_one(certificate: Path | None = None) -> RawClient:
        context = ssl.create_default_context(cafile=stub.ca_file)
        context.set_alpn_protocols(["h2"])
        if certificate is not None:
            context.load_cert_chain(certificate)
        opened.append(await RawClient.connect(stub.url, context))
        return opened[-1]

    yield open_one
    for client in opened:
        await client.aclose()


@pytest.fixture
async def client(connect: Connect) -> RawClient:
    return await connect()


@pytest.fixture
def apns(stub: StubServer) -> dict[str, Any]:
    """Credentials with a signing key for topic stub.shop."""
    return dict(stub.issue("apns", "shop"))
