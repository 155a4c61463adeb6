"""Who is on a list: pages, members whose time is over, devices that are gone (v1 rules 30, 75, 76)."""

import random
from datetime import timedelta

import pytest
from psycopg import sql

from clarion.audience import service as audience
from clarion.audience.lists import service as lists
from clarion.audience.lists import worker
from clarion.audience.model import InList
from clarion.base import clock
from clarion.db.pool import Database
from clarion.db.sql import app_table, execute, value
from clarion.devices.model import device_id
from tests.audience.listing import Listing, udids


@pytest.fixture
async def listing(database: Database) -> Listing:
    return await Listing.begin(database)


async def audience_of(listing: Listing, list_id: int) -> int:
    async with listing.database.connection() as conn:
        return await audience.count(conn, listing.app.id, InList(list_id))


def users(*numbers: int, expires: object = None) -> list[dict[str, object]]:
    return [{"deviceId": f"d{n}", "expireAt": expires} for n in numbers]


async def test_v1_rule_30_pages_hold_every_member_once_and_the_last_is_found_like_the_first(listing: Listing) -> None:
    """After members came and went in many places of the id space."""
    await listing.add_devices(1500)
    chance = random.Random(3)
    vip, other = await listing.new_list(), await listing.new_list()
    for remove, number in ((False, 1200), (True, 400), (False, 300), (True, 100)):
        await listing.queue(vip, *users(*chance.sample(range(1500), number)), remove=remove)
        await listing.queue(other, *users(*range(number)), remove=remove)
    await listing.apply()
    members = await listing.members(vip)
    pages = await listing.pages(vip)
    assert [len(page) for page in pages[:-1]] == [100] * (len(pages) - 1)
    ordered = [udid for page in pages for udid in page]
    assert sorted(ordered, key=lambda udid: device_id(listing.app.id, udid)) == ordered
    assert (set(ordered), len(ordered)) == (members, len(members))
    async with listing.database.connection() as conn:
        assert await lists.members_of(conn, listing.app.id, vip, 101, len(members)) == []
        assert await lists.members_of(conn, listing.app.id, vip, 101, 10**15) == []
        [last] = await lists.members_of(conn, listing.app.id, vip, 101, len(members) - 1)
    assert last.udid == ordered[-1]
    assert await listing.counts_are_right(vip)


async def test_v1_rule_76_who_has_expired_is_gone_for_everybody_before_the_row_is_deleted(listing: Listing) -> None:
    await listing.add_devices(400)
    vip = await listing.new_list()
    soon = (clock.now() + timedelta(hours=1)).isoformat()
    later = (clock.now() + timedelta(hours=3)).isoformat()
    await listing.queue(vip, *users(*range(0, 400, 2), expires=soon), *users(*range(1, 400, 4), expires=later))
    await listing.queue(vip, *users(*range(3, 400, 4)))
    await listing.apply()
    assert await audience_of(listing, vip) == 400
    await listing.move_clock(timedelta(hours=2))
    assert await audience_of(listing, vip) == 200
    pages = await listing.pages(vip, 30)
    assert [len(page) for page in pages] == [30] * 6 + [20]
    assert {udid for page in pages for udid in page} == udids(*range(1, 400, 2))
    assert len(await listing.members(vip)) == 400, "the rows are still there"
    async with listing.database.connection() as conn:
        state = await lists.state(conn, listing.app.id, vip)
    assert (state.members, state.expiring, state.waiting) == (200, 100, 0)


async def test_v1_rule_76_the_timer_deletes_who_has_expired_in_every_application_in_bounded_pieces(
    listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "EXPIRED_AT_ONCE", 7)
    other = await Listing.begin(listing.database, "other")
    soon = (clock.now() + timedelta(hours=1)).isoformat()
    made: list[tuple[Listing, int]] = []
    for each in (listing, other):
        await each.add_devices(40)
        for name in ("One", "Two"):
            list_id = await each.new_list(name)
            await each.queue(list_id, *users(*range(30), expires=soon), *users(*range(30, 40)))
            made.append((each, list_id))
    await listing.apply()
    await worker.sweep(listing.database)
    async with listing.database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM clarion.job WHERE kind = %s", (lists.TEND,)) == 0
    await listing.move_clock(timedelta(hours=2))
    await worker.sweep(listing.database)
    await worker.sweep(listing.database)
    await listing.apply(workers=2)
    for each, list_id in made:
        assert await each.members(list_id) == udids(*range(30, 40))
        assert await each.counts_are_right(list_id)


async def test_a_member_refreshed_in_time_stays(listing: Listing) -> None:
    await listing.add_devices(2)
    vip = await listing.new_list()
    await listing.queue(vip, *users(0, 1, expires=(clock.now() + timedelta(hours=1)).isoformat()))
    await listing.queue(vip, *users(1, expires=(clock.now() + timedelta(days=1)).isoformat()))
    await listing.apply()
    await listing.move_clock(timedelta(hours=2))
    await worker.sweep(listing.database)
    await listing.apply()
    assert await listing.members(vip) == udids(1)


async def test_devices_that_are_deleted_leave_all_lists_with_their_counts(listing: Listing) -> None:
    await listing.add_devices(300)
    one, two = await listing.new_list(), await listing.new_list()
    await listing.queue(one, *users(*range(300)))
    await listing.queue(two, *users(*range(0, 300, 3)))
    await listing.apply()
    gone = [device_id(listing.app.id, f"d{n}") for n in range(100, 200)]
    delete = sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(app_table(listing.app.id, "device"))
    async with listing.database.transaction() as conn:
        await execute(conn, delete, (gone,))
        await lists.forget_devices(conn, listing.app.id, gone)
    left = [*range(100), *range(200, 300)]
    assert {udid for page in await listing.pages(one, 30) for udid in page} == udids(*left)
    assert await listing.members(two) == udids(*(n for n in left if n % 3 == 0))
    assert await listing.counts_are_right(one)
    assert await listing.counts_are_right(two)


async def test_a_device_that_vanished_by_itself_is_shown_nowhere(listing: Listing) -> None:
    """Whoever looks for a next page still finds that there is one."""
    await listing.add_devices(250)
    vip = await listing.new_list()
    await listing.queue(vip, *users(*range(250)))
    await listing.apply()
    async with listing.database.transaction() as conn:
        await execute(
            conn, sql.SQL("DELETE FROM {} WHERE udid LIKE 'd1%%'").format(app_table(listing.app.id, "device"))
        )
    async with listing.database.connection() as conn:
        first = await lists.members_of(conn, listing.app.id, vip, 101, 0)
    left = {f"d{n}" for n in range(250) if not str(n).startswith("1")}
    assert len(first) == 101
    assert {member.udid for member in first} <= left
    assert await audience_of(listing, vip) == len(left)
