"""Tenancy, generated from the contract: no operation shows or changes what is another account's (v2 rules 2.3, 4.7).

Operations that are built later are picked up by themselves; `factories.py` says how to make what they address.
"""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from clarion.api.contract.document import Document, Operation
from clarion.assembly.operations import V2_HANDLERS
from clarion.db.sql import execute, tuples, value
from clarion.identity.scopes import ScopeName, covered
from tests.api.asgi import Answer
from tests.api.v2.client import Api, Client, decoded
from tests.api.v2.factories import FIXED, Things

OPERATIONS = [each for name, each in Document.load("v2").operations.items() if name in V2_HANDLERS and not each.open]
ADDRESSED = [each for each in OPERATIONS if any(p.name not in FIXED for p in each.path_parameters)]
LISTS = [each for each in OPERATIONS if "x-sortable" in each.extensions and not each.path_parameters]
NAMING = [each for each in OPERATIONS if each.method == "POST" and each.body is not None and not each.path_parameters]
_OF_THE_EXCHANGE = ("instance", "detail", "requestId")


def _named(operation: Operation) -> str:
    return operation.operation_id


@pytest.fixture
async def theirs(operator: Client) -> Things:
    return await Things.of_new_account(operator)


@pytest.fixture
async def stranger(operator: Client, api: Api) -> Client:
    """A client with every scope, of another account."""
    return await api.client(account_id=(await Things.of_new_account(operator)).account_id)


def test_operations_of_the_release_are_covered() -> None:
    assert {"getContact", "updateAccount", "deleteApiClient"} <= {each.operation_id for each in ADDRESSED}


async def state(api: Api) -> dict[str, Any]:
    """A digest of every table that belongs to accounts; the trail and what counts calls, which tell, aside."""
    async with api.database.connection() as conn:
        owned = await tuples(
            conn,
            "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = 'clarion'"
            " AND column_name IN ('account_id', 'client_id') AND table_name NOT IN ('audit', 'saved_reply')",
        )
        found = {}
        for (name,) in owned:
            row = "to_jsonb(t) - 'last_used_date'"
            query = f"SELECT md5(string_agg(({row})::text, ' ' ORDER BY ({row})::text)) FROM clarion.{name} AS t"
            found[name] = await value(conn, query)
        return found


def told(answer: Answer) -> tuple[int, dict[str, Any], dict[str, str]]:
    """What an answer says but for the exchange's own: status, members, headers."""
    own = ("x-request-id", "ratelimit", "content-length", "etag")
    body = {name: each for name, each in decoded(answer).items() if name not in _OF_THE_EXCHANGE}
    return answer.status, body, {name: each for name, each in answer.headers.items() if name not in own}


async def nowhere_path(things: Things, operation: Operation) -> str:
    """The same path with ids of the same form that nobody has."""
    path = operation.path
    for parameter in operation.path_parameters:
        own = await things.id(parameter.name)
        path = path.replace(f"{{{parameter.name}}}", own if parameter.name in FIXED else f"{own[:-4]}9999")
    return path


@pytest.mark.parametrize("operation", ADDRESSED, ids=_named)
async def test_v2_rule_2_3_what_is_another_accounts_is_not_there(
    api: Api, operator: Client, theirs: Things, stranger: Client, operation: Operation
) -> None:
    path, body = await theirs.path(operation), await theirs.body(operation)
    missing = await nowhere_path(theirs, operation)
    before = await state(api)
    for headers in ({}, {"If-Match": "*"}, {"If-None-Match": "*"}, {"Idempotency-Key": "k"}):
        foreign = await stranger.call(operation.method, path, body, headers=headers)
        nowhere = await stranger.call(operation.method, missing, body, headers={**headers})
        assert foreign.status in (403, 404), foreign.body
        assert told(foreign) == told(nowhere)
        texts = [
            msgspec.json.encode({n: t for n, t in decoded(each).items() if n not in _OF_THE_EXCHANGE})
            for each in (foreign, nowhere)
        ]
        assert texts[0] == texts[1], "byte for byte"
        assert decoded(foreign)["detail"] == decoded(nowhere)["detail"]
    assert await state(api) == before
    if operation.method == "GET":
        assert (await operator.call("GET", path)).status == 200


