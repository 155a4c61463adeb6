"""Deliveries on a database of a test's own: workers that deliver, a clock that moves, and what is in the log."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from clarion.base import clock
from clarion.base.authority import Authority
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.records import PageRequest, Scope
from clarion.db.sql import execute, value
from clarion.http.addresses import Targets
from clarion.http.outbound import Outbound
from clarion.identity import clients
from clarion.identity.clients import Caller
from clarion.identity.scopes import ScopeName, covered
from clarion.queue import Worker
from clarion.queue.store import announce
from clarion.webhooks import service
from clarion.webhooks.model import QUEUE, Delivery, EventType, Webhook
from clarion.webhooks.service import DELIVERIES, WEBHOOKS
from clarion.webhooks.worker import TIMEOUT, Deliverer
from tests.support import until

LOOPBACK = ("127.0.0.0/8", "::1/128")
BASE = "https://push.example"


class Desk(Struct):
    """A database with endpoints, and what it takes to deliver to them."""

    db: Database
    sealer: Sealer
    authority: Path
    signer: Authority

    async def caller(self, scopes: Sequence[ScopeName] = tuple(ScopeName), account_id: str | None = None) -> Caller:
        async with self.db.transaction() as conn:
            made, _ = await clients.create(conn, "Tests", scopes, account_id)
        return Caller(made.client_id, account_id, covered(set(scopes)))

    async def endpoint(
        self,
        url: str,
        *events: EventType,
        account_id: str | None = None,
        caller: Caller | None = None,
    ) -> tuple[Webhook, str]:
        """An endpoint and its secret; for account events when no others are named."""
        caller = caller or await self.caller(account_id=account_id)
        values = {"url": url, "event_types": events or (EventType.ACCOUNT_UPDATED,), "account_id": account_id}
        async with self.db.transaction() as conn:
            return await service.create(conn, self.sealer, Targets(LOOPBACK), caller, values)

    async def happen(
        self, event: EventType = EventType.ACCOUNT_UPDATED, *, account_id: str | None = "ACC-100000001", times: int = 1
    ) -> None:
        async with self.db.transaction() as conn:
            for number in range(times):
                path = f"/v2/accounts/ACC-{number}"
                await service.record(conn, event, id=f"ACC-{number}", account_id=account_id, path=path)

    async def log(self, webhook: Webhook) -> list[Delivery]:
        """The deliveries of an endpoint, the newest first."""
        async with self.db.connection() as conn:
            scope = Scope(where={"webhook_id": webhook.webhook_id})
            return (await DELIVERIES.page(conn, PageRequest(limit=200), scope)).rows

    async def settled(self, webhook: Webhook, attempts: int = 1) -> Delivery:
        """The only delivery of an endpoint, once so many attempts are noted."""

        async def noted() -> bool:
            return (await self.log(webhook))[0].attempts >= attempts

        await until(noted)
        [delivery] = await self.log(webhook)
        return delivery

    async def read(self, webhook: Webhook) -> Webhook:
        async with self.db.connection() as conn:
            found = await WEBHOOKS.find(conn, webhook.webhook_id)
        assert found is not None
        return found

    async def jobs(self) -> int:
        async with self.db.connection() as conn:
            return int(await value(conn, "SELECT count(*) FROM clarion.job"))

    async def move_to(self, moment: datetime) -> None:
        """Move the clock to this instant, with everything that is due by it, which the queue's clock would not do."""
        shift = moment - (clock.now() - clock_offset())
        clock.shift(shift)
        async with self.db.transaction() as conn:
            await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (shift,))
        await service.queue_due(self.db)
        async with self.db.transaction() as conn:
            await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp()")
            await announce(conn, QUEUE)

    @asynccontextmanager
    async def delivering(
        self, *, networks: Sequence[str] = LOOPBACK, timeout: float = TIMEOUT, share: int = 4, lease: float = 10.0
    ) -> AsyncIterator[None]:
        """One process that delivers."""
        outbound = Outbound(Targets(networks), timeout=timeout, authority=str(self.authority))
        deliverer = Deliverer(self.db, self.sealer, outbound, BASE)
        stop = asyncio.Event()
        worker = Worker(
            self.db,
            [QUEUE],
            deliverer.handlers(),
            concurrency=2,
            share=share,
            reserve=30,
            lease=lease,
            grace=0.5,
        )
        task = asyncio.create_task(worker.run(stop))
        try:
            yield
        finally:
            stop.set()
            await task
            await deliverer.aclose()


def clock_offset() -> timedelta:
    """How far the clock is moved."""
    return clock._offset
