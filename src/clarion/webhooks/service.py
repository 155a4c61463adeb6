"""The rules of endpoints and deliveries (v2 section 18), but for an attempt itself, which is the worker's.

What happened is recorded in the transaction in which it happens (v2 rule 18.7).
"""

import ipaddress
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from clarion.base.errors import Conflict, Finding, Forbidden, Invalid
from clarion.base.ids import new_id
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.http.addresses import Targets
from clarion.identity import clients
from clarion.identity.clients import Caller
from clarion.identity.scopes import ScopeName, covered
from clarion.webhooks import signing
from clarion.webhooks.model import Delivery, DisabledReason, EventType, Webhook, WebhookStatus, readers
from clarion.webhooks.store import deliveries, endpoints, recording
from clarion.webhooks.store.deliveries import DELIVERIES
from clarion.webhooks.store.endpoints import WEBHOOKS

__all__ = ["DELIVERIES", "WEBHOOKS"]

Values = dict[str, Any]

OVERLAP: Final = timedelta(hours=24)
"""How long a secret signs after its rotation (v2 rule 18.5)."""
KEPT: Final = timedelta(days=30)
"""How long deliveries are shown."""
_GRACE: Final = timedelta(days=5)
"""How much longer one may be pending that was sent again at the end of that."""
_AT_ONCE: Final = 5000


async def record(
    conn: Conn,
    event: EventType,
    *,
    id: str,
    account_id: str | None,
    path: str,
    changed: Sequence[str] = (),
    venue: bool = False,
    operators_only: bool = False,
) -> None:
    """Something happened to the resource with this id, which is read at `path`: endpoints that subscribe to it are told
    if the caller's transaction commits, and never else. `changed` are the members that an update changed.

    Endpoints are told of what their maker could read (v2 rule 18.8): `venue` tells of an event of a site that VenueRead
    reads it too, `operators_only` that no client of the account sees the resource yet, as a draft invoice.
    """
    wanted = readers(event, venue=venue)
    await recording.record_event(
        conn, event, wanted, id, account_id, path, list(changed), operators_only=operators_only
    )


# Endpoints


async def create(conn: Conn, sealer: Sealer, targets: Targets, caller: Caller, values: Values) -> tuple[Webhook, str]:
    """A new endpoint of an account that the caller may see, or of all, and its secret, which cannot be read again.

    Raises Forbidden when a client of an account wants one of all (v2 rule 4.7), and Invalid.
    """
    if values.get("account_id") is None and not caller.is_operator:
        raise Forbidden("Only operator clients may register webhooks for all accounts.", "Leave accountId out.")
    _check_url(values["url"], targets)
    scopes = await _scopes_of(conn, caller)
    webhook_id = new_id("WHK")
    webhook = await WEBHOOKS.insert(conn, {**values, "webhook_id": webhook_id, "scopes": sorted(scopes)})
    return webhook, await _new_secret(conn, sealer, webhook_id)


async def update(conn: Conn, targets: Targets, caller: Caller, webhook: Webhook, values: Values) -> Webhook:
    """Change an endpoint. Raises Invalid.

    One that is disabled is not told what it was still to be told. Where it leads, or what it is told, changes within
    what the changing client could read as well: nobody comes by events through an endpoint that somebody else made.
    """
    changed = WEBHOOKS.changes(webhook, values)
    if "url" in changed:
        _check_url(changed["url"], targets)
    if "status" in changed:
        disabled = changed["status"] is WebhookStatus.DISABLED
        changed["disabled_reason"] = DisabledReason.MANUAL if disabled else None
    updated = await WEBHOOKS.update(conn, webhook, changed)
    if "url" in changed or "event_types" in changed:
        await endpoints.set_scopes(
            conn,
            webhook.webhook_id,
            await endpoints.scopes_of(conn, webhook.webhook_id) & await _scopes_of(conn, caller),
        )
    if "url" in changed or "status" in changed:
        await endpoints.begin_anew(conn, webhook.webhook_id)
    if "status" in changed and updated.status is WebhookStatus.DISABLED:
        await deliveries.fail_pending(conn, webhook.webhook_id)
    return updated


