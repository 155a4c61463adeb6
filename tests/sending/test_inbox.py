"""Inbox messages are given to a frozen audience, each device once, and accounted for to the unit (v1 rule 99)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from clarion.apps import columns
from clarion.apps.model import ColumnKind
from clarion.assembly import work
from clarion.audience.model import Segment
from clarion.base import clock
from clarion.base.settings import Settings
from clarion.content.inbox import service as inbox
from clarion.content.inbox.model import InboxContent, InboxContentKind, InboxDraft
from clarion.db.sql import execute, tuples
from clarion.results import service as results
from clarion.results.model import Counts, Outcome, Period, Subject
from clarion.sending import inbox as giving
from clarion.sending import planning, store
from clarion.sending.model import PLAN_JOB, SendKind, SendState
from clarion.sending.planning import Sizes
from clarion.tracking import store as tracking
from tests.sending.journey import Journey
from tests.sending.planned import plan_all
from tests.sending.test_planning import claim_lease, in_pieces

LETTER = (InboxContent(title="Hello", kind=InboxContentKind.TEXT, body="Hello"),)


async def write(
    journey: Journey,
    *,
    segments: Sequence[Segment] = (),
    lists: Sequence[int] = (),
    send_at: datetime | None = None,
) -> int:
    draft = InboxDraft(
        "x", LETTER, campaign_segments=tuple(segment.id for segment in segments), lists=tuple(lists), send_at=send_at
    )
    async with journey.database.transaction() as conn:
        return await giving.create(conn, journey.app, draft)


async def send_of(journey: Journey, message: int) -> int | None:
    async with journey.database.connection() as conn:
        return (await inbox.get(conn, journey.app.id, message)).send_id


async def holders(journey: Journey, message: int) -> list[int]:
    """The devices that have a copy, by ascending id."""
    query = f"SELECT device_id FROM app_{journey.app.id}.inbox_row WHERE message_id = %s ORDER BY device_id"
    async with journey.database.connection() as conn:
        return [number for (number,) in await tuples(conn, query, (message,))]


async def move_clock(journey: Journey, by: timedelta) -> None:
    clock.shift(by)
    async with journey.database.transaction() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (by,))


async def test_everybody_has_one_copy_and_the_sums_are_exact(unconnected: Journey) -> None:
    """No gateway, no token, no consent to notifications: an inbox needs none of them."""
    ids = await unconnected.add_devices(120, token=None, system_optin_notifs=False)
    message = await write(unconnected)
    assert await plan_all(unconnected.database, Sizes(chunk=50)) == 1
    send = await send_of(unconnected, message)
    assert send is not None
    progress = await unconnected.progress(send)
    assert (progress.state, progress.audience, progress.pending) == (SendState.CLOSED, 120, 0)
    assert progress.counts == Counts(delivered=120)
    assert await holders(unconnected, message) == sorted(ids)
    chunks = await unconnected.chunks(send)
    assert [len(chunk.device_ids) for chunk in chunks] == [50, 50, 20]
    assert all(chunk.closed_at is not None and chunk.started_at == chunk.closed_at for chunk in chunks)
    assert {outcome for chunk in chunks for outcome in chunk.outcomes} == {Outcome.DELIVERED}
    assert await unconnected.jobs() == []
    async with unconnected.database.connection() as conn:
        [kept] = await store.latest(conn, unconnected.app.id, 10)
        days = await tracking.stats_between(conn, unconnected.app.id, None, None, limit=10, offset=0)
    assert (kept.kind, kept.chunks, kept.chunks_open) == (SendKind.INBOX, 3, 0)
    assert days == [], "v1 rule 84: what goes into inboxes is no push"


async def test_an_audience_planned_in_many_pieces_is_the_same(unconnected: Journey) -> None:
    ids = await unconnected.add_devices(400)
    message = await write(unconnected)
    piece = await in_pieces(unconnected, 9)
    await plan_all(unconnected.database, Sizes(chunk=20, piece=piece))
    send = await send_of(unconnected, message)
    assert send is not None
    assert (await unconnected.progress(send)).counts == Counts(delivered=400)
    assert await holders(unconnected, message) == sorted(ids)


async def test_a_planner_killed_between_pieces_is_continued_where_it_was(unconnected: Journey) -> None:
    """Nobody is given a copy twice, and nobody is forgotten."""
    ids = await unconnected.add_devices(300)
    message = await write(unconnected)
    send = await send_of(unconnected, message)
    assert send is not None
    piece = await in_pieces(unconnected, 12)
    for _ in range(3):
        lease = await claim_lease(unconnected)
        task = asyncio.create_task(planning.plan(unconnected.database, lease, Sizes(chunk=20, piece=piece)))
        before = len(await holders(unconnected, message))
        async with asyncio.timeout(10):
            while len(await holders(unconnected, message)) == before and not task.done():
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await unconnected.progress(send)).audience is None
    async with unconnected.database.connection() as conn:
        await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp() WHERE kind = %s", (PLAN_JOB,))
    await plan_all(unconnected.database, Sizes(chunk=20, piece=piece))
    progress = await unconnected.progress(send)
    assert (progress.state, progress.audience, progress.counts) == (SendState.CLOSED, 300, Counts(delivered=300))
    assert await holders(unconnected, message) == sorted(ids)


async def test_v1_rule_99_segments_and_lists_are_joined_and_nobody_has_two_copies(unconnected: Journey) -> None:
    french = await unconnected.add_devices(30, language="fr")
    english = await unconnected.add_devices(30, start=30, language="en")
    await unconnected.add_devices(30, start=60, language="de")
    segments = [
        await unconnected.segment(f"{name}", {"column": "language", "op": "in", "value": languages})
        for name, languages in (("fr", ["fr"]), ("fr and en", ["fr", "en"]))
    ]
    message = await write(unconnected, segments=segments)
    await plan_all(unconnected.database)
    assert await holders(unconnected, message) == sorted(french + english)


async def test_nobody_at_all_is_an_audience_too(unconnected: Journey) -> None:
    nobody = await unconnected.segment("nobody", {"any": []})
    message = await write(unconnected, segments=[nobody])
    await plan_all(unconnected.database)
    send = await send_of(unconnected, message)
    assert send is not None
    progress = await unconnected.progress(send)
    assert (progress.state, progress.audience, progress.counts) == (SendState.CLOSED, 0, Counts())


async def test_a_message_waits_for_its_date_by_the_house_clock(unconnected: Journey) -> None:
    await unconnected.add_devices(3)
    dates = [clock.now() + timedelta(hours=hours) for hours in (1, 2, 3)]
    messages = [await write(unconnected, send_at=date) for date in dates]
    assert await giving.give_due(unconnected.database) == 0
    await move_clock(unconnected, timedelta(hours=2, seconds=1))
    assert await giving.give_due(unconnected.database) == 2
    assert await giving.give_due(unconnected.database) == 0
    await plan_all(unconnected.database)
    assert [len(await holders(unconnected, message)) for message in messages] == [3, 3, 0]


async def test_processes_that_look_at_once_give_each_message_once(unconnected: Journey) -> None:
    await unconnected.add_devices(2)
    messages = [await write(unconnected, send_at=clock.now() + timedelta(hours=1)) for _ in range(6)]
    await move_clock(unconnected, timedelta(hours=2))
    given = await asyncio.gather(*(giving.give_due(unconnected.database) for _ in range(4)))
    assert sum(given) == 6
    assert await plan_all(unconnected.database) == 6
    assert [len(await holders(unconnected, message)) for message in messages] == [2] * 6


async def test_the_audience_is_that_of_the_date(unconnected: Journey) -> None:
    await unconnected.add_devices(2)
    message = await write(unconnected, send_at=clock.now() + timedelta(hours=1))
    await unconnected.add_devices(3, start=2)
    await move_clock(unconnected, timedelta(hours=2))
    await giving.give_due(unconnected.database)
    await plan_all(unconnected.database)
    assert len(await holders(unconnected, message)) == 5


@pytest.mark.parametrize("trouble", ["segment is gone", "column is gone"])
async def test_an_audience_that_cannot_be_told_any_more_is_nobody(unconnected: Journey, trouble: str) -> None:
    """It is never everybody, and other messages do not wait for it."""
    await unconnected.add_devices(5)
    async with unconnected.database.transaction() as conn:
        await columns.add_column(conn, unconnected.app, "shoes", ColumnKind.INTEGER)
    segment = await unconnected.segment("big feet", {"column": "shoes", "op": "unset"})
    at = clock.now() + timedelta(hours=1)
    lost, fine = await write(unconnected, segments=[segment], send_at=at), await write(unconnected, send_at=at)
    async with unconnected.database.transaction() as conn:
        if trouble == "segment is gone":
            await execute(conn, "DELETE FROM clarion.segment WHERE app_id = %s", (unconnected.app.id,))
        else:
            await columns.remove_column(conn, unconnected.app, "shoes")
    await move_clock(unconnected, timedelta(hours=2))
    assert await giving.give_due(unconnected.database) == 2
    await plan_all(unconnected.database)
    assert (await holders(unconnected, lost), len(await holders(unconnected, fine))) == ([], 5)
    send = await send_of(unconnected, lost)
    assert send is not None
    progress = await unconnected.progress(send)
    assert (progress.state, progress.audience) == (SendState.CANCELLED, 0)
    assert progress.reason


async def test_a_cancelled_giving_counts_those_who_have_their_copy(unconnected: Journey) -> None:
    await unconnected.add_devices(200)
    message = await write(unconnected)
    send = await send_of(unconnected, message)
    assert send is not None
    piece = await in_pieces(unconnected, 8)
    lease = await claim_lease(unconnected)
    task = asyncio.create_task(planning.plan(unconnected.database, lease, Sizes(chunk=20, piece=piece)))
    async with asyncio.timeout(10):
        while not await holders(unconnected, message):
            await asyncio.sleep(0)
    await unconnected.cancel(send)
    await task
    progress = await unconnected.progress(send)
    have = await holders(unconnected, message)
    assert 0 < len(have) < 200
    assert (progress.state, progress.audience) == (SendState.CANCELLED, len(have))
    assert progress.counts == Counts(delivered=len(have))


async def test_v1_rule_82_its_targets_are_listed_like_those_of_a_push(unconnected: Journey) -> None:
    ids = await unconnected.add_devices(7)
    message = await write(unconnected)
    await plan_all(unconnected.database)
    async with unconnected.database.connection() as conn:
        found = await results.targets(
            conn, unconnected.app.id, Subject(message_id=message), Period(), [], limit=10, offset=0
        )
    assert len(found) == len(ids)
    assert {(target.message_id, target.bounced) for target in found} == {(message, False)}


async def test_timers_give_what_is_due_and_drop_what_is_old(unconnected: Journey, tmp_path: Path) -> None:
    await unconnected.add_devices(2)
    message = await write(unconnected, send_at=clock.now() + timedelta(hours=1))
    timers = {timer.name: timer for timer in work.timers(unconnected.database, Settings(data_dir=tmp_path))}
    assert timers["sending.inboxes"].every <= timedelta(seconds=5)
    await move_clock(unconnected, timedelta(hours=2))
    await timers["sending.inboxes"].run()
    await plan_all(unconnected.database)
    assert len(await holders(unconnected, message)) == 2
    async with unconnected.database.transaction() as conn:
        await execute(
            conn,
            "UPDATE clarion.inbox_message SET expires_at = clarion.now() - interval '31 days' WHERE app_id = %s",
            (unconnected.app.id,),
        )
    await timers["content.inboxes"].run()
    assert await holders(unconnected, message) == []
