"""Webhooks as the courier runs them: what is due goes out, and goes out again when the process is killed meanwhile."""

import asyncio
import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from clarion.assembly import roles, supervisor
from clarion.assembly.database import opened
from clarion.assembly.supervisor import Running
from clarion.base.authority import Authority
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings, to_environment
from clarion.db.pool import Database
from clarion.db.sql import execute
from clarion.identity import clients
from clarion.identity.scopes import ScopeName
from clarion.webhooks.model import DeliveryStatus
from tests.support import until
from tests.webhooks.delivering import LOOPBACK, Desk
from tests.webhooks.receiver import Receiver

SEAL_KEY = bytes(range(32)).hex()
COURIER = """
import asyncio, os
from clarion.assembly import roles, supervisor
from clarion.assembly.database import opened
from clarion.assembly.supervisor import Running
from clarion.base import settings
context = roles.Context(settings.from_environment(), os.environ["CONNINFO"], 1, (), lambda: None)
asyncio.run(roles.courier(context, asyncio.Event()))
"""


@pytest.fixture
def desk(database: Database, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("CLARION_SEAL_KEY", SEAL_KEY)
    authority = Authority.create("Receivers")
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    return Desk(database, sealer, tmp_path / "ca.pem", authority)


@pytest.fixture
async def receiver(desk: Desk, tmp_path: Path) -> AsyncIterator[Receiver]:
    made = Receiver(desk.signer, tmp_path)
    await made.start()
    yield made
    await made.stop()


def settings_of(desk: Desk) -> Settings:
    folder = desk.authority.parent
    return Settings(
        data_dir=folder, host="api.example", port=8443, webhook_networks=LOOPBACK, webhook_ca=str(desk.authority)
    )


@asynccontextmanager
async def courier(desk: Desk) -> AsyncIterator[None]:
    stop = asyncio.Event()
    context = roles.Context(settings_of(desk), desk.db.conninfo, 1, (), lambda: None)
    running = asyncio.create_task(roles.courier(context, stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def test_the_courier_delivers_what_is_due(desk: Desk, receiver: Receiver) -> None:
    """By its job, and by the timer that looks for what has waited long enough."""
    webhook, secret = await desk.endpoint(receiver.url)
    await desk.happen(times=2)
    async with desk.db.transaction() as conn:  # one has failed before, and is due by now
        await execute(conn, "DELETE FROM clarion.job WHERE id = (SELECT min(id) FROM clarion.job)")
        query = """
            UPDATE clarion.webhook_delivery SET queued = false, failures = 2, next_attempt_date = clarion.now() - %s
            WHERE webhook_delivery_id NOT IN (SELECT args ->> 'delivery' FROM clarion.job)
        """
        await execute(conn, query, (timedelta(seconds=1),))
    async with courier(desk):
        first, _ = await receiver.count(2)

        async def noted() -> bool:
            return all(each.status is DeliveryStatus.DELIVERED for each in await desk.log(webhook))

        await until(noted)
    payload = Webhook(secret).verify(first.body, first.headers)
    assert payload["data"]["href"].startswith("https://api.example:8443/v2/accounts/ACC-")
    assert await desk.jobs() == 0


async def test_v2_rule_18_4_a_courier_that_is_killed_while_it_delivers_loses_nothing(
    desk: Desk, receiver: Receiver
) -> None:
    webhook, _ = await desk.endpoint(receiver.url)
    receiver.gate.clear()
    await desk.happen()
    environment = {**os.environ, **to_environment(settings_of(desk)), "CONNINFO": desk.db.conninfo}
    doomed = await asyncio.create_subprocess_exec(sys.executable, "-c", COURIER, env=environment)
    try:

        async def asked() -> bool:
            return receiver.waiting > 0

        await until(asked, 60)
    finally:
        doomed.kill()
        await doomed.wait()
    receiver.gate.set()
    async with desk.db.transaction() as conn:  # the lease of the dead process ends
        await execute(conn, "UPDATE clarion.job SET run_at = clock_timestamp()")
    async with courier(desk):
        delivery = await desk.settled(webhook)
    assert delivery.status is DeliveryStatus.DELIVERED
    assert len({got.id for got in receiver.received}) == 1


async def test_an_installation_tells_what_happens_over_its_api(desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    """With real processes: registered and caused over HTTPS, delivered by the courier, read where the event says."""
    settings = Settings(
        data_dir=tmp_path / "data", port=0, webhook_networks=LOOPBACK, webhook_ca=str(desk.authority), log_json=True
    )
    stop = asyncio.Event()
    started: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(supervisor.serve(settings, announce=started.set_result, stop=stop))
    try:
        either: set[asyncio.Future[Any]] = {serving, started}
        await asyncio.wait(either, timeout=90, return_when=asyncio.FIRST_COMPLETED)
        running = started.result()
        async with opened(settings) as db, db.transaction() as conn:
            client, _ = await clients.create(conn, "Tests", tuple(ScopeName), None)
            granted = await clients.issue(conn, client.client_id, tuple(ScopeName), life=clients.TOKEN_LIFE)
        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {granted.access_token}"},
            connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=running.ca_file)),
        ) as session:
            base = running.urls["https"]
            wanted = {"url": receiver.url, "eventTypes": ["account.created"]}
            async with session.post(f"{base}/v2/webhooks", json=wanted) as answer:
                made = (await answer.json())["data"]
            async with session.post(f"{base}/v2/accounts", json={"name": "A", "legalName": "A"}) as answer:
                account = (await answer.json())["data"]
            await until(lambda: arrived(receiver), 30)
            [got] = receiver.received
            event = Webhook(made["secret"]).verify(got.body, got.headers)
            assert event["data"]["href"].startswith(base)
            async with session.get(event["data"]["href"]) as answer:
                assert (await answer.json())["data"] == account
    finally:
        stop.set()
        await serving


async def arrived(receiver: Receiver) -> bool:
    return bool(receiver.received)
