"""Events and their deliveries come with the change or not at all, to those who may know (v2 rules 18.7, 18.8)."""

import asyncio
from datetime import timedelta

import pytest

from clarion.accounts import service as accounts
from clarion.api.contract.engine import Contract
from clarion.base import clock
from clarion.db.pool import Database
from clarion.db.sql import execute, value
from clarion.http.addresses import Targets
from clarion.identity.scopes import ScopeName, covered
from clarion.queue import store as queue
from clarion.webhooks import service
from clarion.webhooks.model import QUEUE, DeliveryStatus, EventType, Webhook, WebhookStatus, readers
from clarion.webhooks.service import WEBHOOKS
from tests.support import until
from tests.webhooks.delivering import Desk
from tests.webhooks.receiver import Receiver

URL = "https://hooks.example/clarion"
READ_BY = {
    "account": "getAccount",
    "site": "getSite",
    "service": "getService",
    "case": "getCase",
    "case_message": "getCaseMessage",
    "invoice": "getInvoice",
    "guest": "getGuest",
    "poi": "getPointOfInterest",
    "experience": "getExperience",
    "webhook": "getWebhook",
}


async def account(desk: Desk) -> str:
    operator = await desk.caller()
    async with desk.db.transaction() as conn:
        made = await accounts.create_account(conn, operator, {"name": "ACME", "legal_name": "ACME"})
    return made.account_id


async def told(desk: Desk, webhook: Webhook) -> list[str]:
    return sorted(each.event_type for each in await desk.log(webhook))


async def kept(db: Database) -> int:
    async with db.connection() as conn:
        return int(await value(conn, "SELECT count(*) FROM clarion.webhook_event"))


async def test_v2_rule_18_7_an_event_of_a_change_that_is_rolled_back_is_not_told(desk: Desk) -> None:
    webhook, _ = await desk.endpoint(URL)

    async def fail() -> None:
        async with desk.db.transaction() as conn:
            await service.record(conn, EventType.ACCOUNT_UPDATED, id="ACC-1", account_id="ACC-1", path="/v2/accounts/1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert (await desk.log(webhook), await kept(desk.db), await desk.jobs()) == ([], 0, 0)


async def test_v2_rule_18_7_an_event_of_a_change_is_told_though_the_process_dies(
    desk: Desk, receiver: Receiver
) -> None:
    """Whoever had claimed the job is gone without a word: the end of its lease gives it to the next one."""
    webhook, _ = await desk.endpoint(receiver.url)
    await desk.happen()
    async with desk.db.transaction() as conn:
        assert len(await queue.claim(conn, [QUEUE], 1, 0.2)) == 1
    async with desk.delivering():
        delivery = await desk.settled(webhook)
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.DELIVERED, 1)


async def test_v2_rule_18_7_each_subscribed_endpoint_has_a_delivery_of_its_own(desk: Desk) -> None:
    first, _ = await desk.endpoint(URL)
    second, _ = await desk.endpoint(URL, EventType.ACCOUNT_UPDATED, EventType.SITE_CREATED)
    other, _ = await desk.endpoint(URL, EventType.SITE_CREATED)
    await desk.happen()
    [one], [two] = await desk.log(first), await desk.log(second)
    assert one.message_id == two.message_id
    assert one.webhook_delivery_id != two.webhook_delivery_id
    assert await desk.log(other) == []
    assert (await kept(desk.db), await desk.jobs()) == (1, 2)


async def test_nothing_is_kept_of_an_event_that_nobody_wants(desk: Desk) -> None:
    await desk.happen()
    assert (await kept(desk.db), await desk.jobs()) == (0, 0)


async def test_v2_rule_18_8_an_endpoint_of_an_account_is_told_of_its_account_only(desk: Desk) -> None:
    mine, other = await account(desk), await account(desk)
    webhook, _ = await desk.endpoint(URL, account_id=mine)
    everybodys, _ = await desk.endpoint(URL)
    await desk.happen(account_id=other)
    await desk.happen(account_id=None)
    assert await told(desk, webhook) == []
    await desk.happen(account_id=mine)
    assert len(await told(desk, webhook)) == 1
    assert len(await told(desk, everybodys)) == 3


async def test_v2_rule_18_8_an_endpoint_is_told_of_what_its_scopes_read(desk: Desk) -> None:
    mine = await account(desk)
    made = {}
    for scope in ScopeName:
        caller = await desk.caller([scope], mine)
        made[scope], _ = await desk.endpoint(URL, *EventType, account_id=mine, caller=caller)
    for event in EventType:
        await desk.happen(event, account_id=mine)
    for scope, webhook in made.items():
        expected = sorted(event.value for event in EventType if readers(event) & covered({scope}))
        assert await told(desk, webhook) == expected, scope
    assert await told(desk, made[ScopeName.SUPPORT_READ]) == ["case.created", "case.updated", "case_message.created"]


