"""The v2 surface on a fresh database, its contract, and clients of it."""

from collections.abc import AsyncIterator

import pytest

from clarion.api.contract.engine import Contract
from clarion.api.edge import App, create_app
from clarion.api.v2.call import Services
from clarion.api.v2.surface import v2_surfaces
from clarion.assembly.operations import V2_HANDLERS
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.webhooks.model import EventType
from tests.api.v2.client import Api, Client, NoHealth
from tests.contract.checker import ResponseChecker


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract.load("v2")


@pytest.fixture(scope="session")
def checker(contract: Contract) -> ResponseChecker:
    return ResponseChecker(contract.document)


@pytest.fixture
def app(contract: Contract, database: Database, sealer: Sealer) -> App:
    return create_app(v2_surfaces(contract, Services(database, sealer), V2_HANDLERS), NoHealth())


@pytest.fixture
def api(app: App, contract: Contract, checker: ResponseChecker, database: Database) -> Api:
    return Api(app, database, contract, checker)


@pytest.fixture
async def second(
    contract: Contract, checker: ResponseChecker, database: Database, sealer: Sealer
) -> AsyncIterator[Api]:
    """Another instance of the surface on the same database, as another worker is."""
    own = await Database.open(database.conninfo)
    try:
        app = create_app(v2_surfaces(contract, Services(own, sealer), V2_HANDLERS), NoHealth())
        yield Api(app, own, contract, checker)
    finally:
        await own.close()


@pytest.fixture
async def subscriber(operator: Client) -> str:
    """An endpoint that is told of everything, so that events are kept."""
    body = {"url": "https://hooks.example/told", "eventTypes": [each.value for each in EventType]}
    return str((await operator.create("/v2/webhooks", body))["webhookId"])


@pytest.fixture
async def operator(api: Api) -> Client:
    """A client without account and with every scope."""
    return await api.client()
