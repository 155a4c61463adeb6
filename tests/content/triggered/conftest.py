"""Two applications to which in-apps and alarms belong."""

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base.sealing import Sealer
from clarion.db.pool import Database


@pytest.fixture
async def app(database: Database, sealer: Sealer) -> App:
    """An Android application."""
    async with database.transaction() as conn:
        return (await apps.create_app(conn, sealer, "demo", Platform.ANDROID, "Demo"))[0]


@pytest.fixture
async def other(database: Database, sealer: Sealer) -> App:
    """Another application of the same installation."""
    async with database.transaction() as conn:
        return (await apps.create_app(conn, sealer, "other", Platform.ANDROID, "Other"))[0]
