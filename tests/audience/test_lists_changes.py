"""Changes of static lists: queued, applied in order whatever happens to the workers (v1 rules 72, 74, 76, 78)."""

import asyncio
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from clarion.apps import service as apps
from clarion.audience import service as audience
from clarion.audience.lists import service as lists
from clarion.audience.lists import sizes, worker
from clarion.audience.model import InList
from clarion.base import clock
from clarion.base.errors import Invalid, NotFound
from clarion.db.pool import Database
from clarion.db.sql import execute, value
from clarion.queue import Lease, LeaseLost
from tests.audience.listing import Listing, udids
from tests.sending.scripted import leases_end
from tests.support import until

TOMORROW = clock.now().replace(microsecond=0) + timedelta(days=1)
LATER = TOMORROW.isoformat()
YESTERDAY = (TOMORROW - timedelta(days=2)).isoformat()


@pytest.fixture
async def listing(database: Database) -> Listing:
    made = await Listing.begin(database)
    await made.add_devices(20)
    return made


async def test_v1_rule_72_what_is_queued_is_durable_and_not_yet_applied(listing: Listing) -> None:
    vip = await listing.new_list()
    await listing.queue(vip, {"deviceId": "d1"}, {"deviceId": "d2"})
    assert await listing.members(vip) == set()
    await listing.apply()
    assert await listing.members(vip) == udids(1, 2)
    await listing.queue(vip, {"deviceId": "d1"}, remove=True)
    assert await listing.members(vip) == udids(1, 2)
    await listing.apply()
    assert await listing.members(vip) == udids(2)
    assert await listing.counts_are_right(vip)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"UDID": "d3"}, {3}),
        ({"CLIENTID": "c4"}, {4}),
        ({"score": 5}, {5}),
        ({"score": "6"}, {6}),
        ({"token": "t7"}, {7}),
        ({"ratio": 0.5}, {8, 9}),
        ({"birthday": "2001-02-03"}, {9}),
        ({"vip": "Y"}, {8}),
        ({"deviceId": "nobody"}, set()),
        ({"clientId": "nobody"}, set()),
        ({"clientId": "C4"}, set()),
        ({"token": "-"}, set()),
        ({"deviceId": ""}, set()),
    ],
)
async def test_v1_rule_74_devices_are_named_by_udid_or_an_indexed_field(
    listing: Listing, user: Mapping[str, Any], expected: set[int]
) -> None:
    """A field may name several devices; unknown ones are dropped."""
    await listing.add_devices(1, 8, ratio=0.5, vip=True)
    await listing.add_devices(1, 9, ratio=0.5, birthday="2001-02-03")
    vip = await listing.new_list()
    await listing.queue(vip, user, {"deviceId": "d1"})
    await listing.apply()
    assert await listing.members(vip) == udids(1, *expected)
    await listing.queue(vip, user, remove=True)
    await listing.apply()
    assert await listing.members(vip) == udids(1)
    assert await listing.counts_are_right(vip)


async def test_the_technical_id_names_a_device_too(listing: Listing) -> None:
    async with listing.database.connection() as conn:
        number = await value(conn, f"SELECT id FROM app_{listing.app.id}.device WHERE udid = 'd5'")
    vip = await listing.new_list()
    await listing.queue(vip, {"id": number})
    await listing.apply()
    assert await listing.members(vip) == udids(5)


async def test_v1_rule_76_upserting_again_replaces_the_expiry(listing: Listing) -> None:
    vip = await listing.new_list()
    await listing.queue(vip, {"deviceId": "d1", "expireAt": LATER}, {"deviceId": "d2"})
    await listing.apply()
    found = await listing.rows(vip)
    assert found["d1"].expires_at == TOMORROW
    assert found["d2"].expires_at is None
    await listing.queue(vip, {"deviceId": "d1"}, {"clientId": "c2", "expireAt": LATER})
    await listing.apply()
    found = await listing.rows(vip)
    assert found["d1"].expires_at is None
    assert found["d2"].expires_at == TOMORROW


async def test_v1_rule_76_who_is_put_with_a_date_gone_by_leaves_at_once(listing: Listing) -> None:
    vip = await listing.new_list()
    await listing.queue(vip, {"deviceId": "d1"}, {"deviceId": "d2"})
    await listing.apply()
    await listing.queue(vip, {"deviceId": "d1", "expireAt": YESTERDAY}, {"deviceId": "d3", "expireAt": 0})
    await listing.apply()
    assert await listing.members(vip) == udids(2)
    assert await listing.counts_are_right(vip)


