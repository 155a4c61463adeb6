"""A segment is kept before it is counted: no transaction is open while a count takes long."""

import asyncio
from pathlib import Path

import pytest
from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import Platform
from clarion.audience import service as audience
from clarion.audience.model import Segment
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import app_table, execute
from tests.cli.conftest import Clarion
from tests.support import until


@pytest.mark.parametrize("replaced", [False, True], ids=["create", "replace"])
async def test_others_see_a_segment_while_it_is_counted(
    database: Database, sealer: Sealer, tmp_path: Path, replaced: bool
) -> None:
    """Who is on a list cannot be read for as long as this test holds it."""
    clarion = Clarion(tmp_path)
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, "shop", Platform.IOS, "Shop")
        club = await audience.create_list(conn, app.id, "Club", None)
        command = ["create", "shop", "Absent"]
        if replaced:
            scheme = await apps.load_scheme(conn, app.id)
            old = await audience.create_segment(conn, app.id, scheme, "Present", {"list": club.id})
            command = ["replace", "shop", str(old.id), "Absent"]
    where = f'{{"not": {{"list": {club.id}}}}}'

    async def kept() -> list[Segment]:
        async with database.connection() as conn:
            return [each for each in await audience.segments(conn, app.id) if each.name == "Absent"]

    async def seen() -> bool:
        return bool(await kept())

    async with database.transaction() as conn:
        table = app_table(app.id, "list_member")
        await execute(conn, sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
        running = asyncio.create_task(
            asyncio.to_thread(clarion.json, "segments", *command, "--where", where, "--database-url", database.conninfo)
        )
        await until(seen, 60)
        assert not running.done()
    shown = await running
    assert (shown["name"], shown["count"]) == ("Absent", 0)
    assert [each.id for each in await kept()] == [shown["id"]]
