"""The order of checks (v2 rule 2.1): of several things that are wrong at once, the first in the order answers."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from clarion.identity import clients
from clarion.identity.scopes import ScopeName
from tests.api.asgi import call
from tests.api.v2.client import HOST, Api, Client, decoded

MERGE_PATCH = "application/merge-patch+json"
KEY = '"used-before"'


class Attempt(Struct):
    """A PATCH of an account by one of its clients, sound until something breaks it."""

    api: Api
    operator: Client
    caller: Client
    account: str
    other: str
    scheme: str = "https"
    method: str = "PATCH"
    path: str = ""
    query: str = ""
    token: str = ""
    headers: dict[str, str] = {}
    body: dict[str, Any] = {}
    raw: bytes | None = None

    async def send(self) -> tuple[int, str]:
        headers = {**HOST, "Authorization": f"Bearer {self.token}", "Content-Type": MERGE_PATCH, **self.headers}
        body = self.raw if self.raw is not None else msgspec.json.encode(self.body)
        target = self.path + self.query
        answer = await call(self.api.app, self.method, target, headers=headers, body=body, scheme=self.scheme)
        return answer.status, decoded(answer).get("code", "") if answer.status >= 400 else ""


async def plain_http(it: Attempt) -> None:
    it.scheme = "http"


async def no_route(it: Attempt) -> None:
    it.path = it.path.replace("/v2/accounts", "/v2/Accounts")


async def no_method(it: Attempt) -> None:
    it.method = "PUT"


async def no_token(it: Attempt) -> None:
    it.token = "unknown"


async def no_quota(it: Attempt) -> None:
    await it.api.limit(it.caller, writes=1)
    await it.caller.call("PATCH", f"/v2/accounts/{it.account}", {"wrong": 1})


async def no_scope(it: Attempt) -> None:
    if it.token != "unknown":
        it.token = await it.api.token(it.caller, [ScopeName.SUPPORT_READ])


async def suspended(it: Attempt) -> None:
    async with it.api.database.transaction() as conn:
        await clients.set_owner_state(conn, it.account, "Suspended")


async def too_large(it: Attempt) -> None:
    it.raw = b" " * (1024 * 1024 + 1)


async def no_media_type(it: Attempt) -> None:
    it.headers = {**it.headers, "Content-Type": "text/plain"}


async def not_acceptable(it: Attempt) -> None:
    it.headers = {**it.headers, "Accept": "text/html"}


async def not_json(it: Attempt) -> None:
    it.raw = it.raw or b"{"


async def wrong_query(it: Attempt) -> None:
    it.query = "?unknown=1"


async def wrong_header(it: Attempt) -> None:
    it.headers = {**it.headers, "Idempotency-Key": "a b"}


async def used_key(it: Attempt) -> None:
    if "Idempotency-Key" not in it.headers:
        await it.caller.change(f"/v2/accounts/{it.account}", {"name": "First"}, **{"Idempotency-Key": KEY})
        it.headers = {**it.headers, "Idempotency-Key": KEY}


async def no_such_account(it: Attempt) -> None:
    it.path = it.path.replace(it.account, it.other)


async def invalid(it: Attempt) -> None:
    it.body = {**it.body, "unknown": 1}


async def stale(it: Attempt) -> None:
    it.headers = {**it.headers, "If-Match": '"stale"'}


async def taken(it: Attempt) -> None:
    it.body = {**it.body, "externalReference": "TAKEN"}


Break = Callable[[Attempt], Awaitable[None]]
ORDER: list[tuple[Break, int, str]] = [
    (plain_http, 403, "https_required"),
    (no_route, 404, "route_not_found"),
    (no_method, 405, "method_not_allowed"),
    (no_token, 401, "invalid_token"),
    (no_quota, 429, "rate_limited"),
    (no_scope, 403, "insufficient_scope"),
    (suspended, 403, "account_suspended"),
    (too_large, 413, "payload_too_large"),
    (no_media_type, 415, "unsupported_media_type"),
    (not_acceptable, 406, "not_acceptable"),
    (not_json, 400, "malformed_request"),
    (used_key, 422, "idempotency_key_reused"),
    (no_such_account, 404, "not_found"),
    (invalid, 422, "validation_failed"),
    (stale, 412, "precondition_failed"),
    (taken, 409, "duplicate_external_reference"),
]
NUMBERS = range(len(ORDER))


@pytest.fixture
async def attempt(api: Api, operator: Client) -> Attempt:
    body = {"name": "ACME", "legalName": "ACME Corporation"}
    account, other = [(await operator.create("/v2/accounts", body))["accountId"] for _ in range(2)]
    await operator.change(f"/v2/accounts/{other}", {"externalReference": "TAKEN"})
    caller = await api.client(account_id=account)
    return Attempt(
        api, operator, caller, account, other, path=f"/v2/accounts/{account}", token=caller.token, body={"name": "New"}
    )


async def broken(attempt: Attempt, numbers: list[int]) -> tuple[int, str]:
    """What comes of an attempt with these things wrong; what needs a sound client first is done first."""
    early = (used_key, no_quota)
    for number in sorted(numbers, key=lambda number: (ORDER[number][0] not in early, -number)):
        await ORDER[number][0](attempt)
    return await attempt.send()


async def test_v2_rule_2_1_nothing_wrong_is_a_success(attempt: Attempt) -> None:
    assert await attempt.send() == (200, "")


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: ORDER[number][0].__name__)
async def test_v2_rule_2_1_each_check_refuses(attempt: Attempt, number: int) -> None:
    _, status, code = ORDER[number]
    assert await broken(attempt, [number]) == (status, code)


@pytest.mark.parametrize("number", NUMBERS[:-1], ids=lambda number: ORDER[number][0].__name__)
async def test_v2_rule_2_1_of_two_neighbours_the_earlier_answers(attempt: Attempt, number: int) -> None:
    _, status, code = ORDER[number]
    assert await broken(attempt, [number, number + 1]) == (status, code)


@pytest.mark.parametrize("number", NUMBERS[:-1], ids=lambda number: ORDER[number][0].__name__)
async def test_v2_rule_2_1_of_everything_from_here_on_the_first_answers(attempt: Attempt, number: int) -> None:
    _, status, code = ORDER[number]
    assert await broken(attempt, list(NUMBERS[number:])) == (status, code)


@pytest.mark.parametrize(
    ("wrong", "code"), [(wrong_query, "unknown_parameter"), (wrong_header, "invalid_idempotency_key")]
)
async def test_v2_rule_2_1_query_and_headers_come_with_the_json(attempt: Attempt, wrong: Break, code: str) -> None:
    for later in (no_such_account, invalid, stale, taken):
        await later(attempt)
    await wrong(attempt)
    assert await attempt.send() == (400, code)
    await not_acceptable(attempt)
    assert await attempt.send() == (406, "not_acceptable")


async def test_v2_rule_2_1_what_only_operators_may_is_refused_with_the_scopes(attempt: Attempt) -> None:
    """Whatever an account's client sends: its request is not looked at (rule 4.7)."""
    attempt.headers, attempt.raw = {"Content-Type": "text/plain"}, b"{"
    for method, path in (("POST", "/v2/accounts"), ("DELETE", f"/v2/accounts/{attempt.other}")):
        attempt.method, attempt.path = method, path
        assert await attempt.send() == (403, "insufficient_scope")


async def test_v2_rule_2_2_400_is_what_cannot_be_understood_and_422_what_breaks_a_rule(operator: Client) -> None:
    for raw in (b"{", b'{"name": NaN}', b'{"name":"a","name":"b"}'):
        answer = await operator.call("POST", "/v2/accounts", raw=raw)
        assert (answer.status, decoded(answer)["code"]) == (400, "malformed_request")
    assert await operator.refused("GET", "/v2/accounts?page[limit]=x") == (400, "invalid_parameter")
    assert await operator.refused("GET", "/v2/accounts", **{"If-None-Match": "x" * 1025}) == (400, "invalid_parameter")
    odd: tuple[Any, ...] = ({}, [], "text", {"name": 1, "legalName": "X"})
    for body in odd:
        assert await operator.refused("POST", "/v2/accounts", body) == (422, "validation_failed")
