"""Signing, the schedule of attempts, and what ends an endpoint (v2 rules 18.1 to 18.5), against receivers over TLS."""

import base64
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Published

from clarion.base import clock
from clarion.base.metrics import REGISTRY
from clarion.http.outbound import Reply
from clarion.webhooks import service, signing
from clarion.webhooks.model import DeliveryStatus, DisabledReason, Event, EventType, WebhookStatus, Work
from clarion.webhooks.worker import PATIENCE, SCHEDULE, outcome
from tests.support import until
from tests.webhooks.delivering import Desk
from tests.webhooks.receiver import Receiver, always, signed_by

NOON = datetime(2031, 3, 2, 12, tzinfo=UTC)


def event(**others: object) -> Event:
    values: dict[str, object] = {
        "event_id": "msg_01J8ZQ4T7M5N2V9K3XWB6CDEFG",
        "account_id": "ACC-98000001",
        "event_type": EventType.CASE_UPDATED,
        "resource_id": "CAS-30001234",
        "path": "/v2/cases/CAS-30001234",
        "changed": ("status",),
        "occurred_at": NOON,
    }
    return Event(**{**values, **others})  # type: ignore[arg-type]


def work(failures: int = 0) -> Work:
    return Work(DeliveryStatus.PENDING, failures, "WHK-1", "https://h", WebhookStatus.ENABLED, None, (), event())


async def test_v2_rule_18_1_the_published_library_verifies_a_delivery(desk: Desk, receiver: Receiver) -> None:
    _, secret = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        [got] = await receiver.count(1)
    payload = Published(secret).verify(got.body, got.headers)
    assert payload == got.payload
    assert payload["type"] == "account.updated"
    assert payload["data"] == {
        "id": "ACC-0",
        "accountId": "ACC-100000001",
        "href": "https://push.example/v2/accounts/ACC-0",
    }


def test_v2_rule_18_1_secrets_are_32_random_bytes() -> None:
    secrets = {signing.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(base64.b64decode(signing.shown(secret).removeprefix("whsec_"))) for secret in secrets} == {32}


@given(st.binary(min_size=32, max_size=32), st.text(min_size=1, max_size=40))
def test_v2_rule_18_1_signatures_are_those_of_the_published_library(secret: bytes, path: str) -> None:
    body = signing.body_of(event(path=f"/{path}"), "https://push.example")
    at = clock.now()
    headers = signing.headers_of("msg_1", at, body, [secret])
    Published(signing.shown(secret)).verify(body, headers)


def test_v2_rule_18_2_the_body_is_compact_and_thin() -> None:
    assert signing.body_of(event(), "https://engage.example.com") == (
        b'{"type":"case.updated","timestamp":"2031-03-02T12:00:00.000Z","data":{"id":"CAS-30001234",'
        b'"accountId":"ACC-98000001","href":"https://engage.example.com/v2/cases/CAS-30001234","changed":["status"]}}'
    )


def test_v2_rule_18_2_a_body_stays_under_20_kb() -> None:
    many = signing.body_of(event(changed=tuple(f"member{n}" for n in range(500))), "https://push.example")
    assert many.count(b'"member') == 50
    long = signing.body_of(event(changed=("m" * 2000,) * 50), "https://push.example")
    assert len(long) < 20_000
    assert b"changed" not in long


async def test_v2_rule_18_3_any_2xx_is_success(desk: Desk, receiver: Receiver) -> None:
    receiver.answering = always(299)
    webhook, _ = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        delivery = await desk.settled(webhook)
    assert (delivery.status, delivery.last_response_status, delivery.next_attempt_date) == ("Delivered", 299, None)
    assert delivery.last_attempt_date is not None
    assert (await desk.read(webhook)).last_success_date is not None
    assert await desk.jobs() == 0


async def test_v2_rule_18_3_redirects_are_failures_and_are_not_followed(desk: Desk, receiver: Receiver) -> None:
    receiver.answering = always(307, location=receiver.url)
    webhook, _ = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        delivery = await desk.settled(webhook)
    assert (delivery.status, delivery.last_response_status) == ("Pending", 307)
    assert len(receiver.received) == 1


async def test_v2_rule_18_3_no_answer_in_time_is_a_failure(desk: Desk, receiver: Receiver) -> None:
    receiver.gate.clear()
    webhook, _ = await desk.endpoint(receiver.url)
    async with desk.delivering(timeout=0.3):
        await desk.happen()
        delivery = await desk.settled(webhook)
    assert (delivery.status, delivery.last_response_status) == ("Pending", None)