async def test_v1_rule_78_values_are_kept_without_prefix_replaced_as_a_whole_and_only_when_given(
    listing: Listing,
) -> None:
    vip = await listing.new_list()

    async def values_after(**data: Any) -> Any:
        await listing.queue(vip, {"deviceId": "d1", **data})
        await listing.apply()
        return (await listing.rows(vip))["d1"].data

    assert await values_after(data={"a4p_gift": "mug", "size": "L"}) == {"gift": "mug", "size": "L"}
    assert await values_after(expireAt=LATER) == {"gift": "mug", "size": "L"}
    assert await values_after(data={"gift": "cap"}) == {"gift": "cap"}
    assert await values_after(data={}) == {}


async def test_of_users_that_are_one_device_the_last_counts(listing: Listing) -> None:
    vip = await listing.new_list()
    users = [{"deviceId": "d1", "data": {"n": "1"}}, {"clientId": "c1", "data": {"n": "2"}}]
    await listing.queue(vip, *users)
    await listing.queue(vip, *users[::-1], {"deviceId": "d2", "expireAt": YESTERDAY}, {"deviceId": "d2"})
    await listing.queue(vip, {"deviceId": "d3"}, {"deviceId": "d3", "expireAt": YESTERDAY})
    await listing.apply()
    found = await listing.rows(vip)
    assert set(found) == udids(1, 2)
    assert found["d1"].data == {"n": "1"}


async def test_v1_rule_72_changes_are_applied_in_the_order_they_came_by_any_number_of_workers(listing: Listing) -> None:
    """Random changes to several lists while four workers apply them; a plain evaluation says how they end."""
    chance = random.Random(11)
    made = [await listing.new_list(str(n)) for n in range(3)]
    expected: dict[int, set[str]] = {list_id: set() for list_id in made}
    async with listing.working(workers=4):
        for _ in range(120):
            list_id, remove = chance.choice(made), chance.random() < 0.5
            numbers = chance.sample(range(20), chance.randint(1, 4))
            by_id = chance.random() < 0.5
            users = [{"deviceId": f"d{n}"} if by_id else {"clientId": f"c{n}"} for n in numbers]
            await listing.queue(list_id, *users, remove=remove)
            named = udids(*numbers)
            expected[list_id] = expected[list_id] - named if remove else expected[list_id] | named
        await listing.settled()
    for list_id in made:
        assert await listing.members(list_id) == expected[list_id]
        assert await listing.counts_are_right(list_id)


async def test_changes_that_come_while_a_job_ends_are_not_left_behind(listing: Listing) -> None:
    """Every change finds the job of its list waiting, running, or just about to end."""
    vip = await listing.new_list()

    async def add(n: int) -> None:
        for again in range(15):
            await listing.queue(vip, {"deviceId": f"d{n}"}, remove=again % 2 == 1)
            await asyncio.sleep(0)

    async with listing.working(workers=3):
        await asyncio.gather(*(add(n) for n in range(6)))
        await listing.settled()
    assert await listing.members(vip) == udids(*range(6))


