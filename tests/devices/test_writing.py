"""The one way in: upserts in sets, tokens that are unique, collisions refused, and writers that meet."""

import asyncio
import random
from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clarion.apps.model import App, Scheme
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn, execute, tuples, value
from clarion.devices import service
from clarion.devices.model import TOKEN, DeadToken, DeviceRecord, Value, WebKeys, device_id, token_digest
from tests.devices.conftest import column
from tests.support import until

KEYS = WebKeys(b"\x04" + bytes(64), bytes(16))


async def write(database: Database, app: App, *records: DeviceRecord) -> list[int | None]:
    return await retry.transact(database, lambda conn: service.upsert(conn, app, records))


async def tokens(database: Database, app: App) -> dict[str, str]:
    """Token by UDID as devices show them, after a check that the table of tokens says the same."""
    async with database.connection() as conn:
        shown = await tuples(conn, f"SELECT id, udid, token FROM app_{app.id}.device WHERE token IS NOT NULL")
        entered = await tuples(
            conn, "SELECT digest, device_id FROM clarion.push_token WHERE app_id = %s ORDER BY digest", (app.id,)
        )
    assert sorted((token_digest(token), number) for number, _, token in shown) == sorted(entered)
    return {udid: token for _, udid, token in shown}


async def one(database: Database, app: App, udid: str, name: str) -> Value:
    async with database.connection() as conn:
        query = f"SELECT {name} FROM app_{app.id}.device WHERE udid = %s"
        found: Value = await value(conn, query, (udid,))
        return found


async def test_new_devices_get_defaults_and_known_ones_keep_what_is_not_written(
    database: Database, app: App, scheme: Scheme
) -> None:
    language, score = column(scheme, "language"), column(scheme, "score")
    ids = await write(database, app, DeviceRecord("A", {language: "fr"}), DeviceRecord("B", {score: 7}))
    assert ids == [device_id(app.id, "A"), device_id(app.id, "B")]
    await write(database, app, DeviceRecord("A", {score: 1}))
    async with database.connection() as conn:
        found = await service.find_first(conn, app.id, scheme, {"UDID": "A"})
    assert found is not None
    assert (found["language"], found["score"], found["token"]) == ("fr", 1, None)
    assert (found["system_optin_notifs"], found["opencount"], found["feedback"]) == ("Y", 0, 0)
    assert found["randomId"] in range(10000)


async def test_unset_puts_a_column_that_always_has_a_value_back_to_its_default(
    database: Database, app: App, scheme: Scheme
) -> None:
    optin, count, language = (column(scheme, name) for name in ("system_optin_notifs", "opencount", "language"))
    await write(database, app, DeviceRecord("A", {optin: False, count: 9, language: "fr"}))
    await write(database, app, DeviceRecord("A", {optin: None, count: None, language: None}))
    assert await one(database, app, "A", "system_optin_notifs") is True
    assert await one(database, app, "A", "opencount") == 0
    assert await one(database, app, "A", "language") is None


async def test_of_records_with_the_same_udid_the_later_one_wins(database: Database, app: App, scheme: Scheme) -> None:
    language, model = column(scheme, "language"), column(scheme, "model")
    first = DeviceRecord("A", {language: "fr", model: "one"})
    assert len(set(await write(database, app, first, DeviceRecord("A", {language: "de"})))) == 1
    assert await one(database, app, "A", "language") == "de"
    assert await one(database, app, "A", "model") == "one"


async def test_v1_rule_70_a_token_moves_to_the_profile_that_is_written(database: Database, app: App) -> None:
    await write(database, app, DeviceRecord("A", {TOKEN: "t1"}), DeviceRecord("B", {TOKEN: "t2"}))
    await write(database, app, DeviceRecord("C", {TOKEN: "t1"}))
    assert await tokens(database, app) == {"C": "t1", "B": "t2"}
    assert await one(database, app, "A", "token_at") is None


async def test_v1_rule_70_devices_may_swap_tokens_at_once(database: Database, app: App) -> None:
    await write(database, app, DeviceRecord("A", {TOKEN: "t1"}), DeviceRecord("B", {TOKEN: "t2"}))
    await write(database, app, DeviceRecord("A", {TOKEN: "t2"}), DeviceRecord("B", {TOKEN: "t1"}))
    assert await tokens(database, app) == {"A": "t2", "B": "t1"}