def test_v2_rule_18_8_who_reads_a_resource_is_what_the_contract_says() -> None:
    operations = Contract.load("v2").document.operations
    for event in EventType:
        security = operations[READ_BY[event.value.partition(".")[0]]].security
        strings = {text for requirement in security for scopes in requirement.schemes.values() for text in scopes}
        reading = {name for name in ScopeName if name.oauth in strings}
        assert {name for name in ScopeName if covered({name}) & readers(event, venue=True)} == reading, event


async def test_v2_rule_18_8_venue_read_is_told_of_sites_that_are_venues(desk: Desk) -> None:
    caller = await desk.caller([ScopeName.VENUE_READ])
    webhook, _ = await desk.endpoint(URL, EventType.SITE_UPDATED, caller=caller)
    await desk.happen(EventType.SITE_UPDATED)
    assert await told(desk, webhook) == []
    async with desk.db.transaction() as conn:
        await service.record(conn, EventType.SITE_UPDATED, id="SIT-1", account_id=None, path="/v2/sites/1", venue=True)
    assert await told(desk, webhook) == ["site.updated"]


async def test_v2_rule_18_8_what_no_client_of_the_account_sees_is_told_to_operators_only(desk: Desk) -> None:
    mine = await account(desk)
    webhook, _ = await desk.endpoint(URL, EventType.INVOICE_UPDATED, account_id=mine)
    operators, _ = await desk.endpoint(URL, EventType.INVOICE_UPDATED)
    async with desk.db.transaction() as conn:
        await service.record(
            conn, EventType.INVOICE_UPDATED, id="INV-1", account_id=mine, path="/v2/invoices/1", operators_only=True
        )
    assert (await told(desk, webhook), await told(desk, operators)) == ([], ["invoice.updated"])


async def test_v2_rule_18_8_who_redirects_an_endpoint_comes_by_nothing_they_cannot_read(desk: Desk) -> None:
    mine = await account(desk)
    webhook, _ = await desk.endpoint(URL, EventType.ACCOUNT_UPDATED, EventType.CASE_UPDATED, account_id=mine)
    lesser = await desk.caller([ScopeName.WEBHOOK_READ_WRITE, ScopeName.SUPPORT_READ], mine)
    async with desk.db.transaction() as conn:
        await service.update(conn, Targets(), lesser, webhook, {"url": "https://hooks.example/other"})
    for event in (EventType.ACCOUNT_UPDATED, EventType.CASE_UPDATED):
        await desk.happen(event, account_id=mine)
    assert await told(desk, webhook) == ["case.updated"]


async def test_an_endpoint_that_is_disabled_after_the_event_is_not_told(desk: Desk, receiver: Receiver) -> None:
    webhook, _ = await desk.endpoint(receiver.url)
    await desk.happen()
    async with desk.db.transaction() as conn:  # as when both happen at once
        query = "UPDATE clarion.webhook SET status = 'Disabled', disabled_reason = 'Manual' WHERE webhook_id = %s"
        await execute(conn, query, (webhook.webhook_id,))

    async def over() -> bool:
        return await desk.jobs() == 0

    async with desk.delivering():
        await until(over)
    [delivery] = await desk.log(webhook)
    assert (delivery.status, delivery.attempts, receiver.received) == (DeliveryStatus.FAILED, 0, [])
    assert (await desk.read(webhook)).status is WebhookStatus.DISABLED


async def test_a_change_does_not_wait_for_who_edits_or_deletes_an_endpoint(desk: Desk) -> None:
    webhook, _ = await desk.endpoint(URL)
    async with desk.db.transaction() as conn:
        assert await WEBHOOKS.find(conn, webhook.webhook_id, lock=True) is not None
        async with asyncio.timeout(5):
            await desk.happen()
        await service.delete(conn, await desk.caller(), webhook)
        async with asyncio.timeout(5):
            await desk.happen()
    assert await desk.jobs() == 2


async def test_deliveries_are_kept_for_30_days(desk: Desk, receiver: Receiver) -> None:
    webhook, _ = await desk.endpoint(receiver.url)
    await desk.happen()
    async with desk.delivering():
        await desk.settled(webhook)
        began = clock.now()
        await desk.move_to(began + timedelta(days=29))
        await service.drop_old(desk.db)
        assert len(await desk.log(webhook)) == 1
        await desk.move_to(began + timedelta(days=31))
        await service.drop_old(desk.db)
        assert await desk.log(webhook) == []
        await desk.move_to(began + timedelta(days=36))
        await service.drop_old(desk.db)
    assert await kept(desk.db) == 0
