"""Counts that take longer than a moment: answered with where to look, seen there by whoever may, and nowhere else."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from clarion.apps import service as apps
from clarion.assembly import work
from clarion.audience.long_counts import service as long_counts
from clarion.audience.long_counts import store
from clarion.base.settings import Settings
from clarion.db.sql import app_table, execute
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord
from clarion.queue import Worker
from tests.api.admin.client import AdminClient
from tests.support import until

FRENCH = {"column": "language", "op": "eq", "value": "fr"}


@pytest.fixture
async def base(operator: AdminClient) -> AdminClient:
    """An operator whose Android application has three devices, two of them French."""
    async with operator.database.transaction() as conn:
        language = (await apps.load_scheme(conn, operator.android.id)).find("language")
        assert language is not None
        records = [DeviceRecord(f"d{n}", {language: spoken}) for n, spoken in enumerate(("fr", "en", "fr"))]
        await devices.upsert(conn, operator.android, records)
    return operator


async def unlisted(client: AdminClient) -> Any:
    """The French who are not on a list."""
    club = (await client.post(client.path("lists"), {"name": "Club"})).ok(201)
    return {"all": [FRENCH, {"not": {"list": club["id"]}}]}


async def slow(client: AdminClient, method: str, path: str, *body: Any) -> Any:
    """A count that is not done in time: who is on a list cannot be read for longer."""
    async with client.database.transaction() as conn:
        table = app_table(client.android.id, "list_member")
        await execute(conn, sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
        return await client.call(method, path, *body)


async def test_a_slow_count_is_looked_at_until_its_number_is_there(
    base: AdminClient, viewer: AdminClient, tmp_path: Path
) -> None:
    """Any process that answers sees how far it is; any courier does it."""
    where = await unlisted(base)
    answer = await slow(viewer, "POST", viewer.path("segments/count"), {"where": where})
    begun = answer.ok(202)
    assert begun == {"id": begun["id"], "state": "counting", "progress": 0.0, "result": None, "reason": None}
    address = answer.headers["location"]
    assert address == f"https://push.example{viewer.path('counts')}/{begun['id']}"
    assert (await viewer.get(address)).ok() == begun
    async with base.database.connection() as conn:
        await store.advance(conn, base.android.id, begun["id"], 0.25)
    assert (await base.get(address)).ok() == {**begun, "progress": 0.25}

    handlers = work.handlers(base.database, Settings(data_dir=tmp_path))
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(base.database, ["default"], handlers).run(stop))

    async def done() -> bool:
        return bool((await viewer.get(address)).ok()["state"] == "done")

    await until(done, 60)
    stop.set()
    await running
    found = (await viewer.get(address)).ok()
    assert (found["progress"], found["result"]["count"], found["result"]["source"]) == (1.0, 2, "sql")
    (await viewer.delete(address)).ok(204)
    assert (await viewer.get(address)).problem == (404, "not_found")
    assert (await viewer.delete(address)).problem == (404, "not_found")


async def test_a_segment_that_takes_long_is_counted_the_same_way(base: AdminClient) -> None:
    made = (await base.post(base.path("segments"), {"name": "French", "where": await unlisted(base)})).ok(201)
    answer = await slow(base, "GET", base.path(f"segments/{made['id']}/count"))
    assert (await base.get(answer.headers["location"])).ok() == answer.ok(202)


async def test_a_count_is_seen_in_its_application_alone(base: AdminClient, stranger: AdminClient) -> None:
    async with base.database.transaction() as conn:
        count_id = await long_counts.begin(conn, base.android.id, FRENCH)
    elsewhere = base.path(f"counts/{count_id}", base.apps["ios"])
    for method in ("GET", "DELETE"):
        assert (await base.call(method, elsewhere)).problem == (404, "not_found")
        assert (await stranger.call(method, base.path(f"counts/{count_id}"))).problem[0] == 403
    assert (await base.get(base.path(f"counts/{count_id}"))).ok()["state"] == "counting"


async def test_a_count_that_cannot_be_done_says_why(base: AdminClient) -> None:
    async with base.database.transaction() as conn:
        count_id = await long_counts.begin(conn, base.android.id, FRENCH)
        await store.fail(conn, base.android.id, count_id, "The predicate does not fit.")
    found = (await base.get(base.path(f"counts/{count_id}"))).ok()
    assert (found["state"], found["result"], found["reason"]) == ("failed", None, "The predicate does not fit.")
