"""Counts that take long: progress is seen from anywhere, the number is exact, and nobody's count goes on for nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import sql

from clarion.audience.long_counts import service, worker
from clarion.audience.long_counts.model import LongCount
from clarion.audience.snapshot.service import Counted
from clarion.base.errors import NotFound
from clarion.db.pool import Database
from clarion.db.sql import Conn, app_table, execute, value
from clarion.queue import Job, Lease, Retry
from clarion.queue.store import claim
from tests.audience.snapshots import Kept
from tests.audience.test_snapshot import random_text
from tests.support import until

EVERYBODY: dict[str, Any] = {"all": []}
NOT_LISTED = {"not": {"list": 5}}


@pytest.fixture
async def kept(database: Database, tmp_path: Path) -> Kept:
    """An application whose thirty devices fill several pages."""
    kept = await Kept.begin(database, tmp_path / "snapshots")
    for number in range(30):
        await kept.put(f"d{number}", model=random_text(1500))
    return kept


async def begun(kept: Kept, document: object = EVERYBODY) -> int:
    async with kept.database.transaction() as conn:
        return await service.begin(conn, kept.app.id, document)


async def leased(kept: Kept, stopping: asyncio.Event | None = None) -> Lease:
    """The one job that waits, as a worker holds it."""
    async with kept.database.connection() as conn:
        await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp() WHERE kind = %s", (service.COUNT,))
        [job] = [
            job for job in (Job(*row) for row in await claim(conn, ["default"], 10, 600.0)) if job.kind == service.COUNT
        ]
    return Lease(job, stopping or asyncio.Event())


async def seen(kept: Kept, count_id: int) -> LongCount:
    async with kept.database.connection() as conn:
        return await service.look(conn, kept.app.id, count_id)


async def jobs(kept: Kept) -> int:
    async with kept.database.connection() as conn:
        return int(await value(conn, "SELECT count(*) FROM clarion.job WHERE kind = %s", (service.COUNT,)))


@asynccontextmanager
async def lists_locked(kept: Kept) -> AsyncIterator[Conn]:
    """Nobody can read who is on a list: a count that asks for it takes as long as this."""
    async with kept.database.transaction() as conn:
        await execute(
            conn, sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(app_table(kept.app.id, "list_member"))
        )
        yield conn


async def waiting_statements(kept: Kept) -> int:
    async with kept.database.connection() as conn:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return int(await value(conn, query))


async def counted(kept: Kept, document: object, within: float) -> Counted | int:
    return await service.count(kept.database, None, kept.app.id, kept.scheme, document, exact=True, within=within)


async def test_what_is_counted_in_time_is_answered_at_once(kept: Kept) -> None:
    found = await counted(kept, EVERYBODY, 60)
    assert isinstance(found, Counted)
    assert found.count == 30
    assert await jobs(kept) == 0


async def test_what_takes_longer_becomes_a_count_to_look_at(kept: Kept) -> None:
    async with lists_locked(kept):
        found = await counted(kept, NOT_LISTED, 0.1)
        assert isinstance(found, int)
        assert await waiting_statements(kept) == 0
    assert await seen(kept, found) == LongCount(found, 0.0, None, None, None)
    await worker.counter(kept.database)(await leased(kept))
    done = await seen(kept, found)
    assert (done.count, done.progress, done.reason) == (30, 1.0, None)
    assert done.as_of is not None
    assert await jobs(kept) == 0


@pytest.mark.parametrize("document", [EVERYBODY, NOT_LISTED])
async def test_progress_is_seen_while_it_counts(kept: Kept, document: object) -> None:
    """The count is held up where it writes down that half is done: what was written before is seen by others."""
    count_id = await begun(kept, document)
    async with kept.database.connection() as conn:
        await execute(
            conn,
            """
            CREATE FUNCTION clarion.hold_up() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$
            """,
        )
        await execute(
            conn,
            """
            CREATE TRIGGER hold_up BEFORE UPDATE ON clarion.long_count FOR EACH ROW
            WHEN (NEW.progress >= 0.5 AND OLD.progress < 0.5) EXECUTE FUNCTION clarion.hold_up()
            """,
        )
    async with kept.database.transaction() as conn:
        await execute(conn, "SELECT pg_advisory_xact_lock(4711)")
        work = asyncio.ensure_future(worker.counter(kept.database)(await leased(kept)))

        async def held_up() -> bool:
            return await waiting_statements(kept) == 1

        await until(held_up)
        before = await value(conn, "SELECT progress FROM clarion.long_count WHERE id = %s", (count_id,))
        assert 0 < before < 0.5
        assert await value(conn, "SELECT count FROM clarion.long_count WHERE id = %s", (count_id,)) is None
    await work
    done = await seen(kept, count_id)
    assert (done.count, done.progress) == (30, 1.0)


async def test_a_count_that_is_cancelled_stops_at_once(kept: Kept) -> None:
    count_id = await begun(kept, NOT_LISTED)
    async with lists_locked(kept):
        work = asyncio.ensure_future(worker.counter(kept.database)(await leased(kept)))

        async def counting() -> bool:
            return await waiting_statements(kept) == 1

        await until(counting)
        async with kept.database.transaction() as conn:
            await service.cancel(conn, kept.app.id, count_id)
        await work
        assert await waiting_statements(kept) == 0
    assert await jobs(kept) == 0
    with pytest.raises(NotFound):
        await seen(kept, count_id)


async def test_a_count_that_nobody_looks_at_is_given_up(kept: Kept) -> None:
    count_id = await begun(kept)
    async with kept.database.connection() as conn:
        await execute(
            conn,
            "UPDATE clarion.long_count SET watched_at = watched_at - %s WHERE app_id = %s",
            (service.UNWATCHED, kept.app.id),
        )
    await worker.counter(kept.database)(await leased(kept))
    assert await jobs(kept) == 0
    with pytest.raises(NotFound):
        await seen(kept, count_id)


async def test_a_process_that_stops_leaves_a_count_to_another(kept: Kept) -> None:
    count_id = await begun(kept, NOT_LISTED)
    stopping = asyncio.Event()
    async with lists_locked(kept):
        work = asyncio.ensure_future(worker.counter(kept.database)(await leased(kept, stopping)))

        async def counting() -> bool:
            return await waiting_statements(kept) == 1

        await until(counting)
        stopping.set()
        with pytest.raises(Retry):
            await work
        assert await waiting_statements(kept) == 0
    await worker.counter(kept.database)(await leased(kept))
    assert (await seen(kept, count_id)).count == 30


async def test_a_predicate_whose_column_went_meanwhile_tells_so(kept: Kept) -> None:
    count_id = await begun(kept, {"column": "shoe", "op": "set"})
    await worker.counter(kept.database)(await leased(kept))
    done = await seen(kept, count_id)
    assert done.count is None
    assert done.reason is not None
    assert await jobs(kept) == 0


async def test_a_number_is_kept_for_an_hour_after_the_last_look(kept: Kept) -> None:
    count_id = await begun(kept)
    await worker.counter(kept.database)(await leased(kept))
    assert await worker.drop_old(kept.database) == 0
    async with kept.database.connection() as conn:
        await execute(
            conn,
            "UPDATE clarion.long_count SET watched_at = watched_at - %s WHERE app_id = %s",
            (service.KEPT + timedelta(seconds=1), kept.app.id),
        )
    assert await worker.drop_old(kept.database) == 1
    with pytest.raises(NotFound):
        await seen(kept, count_id)


async def test_a_count_that_fails_every_time_says_so_in_the_end(kept: Kept) -> None:
    """The members of lists are gone from the database: no attempt can succeed."""
    count_id = await begun(kept, NOT_LISTED)
    async with kept.database.connection() as conn:
        await execute(conn, sql.SQL("DROP TABLE {}").format(app_table(kept.app.id, "list_member")))
    lease = await leased(kept)
    with pytest.raises(psycopg.errors.UndefinedTable):
        await worker.counter(kept.database)(lease)
    assert (await seen(kept, count_id)).reason is None
    lease.job = msgspec.structs.replace(lease.job, attempts=lease.job.max_attempts)
    await worker.counter(kept.database)(lease)
    assert (await seen(kept, count_id)).reason == "The server failed; its log tells why."
    assert await jobs(kept) == 0
