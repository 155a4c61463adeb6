"""The daily purge (v1 rule 71): whose profile goes, what goes with it, and who may be busy with it meanwhile."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from clarion.apps.model import App, Scheme
from clarion.base import clock
from clarion.db import retry
from clarion.db.pool import Database, connect
from clarion.db.sql import Conn, execute, tuples, value, values
from clarion.devices import purging, service
from clarion.devices.model import TOKEN, DeviceRecord, PurgeRule, Value, device_id
from clarion.devices.openings import Opening, opened
from clarion.queue import Worker
from tests.devices.conftest import column
from tests.support import until

RULE = PurgeRule()
YEAR = timedelta(days=365)


async def add(database: Database, app: App, scheme: Scheme, udid: str, **fields: Value) -> None:
    record = DeviceRecord(udid, {column(scheme, name): given for name, given in fields.items()})
    await retry.transact(database, lambda conn: service.upsert(conn, app, [record]))


async def move_clock(database: Database, by: timedelta) -> None:
    async with database.transaction() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (by,))
    clock.shift(by)


async def left(database: Database, app: App) -> list[str]:
    async with database.connection() as conn:
        return await values(conn, f"SELECT udid FROM app_{app.id}.device ORDER BY udid")


async def purge(database: Database, app: App, rule: PurgeRule = RULE) -> int:
    return (await purging.purge_part(database, app.id, rule, ())).devices


async def test_v1_rule_71_only_who_is_long_not_opened_and_bounced_goes(
    database: Database, app: App, scheme: Scheme
) -> None:
    now = clock.now()
    old, recent = now - YEAR - timedelta(minutes=1), now - YEAR + timedelta(minutes=5)
    await add(database, app, scheme, "old and bounced", lastopen=old, feedback=3)
    await add(database, app, scheme, "old and reachable", lastopen=old, feedback=2)
    await add(database, app, scheme, "recent and bounced", lastopen=recent, feedback=9)
    await add(database, app, scheme, "opened once, long ago", firstopen=old, feedback=3)
    await add(database, app, scheme, "opened again", firstopen=old, lastopen=recent, feedback=3)
    await add(database, app, scheme, "never opened", feedback=3)
    async with database.connection() as conn:
        assert await purging.count_unused(conn, app.id, RULE) == 2
    assert await purge(database, app) == 2
    kept = ["never opened", "old and reachable", "opened again", "recent and bounced"]
    assert await left(database, app) == kept
    assert await purge(database, app) == 0
    await move_clock(database, timedelta(minutes=10))
    assert await purge(database, app) == 2
    assert await left(database, app) == ["never opened", "old and reachable"]


async def test_v1_rule_71_a_profile_that_was_never_opened_is_as_old_as_itself(
    database: Database, app: App, scheme: Scheme
) -> None:
    await add(database, app, scheme, "never opened", feedback=3)
    await move_clock(database, YEAR - timedelta(hours=1))
    assert await purge(database, app) == 0
    await move_clock(database, YEAR + timedelta(hours=1))
    assert await purge(database, app) == 1


async def test_v1_rule_71_days_and_bounces_can_be_set(database: Database, app: App, scheme: Scheme) -> None:
    await add(database, app, scheme, "a", lastopen=clock.now() - timedelta(days=31), feedback=1)
    assert await purge(database, app, PurgeRule(days=32, bounces=0)) == 0
    assert await purge(database, app, PurgeRule(days=30, bounces=1)) == 0
    assert await purge(database, app, PurgeRule(days=30, bounces=0)) == 1


async def test_v1_rule_71_tokens_go_with_their_profiles_and_other_applications_stay(
    database: Database, app: App, web_app: App, scheme: Scheme
) -> None:
    old = clock.now() - 2 * YEAR
    for owner in (app, web_app):
        await add(database, owner, scheme, "old", lastopen=old, token="token-old")
        await add(database, owner, scheme, "new", token="token-new")
        async with database.transaction() as conn:
            await execute(conn, f"UPDATE app_{owner.id}.device SET feedback = 5")
    assert await purge(database, app) == 1
    async with database.connection() as conn:
        holders = await tuples(conn, "SELECT app_id, device_id FROM clarion.push_token ORDER BY 1, 2")
    kept = [(app.id, "new"), (web_app.id, "new"), (web_app.id, "old")]
    assert sorted(holders) == sorted((owner, device_id(owner, udid)) for owner, udid in kept)
    assert await left(database, web_app) == ["new", "old"]
    await add(database, app, scheme, "next", token="token-old")
    async with database.connection() as conn:
        assert await value(conn, f"SELECT token FROM app_{app.id}.device WHERE udid = 'next'") == "token-old"


async def test_what_others_keep_of_a_device_goes_in_the_same_transaction(
    database: Database, app: App, scheme: Scheme
) -> None:
    heard: list[int] = []

    async def remember(conn: Conn, app_id: int, ids: Sequence[int]) -> None:
        assert app_id == app.id
        heard.extend(ids)

    async def fail(conn: Conn, app_id: int, ids: Sequence[int]) -> None:
        raise LookupError("the other package failed")

    await add(database, app, scheme, "old", lastopen=clock.now() - YEAR, feedback=3, token="t")
    async with database.transaction() as conn:
        await execute(conn, f"UPDATE app_{app.id}.device SET feedback = 3")
    with pytest.raises(LookupError):
        await purging.purge_part(database, app.id, RULE, [remember, fail])
    assert await left(database, app) == ["old"]
    async with database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM clarion.push_token WHERE app_id = %s", (app.id,)) == 1
    heard.clear()
    await purging.purge_part(database, app.id, RULE, [remember])
    assert heard == [device_id(app.id, "old")]


async def test_a_profile_that_is_opened_meanwhile_stays(database: Database, app: App, scheme: Scheme) -> None:
    old = clock.now() - 2 * YEAR
    for udid in ("A", "B"):
        await add(database, app, scheme, udid, lastopen=old, feedback=3)
    now = clock.now()
    other = await connect(database.conninfo)
    try:
        async with other.transaction():
            await opened(other, app.id, [Opening(device_id(app.id, "A"), 1, now, now)])
            assert await purge(database, app) == 1
    finally:
        await other.close()
    assert await left(database, app) == ["A"]
    assert await purge(database, app) == 0


async def test_writers_and_the_purge_meet_without_losing_anything(database: Database, app: App, scheme: Scheme) -> None:
    """Tokens of profiles that go are taken by others at the same time: each ends with the one that claimed it."""
    old: datetime = clock.now() - 2 * YEAR
    lastopen, feedback = column(scheme, "lastopen"), column(scheme, "feedback")
    records = [DeviceRecord(f"old{n}", {TOKEN: f"t{n}", lastopen: old}) for n in range(60)]
    await retry.transact(database, lambda conn: service.upsert(conn, app, records))
    await retry.transact(
        database, lambda conn: service.upsert(conn, app, [DeviceRecord(f"old{n}", {feedback: 3}) for n in range(60)])
    )

    async def take(n: int) -> None:
        record = DeviceRecord(f"new{n}", {TOKEN: f"t{n}"})
        await retry.transact(database, lambda conn: service.upsert(conn, app, [record]))

    await asyncio.gather(*(take(n) for n in range(0, 60, 2)), *(purge(database, app) for _ in range(3)))
    while await purge(database, app):
        pass
    assert await left(database, app) == sorted(f"new{n}" for n in range(0, 60, 2))
    async with database.connection() as conn:
        held = await values(conn, "SELECT device_id FROM clarion.push_token WHERE app_id = %s", (app.id,))
    assert sorted(held) == sorted(device_id(app.id, f"new{n}") for n in range(0, 60, 2))


async def test_parts_are_bounded_and_jobs_go_on_until_nothing_is_left(
    database: Database, app: App, web_app: App, scheme: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "_PART", 10)
    monkeypatch.setattr(purging, "_PIECE", 3)
    old, lastopen, feedback = clock.now() - 2 * YEAR, column(scheme, "lastopen"), column(scheme, "feedback")
    for owner in (app, web_app):
        records = [DeviceRecord(f"d{n}", {lastopen: old, feedback: 3}) for n in range(25)]
        async with database.transaction() as conn:
            await service.upsert(conn, owner, records)
        await add(database, owner, scheme, "kept")
    pieces: list[int] = []
    part = await purging.purge_part(database, app.id, RULE, (), report=pieces.append)
    assert (part, pieces) == (purging.Purged(10, more=True), [3, 3, 3, 1])
    assert await purging.purge_part(database, app.id, RULE, (), stop=lambda: True) == purging.Purged(0, more=True)

    async def ordered(rule: PurgeRule) -> int:
        await purging.order(database, rule)
        async with database.connection() as conn:
            query = "SELECT count(*) FROM clarion.job WHERE kind = %s"
            return int(await value(conn, query, (purging.PURGE,)))

    assert await ordered(PurgeRule(days=0)) == 0
    assert await ordered(RULE) == 2
    assert await ordered(RULE) == 2, "an application has one job at a time"
    stop = asyncio.Event()
    worker = Worker(database, ["default"], {purging.PURGE: purging.purger(database, ())})
    running = asyncio.create_task(worker.run(stop))

    async def done() -> bool:
        async with database.connection() as conn:
            return int(await value(conn, "SELECT count(*) FROM clarion.job")) == 0

    try:
        await until(done)
    finally:
        stop.set()
        await running
    assert await left(database, app) == ["kept"]
    assert await left(database, web_app) == ["kept"]
    async with database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM clarion.dead_job WHERE kind = %s", (purging.PURGE,)) == 0
