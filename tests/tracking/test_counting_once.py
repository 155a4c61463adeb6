"""A report counts once: repeated, in one batch, at the same time, on another day; and never for somebody else."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

import pytest

from clarion.db.sql import value
from clarion.tracking import service
from clarion.tracking.model import EventKind, Recorded
from tests.support import until
from tests.tracking.installation import Installation


async def test_a_batch_sent_again_is_all_duplicates(installation: Installation) -> None:
    batch = [installation.report(kind, message_id=7) for kind in (EventKind.OPEN, EventKind.DISPLAYED)]
    assert await installation.receive(batch) == Recorded(2, 0)
    assert await installation.receive(batch) == Recorded(0, 2)
    assert await installation.receive([*batch, installation.report()]) == Recorded(1, 2)
    assert len(await installation.events()) == 3
    assert (await installation.openings())[0] == 2
    [day] = await installation.stats()
    assert (day.opens, day.push_displays, day.installs) == (2, 1, 1)


async def test_the_first_of_two_reports_with_one_id_in_a_batch_counts(installation: Installation) -> None:
    report_id = uuid4()
    first = installation.report(EventKind.CLICKED, report_id=report_id, message_id=7)
    second = installation.report(EventKind.OPEN, report_id=report_id)
    assert await installation.receive([first, second, first]) == Recorded(1, 2)
    assert await installation.events() == [(EventKind.CLICKED, 0, 7, None, None)]


async def test_an_empty_batch_records_nothing(installation: Installation) -> None:
    assert await installation.receive([]) == Recorded(0, 0)
    async with installation.database.transaction() as conn:
        assert await service.record(conn, installation.app.id, [[], []]) == [Recorded(0, 0)] * 2
    assert await installation.stats() == []


async def test_devices_and_applications_do_not_share_ids_of_reports(installation: Installation) -> None:
    report_id = uuid4()
    mine = [installation.report(device=device, report_id=report_id) for device in ("d0", "d1")]
    theirs = [installation.report(app=installation.other, report_id=report_id)]
    assert await installation.receive(mine) == Recorded(2, 0)
    assert await installation.receive(theirs, installation.other) == Recorded(1, 0)
    assert [day.opens for day in await installation.stats()] == [2]
    assert [day.opens for day in await installation.stats(installation.other)] == [1]


async def test_the_same_device_id_in_another_application_is_another_device(installation: Installation) -> None:
    """A batch handed in for the wrong application must not reach the right one's profile."""
    await installation.receive([installation.report()], installation.other)
    assert (await installation.openings())[0] == 0
    assert (await installation.openings(app=installation.other))[0] == 0


async def test_batches_that_overlap_at_the_same_time_count_once(installation: Installation) -> None:
    reports = [installation.report(device=device) for device in ("d0", "d1", "d2") for _ in range(20)]
    batches = [reports, reports[::-1], reports[30:] + reports[:30], reports[10:50], reports[50:]]
    recorded = await asyncio.gather(*(installation.receive(batch) for batch in batches))
    assert sum(each.accepted for each in recorded) == len(reports)
    assert sum(each.duplicates for each in recorded) == sum(map(len, batches)) - len(reports)
    assert len(await installation.events()) == len(reports)
    assert [(await installation.openings(device))[0] for device in ("d0", "d1", "d2")] == [20, 20, 20]
    [day] = await installation.stats()
    assert (day.opens, day.installs) == (60, 3)


async def test_every_batch_of_a_transaction_gets_its_own_account(installation: Installation) -> None:
    """A report that two of them hold counts for the first."""
    shared, mine, theirs = (installation.report(device=device) for device in ("d0", "d0", "d1"))
    async with installation.database.transaction() as conn:
        recorded = await service.record(conn, installation.app.id, [[shared, mine], [], [shared, theirs, theirs]])
    assert recorded == [Recorded(2, 0), Recorded(0, 0), Recorded(1, 2)]
    assert len(await installation.events()) == 3


async def test_what_is_rolled_back_was_never_seen(installation: Installation) -> None:
    batch = [installation.report()]
    with pytest.raises(RuntimeError):
        async with installation.database.transaction() as conn:
            assert await service.record(conn, installation.app.id, [batch]) == [Recorded(1, 0)]
            raise RuntimeError
    assert await installation.events() == []
    assert await installation.receive(batch) == Recorded(1, 0)


