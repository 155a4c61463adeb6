"""One installation with its v1 surface: an operator who manages an application of each platform."""

from collections.abc import Sequence

import pytest

from clarion.api.contract.engine import Contract
from clarion.api.edge import create_app
from clarion.api.v1.call import Services, V1Settings
from clarion.api.v1.surface import V1Surface
from clarion.apps import service as apps
from clarion.apps.model import Platform
from clarion.assembly.operations import V1_HANDLERS
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.identity import service as identity
from clarion.identity.model import Role
from tests.api.v1.client import V1Client
from tests.contract.checker import ResponseChecker


class AlwaysReady:
    """The health of an installation that lives as long as its test."""

    async def ready(self) -> Sequence[str]:
        return ()


@pytest.fixture(scope="session")
def v1_contract() -> Contract:
    """The compiled contract, once for all tests."""
    return Contract.load("v1")


@pytest.fixture(scope="session")
def v1_checker(v1_contract: Contract) -> ResponseChecker:
    """The checker of answers, once for all tests."""
    return ResponseChecker(v1_contract.document)


@pytest.fixture
def v1_settings() -> V1Settings:
    """The settings of the surface; a test module that needs others overrides this fixture."""
    return V1Settings()


@pytest.fixture
async def v1(
    database: Database,
    sealer: Sealer,
    v1_contract: Contract,
    v1_checker: ResponseChecker,
    v1_settings: V1Settings,
) -> V1Client:
    """A client who calls as an operator with an Android, an iOS and a web application."""
    services = Services(database, sealer, v1_settings)
    surface = V1Surface(services, V1_HANDLERS, contract=v1_contract)
    made = {}
    async with database.transaction() as conn:
        person, api_key = await identity.create_person(conn, sealer, "ops@shop.example", Role.OPERATOR)
        for platform in Platform:
            app, _ = await apps.create_app(conn, sealer, f"demo-{platform.value}", platform, f"Shop {platform.value}")
            await apps.grant(conn, app.id, person.id)
            made[platform.value] = app
        token = await identity.issue_token(conn, person)
    return V1Client(
        create_app([surface], AlwaysReady()),
        v1_contract,
        v1_checker,
        database=database,
        sealer=sealer,
        apps=made,
        person=person,
        api_key=api_key,
        token=token,
    )


@pytest.fixture
async def viewer(v1: V1Client) -> V1Client:
    """The same installation, seen by somebody who may only read."""
    return await another(v1, "viewer@shop.example", Role.VIEWER, grants=True)


@pytest.fixture
async def stranger(v1: V1Client) -> V1Client:
    """The same installation, seen by an operator to whom nothing was granted."""
    return await another(v1, "stranger@shop.example", Role.OPERATOR, grants=False)


@pytest.fixture
async def administrator(v1: V1Client) -> V1Client:
    """The same installation, seen by an administrator to whom nothing was granted."""
    return await another(v1, "admin@shop.example", Role.ADMINISTRATOR, grants=False)


async def another(v1: V1Client, email: str, role: Role, *, grants: bool) -> V1Client:
    """A client who calls as a new person, with or without the three applications."""
    async with v1.database.transaction() as conn:
        person, api_key = await identity.create_person(conn, v1.sealer, email, role)
        if grants:
            for app in v1.apps.values():
                await apps.grant(conn, app.id, person.id)
        return v1.as_person(person, api_key, await identity.issue_token(conn, person))
