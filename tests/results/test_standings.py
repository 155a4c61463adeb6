"""How the devices of an application stand, kept with the day (v1 rule 84)."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.assembly import work
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db.pool import Database
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, Value
from clarion.results import service as results
from clarion.tracking import store as tracking
from clarion.tracking.model import DayStats
from tests.results.world import move_clock


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


RECENT, OLD = timedelta(days=29, hours=23), timedelta(days=30, minutes=1)
REFUSES = {"system_optin_notifs": False}
FIGURES = ("registered", "optin", "optout", "active", "active_optin")


@pytest.mark.parametrize(
    ("fields", "opened", "counts_as"),
    [
        ({"token": "t"}, None, "optin"),
        ({"token": "t", "feedback": 0}, None, "optin"),
        ({"token": "t", "opencount": 1}, RECENT, "registered optin active active_optin"),
        ({"token": "t", "opencount": 1}, OLD, "registered optin"),
        ({"token": "t", "opencount": 1}, None, "registered optin"),
        ({"token": "t", "feedback": 1, "opencount": 1}, RECENT, "registered active"),
        ({"token": "t", "feedback": 3}, None, ""),
        ({"token": "t", **REFUSES}, None, "optout"),
        ({"token": "t", **REFUSES, "opencount": 5}, RECENT, "registered optout active"),
        ({"token": "t", **REFUSES, "feedback": 1}, None, ""),
        ({}, None, "optout"),
        ({"token": None}, None, "optout"),
        ({"feedback": 2}, None, ""),
        ({"opencount": 1}, RECENT, "registered optout active"),
        ({**REFUSES, "opencount": 1}, OLD, "registered optout"),
        ({"token": "t", "enabled_notifs": False, "enabled_inapps": False}, None, "optin"),
    ],
)
async def test_v1_rule_84_a_device_counts_by_its_definitions(
    database: Database, sealer: Sealer, fields: dict[str, Value], opened: timedelta | None, counts_as: str
) -> None:
    """Opted in: no refusal, no bounce, a token. Opted out: a refusal or no token, and no bounce. Active: opened within
    30 days. Registered: opened at all."""
    app = await new_app(database, sealer, "shop")
    if opened is not None:
        fields = {**fields, "lastopen": clock.now() - opened, "firstopen": clock.now() - OLD}
    await add(database, app, "d", **fields)
    async with database.connection() as conn:
        standing = await devices.standing(conn, app.id)
    assert {name for name in FIGURES if getattr(standing, name)} == set(counts_as.split())


async def test_v1_rule_84_devices_are_added_up(database: Database, sealer: Sealer) -> None:
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


async def test_v1_rule_84_a_day_ends_up_with_its_last_figures(database: Database, sealer: Sealer) -> None:
    """The timer looks every four hours; the first look after midnight begins the next day."""
    app = await new_app(database, sealer, "shop")
    midnight = datetime.combine(clock.now().date() + timedelta(days=2), time.min, tzinfo=UTC)
    real = clock.now()
    for number, hours in enumerate((-8, -4, -0.01, 0.01, 4)):
        await move_clock(database, midnight + timedelta(hours=hours) - real)
        await add(database, app, f"d{number}", token=f"t{number}")
        assert await results.keep_standings(database) == 1
    assert [(stats.day, stats.optin) for stats in await days(database, app)] == [
        (midnight.date() - timedelta(days=1), 3),
        (midnight.date(), 5),
    ]


async def test_v1_rule_83_a_day_whose_figures_fall_to_nothing_says_so(database: Database, sealer: Sealer) -> None:
    """It had data, so it is not left out; a day that never had any is."""
    app = await new_app(database, sealer, "shop")
    await add(database, app, "d", token="t")
    assert await results.keep_standings(database) == 1
    await add(database, app, "d", feedback=3)
    assert await results.keep_standings(database) == 1
    [today] = await days(database, app)
    assert (today.registered, today.optin, today.optout, today.active, today.active_optin) == (0, 0, 0, 0, 0)
    await move_clock(database, timedelta(days=1))
    assert await results.keep_standings(database) == 0
    assert await days(database, app) == [today]


def test_v1_rule_84_figures_are_refreshed_every_four_hours(database: Database, tmp_path: Path) -> None:
    timers = {timer.name: timer.every for timer in work.timers(database, Settings(data_dir=tmp_path))}
    assert timers["results.keep_standings"] == timedelta(hours=4)
    assert timers["results.drop_old"] == timedelta(days=1)


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
