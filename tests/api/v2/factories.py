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


FACTORIES: Final[dict[str, Callable[[Things], Awaitable[str]]]] = {
    "contactId": _contact,
    "clientId": _client,
}
BODIES: Final[dict[str, Callable[[Things], Awaitable[Any]]]] = {
    "createApiClient": _new_client,
}
FIXED: Final = {"purpose": "Push", "tagKey": "tier"}