async def delete(conn: Conn, _caller: Caller, webhook: Webhook) -> None:
    """Delete an endpoint with its deliveries; nothing more is sent to it."""
    await WEBHOOKS.delete(conn, webhook)
    await deliveries.delete_deliveries(conn, webhook.webhook_id)


async def rotate(conn: Conn, sealer: Sealer, webhook: Webhook) -> str:
    """A new secret; those before it sign for another 24 hours (v2 rule 18.5)."""
    await endpoints.end_secrets(conn, webhook.webhook_id, OVERLAP)
    return await _new_secret(conn, sealer, webhook.webhook_id)


# Deliveries


async def test(conn: Conn, webhook: Webhook, path: str) -> Delivery:
    """Tell an endpoint `webhook.test`, whatever it subscribes to. Raises Conflict while it is disabled."""
    _require_enabled(webhook)
    delivery_id = await recording.record_test(conn, webhook, path)
    return await _delivery(conn, delivery_id)


async def send_again(conn: Conn, webhook: Webhook, delivery: Delivery) -> Delivery:
    """Send a delivery again, now and with the same message id, whatever became of it; its schedule begins anew.

    Raises Conflict while the endpoint is disabled.
    """
    _require_enabled(webhook)
    await recording.queue_again(conn, delivery.webhook_delivery_id)
    return await _delivery(conn, delivery.webhook_delivery_id)


async def queue_due(db: Database) -> None:
    """Put deliveries that are due into the queue. For a timer."""
    queued = _AT_ONCE
    while queued == _AT_ONCE:
        async with db.transaction() as conn:
            queued = await recording.queue_due(conn, _AT_ONCE)


async def drop_old(db: Database) -> None:
    """Forget deliveries and events that are not shown any more. For a timer."""
    gone = _AT_ONCE
    while gone >= _AT_ONCE:
        async with db.transaction() as conn:
            gone = await deliveries.drop_old(conn, KEPT, _GRACE, _AT_ONCE)


def seal_context(webhook_id: str) -> bytes:
    """What the secrets of an endpoint are bound to."""
    return f"webhook-secret:{webhook_id}".encode()


async def _new_secret(conn: Conn, sealer: Sealer, webhook_id: str) -> str:
    secret = signing.new_secret()
    await endpoints.insert_secret(conn, webhook_id, sealer.seal(secret, seal_context(webhook_id)))
    return signing.shown(secret)


async def _scopes_of(conn: Conn, caller: Caller) -> frozenset[ScopeName]:
    client = await clients.get(conn, caller.client_id)
    return covered(set(client.scopes))


async def _delivery(conn: Conn, delivery_id: str) -> Delivery:
    found = await DELIVERIES.find(conn, delivery_id)
    if found is None:
        raise LookupError(f"delivery {delivery_id} has gone")
    return found


def _require_enabled(webhook: Webhook) -> None:
    if webhook.status is not WebhookStatus.ENABLED:
        raise Conflict("The endpoint is disabled.", "Enable it first.", code="invalid_state_transition")


def _check_url(url: str, targets: Targets) -> None:
    """What can be said without asking a name server, which is asked at each attempt (v2 rule 18.6)."""
    found = None
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".").lower()
        if not host or parts.scheme != "https" or parts.port == 0:
            found = "Give an absolute https URL with a host."
        elif parts.username is not None or parts.password is not None or parts.fragment:
            found = "The URL must not hold credentials or a fragment."
        elif not _may_lead_to(host, targets):
            found = "Addresses of private, local and other special networks are refused."
    except ValueError:
        found = "This is no URL."
    if found:
        raise Invalid([Finding("/url", "invalid_value", found)])


def _may_lead_to(host: str, targets: Targets) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return targets.allow("127.0.0.1")
    if host.replace(".", "").isdigit() or ":" in host:
        return targets.allow(str(ipaddress.ip_address(host)))
    return True
