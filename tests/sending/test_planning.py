"""Planning: the audience is cut into chunks in ranges of ids, and survives its planner at any point."""

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.db.sql import execute, tuples
from clarion.gateways.stub import StubServer
from clarion.queue import Job, Lease
from clarion.queue.store import claim
from clarion.results.model import Counts
from clarion.sending import planning, store
from clarion.sending.model import QUEUE, SendState
from clarion.sending.planning import HIGHEST, LOWEST, Sizes
from tests.sending.journey import Journey


async def claim_lease(journey: Journey) -> Lease:
    """The planning job, as a worker would take it."""
    async with journey.database.connection() as conn:
        await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp() WHERE kind = 'sending.plan'")
        [columns] = await claim(conn, [QUEUE], 1, 30.0)
    return Lease(Job(*columns), asyncio.Event())


async def in_pieces(journey: Journey, pieces: int) -> int:
    """A size of pieces that cuts the id space of this application into about so many ranges."""
    async with journey.database.connection() as conn:
        return max(1, await store.devices_about(conn, journey.app.id) // pieces)


async def test_chunks_hold_every_device_of_the_audience_once_in_the_order_of_ids(unconnected: Journey) -> None:
    ids = await unconnected.add_devices(533)
    send = await unconnected.send(await unconnected.message())
    piece = await in_pieces(unconnected, 7)
    await planning.plan(unconnected.database, await claim_lease(unconnected), Sizes(chunk=50, piece=piece))
    chunks = await unconnected.chunks(send)
    assert [chunk.no for chunk in chunks] == list(range(len(chunks)))
    assert [number for chunk in chunks for number in chunk.device_ids] == sorted(ids)
    assert all(0 < len(chunk.device_ids) <= 50 for chunk in chunks)
    assert all(chunk.outcomes == bytes(len(chunk.device_ids)) for chunk in chunks)
    assert len(chunks) > 533 // 50 + 1, "several ranges were planned"
    assert await unconnected.jobs() == ["sending.chunk"] * len(chunks)
    progress = await unconnected.progress(send)
    assert (progress.state, progress.audience, progress.pending) == (SendState.SENDING, 533, 533)


async def test_a_planner_killed_between_pieces_is_continued_where_it_was(journey: Journey, stub: StubServer) -> None:
    """Chunks planned so far are delivered meanwhile; nobody is planned twice."""
    await journey.add_devices(400)
    send = await journey.send(await journey.message())
    piece = await in_pieces(journey, 12)
    for _ in range(3):
        lease = await claim_lease(journey)
        task = asyncio.create_task(planning.plan(journey.database, lease, Sizes(chunk=20, piece=piece)))
        before = (await journey.progress(send)).planned
        async with asyncio.timeout(10):
            while (await journey.progress(send)).planned == before and not task.done():
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await journey.progress(send)).audience is None
    async with journey.database.connection() as conn:
        await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp()")
    ended = await journey.run(send, journey.sender(chunk=20, piece=piece))
    assert (ended.audience, ended.counts) == (400, Counts(delivered=400))
    assert (stub.stats().apns.delivered, stub.stats().apns.doubles) == (400, 0)


async def test_a_planner_that_lost_its_lease_records_nothing(unconnected: Journey) -> None:
    await unconnected.add_devices(50)
    send = await unconnected.send(await unconnected.message())
    first = await claim_lease(unconnected)
    second = await claim_lease(unconnected)
    outcomes = await asyncio.gather(
        planning.plan(unconnected.database, first, Sizes(chunk=10)),
        planning.plan(unconnected.database, second, Sizes(chunk=10)),
        return_exceptions=True,
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["LeaseLost", "NoneType"]
    assert (await unconnected.progress(send)).audience == 50
    assert len(await unconnected.chunks(send)) == 5


async def test_a_definition_that_cannot_be_read_any_more_cancels_the_send_and_says_why(unconnected: Journey) -> None:
    await unconnected.add_devices(5)
    message = await unconnected.message()
    send = await unconnected.send(message)
    async with unconnected.database.transaction() as conn:
        await execute(
            conn,
            "UPDATE clarion.send SET predicate = %s::jsonb WHERE id = %s",
            ('{"column": "gone", "op": "set"}', send),
        )
    ended = await unconnected.run(send)
    assert (ended.state, ended.audience) == (SendState.CANCELLED, 0)
    assert ended.reason is not None
    assert "cannot be read" in ended.reason


async def test_a_send_cancelled_while_it_is_planned_is_frozen_as_far_as_it_came(journey: Journey) -> None:
    await journey.add_devices(200)
    send = await journey.send(await journey.message())
    piece = await in_pieces(journey, 8)
    lease = await claim_lease(journey)
    task = asyncio.create_task(planning.plan(journey.database, lease, Sizes(chunk=20, piece=piece)))
    async with asyncio.timeout(10):
        while not (await journey.progress(send)).planned:
            await asyncio.sleep(0)
    await journey.cancel(send)
    await task
    ended = await journey.run(send)
    assert ended.state is SendState.CANCELLED
    assert ended.audience == ended.counts.cancelled == ended.planned
    assert 0 < ended.planned < 200


@settings(max_examples=50)
@given(st.integers(1, 1000))
def test_ranges_cover_all_ids_without_gap_or_overlap(pieces: int) -> None:
    """The arithmetic of the cursor: the last range ends at the highest id."""
    width, low, ranges = 2**64 // pieces, LOWEST, []
    while low <= HIGHEST:
        high = min(HIGHEST, low + width - 1)
        ranges.append((low, high))
        low = high + 1
    assert ranges[0][0] == LOWEST
    assert ranges[-1][1] == HIGHEST
    assert len(ranges) in (pieces, pieces + 1)
    probe = random.Random(pieces).randrange(LOWEST, HIGHEST)
    assert sum(low <= probe <= high for low, high in ranges) == 1


async def test_counters_of_the_send_are_those_of_its_chunks(journey: Journey) -> None:
    await journey.add_devices(120)
    send = await journey.send(await journey.message())
    await journey.run(send)
    async with journey.database.connection() as conn:
        figures = await tuples(
            conn,
            """
            SELECT s.chunks, s.chunks_open, s.delivered, count(*), sum(c.delivered), sum(c.size), sum(c.targets)
            FROM clarion.send AS s JOIN clarion.send_chunk AS c ON c.app_id = s.app_id AND c.send_id = s.id
            WHERE s.app_id = %s AND s.id = %s GROUP BY s.chunks, s.chunks_open, s.delivered
            """,
            (journey.app.id, send),
        )
    assert figures == [(3, 0, 120, 3, 120, 120, 120)]
