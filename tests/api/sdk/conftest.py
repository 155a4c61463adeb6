"""One installation with its device surface and an application of each platform."""

from collections.abc import Sequence

import pytest

from clarion.api.contract.engine import Contract
from clarion.api.edge import create_app
from clarion.api.sdk.call import Services
from clarion.api.sdk.surface import SdkSurface
from clarion.apps import service as apps
from clarion.apps.model import App, ColumnKind, Platform
from clarion.assembly.operations import SDK_HANDLERS
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from tests.api.sdk.client import Phone, SdkClient
from tests.contract.checker import ResponseChecker


class AlwaysReady:
    """The health of an installation that lives as long as its test."""

    async def ready(self) -> Sequence[str]:
        return ()


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract.load("sdk")


@pytest.fixture(scope="session")
def checker(contract: Contract) -> ResponseChecker:
    return ResponseChecker(contract.document)


@pytest.fixture
async def sdk(database: Database, sealer: Sealer, contract: Contract, checker: ResponseChecker) -> SdkClient:
    """The installation. The Android application has the fields points, price, since, vip and nickname."""
    made: dict[str, tuple[App, str]] = {}
    async with database.transaction() as conn:
        for name in ("android", "ios", "web", "other"):
            platform = Platform.ANDROID if name == "other" else Platform(name)
            made[name] = await apps.create_app(conn, sealer, f"demo-{name}", platform, f"Shop {name}")
        android = made["android"][0]
        await apps.add_column(conn, android, "points", ColumnKind.INTEGER)
        await apps.add_column(conn, android, "price", ColumnKind.DECIMAL)
        await apps.add_column(conn, android, "since", ColumnKind.DATE)
        await apps.add_column(conn, android, "vip", ColumnKind.BOOLEAN)
        await apps.add_column(conn, android, "nickname", ColumnKind.TEXT)
    surface = SdkSurface(contract, Services(database, sealer), SDK_HANDLERS)
    return SdkClient(create_app([surface], AlwaysReady()), contract, checker, database, made)


@pytest.fixture
async def phone(sdk: SdkClient) -> Phone:
    """A device of the Android application."""
    return await sdk.register()
