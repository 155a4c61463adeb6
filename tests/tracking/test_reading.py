"""Reading events back: clicks in pages and periods, counts by message, days of statistics."""

from datetime import date, timedelta

from clarion.db.sql import execute
from clarion.tracking import store
from clarion.tracking.model import EventKind
from tests.tracking.installation import Installation


async def clicked(installation: Installation, message_id: int, count: int = 1, **more: str) -> None:
    await installation.receive(
        [installation.report(EventKind.CLICKED, message_id=message_id, **more) for _ in range(count)]  # type: ignore[arg-type]
    )


async def clicks(
    installation: Installation, *message_ids: int, limit: int = 100, offset: int = 0
) -> list[store.Reaction]:
    async with installation.database.connection() as conn:
        return await store.reactions(
            conn, installation.app.id, EventKind.CLICKED, message_ids, None, None, limit=limit, offset=offset
        )


async def test_v1_rule_33_clicks_come_by_ascending_date_then_device(installation: Installation) -> None:
    await clicked(installation, 7, device="d1")
    await clicked(installation, 8, device="d0")
    batch = [installation.report(EventKind.CLICKED, device, message_id=7) for device in ("d0", "d1", "d2")]
    await installation.receive(batch)
    found = await clicks(installation, 7, 8)
    assert [(row.ts, row.device_id) for row in found] == sorted((row.ts, row.device_id) for row in found)
    assert [row.message_id for row in found] == [7, 8, 7, 7, 7]


async def test_pages_of_clicks_meet_without_gap_or_double(installation: Installation) -> None:
    for number in range(5):
        await clicked(installation, 7, 3, button=str(number))
    everything = await clicks(installation, 7)
    pages = [row for offset in range(0, 16, 4) for row in await clicks(installation, 7, limit=4, offset=offset)]
    assert pages == everything
    assert len(everything) == 15


async def test_only_clicks_on_these_messages_of_this_application(installation: Installation) -> None:
    await clicked(installation, 7)
    await clicked(installation, 9)
    await installation.receive([installation.report(EventKind.DISPLAYED, message_id=7)])
    theirs = installation.report(EventKind.CLICKED, message_id=7, app=installation.other)
    await installation.receive([theirs], installation.other)
    assert [row.message_id for row in await clicks(installation, 7)] == [7]
    assert await clicks(installation) == []


async def test_v1_rule_79_both_ends_of_a_period_are_included(installation: Installation) -> None:
    await clicked(installation, 7)
    [at] = [row.ts for row in await clicks(installation, 7)]
    moment = timedelta(microseconds=1)
    async with installation.database.connection() as conn:
        for start, end, count in ((at, at, 1), (at + moment, None, 0), (None, at - moment, 0), (at - moment, None, 1)):
            found = await store.reactions(
                conn, installation.app.id, EventKind.CLICKED, [7], start, end, limit=10, offset=0
            )
            assert len(found) == count


async def test_v1_rule_83_statistics_are_read_by_ascending_day_with_both_ends(installation: Installation) -> None:
    days = [date(2031, 3, number) for number in (5, 1, 3)]
    async with installation.database.transaction() as conn:
        for number, day in enumerate(days, 1):
            await store.add_stats(conn, installation.app.id, day, push_sent=number, bounces=1)
            await store.add_stats(conn, installation.app.id, day, push_sent=10)
        await store.add_stats(conn, installation.other.id, days[0], push_sent=100)
        await execute(conn, "UPDATE clarion.stat_day SET registered = 5 WHERE app_id = %s", (installation.app.id,))

    async def read(start: date | None, end: date | None, limit: int = 10, offset: int = 0) -> list[tuple[int, int]]:
        async with installation.database.connection() as conn:
            found = await store.stats_between(conn, installation.app.id, start, end, limit=limit, offset=offset)
        return [(row.day.day, row.push_sent) for row in found]

    assert await read(None, None) == [(1, 12), (3, 13), (5, 11)]
    assert await read(date(2031, 3, 1), date(2031, 3, 3)) == [(1, 12), (3, 13)]
    assert await read(date(2031, 3, 2), None) == [(3, 13), (5, 11)]
    assert await read(None, date(2031, 3, 2)) == [(1, 12)]
    assert await read(None, None, 1, 1) == [(3, 13)]
    [first, *_] = await installation.stats()
    assert (first.registered, first.optin, first.bounces) == (5, None, 1)
