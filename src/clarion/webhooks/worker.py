"""Delivering: one attempt of one delivery, and when the next one is (v2 rule 18.3).

1. Look up what is to be sent, where, and signed with which secrets. What is over meanwhile leaves the queue.
2. Send it, waiting for the answer without holding a slot or a connection of the database.
3. Note what came of it, and end the job, in one transaction. A process that dies before that leaves the job to another
   one, which sends again: an event is delivered at least once (v2 rule 18.4).

A delivery that is tried again within seconds keeps its job; others are put into the queue when they are due
(`service.queue_due`), on Clarion's clock.
"""

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from prometheus_client import Counter

from clarion.base import clock, metrics
from clarion.base.sealing import Sealer
from clarion.base.telemetry import get_logger
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.http.outbound import Outbound, Reply, Unreached
from clarion.queue import Handler, Lease, Retry
from clarion.webhooks import service, signing
from clarion.webhooks.model import (
    DELIVERY_JOB,
    Attempt,
    DeliveryStatus,
    DisabledReason,
    WebhookStatus,
    Work,
)
from clarion.webhooks.store import deliveries, endpoints

log = get_logger(__name__)

_ATTEMPTS = Counter(
    "clarion_webhook_attempts",
    "Attempts to deliver an event to an endpoint, by what they came to.",
    ["outcome"],
    registry=metrics.REGISTRY,
)

TIMEOUT: Final = 15.0
"""Seconds for an attempt, from resolving the name to the status of the answer."""
SCHEDULE: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""From an attempt to the next one."""
PATIENCE: Final = timedelta(days=5)
"""How long an endpoint may fail without any success before it is disabled."""
EVERY: Final = timedelta(seconds=5)
"""How often deliveries that are due are looked for."""
_JITTER: Final = 0.1
_SOON: Final = timedelta(seconds=10)
_LONGEST_WAIT: Final = timedelta(hours=24)
"""As far as `Retry-After` can put an attempt off."""
_GONE: Final = 410


class Deliverer:
    """Delivers in one process. Give `handlers()` to a queue worker on queue `webhooks`; end with `aclose`.

    `base_url` is the address at which receivers read resources.
    """

    def __init__(self, db: Database, sealer: Sealer, outbound: Outbound, base_url: str) -> None:
        self._db = db
        self._sealer = sealer
        self._outbound = outbound
        self._base_url = base_url.rstrip("/")

    def handlers(self) -> dict[str, Handler]:
        """By kind of job."""
        return {DELIVERY_JOB: self.deliver}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._outbound.aclose()

    async def deliver(self, lease: Lease) -> None:
        """The handler of jobs: one attempt."""
        delivery_id = str(lease.job.args["delivery"])
        async with self._db.connection() as conn:
            work = await deliveries.work_of(conn, delivery_id)
        if work is None or work.status is not DeliveryStatus.PENDING or work.webhook_status is WebhookStatus.DISABLED:
            await self._take_out(lease, delivery_id)
            return
        at = clock.now()
        reply = await self._send(lease, delivery_id, work, at)
        attempt = outcome(work, at, reply, clock.now())
        await retry.transact(
            self._db, lambda conn: _settle(conn, lease, delivery_id, work, attempt, reply), pipelined=True
        )
        if attempt.queued and attempt.next_at is not None:
            raise Retry(max(0.0, (attempt.next_at - clock.now()).total_seconds()), "failed", count=False)

    async def _send(self, lease: Lease, delivery_id: str, work: Work, at: datetime) -> Reply | None:
        """The answer; None when there was none."""
        context = service.seal_context(work.webhook_id)
        secrets = [self._sealer.open(sealed, context) for sealed in work.secrets]
        body = signing.body_of(work.event, self._base_url)
        headers = signing.headers_of(work.event.event_id, at, body, secrets)
        lease.idle = True
        try:
            reply = await self._outbound.post(work.url, headers, body)
        except Unreached as error:
            _ATTEMPTS.labels("unreached").inc()
            log.info("webhook_unreached", webhook=work.webhook_id, delivery=delivery_id, error=str(error))
            return None
        finally:
            lease.idle = False
        _ATTEMPTS.labels("taken" if _taken(reply) else "refused").inc()
        if not _taken(reply):
            log.info("webhook_refused", webhook=work.webhook_id, delivery=delivery_id, status=reply.status)
        return reply

    async def _take_out(self, lease: Lease, delivery_id: str) -> None:
        async with self._db.transaction() as conn:
            if not await deliveries.take_out(conn, delivery_id):
                raise Retry(0.0, "to be sent again", count=False)
            await lease.acknowledge(conn)


def outcome(work: Work, at: datetime, reply: Reply | None, now: datetime) -> Attempt:
    """What an attempt that began `at` and ended `now` came to, and when the next one is."""
    status = reply.status if reply is not None else None
    if _taken(reply):
        return Attempt(at, status, DeliveryStatus.DELIVERED)
    if work.failures >= len(SCHEDULE) or status == _GONE:
        return Attempt(at, status, DeliveryStatus.FAILED)
    wait = SCHEDULE[work.failures] * (1 + random.uniform(0, _JITTER))  # noqa: S311 - jitter
    if reply is not None and reply.retry_after is not None:
        wait = max(wait, min(asked_wait(reply.retry_after, now), _LONGEST_WAIT))
    return Attempt(at, status, DeliveryStatus.PENDING, now + wait, queued=wait <= _SOON)


def asked_wait(text: str, now: datetime) -> timedelta:
    """What a `Retry-After` asks for, in seconds or as a date (RFC 9110 section 10.2.3); nothing when it is neither."""
    if text.isascii() and text.isdecimal():
        return timedelta(seconds=int(text[:9]))
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return timedelta(0)
    return max(timedelta(0), (date if date.tzinfo else date.replace(tzinfo=UTC)) - now)


async def _settle(
    conn: Conn, lease: Lease, delivery_id: str, work: Work, attempt: Attempt, reply: Reply | None
) -> None:
    if attempt.status is DeliveryStatus.DELIVERED:
        await endpoints.note_success(conn, work.webhook_id)
    elif reply is not None and reply.status == _GONE:
        await endpoints.disable(conn, work.webhook_id, work.url, DisabledReason.GONE)
    elif work.failing_since is not None and attempt.at - work.failing_since >= PATIENCE:
        await endpoints.disable(conn, work.webhook_id, work.url, DisabledReason.FAILING_TOO_LONG)
    elif work.failing_since is None:
        await endpoints.note_failure(conn, work.webhook_id, attempt.at)
    await deliveries.settle(conn, lease, delivery_id, attempt)


def _taken(reply: Reply | None) -> bool:
    return reply is not None and 200 <= reply.status < 300
