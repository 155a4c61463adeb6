"""Webhook endpoints and their deliveries on the wire; a secret is shown once, when it is made."""

from typing import Any

from clarion.accounts import service as accounts
from clarion.api.exchange import Response
from clarion.api.v2.call import Call
from clarion.api.v2.change import Change
from clarion.api.v2.members import typed
from clarion.api.v2.resource import Resource, handlers
from clarion.api.v2.wire import document, plain
from clarion.base.errors import Invalid
from clarion.db.sql import Conn
from clarion.webhooks import service as webhooks
from clarion.webhooks.model import Delivery, Webhook

WEBHOOKS = Resource(webhooks.WEBHOOKS, "/v2/webhooks/{webhookId}", deleting=webhooks.delete)
DELIVERIES = Resource(
    webhooks.DELIVERIES,
    "/v2/webhooks/{webhookId}/deliveries/{webhookDeliveryId}",
    within=WEBHOOKS,
)


async def _create(call: Call, conn: Conn, _found: Any) -> Response:
    caller = call.caller
    values = typed(webhooks.WEBHOOKS, call.body)
    account_id = values.setdefault("account_id", caller.account_id)
    if account_id is not None and await accounts.find(conn, account_id, caller.scope) is None:
        raise Invalid([accounts.no_account()])
    made, secret = await webhooks.create(conn, call.services.sealer, call.services.settings.targets, caller, values)
    return _with_secret(call, made, secret, 201)


async def _update(call: Call, conn: Conn, webhook: Webhook) -> Response:
    values = typed(webhooks.WEBHOOKS, call.body)
    targets = call.services.settings.targets
    return WEBHOOKS.answer(call, await webhooks.update(conn, targets, call.caller, webhook, values))


async def _rotate(call: Call, conn: Conn, webhook: Webhook) -> Response:
    return _with_secret(call, webhook, await webhooks.rotate(conn, call.services.sealer, webhook), 200)


async def _test(call: Call, conn: Conn, webhook: Webhook) -> Response:
    return DELIVERIES.answer(call, await webhooks.test(conn, webhook, WEBHOOKS.url(webhook)), 202)


async def _send_again(call: Call, conn: Conn, delivery: Delivery) -> Response:
    webhook = await WEBHOOKS.find(call, conn)
    return DELIVERIES.answer(call, await webhooks.send_again(conn, webhook, delivery), 202)


def _with_secret(call: Call, webhook: Webhook, secret: str, status: int) -> Response:
    response = WEBHOOKS.answer(call, webhook, status)
    response.body = document({**plain(webhook), "secret": secret}, call.url(WEBHOOKS.url(webhook)))
    response.headers = [(name, "no-store" if name == "Cache-Control" else value) for name, value in response.headers]
    return response


async def _nothing(_call: Call, _conn: Conn) -> None:
    """An endpoint is made at the top."""


HANDLERS = {
    **handlers(WEBHOOKS, list="listWebhooks", get="getWebhook", delete="deleteWebhook"),
    **handlers(DELIVERIES, list="listWebhookDeliveries", get="getWebhookDelivery"),
    "createWebhook": Change(_nothing, _create),
    "updateWebhook": WEBHOOKS.acting(_update, conditional=True),
    "rotateWebhookSecret": WEBHOOKS.acting(_rotate),
    "testWebhook": WEBHOOKS.acting(_test),
    "retryWebhookDelivery": DELIVERIES.acting(_send_again),
}
