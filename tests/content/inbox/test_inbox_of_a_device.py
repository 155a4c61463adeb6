"""The inbox of a device: what is in it, in which order and language, and for how long it is kept (v1 rules 38, 99 to
101)."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.base import clock
from clarion.base.errors import NotFound
from clarion.base.sealing import Sealer
from clarion.content import kinds
from clarion.content.inbox import service as inbox
from clarion.content.inbox import store
from clarion.content.inbox.model import (
    InboxButton,
    InboxContent,
    InboxContentKind,
    InboxDraft,
    InboxEntry,
    StatusChange,
)
from clarion.content.model import ActionKind, MessageKind
from clarion.db.pool import Database
from clarion.db.sql import execute, value
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, device_id
from clarion.sending import inbox as giving
from tests.sending.planned import plan_all


class Shop:
    """An application with devices, and what a test does with its inboxes."""

    def __init__(self, database: Database, app: App) -> None:
        self.database = database
        self.app = app

    async def device(self, udid: str, language: str | None = None) -> int:
        async with self.database.transaction() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
            column = scheme.find("language")
            assert column is not None
            await devices.upsert(conn, self.app, [DeviceRecord(udid, {column: language})])
        return device_id(self.app.id, udid)

    async def write(self, *contents: InboxContent, days: int | None = None) -> int:
        """A message to everybody, given at once; it expires in so many days."""
        expires = None if days is None else clock.now() + timedelta(days=days)
        async with self.database.transaction() as conn:
            written = await giving.create(conn, self.app, InboxDraft("x", contents or (text("x"),), expires_at=expires))
        await plan_all(self.database)
        return written

    async def entries(self, number: int) -> list[InboxEntry]:
        async with self.database.connection() as conn:
            return await inbox.for_device(conn, self.app.id, number)

    async def move_clock(self, by: timedelta) -> None:
        clock.shift(by)
        async with self.database.transaction() as conn:
            await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (by,))

    async def copies(self) -> int:
        async with self.database.connection() as conn:
            return int(await value(conn, f"SELECT count(*) FROM app_{self.app.id}.inbox_row"))


def text(title: str, language: str | None = None, buttons: Sequence[str] = ()) -> InboxContent:
    made = tuple(InboxButton(id=button, title=button, action="close") for button in buttons)
    return InboxContent(title=title, kind=InboxContentKind.TEXT, language=language, body="x", buttons=made)


@pytest.fixture
async def shop(database: Database, sealer: Sealer) -> Shop:
    async with database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, "shop", Platform.IOS, "Shop")
    return Shop(database, app)


@pytest.mark.parametrize(
    ("language", "title"),
    [("fr", "fr"), ("fr-CA", "fr"), ("FR_ca", "fr"), ("en", "all"), (None, "all"), ("", "all")],
)
async def test_v1_rule_38_a_message_is_read_in_the_language_of_the_device(
    shop: Shop, language: str | None, title: str
) -> None:
    device = await shop.device("d", language)
    await shop.write(text("en-GB", "en-GB"), text("all"), text("fr", "fr"))
    [entry] = await shop.entries(device)
    assert entry.content.title == title


async def test_v1_rule_38_without_a_fallback_the_first_version_is_for_the_others(shop: Shop) -> None:
    device = await shop.device("d", "de")
    await shop.write(text("one", "fr"), text("two", "en"))
    [entry] = await shop.entries(device)
    assert entry.content.title == "one"


async def test_the_newest_message_comes_first_with_what_the_device_did(shop: Shop) -> None:
    device, other = await shop.device("d"), await shop.device("other")
    first, second = await shop.write(text("first")), await shop.write(text("second"), days=2)
    now = clock.now()
    async with shop.database.transaction() as conn:
        change = StatusChange(read_at=now, displayed_at=now)
        await inbox.set_status(conn, shop.app.id, first, "d", change)
        await inbox.set_status(conn, shop.app.id, second, "d", StatusChange(archived_at=now))
    mine = await shop.entries(device)
    assert [(e.message_id, e.read_at, e.archived_at, e.displayed_at) for e in mine] == [
        (second, None, now, None),
        (first, now, None, now),
    ]
    assert [entry.expired for entry in mine] == [False, False]
    theirs = await shop.entries(other)
    assert {(e.read_at, e.archived_at, e.displayed_at) for e in theirs} == {(None, None, None)}
    await shop.move_clock(timedelta(days=2, seconds=5))
    assert [entry.expired for entry in await shop.entries(device)] == [True, False]


async def test_a_device_that_comes_later_has_an_empty_inbox(shop: Shop) -> None:
    await shop.device("d")
    message = await shop.write()
    late = await shop.device("late")
    assert await shop.entries(late) == []
    async with shop.database.transaction() as conn:
        with pytest.raises(NotFound):
            await inbox.set_status(conn, shop.app.id, message, "late", StatusChange(read_at=clock.now()))


async def test_copies_are_dropped_thirty_days_after_their_message_expired(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In small steps, and each message once."""
    monkeypatch.setattr(inbox, "_DROPPED_AT_ONCE", 2)
    device = await shop.device("d0")
    for number in range(1, 5):
        await shop.device(f"d{number}")
    short, long, endless = await shop.write(days=1), await shop.write(days=20), await shop.write()
    await shop.move_clock(timedelta(days=30, hours=12))
    assert await inbox.drop_old(shop.database) == 0
    await shop.move_clock(timedelta(days=31, hours=1))
    assert await inbox.drop_old(shop.database) == 5
    assert await inbox.drop_old(shop.database) == 0
    assert [entry.message_id for entry in await shop.entries(device)] == [endless, long]
    await shop.move_clock(timedelta(days=500))
    assert await inbox.drop_old(shop.database) == 5
    assert await shop.copies() == 5, "a message without an end is kept"
    async with shop.database.connection() as conn:
        assert await store.long_over(conn, inbox.KEPT_DAYS) == []
        assert (await inbox.get(conn, shop.app.id, short)).id == short, "the message itself stays for its reports"


async def test_v1_rule_81_what_can_be_pressed_has_an_id(shop: Shop) -> None:
    rich = InboxContent(title="x", kind=InboxContentKind.RICH_PUSH, language="fr", target="https://shop.example")
    message = await shop.write(text("x", buttons=("1", "2")), rich)
    plain = await shop.write()
    async with shop.database.connection() as conn:
        actions = await kinds.actions(conn, shop.app.id, [message, plain])
        named = await kinds.named(conn, shop.app.id, [message, plain, 4711])
    assert set(actions) == {message}
    assert {(action.kind, action.button) for action in actions[message]} == {
        (ActionKind.BUTTON, "1"),
        (ActionKind.BUTTON, "2"),
        (ActionKind.RICH, ""),
    }
    assert {each.kind for each in named.values()} == {MessageKind.INBOX}
    assert sorted(named) == [message, plain]
