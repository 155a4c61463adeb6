"""One installation with its administration surface: three applications, and a person of each role."""

from collections.abc import Sequence

import pytest

from clarion.api.admin.call import Services
from clarion.api.admin.surface import AdminSurface
from clarion.api.contract.engine import Contract
from clarion.api.edge import create_app
from clarion.apps import service as apps
from clarion.apps.model import Platform
from clarion.assembly.operations import ADMIN_HANDLERS
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.identity import service as identity
from clarion.identity import sessions
from clarion.identity.model import Role
from tests.api.admin.client import AdminClient
from tests.contract.checker import ResponseChecker


class AlwaysReady:
    """The health of an installation that lives as long as its test."""

    async def ready(self) -> Sequence[str]:
        return ()


@pytest.fixture(scope="session")
def admin_contract() -> Contract:
    return Contract.load("admin")


@pytest.fixture(scope="session")
def admin_checker(admin_contract: Contract) -> ResponseChecker:
    return ResponseChecker(admin_contract.document)


@pytest.fixture
async def boss(
    database: Database, sealer: Sealer, admin_contract: Contract, admin_checker: ResponseChecker
) -> AdminClient:
    """An administrator, to whom nothing was granted."""
    surface = AdminSurface(admin_contract, Services(database, sealer), ADMIN_HANDLERS)
    async with database.transaction() as conn:
        made = {
            platform.value: (await apps.create_app(conn, sealer, f"demo-{platform.value}", platform, "Shop"))[0]
            for platform in Platform
        }
        person, api_key = await identity.create_person(conn, sealer, "boss@shop.example", Role.ADMINISTRATOR)
    session = await sessions.sign_in(database, sealer, person.email, api_key, "203.0.113.1")
    return AdminClient(
        create_app([surface], AlwaysReady()),
        admin_contract,
        admin_checker,
        database=database,
        sealer=sealer,
        apps=made,
        person=person,
        api_key=api_key,
        token=session.token,
    )


@pytest.fixture
async def operator(boss: AdminClient) -> AdminClient:
    """An operator of the three applications."""
    return await another(boss, "operator@shop.example", Role.OPERATOR)


@pytest.fixture
async def viewer(boss: AdminClient) -> AdminClient:
    """Somebody who may read the three applications."""
    return await another(boss, "viewer@shop.example", Role.VIEWER)


@pytest.fixture
async def stranger(boss: AdminClient) -> AdminClient:
    """An operator to whom nothing was granted."""
    return await another(boss, "stranger@shop.example", Role.OPERATOR, grants=False)


async def another(boss: AdminClient, email: str, role: Role, *, grants: bool = True) -> AdminClient:
    """A client who calls as a new person, with or without the three applications."""
    async with boss.database.transaction() as conn:
        person, api_key = await identity.create_person(conn, boss.sealer, email, role)
        for app in boss.apps.values() if grants else ():
            await apps.grant(conn, app.id, person.id)
    session = await sessions.sign_in(boss.database, boss.sealer, email, api_key, "203.0.113.1")
    return boss.as_person(person, api_key, session.token)