@pytest.mark.parametrize("days", [1, 3, 6])
async def test_a_report_is_remembered_for_a_week(installation: Installation, days: int) -> None:
    batch = [installation.report()]
    await installation.receive(batch)
    await installation.move_clock(timedelta(days=days))
    await service.prepare_partitions(installation.database)
    assert await installation.receive(batch) == Recorded(0, 1)


async def test_after_that_its_id_is_forgotten(installation: Installation) -> None:
    before = await installation.partitions("report_seen")
    await installation.receive([installation.report()])
    await installation.move_clock(timedelta(days=10))
    await service.prepare_partitions(installation.database)
    after = await installation.partitions("report_seen")
    assert not set(before[:2]) & set(after)
    assert len(await installation.events()) == 1


async def test_a_report_comes_before_the_timer_that_makes_room_for_it(installation: Installation) -> None:
    """An installation that was off for half a year has no partitions for today."""
    await installation.move_clock(timedelta(days=200))
    batches = [[installation.report(), installation.report(device="d1")] for _ in range(4)]
    recorded = await asyncio.gather(*(installation.receive(batch) for batch in batches))
    assert recorded == [Recorded(2, 0)] * 4
    assert len(await installation.events()) == 8


async def test_partitions_are_made_and_dropped_beside_the_traffic(installation: Installation) -> None:
    await installation.move_clock(timedelta(days=12))
    recording = [
        installation.receive([installation.report(device=f"d{number % 3}") for number in range(20)]) for _ in range(10)
    ]
    making = [service.prepare_partitions(installation.database) for _ in range(4)]
    results = await asyncio.gather(*recording, *making)
    assert results == [Recorded(20, 0)] * 10 + [None] * 4
    now = await installation.now()
    names = await installation.partitions("report_seen")
    assert f"report_seen_{now:%Y%m%d}" in names
    assert min(names) == f"report_seen_{now - timedelta(days=8):%Y%m%d}"


@pytest.mark.parametrize("minutes", [(-0.02, 0.02), (-9, 0.02), (-0.02, 9), (-9, 9), (-300, 0.02), (-0.02, 300)])
async def test_requests_on_either_side_of_midnight_count_a_report_once(
    installation: Installation, minutes: tuple[float, float]
) -> None:
    """The second began before the first had committed and knows nothing of it, on another day."""
    await installation.move_clock(timedelta(0))
    now = await installation.now()
    midnight = datetime.combine(now.date() + timedelta(days=2), time.min, tzinfo=UTC)
    batch = [installation.report(device=device) for device in ("d0", "d1") for _ in range(5)]

    async def second() -> Recorded:
        await installation.move_clock(midnight + timedelta(minutes=minutes[1]) - now)
        return await installation.receive(batch[::-1])

    await installation.move_clock(midnight + timedelta(minutes=minutes[0]) - now)
    async with installation.database.transaction() as conn:
        assert await service.record(conn, installation.app.id, [batch]) == [Recorded(10, 0)]
        meeting = asyncio.create_task(second())
        await waits_for_a_lock(installation)
    assert await meeting == Recorded(0, 10)
    assert len(await installation.events()) == 10


async def waits_for_a_lock(installation: Installation) -> None:
    async def waiting() -> bool:
        async with installation.database.connection() as conn:
            query = (
                "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database OR l.database IS NULL"
            )
            return bool(await value(conn, query + " WHERE NOT l.granted AND d.datname = current_database()"))

    await until(waiting)


async def test_after_a_long_sleep_yesterday_has_a_place_too(installation: Installation) -> None:
    """A report that comes just after midnight is marked for both days."""
    now = await installation.now()
    later = datetime.combine(now.date() + timedelta(days=200), time.min, tzinfo=UTC) + timedelta(minutes=2)
    await installation.move_clock(later - now)
    batch = [installation.report()]
    assert await installation.receive(batch) == Recorded(1, 0)
    assert await installation.receive(batch) == Recorded(0, 1)
