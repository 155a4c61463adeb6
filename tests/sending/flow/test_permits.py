"""Permits counted in the database: together with other processes, over restarts, and while it is away."""

import asyncio

import pytest

from clarion.apps.model import Platform
from clarion.base.errors import Unavailable
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import execute, tuples, value
from clarion.gateways.allowance import Grant, Rate
from clarion.gateways.fcm.quota import RATE
from clarion.gateways.stub import StubServer
from clarion.sending.flow import permits, store
from clarion.sending.flow.permits import throttle_rate
from tests.sending.journey import Journey


async def test_processes_of_a_name_draw_from_the_same_permits(database: Database) -> None:
    draws = [permits.shared(database)("fcm:shop", Rate(0.001, 100)) for _ in range(3)]
    granted = await asyncio.gather(*(draw(25) for _ in range(4) for draw in draws))
    assert sum(grant.permits for grant in granted) == 100
    assert all(grant.wait > 0 for grant in granted if not grant.permits)
    assert (await permits.shared(database)("fcm:other", Rate(0.001, 100))(25)).permits == 25


async def test_permits_come_back_by_the_rate_and_never_above_the_burst(database: Database) -> None:
    draw = permits.shared(database)("a", Rate(10, 100))
    assert (await draw(1000)).permits == 100
    async with database.connection() as conn:
        await execute(conn, "UPDATE clarion.allowance SET at = at - interval '2 seconds'")
    assert 20 <= (await draw(1000)).permits <= 60
    async with database.connection() as conn:
        await execute(conn, "UPDATE clarion.allowance SET at = at - interval '1 hour'")
    assert (await draw(1000)).permits == 100


async def test_a_clock_that_was_set_back_grants_nothing_for_it_and_holds_nobody_up(database: Database) -> None:
    draw = permits.shared(database)("a", Rate(1000, 100))
    assert (await draw(1000)).permits == 100
    async with database.connection() as conn:
        await execute(conn, "UPDATE clarion.allowance SET at = at + interval '1 hour', permits = 0")
    assert (await draw(1000)).permits == 0
    async with database.connection() as conn:
        behind = await value(conn, "SELECT at - clock_timestamp() < interval '1 s' FROM clarion.allowance")
    assert behind, "it fills by the clock as it is now"


async def test_while_the_database_is_away_nothing_is_granted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> tuple[int, float]:
        raise Unavailable("gone")

    monkeypatch.setattr(store, "draw", away)
    grant = await permits.shared(database)("a", RATE)(10)
    assert grant == Grant(0, grant.wait)
    assert grant.wait > 0


@pytest.mark.parametrize("per_minute", [1, 7, 60, 600, 60_000])
def test_a_throttle_is_exceeded_by_a_thirtieth_or_two_at_most(per_minute: int) -> None:
    rate = throttle_rate(per_minute)
    assert int(rate.burst + rate.per_second * 61) <= per_minute + max(2, per_minute / 30)


async def test_applications_of_one_project_share_its_quota(
    database: Database, sealer: Sealer, stub: StubServer
) -> None:
    """600,000 a minute are of the Firebase project, whatever number of applications and processes use it."""
    sends = []
    for name in ("one", "two"):
        journey = await Journey.begin(database, sealer, name, Platform.ANDROID)
        await journey.connect(stub)
        await journey.add_devices(30)
        sends.append((journey, await journey.send(await journey.message())))
    for journey, send in sends:
        ended = await journey.run(send)
        assert ended.counts.delivered == 30
    async with database.connection() as conn:
        names = await tuples(conn, "SELECT name FROM clarion.allowance WHERE name ~ '^fcm:'")
    assert len(names) == 1