async def test_v1_rule_70_of_records_with_the_same_token_the_last_has_it(
    database: Database, app: App, scheme: Scheme
) -> None:
    language = column(scheme, "language")
    await write(
        database,
        app,
        DeviceRecord("A", {TOKEN: "t"}),
        DeviceRecord("B", {TOKEN: "t", language: "fr"}),
        DeviceRecord("C", {language: "fr"}),
    )
    assert await tokens(database, app) == {"B": "t"}


async def test_tokens_are_unique_in_one_application_only(database: Database, app: App, web_app: App) -> None:
    await write(database, app, DeviceRecord("A", {TOKEN: "t"}))
    await write(database, web_app, DeviceRecord("A", {TOKEN: "t"}, KEYS))
    assert await tokens(database, app) == await tokens(database, web_app) == {"A": "t"}
    assert device_id(app.id, "A") != device_id(web_app.id, "A")


async def test_a_new_token_starts_afresh_and_the_same_one_does_not(database: Database, app: App) -> None:
    await write(database, app, DeviceRecord("A", {TOKEN: "t1"}, KEYS))
    async with database.transaction() as conn:
        await execute(conn, "UPDATE app_1.device SET feedback = 2")
        await execute(conn, "UPDATE clarion.clock_offset SET shift = '1 day'")
    before = await one(database, app, "A", "token_at")
    await write(database, app, DeviceRecord("A", {TOKEN: "t1"}))
    assert await one(database, app, "A", "token_at") == before
    assert await one(database, app, "A", "feedback") == 2
    assert await one(database, app, "A", "web_auth") == KEYS.auth
    await write(database, app, DeviceRecord("A", {TOKEN: "t2"}))
    assert await one(database, app, "A", "token_at") > before  # type: ignore[operator]
    assert await one(database, app, "A", "feedback") == 0
    assert await one(database, app, "A", "web_auth") is None, "the keys belonged to the old subscription"


async def test_a_feedback_that_is_written_beside_a_new_token_counts(
    database: Database, app: App, scheme: Scheme
) -> None:
    await write(database, app, DeviceRecord("A", {TOKEN: "t", column(scheme, "feedback"): 3}))
    assert await one(database, app, "A", "feedback") == 3


async def test_an_id_that_belongs_to_another_udid_is_refused_and_the_rest_is_written(
    database: Database, app: App
) -> None:
    async with database.transaction() as conn:
        taken = device_id(app.id, "B")
        await execute(conn, "INSERT INTO app_1.device (id, udid, token) VALUES (%s, 'another', 'old')", (taken,))
        digest = token_digest("old")
        await execute(conn, "INSERT INTO clarion.push_token VALUES (%s, %s, %s)", (app.id, digest, taken))
    written = await write(database, app, *(DeviceRecord(udid, {TOKEN: f"token {udid}"}) for udid in "ABC"))
    assert written == [device_id(app.id, "A"), None, device_id(app.id, "C")]
    assert await tokens(database, app) == {"A": "token A", "C": "token C", "another": "old"}


Batches = list[list[tuple[str, str | None]]]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(batches=st.lists(st.lists(st.tuples(st.sampled_from("ABCD"), st.sampled_from(["t1", "t2", "t3", None])))))
async def test_whatever_is_written_tokens_stay_unique(database: Database, app: App, batches: Batches) -> None:
    """v1 rule 70, against a model that writes one device after the other."""
    expected: dict[str, str] = {}
    async with database.transaction() as conn:
        await execute(conn, "DELETE FROM app_1.device")
        await execute(conn, "DELETE FROM clarion.push_token WHERE app_id = 1")
    for batch in batches:
        await write(database, app, *(DeviceRecord(udid, {TOKEN: token}) for udid, token in batch))
        latest: dict[str, str | None] = {}
        for udid, token in batch:
            latest.pop(udid, None)
            latest[udid] = token
        for udid, token in latest.items():
            expected = {u: held for u, held in expected.items() if held != token and u != udid}
            if token is not None:
                expected[udid] = token
    assert await tokens(database, app) == expected


async def test_writers_that_fight_over_tokens_all_come_through(database: Database, app: App) -> None:
    """Who is overtaken is repeated until it is done, and nothing is torn."""
    udids = [f"U{number}" for number in range(12)]
    chance = random.Random(5)

    async def fight() -> None:
        for _ in range(12):
            chosen = chance.sample(udids, 6)
            await write(database, app, *(DeviceRecord(udid, {TOKEN: f"t{chance.randrange(8)}"}) for udid in chosen))

    await asyncio.gather(*(fight() for _ in range(6)))
    assert 1 <= len(await tokens(database, app)) <= 8