@pytest.mark.parametrize("operation", [each for each in ADDRESSED if len(each.path_parameters) > 1], ids=_named)
async def test_v2_rule_5_13_what_stands_below_another_parent_is_not_there(
    api: Api, operator: Client, theirs: Things, operation: Operation
) -> None:
    path = await theirs.path(operation)
    other = await Things.of_new_account(operator)
    first = operation.path_parameters[0].name
    wrong = path.replace(await theirs.id(first), await other.id(first), 1)
    before = await state(api)
    answer = await operator.call(operation.method, wrong, await theirs.body(operation))
    assert (answer.status, decoded(answer)["code"]) == (404, "not_found")
    assert await state(api) == before


@pytest.mark.parametrize("operation", LISTS, ids=_named)
async def test_v2_rule_4_7_lists_hold_what_is_the_clients_own(
    theirs: Things, stranger: Client, operator: Client, operation: Operation
) -> None:
    for each in ADDRESSED:
        await theirs.path(each)
    mine = await stranger.call("GET", f"{operation.path}?page[limit]=200")
    everything = await operator.call("GET", f"{operation.path}?page[limit]=200")
    assert mine.status == everything.status == 200
    assert not [made for made in theirs.made if made.encode() in mine.body]
    assert [made for made in theirs.made if made.encode() in everything.body]
    filtered = await stranger.call("GET", f"{operation.path}?filter[AccountId]={theirs.account_id}")
    if filtered.status == 200:
        assert decoded(filtered)["data"] == []


@pytest.mark.parametrize("operation", NAMING, ids=_named)
async def test_v2_rule_2_4_a_body_cannot_name_what_is_another_accounts(
    api: Api, theirs: Things, stranger: Client, operation: Operation
) -> None:
    body = await theirs.body(operation)
    before = await state(api)
    answer = await stranger.call(operation.method, operation.path, body)
    assert answer.status in (403, 422), answer.body
    assert await state(api) == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=_named)
async def test_v2_rule_3_10_every_scope_that_does_not_reach_is_refused(
    api: Api, operator: Client, theirs: Things, operation: Operation
) -> None:
    path = await theirs.path(operation)
    needed = [set(scopes) for each in operation.security for scopes in each.schemes.values()]
    before = await state(api)
    for scope in ScopeName:
        held = {each.oauth for each in covered({scope})}
        if any(scopes <= held for scopes in needed):
            continue
        narrow = operator.on(api.app, await api.token(operator, [scope]))
        answer = await narrow.call(operation.method, path, {})
        assert (answer.status, decoded(answer)["code"]) == (403, "insufficient_scope"), scope
        assert 'error="insufficient_scope", scope="' in answer.headers["www-authenticate"]
    assert (await state(api))["account"] == before["account"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=_named)
async def test_v2_rule_3_10_an_expired_and_a_revoked_token_are_refused(
    api: Api, operator: Client, theirs: Things, operation: Operation
) -> None:
    path = await theirs.path(operation)
    expired = await api.token(operator, list(ScopeName), life=timedelta(seconds=-1))
    revoked = await api.token(operator, list(ScopeName))
    async with api.database.transaction() as conn:
        await execute(conn, "DELETE FROM clarion.api_token WHERE digest = sha256(convert_to(%s, 'UTF8'))", (revoked,))
    before = await state(api)
    for token in (expired, revoked):
        answer = await operator.on(api.app, token).call(operation.method, path, {})
        assert (answer.status, decoded(answer)["code"]) == (401, "invalid_token")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert await state(api) == before