def test_v2_rule_18_3_the_schedule_is_that_of_the_contract() -> None:
    hours = [wait / timedelta(hours=1) for wait in SCHEDULE]
    assert hours == [5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24]
    for failures, wait in enumerate(SCHEDULE):
        for _ in range(20):
            attempt = outcome(work(failures), NOON, Reply(500), NOON)
            assert attempt.status is DeliveryStatus.PENDING
            assert attempt.next_at is not None
            assert wait <= attempt.next_at - NOON <= wait * 1.1
    assert outcome(work(len(SCHEDULE)), NOON, None, NOON).status is DeliveryStatus.FAILED


def test_v2_rule_18_3_retry_after_delays_further_and_never_less() -> None:
    def wait(text: str, failures: int = 0) -> float:
        attempt = outcome(work(failures), NOON, Reply(503, text), NOON)
        assert attempt.next_at is not None
        return (attempt.next_at - NOON).total_seconds()

    assert wait("120") == 120
    assert wait(format_datetime(NOON + timedelta(hours=1), usegmt=True)) == 3600
    assert 300 <= wait("1", failures=1) <= 330
    assert wait("99999999999") == timedelta(hours=24).total_seconds()
    for nonsense in ("soon", "-5", "", "Sun, 99 Foo 2031 12:00:00 GMT", "٣"):
        assert 5 <= wait(nonsense) <= 5.5


async def test_v2_rule_18_3_when_all_attempts_fail_the_delivery_is_failed(desk: Desk, receiver: Receiver) -> None:
    receiver.answering = always(500)
    webhook, secret = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        for attempt, wait in enumerate(SCHEDULE, 1):
            delivery = await desk.settled(webhook, attempt)
            assert delivery.status is DeliveryStatus.PENDING
            assert delivery.next_attempt_date is not None
            assert delivery.last_attempt_date is not None
            assert delivery.next_attempt_date - delivery.last_attempt_date >= wait
            await desk.move_to(delivery.next_attempt_date)
        delivery = await desk.settled(webhook, 10)
    assert (delivery.status, delivery.attempts, delivery.next_attempt_date) == ("Failed", 10, None)
    assert (await desk.read(webhook)).status is WebhookStatus.ENABLED
    assert await desk.jobs() == 0
    assert len({got.id for got in receiver.received}) == 1
    assert len({got.body for got in receiver.received}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.received}) == 10
    assert all(signed_by(secret, got) for got in receiver.received)


async def test_v2_rule_18_3_the_first_retry_comes_after_five_seconds_by_itself(desk: Desk, receiver: Receiver) -> None:
    receiver.answering = lambda number: (500, {}) if number == 1 else (200, {})
    webhook, _ = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        first = await desk.settled(webhook)
        second = await desk.settled(webhook, 2)
    assert second.status is DeliveryStatus.DELIVERED
    assert first.next_attempt_date is not None
    assert second.last_attempt_date is not None
    assert second.last_attempt_date >= first.next_attempt_date - timedelta(milliseconds=2)


async def test_v2_rule_18_3_410_disables_the_endpoint(desk: Desk, receiver: Receiver) -> None:
    receiver.answering = always(410)
    webhook, _ = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        delivery = await desk.settled(webhook)
        assert (delivery.status, delivery.last_response_status) == ("Failed", 410)
        left = await desk.read(webhook)
        assert (left.status, left.disabled_reason) == (WebhookStatus.DISABLED, DisabledReason.GONE)
        assert left.last_modified_date >= webhook.last_modified_date
        await desk.happen()
    assert len(await desk.log(webhook)) == 1
    assert len(receiver.received) == 1


async def test_v2_rule_18_3_five_days_without_success_disable_the_endpoint(desk: Desk, receiver: Receiver) -> None:
    receiver.answering = always(500)
    webhook, _ = await desk.endpoint(receiver.url)
    began = clock.now()
    async with desk.delivering():
        await desk.happen()
        await desk.settled(webhook)
        await desk.move_to(began + PATIENCE - timedelta(minutes=1))
        await desk.settled(webhook, 2)
        assert (await desk.read(webhook)).status is WebhookStatus.ENABLED
        await desk.move_to(began + PATIENCE + timedelta(hours=1))
        delivery = await desk.settled(webhook, 3)
    assert delivery.status is DeliveryStatus.FAILED
    left = await desk.read(webhook)
    assert (left.status, left.disabled_reason) == (WebhookStatus.DISABLED, DisabledReason.FAILING_TOO_LONG)