async def test_a_worker_that_is_killed_leaves_nothing_half_done(
    listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of one user each, of which a worker applies some before it dies without a word."""
    monkeypatch.setattr("clarion.audience.lists.entries.PIECE", 1)
    chance = random.Random(5)
    vip = await listing.new_list()
    for remove in (False, True, False):
        await listing.queue(vip, *({"deviceId": f"d{n}"} for n in range(20)), remove=remove)
    await listing.queue(vip, {"deviceId": "d0"}, remove=True)
    kills = 0
    while (waiting := await listing.waiting(vip)) > 10:
        enough = waiting - chance.randint(1, 9)

        async def some_are_applied(enough: int = enough) -> bool:
            return await listing.waiting(vip) <= enough

        task = asyncio.create_task(_tend(listing, await listing.claimed()))
        await until(some_are_applied)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await listing.counts_are_right(vip)
        kills += 1
    assert kills > 3
    await leases_end(listing.database)
    await listing.apply(workers=2)
    assert await listing.members(vip) == udids(*range(1, 20))


async def _tend(listing: Listing, lease: Lease) -> None:
    await worker.tender(listing.database)(lease)


async def test_who_has_lost_the_lease_changes_nothing(listing: Listing) -> None:
    vip = await listing.new_list()
    await listing.queue(vip, {"deviceId": "d1"})
    late = await listing.claimed()
    await listing.claimed()
    with pytest.raises(LeaseLost):
        await worker.tender(listing.database)(late)
    assert await listing.members(vip) == set()
    assert await listing.waiting(vip) == 1


async def test_a_value_that_names_very_many_devices_is_applied_in_ranges(
    listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each range in a transaction of its own; a change that came later waits until all are done."""
    await listing.add_devices(60, 100, vip=True)
    monkeypatch.setattr(sizes, "MOST_AT_ONCE", 10)
    vip = await listing.new_list()
    await listing.queue(vip, {"vip": "Y"}, {"deviceId": "d1"}, {"clientId": "c2"})
    await listing.queue(vip, {"clientId": "c100"}, remove=True)
    async with listing.database.connection() as conn:
        before = await value(conn, "SELECT pg_current_xact_id()::text::bigint")
    await listing.apply(workers=2)
    assert await listing.members(vip) == udids(1, 2, *range(101, 160))
    assert await listing.counts_are_right(vip)
    await listing.queue(vip, {"vip": "Y"}, remove=True)
    await listing.apply()
    assert await listing.members(vip) == udids(1, 2)
    async with listing.database.connection() as conn:
        assert await value(conn, "SELECT pg_current_xact_id()::text::bigint") > before + 12


async def test_a_change_without_a_job_is_found_by_the_timer(listing: Listing) -> None:
    vip = await listing.new_list()
    await listing.queue(vip, {"deviceId": "d1"})
    async with listing.database.connection() as conn:
        await execute(conn, "DELETE FROM clarion.job")
    await worker.sweep(listing.database)
    await worker.sweep(listing.database)
    await listing.apply()
    assert await listing.members(vip) == udids(1)


async def test_a_column_that_was_removed_meanwhile_names_nobody(listing: Listing) -> None:
    vip = await listing.new_list()
    await listing.queue(vip, {"clientId": "c1"}, {"deviceId": "d2"})
    async with listing.database.transaction() as conn:
        await apps.remove_column(conn, listing.app, "clientId")
    await listing.apply()
    assert await listing.members(vip) == udids(2)


async def test_a_list_that_never_rests_lets_other_jobs_have_their_turn(
    listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_TURN", -1.0)
    vip = await listing.new_list()
    await listing.queue(vip, {"deviceId": "d1"})
    async with listing.working():

        async def given_back() -> bool:
            async with listing.database.connection() as conn:
                return bool(await value(conn, "SELECT lease > 4 FROM clarion.job"))

        await until(given_back)
        monkeypatch.setattr(worker, "_TURN", 5.0)
        await listing.settled()
    assert await listing.members(vip) == udids(1)


async def test_an_unknown_list_takes_no_changes(listing: Listing) -> None:
    with pytest.raises(NotFound):
        await listing.queue(4711, {"deviceId": "d1"})


async def test_v1_rule_73_generated_numbers_go_over_those_that_are_taken(listing: Listing) -> None:
    async with listing.database.transaction() as conn:
        first = await lists.create_list(conn, listing.app.id, "first")
        for ahead in (1, 2, 3):
            await lists.create_list(conn, listing.app.id, "own", None, first.id + ahead)
        with pytest.raises(Invalid, match="already"):
            await lists.create_list(conn, listing.app.id, "own", None, first.id)
        second = await lists.create_list(conn, listing.app.id, "second")
    assert second.id == first.id + 4


async def test_numbers_and_external_ids_belong_to_an_application(listing: Listing) -> None:
    other = await Listing.begin(listing.database, "other")
    async with listing.database.transaction() as conn:
        for app_id in (listing.app.id, other.app.id):
            made = await lists.create_list(conn, app_id, "VIP", "vip", 1234)
            assert (made.id, made.external_id) == (1234, "vip")
    await listing.queue(1234, {"deviceId": "d1"})
    await listing.apply()
    assert await listing.members(1234) == udids(1)
    assert await other.members(1234) == set()


async def test_the_audience_of_a_list_is_who_is_on_it(listing: Listing) -> None:
    vip = await listing.new_list()
    await listing.queue(vip, *({"deviceId": f"d{n}"} for n in range(7)))
    await listing.apply()
    async with listing.database.connection() as conn:
        assert await audience.count(conn, listing.app.id, InList(vip)) == 7


async def test_statistics_are_taken_anew_after_many_changes(listing: Listing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends to a list that was filled just now are planned by what it holds."""
    monkeypatch.setattr(worker, "_ANALYZED_AFTER", 15)
    query = f"SELECT reltuples FROM pg_class WHERE oid = 'app_{listing.app.id}.list_member'::regclass"
    vip = await listing.new_list()
    for users, expected in ((range(10), -1), (range(20), -1), (range(20), 0)):
        await listing.queue(vip, *({"deviceId": f"d{n}"} for n in users), remove=expected == 0)
        await listing.apply()
        async with listing.database.connection() as conn:
            assert await value(conn, query) == expected
