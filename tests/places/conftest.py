"""Two applications whose places a test writes."""

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base.sealing import Sealer
from clarion.db.pool import Database


async def new_app(database: Database, sealer: Sealer, partner_id: str) -> App:
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, partner_id, Platform.IOS, partner_id)
    return app


@pytest.fixture
async def app(database: Database, sealer: Sealer) -> App:
    """The application."""
    return await new_app(database, sealer, "shop")


@pytest.fixture
async def other(database: Database, sealer: Sealer) -> App:
    """Somebody else's."""
    return await new_app(database, sealer, "else")
