"""One of each kind of resource, made through the API: what the tests that are generated from the contract address.

To add a resource: a function that makes one in the account of `things` and answers its id, in `FACTORIES` under the
name of its path parameter (`siteId`), where it asks `await things.id("...")` for the ids it needs itself. A write whose
body names other records goes into `BODIES` by its operationId, with a body that would be sound for a client of that
account: clients of others must not get through with it. A path parameter that is no id of a record stands in `FIXED`.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from clarion.api.contract.document import Operation
from tests.api.v2.client import Client
from tests.api.v2.factories_of_places import a_point, a_service, a_venue


class Things:
    """Records of one account, each made when it is first asked for."""

    def __init__(self, operator: Client, account_id: str) -> None:
        self.operator = operator
        self.account_id = account_id
        self._made: dict[str, str] = {"accountId": account_id}

    @classmethod
    async def of_new_account(cls, operator: Client) -> "Things":
        body = {"name": "ACME", "legalName": "ACME Corporation"}
        return cls(operator, (await operator.create("/v2/accounts", body))["accountId"])

    @property
    def made(self) -> list[str]:
        """The ids of all of them."""
        return list(self._made.values())

    async def id(self, parameter: str) -> str:
        """The id that a path parameter stands for."""
        if parameter in FIXED:
            return FIXED[parameter]
        if parameter not in self._made:
            assert parameter in FACTORIES, f"tests/api/v2/factories.py cannot make a {parameter} yet"
            self._made[parameter] = await FACTORIES[parameter](self)
        return self._made[parameter]

    async def path(self, operation: Operation) -> str:
        """The path of an operation with ids of this account."""
        path = operation.path
        for parameter in operation.path_parameters:
            path = path.replace(f"{{{parameter.name}}}", await self.id(parameter.name))
        return path

    async def body(self, operation: Operation) -> Any:
        """The body of a write, None where it takes none; `{}` where only its path names records."""
        if operation.body is None:
            return None
        making = BODIES.get(operation.operation_id)
        return {} if making is None else await making(self)


async def _contact(things: Things) -> str:
    body = {"name": "Robin Vermeer", "role": "Billing"}
    made = await things.operator.create(f"/v2/accounts/{things.account_id}/contacts", body)
    return str(made["contactId"])


async def _client(things: Things) -> str:
    body = {"apiClientName": "Shop", "scopes": ["BasicRead"], "accountId": things.account_id}
    return str((await things.operator.create("/v2/api-clients", body))["clientId"])


async def _new_client(things: Things) -> Any:
    return {"apiClientName": "Mine", "scopes": ["BasicRead"], "accountId": things.account_id}


async def _site(things: Things) -> str:
    return str((await a_venue(things.operator, things.account_id))["siteId"])


async def _service(things: Things) -> str:
    return str((await a_service(things.operator, await things.id("siteId")))["serviceId"])


async def _point(things: Things) -> str:
    return str((await a_point(things.operator, await things.id("siteId")))["poiId"])


async def _case(things: Things) -> str:
    return str((await things.operator.create("/v2/cases", await _new_case(things)))["caseId"])


async def _case_message(things: Things) -> str:
    messages = await things.operator.get(f"/v2/cases/{await things.id('caseId')}/case-messages")
    return str(messages["data"][0]["caseMessageId"])


async def _invoice(things: Things) -> str:
    """An issued one, which its account sees."""
    made = await things.operator.create("/v2/invoices", {**await _new_invoice(things), "lineDetails": [_LINE]})
    await things.operator.change(f"/v2/invoices/{made['invoiceId']}", {"status": "Issued"})
    return str(made["invoiceId"])


async def _line(things: Things) -> str:
    lines = await things.operator.get(f"/v2/invoices/{await things.id('invoiceId')}/invoice-line-details")
    return str(lines["data"][0]["invoiceLineDetailId"])


async def _webhook(things: Things) -> str:
    return str((await things.operator.create("/v2/webhooks", await _new_webhook(things)))["webhookId"])


async def _delivery(things: Things) -> str:
    path = f"/v2/webhooks/{await things.id('webhookId')}"
    assert (await things.operator.call("POST", f"{path}/test-deliveries")).status == 202
    return str((await things.operator.get(f"{path}/deliveries"))["data"][0]["webhookDeliveryId"])


_LINE: Final = {"description": "Uplink", "chargeType": "Recurring", "quantity": "1", "unitPrice": "1250.00"}


async def _new_site(things: Things) -> Any:
    return {"accountId": things.account_id, "name": "Park", "city": "Delft", "country": "NL"}


async def _new_service(things: Things) -> Any:
    return {"siteId": await things.id("siteId"), "serviceName": "Wi-Fi", "serviceType": "Internet"}


async def _new_point(things: Things) -> Any:
    return {"siteId": await things.id("siteId"), "name": "Dipper", "type": "Ride"}


async def _new_report(things: Things) -> Any:
    return {"items": [{"poiId": await things.id("poiId"), "state": "Down"}]}


async def _new_case(things: Things) -> Any:
    service_id = await things.id("serviceId")
    return {"type": "NonIncident", "subject": "Other", "serviceId": service_id, "message": "Hello."}


async def _new_invoice(things: Things) -> Any:
    return {"accountId": things.account_id, "invoiceReference": "2026-1", "invoiceDate": "2026-03-31"}


async def _new_webhook(things: Things) -> Any:
    return {"url": "https://hooks.example/told", "eventTypes": ["case.updated"], "accountId": things.account_id}


FACTORIES: Final[dict[str, Callable[[Things], Awaitable[str]]]] = {
    "contactId": _contact,
    "clientId": _client,
    "siteId": _site,
    "serviceId": _service,
    "poiId": _point,
    "caseId": _case,
    "caseMessageId": _case_message,
    "invoiceId": _invoice,
    "invoiceLineDetailId": _line,
    "webhookId": _webhook,
    "webhookDeliveryId": _delivery,
}
BODIES: Final[dict[str, Callable[[Things], Awaitable[Any]]]] = {
    "createApiClient": _new_client,
    "createSite": _new_site,
    "createService": _new_service,
    "createPointOfInterest": _new_point,
    "reportWaitTimes": _new_report,
    "createCase": _new_case,
    "createInvoice": _new_invoice,
    "createWebhook": _new_webhook,
}
FIXED: Final = {"purpose": "Push", "tagKey": "tier"}
