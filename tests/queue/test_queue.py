"""The durable work primitive: put in the cause's transaction, acknowledged in the effect's, never lost, never run twice
by two holders at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from clarion.base import clock
from clarion.db.pool import Database
from clarion.db.sql import execute, tuples, value
from clarion.queue import Handler, Job, Lease, LeaseLost, Retry, Timer, Timers, Worker, put, put_many, store
from tests.support import until


@asynccontextmanager
async def working(db: Database, handlers: dict[str, Handler], **options: float) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    worker = Worker(db, ["default"], handlers, **options)  # type: ignore[arg-type]
    task = asyncio.create_task(worker.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def left(db: Database) -> int:
    async with db.connection() as conn:
        return int(await value(conn, "SELECT count(*) FROM clarion.job"))


async def test_a_job_runs_and_is_gone(database: Database) -> None:
    seen: list[object] = []

    async def handle(lease: Lease) -> None:
        seen.append(lease.job.args["n"])

    async with working(database, {"count": handle}):
        async with database.transaction() as conn:
            for n in range(20):
                await put(conn, "count", {"n": n})
        await until(lambda: _empty(database))
    assert sorted(seen) == list(range(20))  # type: ignore[type-var]


async def _empty(db: Database) -> bool:
    return await left(db) == 0


async def _idle(db: Database) -> bool:
    """Whether a worker waits for jobs."""
    async with db.connection() as conn:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted"
        return bool(await value(conn, query))


async def test_a_job_of_a_rolled_back_cause_never_runs(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.transaction() as conn:
            await put(conn, "count", {})
            raise RuntimeError
    assert await left(database) == 0


async def test_a_key_is_put_once(database: Database) -> None:
    async with database.transaction() as conn:
        assert await put(conn, "a", {}, key="k") is not None
        assert await put(conn, "a", {}, key="k") is None
        await put_many(conn, "a", [{}, {}], keys=["k", "other"])
    assert await left(database) == 2


async def test_lower_priority_numbers_run_first(database: Database) -> None:
    order: list[object] = []

    async def handle(lease: Lease) -> None:
        order.append(lease.job.args["n"])

    async with database.transaction() as conn:
        await put(conn, "a", {"n": "bulk"}, priority=100)
        await put(conn, "a", {"n": "instant"}, priority=10)
    async with working(database, {"a": handle}, concurrency=1):
        await until(lambda: _empty(database))
    assert order == ["instant", "bulk"]


async def test_a_failed_job_is_tried_again_then_buried_with_its_reason(database: Database) -> None:
    attempts: list[int] = []

    async def handle(lease: Lease) -> None:
        attempts.append(lease.job.attempts)
        raise Retry(0.0, "the gateway is closed")

    async with database.transaction() as conn:
        await put(conn, "a", {"n": 1}, max_attempts=3)
    async with working(database, {"a": handle}):
        await until(lambda: _empty(database))
    assert attempts == [1, 2, 3]
    async with database.connection() as conn:
        dead = await tuples(conn, "SELECT kind, attempts, reason FROM clarion.dead_job")
    assert dead == [("a", 3, "the gateway is closed")]


async def test_an_uncounted_retry_uses_no_attempt(database: Database) -> None:
    attempts: list[int] = []

    async def handle(lease: Lease) -> None:
        attempts.append(lease.job.attempts)
        if len(attempts) < 5:
            raise Retry(0.0, "not yet", count=False)

    async with database.transaction() as conn:
        await put(conn, "a", {}, max_attempts=1)
    async with working(database, {"a": handle}):
        await until(lambda: _empty(database))
    assert attempts == [1, 1, 1, 1, 1]


async def test_an_idle_worker_takes_up_in_time_what_it_gave_back(database: Database) -> None:
    """It had fallen idle while the job ran, and then looked no further than the end of the lease."""
    loop = asyncio.get_running_loop()
    began: list[float] = []

    async def handle(lease: Lease) -> None:
        began.append(loop.time())
        if len(began) == 1:
            await until(lambda: _idle(database))
            raise Retry(0.1, "not yet")

    async with database.transaction() as conn:
        await put(conn, "a", {})
    async with working(database, {"a": handle}):
        await until(lambda: _empty(database))
    assert 0.1 <= began[1] - began[0] < 3


async def test_an_exception_keeps_the_job_with_its_error(database: Database) -> None:
    ran = asyncio.Event()

    async def handle(lease: Lease) -> None:
        ran.set()
        raise ValueError("broken")

    async with database.transaction() as conn:
        await put(conn, "a", {})
    async with working(database, {"a": handle}):
        await asyncio.wait_for(ran.wait(), 5)

        async def recorded() -> bool:
            async with database.connection() as conn:
                return bool(await value(conn, "SELECT last_error = 'ValueError: broken' FROM clarion.job"))

        await until(recorded)


async def test_a_holder_that_lost_its_lease_can_neither_acknowledge_nor_record(database: Database) -> None:
    async with database.transaction() as conn:
        await put(conn, "a", {})
    async with database.connection() as conn:
        first = (await store.claim(conn, ["default"], 1, 0.0))[0]
        second = (await store.claim(conn, ["default"], 1, 30.0))[0]
    assert first[0] == second[0]

    stale, holder = (Lease(Job(*columns), asyncio.Event()) for columns in (first, second))
    with pytest.raises(LeaseLost):
        async with database.transaction() as conn:
            await execute(conn, "INSERT INTO clarion.timer VALUES ('effect', clock_timestamp())")
            await stale.confirm(conn)
    with pytest.raises(LeaseLost):
        async with database.transaction() as conn:
            await stale.acknowledge(conn)
    async with database.transaction() as conn:
        await holder.confirm(conn)
        await holder.acknowledge(conn)
    assert stale.lost
    assert await left(database) == 0
    async with database.connection() as conn:
        assert await value(conn, "SELECT count(*) FROM clarion.timer") == 0


async def test_what_is_recorded_extends_the_lease_no_further_than_the_worker_does(database: Database) -> None:
    """A job whose holder dies right after a recording step is due again when its worker's lease ends."""
    async with database.transaction() as conn:
        await put(conn, "a", {})
    left_to_it: list[float | None] = []

    async def handler(lease: Lease) -> None:
        async with database.transaction() as conn:
            await lease.confirm(conn)
            left_to_it.append(await store.next_due(conn, ["default"]))

    stop = asyncio.Event()
    running = asyncio.create_task(Worker(database, ["default"], {"a": handler}, lease=5.0).run(stop))
    await until(lambda: _emptied(database), 30)
    stop.set()
    await running
    [seconds] = left_to_it
    assert seconds is not None
    assert 0 < seconds <= 5.0


