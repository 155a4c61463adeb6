"""An installation's v1, v2 and reference on a socket, and a browser to look at it."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from msgspec import Struct

from clarion.api.contract.engine import Contract
from clarion.api.edge import create_app
from clarion.api.reference.surface import ReferenceSurface
from clarion.api.v1.call import Services as V1Services
from clarion.api.v1.surface import V1Surface
from clarion.api.v2.call import Services as V2Services
from clarion.api.v2.surface import v2_surfaces
from clarion.api.v2.transport import V2Settings
from clarion.assembly.operations import V1_HANDLERS, V2_HANDLERS
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from tests.api.v2.client import NoHealth
from tests.browser import chromium
from tests.browser.chromium import Page


class Served(Struct):
    """An installation over plain HTTP on loopback."""

    url: str
    database: Database
    sealer: Sealer


@pytest.fixture(params=[True])
async def served(request: pytest.FixtureRequest, database: Database, sealer: Sealer) -> AsyncIterator[Served]:
    """The parameter is whether v2 answers without TLS."""
    contracts = {name: Contract.load(name) for name in ("v1", "v2")}
    settings = V2Settings(insecure_loopback=request.param)
    app = create_app(
        [
            V1Surface(V1Services(database, sealer), V1_HANDLERS, contracts["v1"]),
            *v2_surfaces(contracts["v2"], V2Services(database, sealer, settings), V2_HANDLERS),
            ReferenceSurface({name: contract.document for name, contract in contracts.items()}),
        ],
        NoHealth(),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, loop="none", lifespan="off", log_config=None))
    running = asyncio.create_task(server.serve([listener]))
    yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", database, sealer)
    server.should_exit = True
    await running
    listener.close()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A tab of a browser. Tests are not run without one."""
    if chromium.BINARY is None:
        pytest.skip(chromium.NOT_RUN)
    async with chromium.chromium() as tab:
        yield tab