async def test_v2_rule_18_3_a_success_begins_the_five_days_anew(desk: Desk, receiver: Receiver) -> None:
    receiver.answering = lambda number: (200, {}) if number == 2 else (500, {})
    webhook, _ = await desk.endpoint(receiver.url)
    began = clock.now()
    async with desk.delivering():
        await desk.happen()
        await desk.settled(webhook)
        await desk.move_to(began + timedelta(days=4))
        await desk.settled(webhook, 2)
        await desk.move_to(began + timedelta(days=8))
        await desk.happen()
        await receiver.count(3)

        async def noted() -> bool:
            return all(each.attempts for each in await desk.log(webhook))

        await until(noted)
    assert (await desk.read(webhook)).status is WebhookStatus.ENABLED


async def test_v2_rule_18_4_an_attempt_that_a_crash_cut_off_is_made_again(desk: Desk, receiver: Receiver) -> None:
    receiver.gate.clear()
    webhook, _ = await desk.endpoint(receiver.url)

    async def asked() -> bool:
        return receiver.waiting > 0

    async with desk.delivering(lease=0.5):
        await desk.happen()
        await until(asked)
    assert (await desk.log(webhook))[0].status is DeliveryStatus.PENDING
    assert await desk.jobs() == 1
    receiver.gate.set()
    async with desk.delivering(lease=0.5):
        delivery = await desk.settled(webhook)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert len({got.id for got in receiver.received}) == 1


async def test_v2_rule_18_4_a_delivery_sent_again_has_its_id(desk: Desk, receiver: Receiver) -> None:
    webhook, secret = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        delivery = await desk.settled(webhook)
        async with desk.db.transaction() as conn:
            again = await service.send_again(conn, webhook, delivery)
        assert (again.status, again.attempts) == (DeliveryStatus.PENDING, 1)
        first, second = await receiver.count(2)
        await desk.settled(webhook, 2)
    assert (first.id, first.body) == (second.id, second.body)
    Published(secret).verify(second.body, second.headers)


async def test_v2_rule_18_5_for_24_hours_both_secrets_sign_the_newest_first(desk: Desk, receiver: Receiver) -> None:
    webhook, old = await desk.endpoint(receiver.url)
    async with desk.db.transaction() as conn:
        new = await service.rotate(conn, desk.sealer, webhook)
    began = clock.now()
    assert new != old
    async with desk.delivering():
        await desk.happen()
        [got] = await receiver.count(1)
        assert len(got.headers["webhook-signature"].split(" ")) == 2
        Published(old).verify(got.body, got.headers)
        Published(new).verify(got.body, got.headers)
        newest = {**got.headers, "webhook-signature": got.headers["webhook-signature"].split(" ")[0]}
        Published(new).verify(got.body, newest)
        await desk.move_to(began + timedelta(hours=24, minutes=1))
        await desk.happen()
        got = (await receiver.count(2))[1]
    assert len(got.headers["webhook-signature"].split(" ")) == 1
    assert signed_by(new, got)
    assert not signed_by(old, got)


async def test_an_endpoint_that_hangs_holds_up_nobody_else(desk: Desk, receiver: Receiver) -> None:
    """More of its deliveries wait than a process has slots."""
    hanging, _ = await desk.endpoint(receiver.url.replace("/hooks", "/slow"), EventType.SITE_UPDATED)
    receiver.gate.clear()
    async with desk.delivering():
        await desk.happen(EventType.SITE_UPDATED, times=50)

        async def asked() -> bool:
            return receiver.waiting == 4

        await until(asked)
        webhook, _ = await desk.endpoint(receiver.url)
        await desk.happen()

        async def reached() -> bool:
            return receiver.waiting == 5

        await until(reached)
        receiver.gate.set()
        await desk.settled(webhook)
        await receiver.count(51)
    assert len(await desk.log(hanging)) == 50


async def test_attempts_are_counted_by_what_they_came_to(desk: Desk, receiver: Receiver) -> None:
    def counted() -> dict[str, float]:
        names = ("taken", "refused", "unreached")
        return {
            name: REGISTRY.get_sample_value("clarion_webhook_attempts_total", {"outcome": name}) or 0 for name in names
        }

    before = counted()
    receiver.answering = lambda number: (200, {}) if number == 1 else (503, {})
    good, _ = await desk.endpoint(receiver.url)
    async with desk.delivering():
        await desk.happen()
        await desk.settled(good)
        lost, _ = await desk.endpoint("https://localhost:1/", EventType.SITE_UPDATED)
        refusing, _ = await desk.endpoint(receiver.url, EventType.SITE_UPDATED)
        await desk.happen(EventType.SITE_UPDATED)
        await desk.settled(lost)
        await desk.settled(refusing)
    assert {name: count - before[name] for name, count in counted().items()} == {
        "taken": 1,
        "refused": 1,
        "unreached": 1,
    }