async def _emptied(database: Database) -> bool:
    return await left(database) == 0


async def test_the_heartbeat_keeps_a_long_job(database: Database) -> None:
    runs: list[int] = []
    go = asyncio.Event()

    async def handle(lease: Lease) -> None:
        runs.append(lease.job.id)
        await go.wait()

    async def outlived() -> bool:
        async with database.connection() as conn:
            return bool(await value(conn, "SELECT clock_timestamp() - created_at > interval '0.8 s' FROM clarion.job"))

    async with database.transaction() as conn:
        await put(conn, "a", {})
    async with working(database, {"a": handle}, lease=0.3), working(database, {"a": handle}, lease=0.3):
        await until(outlived)
        go.set()
        await until(lambda: _empty(database))
    assert len(runs) == 1


async def test_many_workers_run_each_job_once(database: Database) -> None:
    seen: list[int] = []

    async def handle(lease: Lease) -> None:
        seen.append(lease.job.id)

    async with working(database, {"a": handle}), working(database, {"a": handle}):
        async with database.transaction() as conn:
            await put_many(conn, "a", [{} for _ in range(200)])
        await until(lambda: _empty(database))
    assert len(seen) == len(set(seen)) == 200


async def test_an_idle_worker_is_woken_at_once(database: Database) -> None:
    times: list[float] = []
    loop = asyncio.get_running_loop()

    async def handle(lease: Lease) -> None:
        times.append(loop.time())

    async with working(database, {"a": handle}):
        await until(lambda: _idle(database))
        before = loop.time()
        async with database.transaction() as conn:
            await put(conn, "a", {})
        await until(lambda: _empty(database))
    assert times[0] - before < 1.0


async def test_a_stopped_worker_gives_unfinished_work_back(database: Database) -> None:
    started = asyncio.Event()

    async def handle(lease: Lease) -> None:
        started.set()
        await lease.stopping.wait()
        raise Retry(0.0, "draining", count=False)

    async with database.transaction() as conn:
        await put(conn, "a", {})
    async with working(database, {"a": handle}):
        await asyncio.wait_for(started.wait(), 5)
    async with database.connection() as conn:
        assert await tuples(conn, "SELECT attempts, last_error FROM clarion.job") == [(0, "draining")]


async def test_a_due_time_is_read_on_the_moved_clock(database: Database) -> None:
    async with database.transaction() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = '30 days'")
        clock.shift(timedelta(days=30))
        await put(conn, "later", {}, run_at=clock.now() + timedelta(hours=1))
        seconds = await store.next_due(conn, ["default"])
    assert seconds == pytest.approx(3600, abs=5)


async def test_a_timer_runs_once_for_all_processes(database: Database) -> None:
    runs: list[str] = []

    async def run() -> None:
        runs.append("x")

    timers = [Timers(database, [Timer("nightly", timedelta(hours=1), run)]) for _ in range(5)]
    await asyncio.gather(*(each.turn() for each in timers))
    assert runs == ["x"]
    async with database.transaction() as conn:
        await execute(conn, "UPDATE clarion.timer SET next_run = clock_timestamp() - interval '3 hours'")
    await asyncio.gather(*(each.turn() for each in timers))
    assert runs == ["x", "x"]
