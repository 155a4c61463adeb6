"""An application of each kind a test of devices needs, with one own column of every type."""

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Column, ColumnKind, Platform, Scheme
from clarion.base.sealing import Sealer
from clarion.db.pool import Database

OWN = {
    "clientId": (ColumnKind.TEXT, True),
    "remark": (ColumnKind.TEXT, False),
    "score": (ColumnKind.INTEGER, True),
    "ratio": (ColumnKind.DECIMAL, False),
    "birthday": (ColumnKind.DATE, False),
    "vip": (ColumnKind.BOOLEAN, False),
}


async def new_app(database: Database, partner_id: str, platform: Platform) -> App:
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, Sealer(bytes(32)), partner_id, platform, partner_id)
        for name, (kind, indexed) in OWN.items():
            await apps.add_column(conn, app, name, kind, indexed)
    return app


@pytest.fixture
async def app(database: Database) -> App:
    """An iOS application."""
    return await new_app(database, "shop", Platform.IOS)


@pytest.fixture
async def web_app(database: Database) -> App:
    """A web application."""
    return await new_app(database, "shop-web", Platform.WEB)


@pytest.fixture
async def scheme(database: Database, app: App) -> Scheme:
    """The columns of `app`."""
    async with database.connection() as conn:
        return await apps.load_scheme(conn, app.id)


def column(scheme: Scheme, name: str) -> Column:
    """A column that the scheme has."""
    found = scheme.find(name)
    assert found is not None, name
    return found
