"""What keeps a segment: everything of any kind that can still be sent or shown and names it."""

from typing import LiteralString

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.audience import service as audience
from clarion.base.errors import Conflict, NotFound
from clarion.base.sealing import Sealer
from clarion.content import uses
from clarion.db.pool import Database
from clarion.db.sql import Conn, execute, value

MESSAGE: LiteralString = """
    INSERT INTO clarion.message (app_id, name, contents, state, {column}) VALUES (%s, 'x', '[]', {state}, ARRAY[%s])
    RETURNING id
"""
INAPP: LiteralString = """
    INSERT INTO clarion.triggered_message (app_id, kind, name, contents, triggers, {column}, alarm)
    VALUES (%s, {kind}, 'x', '[]', '{{}}', ARRAY[%s], {alarm}) RETURNING id
"""
INBOX: LiteralString = """
    INSERT INTO clarion.inbox_message (app_id, name, contents, send_at, {column}, send_id)
    VALUES (%s, 'x', '[]', clarion.now(), ARRAY[%s], {send}) RETURNING id
"""
TEST, REAL = "test_segments", "campaign_segments"


async def made(conn: Conn, sealer: Sealer, partner_id: str) -> tuple[App, int]:
    """An application and the number of its one segment."""
    app, _ = await apps.create_app(conn, sealer, partner_id, Platform.IOS, "Shop")
    scheme = await apps.load_scheme(conn, app.id)
    return app, (await audience.create_segment(conn, app.id, scheme, "French", {"all": []})).id


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (MESSAGE.format(column=TEST, state="'draft'"), "message"),
        (MESSAGE.format(column=REAL, state="'draft'"), "message"),
        (MESSAGE.format(column=REAL, state="'scheduled'"), "message"),
        (MESSAGE.format(column=REAL, state="'sending'"), "message"),
        (INAPP.format(column=REAL, kind="'inapp'", alarm="NULL"), "in-app"),
        (INAPP.format(column=TEST, kind="'alarm'", alarm="'{}'"), "alarm"),
        (INBOX.format(column=REAL, send="NULL"), "inbox message"),
    ],
)
async def test_what_can_still_go_out_keeps_its_segment(
    database: Database, sealer: Sealer, statement: LiteralString, words: str
) -> None:
    async with database.transaction() as conn:
        app, segment = await made(conn, sealer, "shop")
        user = await value(conn, statement, (app.id, segment))
        with pytest.raises(Conflict, match=f"{words} {user}") as caught:
            await uses.delete_segment(conn, app.id, segment)
        assert caught.value.code == "in_use"
        assert len(await audience.segments(conn, app.id)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        MESSAGE.format(column=REAL, state="'sent'"),
        MESSAGE.format(column=TEST, state="'failed'"),
        INBOX.format(column=REAL, send="7"),
    ],
)
async def test_what_has_gone_out_does_not(database: Database, sealer: Sealer, statement: LiteralString) -> None:
    async with database.transaction() as conn:
        app, segment = await made(conn, sealer, "shop")
        await execute(conn, statement, (app.id, segment))
        await uses.delete_segment(conn, app.id, segment)
        assert await audience.segments(conn, app.id) == []
        with pytest.raises(NotFound):
            await uses.delete_segment(conn, app.id, segment)


async def test_many_users_are_counted_and_ten_named(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as conn:
        app, segment = await made(conn, sealer, "shop")
        for _ in range(12):
            await execute(conn, MESSAGE.format(column=REAL, state="'draft'"), (app.id, segment))
        with pytest.raises(Conflict, match="and 2 more"):
            await uses.delete_segment(conn, app.id, segment)