async def test_who_is_overtaken_by_another_claim_gives_way_at_once(database: Database, app: App) -> None:
    """Holding on to what it has locked and asking for the holder of the token would end in deadlocks."""
    attempts = []

    async def late(conn: Conn) -> None:
        attempts.append(conn)
        await service.upsert(conn, app, [DeviceRecord("late", {TOKEN: "t"})])

    async with database.transaction() as conn:
        await service.upsert(conn, app, [DeviceRecord("early", {TOKEN: "t"})])
        writing = asyncio.create_task(retry.transact(database, late))

        async def waits() -> bool:
            return bool(await value(conn, "SELECT count(*) FROM pg_locks WHERE NOT granted"))

        await until(waits)
    await writing
    assert len(attempts) == 2
    assert await tokens(database, app) == {"late": "t"}


async def test_a_transaction_is_repeated_a_few_times_only(database: Database) -> None:
    attempts = []

    async def work(conn: object) -> None:
        attempts.append(conn)
        raise psycopg.errors.DeadlockDetected

    with pytest.raises(psycopg.errors.DeadlockDetected):
        await retry.transact(database, work)
    assert len(attempts) == retry.ATTEMPTS


async def test_dead_tokens_are_switched_off_where_they_still_stand(database: Database, app: App) -> None:
    await write(database, app, *(DeviceRecord(udid, {TOKEN: f"t{udid}"}, KEYS) for udid in "ABC"))
    dead = [
        DeadToken(device_id(app.id, "A"), "tA"),
        DeadToken(device_id(app.id, "A"), "tA"),
        DeadToken(device_id(app.id, "B"), "an older one"),
        DeadToken(device_id(app.id, "nobody"), "tN"),
    ]
    async with database.transaction() as conn:
        assert await service.switch_off(conn, app.id, dead) == 1
        assert await service.switch_off(conn, app.id, dead) == 0
        assert await service.switch_off(conn, app.id, []) == 0
    assert await tokens(database, app) == {"B": "tB", "C": "tC"}
    assert await one(database, app, "A", "feedback") == 1
    assert await one(database, app, "A", "web_auth") is None


async def test_a_token_set_after_the_gateway_says_it_died_stays(database: Database, app: App) -> None:
    """APNs answers 410 with the moment since when the token has been dead."""
    await write(database, app, DeviceRecord("A", {TOKEN: "t"}))
    set_at = await one(database, app, "A", "token_at")
    assert isinstance(set_at, datetime)
    number = device_id(app.id, "A")
    async with database.transaction() as conn:
        assert await service.switch_off(conn, app.id, [DeadToken(number, "t", set_at - timedelta(seconds=1))]) == 0
        assert await service.switch_off(conn, app.id, [DeadToken(number, "t", set_at)]) == 1
    await write(database, app, DeviceRecord("A", {TOKEN: "t"}))
    assert await one(database, app, "A", "feedback") == 0, "a new token resets the count"


async def test_a_token_registered_again_after_the_gateways_date_brings_the_device_back(
    database: Database, app: App
) -> None:
    """The gateway's answer may be about the life that the same token had before."""
    await write(database, app, DeviceRecord("A", {TOKEN: "t"}))
    number = device_id(app.id, "A")
    first = await one(database, app, "A", "token_at")
    assert isinstance(first, datetime)
    async with database.transaction() as conn:
        assert await service.switch_off(conn, app.id, [DeadToken(number, "t", first)]) == 1
    assert await tokens(database, app) == {}
    await write(database, app, DeviceRecord("A", {TOKEN: "t"}))
    async with database.transaction() as conn:
        assert await service.switch_off(conn, app.id, [DeadToken(number, "t", first)]) == 0
    assert await tokens(database, app) == {"A": "t"}


async def test_a_set_of_dead_tokens_leaves_every_live_one(database: Database, app: App) -> None:
    names = [f"d{no}" for no in range(500)]
    await write(database, app, *(DeviceRecord(name, {TOKEN: f"t-{name}"}) for name in names))
    dead = [DeadToken(device_id(app.id, name), f"t-{name}") for name in names[::10]]
    async with database.transaction() as conn:
        assert await service.switch_off(conn, app.id, dead) == 50
    assert set(await tokens(database, app)) == set(names) - set(names[::10])
