"""How the devices of an application stand, kept with the day (v1 rule 84)."""

from datetime import timedelta

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, Value
from clarion.results import service as results
from clarion.tracking import store as tracking
from clarion.tracking.model import DayStats


async def new_app(database: Database, sealer: Sealer, partner_id: str) -> App:
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, partner_id, Platform.IOS, partner_id)
    return app


async def add(database: Database, app: App, udid: str, **fields: Value) -> None:
    async with database.transaction() as conn:
        scheme = await apps.load_scheme(conn, app.id)
        columns = {column: given for name, given in fields.items() if (column := scheme.find(name)) is not None}
        assert len(columns) == len(fields)
        await devices.upsert(conn, app, [DeviceRecord(udid, columns)])


async def days(database: Database, app: App) -> list[DayStats]:
    async with database.connection() as conn:
        return await results.stats(conn, app.id, None, None, limit=10, offset=0)


async def test_v1_rule_84_devices_are_counted_by_its_definitions(database: Database, sealer: Sealer) -> None:
    app = await new_app(database, sealer, "shop")
    recent, old = clock.now() - timedelta(days=3), clock.now() - timedelta(days=31)
    await add(database, app, "active", token="a1", opencount=2, lastopen=recent)
    await add(database, app, "sleeper", token="a2", firstopen=old, lastopen=old)
    await add(database, app, "never opened", token="a3")
    await add(database, app, "refuses", token="a4", system_optin_notifs=False, opencount=1, lastopen=recent)
    await add(database, app, "no token", opencount=1, lastopen=recent)
    await add(database, app, "bounced", token="a5", feedback=1, opencount=1, lastopen=recent)
    async with database.connection() as conn:
        standing = await devices.standing(conn, app.id)
    assert (standing.registered, standing.optin, standing.optout) == (5, 3, 2)
    assert (standing.active, standing.active_optin) == (4, 1)


async def test_v1_rule_83_the_day_shows_the_latest_look_beside_its_counters(database: Database, sealer: Sealer) -> None:
    shop, empty = await new_app(database, sealer, "shop"), await new_app(database, sealer, "empty")
    await add(database, shop, "first", token="a1")
    today = clock.now().date()
    async with database.transaction() as conn:
        await tracking.add_stats(conn, shop.id, today, opens=7)
    assert await results.keep_standings(database) == 1
    await add(database, shop, "second", token="a2")
    assert await results.keep_standings(database) == 1
    [day] = await days(database, shop)
    assert (day.opens, day.registered, day.optin) == (7, 0, 2)
    assert await days(database, empty) == []
