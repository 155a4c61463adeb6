"""API clients on the wire: made with a secret that is shown once, never changed (v2 rules 4.3 to 4.5)."""

from typing import Any

from msgspec import Struct

from clarion.accounts import service as accounts
from clarion.api.exchange import Response
from clarion.api.v2.call import Call
from clarion.api.v2.change import Change
from clarion.api.v2.resource import Resource, handlers
from clarion.api.v2.wire import document, plain
from clarion.base.errors import Finding, Invalid
from clarion.db.sql import Conn
from clarion.identity import clients
from clarion.identity.clients import CLIENTS, ApiClient, Caller
from clarion.identity.scopes import ScopeName


class Wanted(Struct, frozen=True, rename="camel"):
    """A client as it is asked for."""

    api_client_name: str
    scopes: tuple[ScopeName, ...]
    account_id: str | None = None


async def _delete(conn: Conn, _caller: Caller, client: ApiClient) -> None:
    await CLIENTS.delete(conn, client)


API_CLIENTS = Resource(CLIENTS, "/v2/api-clients/{clientId}", deleting=_delete)


async def _create(call: Call, conn: Conn, _found: Any) -> Response:
    """Scopes and account must lie within those of the caller; without account it is the caller's own."""
    caller = call.caller
    body = dict(call.body)
    account_id: str | None = body.get("accountId", caller.account_id)
    scopes = [ScopeName(name) for name in body["scopes"]]
    findings = clients.grantable(caller, scopes)
    state = "Active"
    if account_id != caller.account_id and not caller.is_operator:
        findings.append(Finding("/accountId", "scope_not_grantable", "Your client is confined to another account."))
    elif account_id is not None:
        account = await accounts.find(conn, account_id, caller.scope)
        if account is None:
            findings.append(accounts.no_account())
        else:
            state = account.status.value
    if findings:
        raise Invalid(findings)
    client, secret = await clients.create(conn, body["apiClientName"], scopes, account_id, state=state)
    url = call.url(API_CLIENTS.url(client))
    response = API_CLIENTS.answer(call, client, 201)
    response.body = document({**plain(client), "clientSecret": secret}, url)
    response.headers = [(name, "no-store" if name == "Cache-Control" else value) for name, value in response.headers]
    return response


async def _nothing(_call: Call, _conn: Conn) -> None:
    """A client is made at the top."""


HANDLERS = {
    **handlers(API_CLIENTS, list="listApiClients", get="getApiClient", delete="deleteApiClient"),
    "createApiClient": Change(_nothing, _create),
}
