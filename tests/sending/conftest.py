"""Fixtures of the tests of sends."""

import pytest

from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.gateways.stub import StubServer
from tests.sending.journey import Journey


@pytest.fixture
async def unconnected(database: Database, sealer: Sealer) -> Journey:
    """An iOS application without gateway."""
    return await Journey.begin(database, sealer)


@pytest.fixture
async def journey(unconnected: Journey, stub: StubServer) -> Journey:
    """An iOS application that sends through the stub."""
    await unconnected.connect(stub)
    return unconnected
