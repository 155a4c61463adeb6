"""Which in-apps and alarms a device gets (v1 rules 43, 94, 98)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from psycopg import sql

from clarion.apps import service as apps
from clarion.apps.model import App
from clarion.audience import service as audience
from clarion.base import clock
from clarion.content.triggered import service
from clarion.content.triggered.model import Draft, TriggeredKind, Triggers
from clarion.content.triggered.serving import Serving
from clarion.db.pool import Database
from clarion.db.sql import app_table, execute
from clarion.devices import service as devices
from clarion.devices.model import DeviceRecord, device_id
from tests.content.triggered.test_service import ALARM, INAPP


class Shop:
    """An application with the devices `fr` and `en`, named after their language."""

    def __init__(self, database: Database, app: App) -> None:
        self.database = database
        self.app = app
        self.serving = Serving()

    async def open(self) -> None:
        """Register the devices."""
        async with self.database.transaction() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
            language = scheme.find("language")
            assert language is not None
            records = [DeviceRecord(name, {language: name}) for name in ("fr", "en")]
            await devices.upsert(conn, self.app, records)

    async def segment(self, name: str, document: Any) -> int:
        """The id of a new segment."""
        async with self.database.transaction() as conn:
            scheme = await apps.load_scheme(conn, self.app.id)
            return (await audience.create_segment(conn, self.app.id, scheme, name, document)).id

    async def static_list(self, *members: str, expires_at: datetime | None = None) -> int:
        """The id of a new list with these devices on it."""
        async with self.database.transaction() as conn:
            created = (await audience.create_list(conn, self.app.id, "List")).id
            table = app_table(self.app.id, "list_member")
            query = sql.SQL("INSERT INTO {} (list_id, device_id, expires_at) VALUES (%s, %s, %s)").format(table)
            for member in members:
                await execute(conn, query, (created, device_id(self.app.id, member), expires_at))
            return created

    async def show(self, draft: Draft, name: str, *, active: bool = True, **members: Any) -> int:
        """The id of a new message called so, with these members of the draft."""
        async with self.database.transaction() as conn:
            return await service.create(conn, self.app, replace(draft, name=name, **members), active=active)

    async def got(self, udid: str, kind: TriggeredKind | None = None) -> list[str]:
        """The names of the messages a device gets."""
        async with self.database.connection() as conn:
            found = await self.serving.for_device(conn, self.app, device_id(self.app.id, udid), kind)
        return [message.draft.name for message in found]


@pytest.fixture
async def shop(database: Database, app: App) -> Shop:
    """An application with two devices."""
    made = Shop(database, app)
    await made.open()
    return made


async def test_v1_rule_43_a_message_without_segment_and_list_is_for_every_device(shop: Shop) -> None:
    await shop.show(INAPP, "for all")
    assert (await shop.got("fr"), await shop.got("en")) == (["for all"], ["for all"])
    assert await shop.got("unknown") == []


async def test_v1_rule_43_segments_and_lists_are_decided_here(shop: Shop) -> None:
    french = await shop.segment("French", {"column": "language", "op": "eq", "value": "fr"})
    english = await shop.segment("English", {"column": "language", "op": "eq", "value": "en"})
    newsletter = await shop.static_list("en")
    over = await shop.static_list("fr", "en", expires_at=clock.now() - timedelta(seconds=1))
    await shop.show(INAPP, "french", campaign_segments=(french,))
    await shop.show(ALARM, "either", campaign_segments=(french, english))
    await shop.show(INAPP, "listed", lists=(newsletter,))
    await shop.show(INAPP, "listed or french", campaign_segments=(french,), lists=(newsletter,))
    await shop.show(INAPP, "over", lists=(over,))
    await shop.show(INAPP, "test only", test_segments=(french,))
    assert await shop.got("fr") == ["french", "either", "listed or french", "test only"]
    assert await shop.got("en") == ["either", "listed", "listed or french", "test only"]


async def test_v1_rule_94_higher_priority_comes_first(shop: Shop) -> None:
    for name, priority in (("second", 2), ("last", 0), ("first", 9), ("third", 2)):
        await shop.show(INAPP, name, triggers=Triggers(priority=priority))
    assert await shop.got("fr") == ["first", "second", "third", "last"]


async def test_one_kind_can_be_asked_for(shop: Shop) -> None:
    await shop.show(INAPP, "inapp")
    await shop.show(ALARM, "alarm")
    assert await shop.got("fr") == ["inapp", "alarm"]
    assert await shop.got("fr", TriggeredKind.INAPP) == ["inapp"]
    assert await shop.got("fr", TriggeredKind.ALARM) == ["alarm"]


async def test_v1_rule_98_outside_its_dates_an_active_message_counts_as_inactive(shop: Shop) -> None:
    now = clock.now()
    await shop.show(INAPP, "from tomorrow", triggers=Triggers(start_date=now + timedelta(days=1)))
    await shop.show(INAPP, "until noon", triggers=Triggers(end_date=now + timedelta(hours=12)))
    await shop.show(INAPP, "off", active=False)
    assert await shop.got("fr") == ["until noon"]
    clock.shift(timedelta(hours=13))
    assert await shop.got("fr") == []
    clock.shift(timedelta(hours=25))
    assert await shop.got("fr") == ["from tomorrow"]


async def test_a_change_of_a_message_holds_at_once(shop: Shop) -> None:
    created = await shop.show(INAPP, "old", active=False)
    assert await shop.got("fr") == []
    async with shop.database.transaction() as conn:
        await service.set_active(conn, shop.app.id, TriggeredKind.INAPP, created, True)
    assert await shop.got("fr") == ["old"]
    async with shop.database.transaction() as conn:
        present = await service.lock(conn, shop.app.id, TriggeredKind.INAPP, created)
        await service.update(conn, shop.app, present, replace(INAPP, name="new"))
    assert await shop.got("fr") == ["new"]


async def test_a_change_of_a_segment_holds_when_it_is_read_again(shop: Shop) -> None:
    document = {"column": "language", "op": "eq", "value": "fr"}
    french = await shop.segment("French", document)
    await shop.show(INAPP, "french", campaign_segments=(french,))
    assert await shop.got("en") == []
    async with shop.database.transaction() as conn:
        scheme = await apps.load_scheme(conn, shop.app.id)
        await audience.update_segment(conn, shop.app.id, scheme, french, "French", {"not": document})
    assert await shop.got("en") == []
    shop.serving = Serving(oldest=0)
    assert (await shop.got("en"), await shop.got("fr")) == (["french"], [])


async def test_a_segment_that_is_gone_or_unreadable_holds_nobody(shop: Shop) -> None:
    gone = await shop.segment("Gone", {"all": []})
    unreadable = await shop.segment("Unreadable", {"all": []})
    newsletter = await shop.static_list("fr")
    await shop.show(INAPP, "gone", campaign_segments=(gone,))
    await shop.show(INAPP, "unreadable", campaign_segments=(unreadable,))
    await shop.show(INAPP, "gone or listed", campaign_segments=(gone,), lists=(newsletter,))
    async with shop.database.transaction() as conn:
        await audience.delete_segment(conn, shop.app.id, gone)
        update = "UPDATE clarion.segment SET predicate = %s WHERE app_id = %s AND id = %s"
        await execute(conn, update, ('{"column": "nope"}', shop.app.id, unreadable))
    assert (await shop.got("fr"), await shop.got("en")) == (["gone or listed"], [])


async def test_another_application_has_its_own(shop: Shop, other: App) -> None:
    await shop.show(INAPP, "here")
    elsewhere = Shop(shop.database, other)
    elsewhere.serving = shop.serving
    await elsewhere.open()
    await elsewhere.show(INAPP, "there")
    assert (await shop.got("fr"), await elsewhere.got("fr")) == (["here"], ["there"])


async def test_a_device_costs_two_statements_however_many_messages_there_are(shop: Shop) -> None:
    for number in range(20):
        segment = await shop.segment(f"s{number}", {"column": "opencount", "op": "gte", "value": number})
        await shop.show(INAPP, f"m{number}", campaign_segments=(segment,))
    assert await shop.got("fr") == ["m0"]
    async with shop.database.connection() as conn:
        statements = 0
        execute_plainly = conn.execute

        async def counted(*args: Any, **options: Any) -> Any:
            nonlocal statements
            statements += 1
            return await execute_plainly(*args, **options)

        conn.execute = counted  # type: ignore[method-assign]
        try:
            await shop.serving.for_device(conn, shop.app, device_id(shop.app.id, "fr"))
        finally:
            del conn.execute
    assert statements == 2
