"""The frame of v2: order of checks, authentication, scopes, the not-yet-built table (v2 sections 1 to 3 and 6)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from clarion.api.contract.engine import Contract
from clarion.api.edge import App, create_app
from clarion.api.exchange import Headers, Request
from clarion.api.not_yet_built import NOT_YET_BUILT
from clarion.api.problems import ITEM_CODES, PROBLEMS
from clarion.api.v2.call import Services
from clarion.api.v2.surface import PREFIXES, V2, v2_surfaces
from clarion.api.v2.transport import V2Settings
from clarion.assembly.operations import V2_HANDLERS
from clarion.base.errors import ConfigurationError
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import execute
from clarion.identity.scopes import ScopeName
from tests.api.asgi import Answer, call
from tests.api.v2.client import HOST, Api, NoHealth
from tests.contract.checker import ResponseChecker

Customized = Callable[..., App]


@pytest.fixture
async def token(api: Api) -> str:
    """That of a client that may read accounts."""
    return (await api.client([ScopeName.BASIC_READ])).token


@pytest.fixture
def with_settings(contract: Contract, database: Database, sealer: Sealer) -> Customized:
    """The surface with other settings."""

    def made(**settings: Any) -> App:
        services = Services(database, sealer, V2Settings(**settings))
        return create_app(v2_surfaces(contract, services, V2_HANDLERS), NoHealth())

    return made


def bearer(token: str) -> dict[str, str]:
    return {**HOST, "Authorization": f"Bearer {token}"}


def code(answer: Answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = json.loads(answer.body)
    assert body["status"] == answer.status == PROBLEMS[body["code"]].status
    assert body["type"] == f"https://push.example/problems/{body['code']}"
    assert body["requestId"] == answer.headers["x-request-id"]
    return answer.status, body["code"]


async def test_v2_rule_3_10_without_credentials_the_challenge_is_bare(app: App, checker: ResponseChecker) -> None:
    answer = await call(app, "GET", "/v2/accounts?page[limit]=5", headers=HOST)
    assert code(answer) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    checker.check("listAccounts", answer.status, answer.headers, answer.body)


async def test_v2_rule_3_10_an_unknown_token_is_invalid(app: App, checker: ResponseChecker) -> None:
    answer = await call(app, "GET", "/v2/accounts", headers=bearer("a-token-nobody-has"))
    assert code(answer) == (401, "invalid_token")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    checker.check("listAccounts", answer.status, answer.headers, answer.body)


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer ", "Digest x", "token"])
async def test_v2_rules_3_8_and_3_9_only_a_bearer_token_in_the_header_counts(app: App, token: str, value: str) -> None:
    answer = await call(app, "GET", f"/v2/accounts?access_token={token}", headers={**HOST, "Authorization": value})
    assert code(answer) == (401, "unauthenticated")


async def test_v2_rule_3_10_a_missing_scope_is_named(app: App, token: str, checker: ResponseChecker) -> None:
    answer = await call(app, "GET", "/v2/invoices", headers=bearer(token))
    assert code(answer) == (403, "insufficient_scope")
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="customerapi/billing.read"'
    checker.check("listInvoices", answer.status, answer.headers, answer.body)


async def test_an_operation_not_built_answers_501_after_authentication_and_scope(app: App, api: Api) -> None:
    guests = (await api.client([ScopeName.GUEST_READ])).token
    assert code(await call(app, "GET", "/v2/guests", headers=bearer(guests))) == (501, "not_implemented")
    assert code(await call(app, "POST", "/v2/guests", headers=bearer(guests), body=b"{")) == (
        403,
        "insufficient_scope",
    )


async def test_every_operation_of_the_document_is_answered(
    app: App, contract: Contract, checker: ResponseChecker
) -> None:
    for operation in contract.document.operations.values():
        path = operation.path.replace("{", "").replace("}", "")
        answer = await call(app, operation.method, path, headers=HOST)
        if operation.operation_id in NOT_YET_BUILT["v2"]:
            assert answer.status == (501 if operation.open else 401), operation.operation_id
        checker.check(operation.operation_id, answer.status, answer.headers, answer.body, besides={501})


async def test_v2_rule_16_9_a_ticket_is_no_token_and_unknown(app: App) -> None:
    path = "/v2/screens/SCR-01J8ZQ4T7M5N2V9K3XWB6CDEFG/stream"
    assert code(await call(app, "GET", f"{path}?ticket=abc", headers=HOST)) == (401, "invalid_token")
    assert code(await call(app, "GET", path, headers=HOST)) == (401, "unauthenticated")
    assert code(await call(app, "GET", "/v2/accounts?ticket=abc", headers=HOST)) == (401, "unauthenticated")


# Transport


@pytest.mark.parametrize("target", ["/v2/accounts", "/v2/nothing", "/oauth2/token", "/v2/openapi.json"])
async def test_v2_rule_1_1_plain_http_is_refused_before_anything_else(
    app: App, token: str, checker: ResponseChecker, target: str
) -> None:
    answer = await call(app, "GET", target, headers=bearer(token), scheme="http")
    assert answer.status == 403
    assert json.loads(answer.body)["code"] == "https_required"
    assert not {"location", "set-cookie", "strict-transport-security"} & set(answer.headers)
    checker.check_component("Forbidden", answer.headers, answer.body)


async def test_v2_rule_1_3_the_setting_holds_for_direct_loopback_connections_only(with_settings: Customized) -> None:
    with structlog.testing.capture_logs() as logs:
        insecure = with_settings(insecure_loopback=True)
    assert [line["event"] for line in logs] == ["v2_https_not_required"]

    async def status(application: App, client: str, server: str, **headers: str) -> int:
        answer = await call(
            application, "GET", "/v2/openapi.json", headers=headers, scheme="http", client=client, server=server
        )
        return answer.status

    assert await status(insecure, "127.0.0.1", "127.0.0.1") == 200
    assert await status(insecure, "::1", "::1") == 200
    assert await status(insecure, "192.0.2.7", "192.0.2.1") == 403
    assert await status(insecure, "127.0.0.1", "192.0.2.1") == 403
    assert await status(insecure, "127.0.0.1", "127.0.0.1", Forwarded="proto=http") == 403
    assert await status(with_settings(), "127.0.0.1", "127.0.0.1") == 403


async def test_v2_rule_1_4_https_answers_carry_hsts(app: App) -> None:
    for target in ("/v2/openapi.json", "/v2/accounts", "/v2/nothing"):
        answer = await call(app, "GET", target, headers=HOST)
        assert answer.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"


@pytest.mark.parametrize(
    "target", ["/v2", "/v2/", "/v2/Accounts", "/v2/accounts/", "/oauth2", "/.well-known/x", "/problems"]
)
async def test_v2_rule_1_9_another_form_of_a_path_is_no_route(app: App, checker: ResponseChecker, target: str) -> None:
    for method in ("GET", "OPTIONS", "BREW"):
        answer = await call(app, method, target, headers=HOST)
        assert code(answer) == (404, "route_not_found")
        checker.check_component("NotFound", answer.headers, answer.body)


async def test_v2_rule_1_10_methods(app: App, checker: ResponseChecker) -> None:
    answer = await call(app, "PATCH", "/v2/api-clients/abc", headers=HOST)
    assert code(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, DELETE"
    checker.check("getApiClient", answer.status, answer.headers, answer.body)
    options = await call(app, "OPTIONS", "/v2/accounts", headers=HOST)
    assert (options.status, options.headers["allow"], options.body) == (204, "GET, HEAD, POST", b"")
    assert "content-length" not in options.headers
    full = await call(app, "GET", "/v2/openapi.json", headers={**HOST, "X-Request-Id": "same"})
    head = await call(app, "HEAD", "/v2/openapi.json", headers={**HOST, "X-Request-Id": "same"})
    assert (head.status, head.headers, head.body) == (200, full.headers, b"")
    assert (await call(app, "HEAD", "/oauth2/token", headers=HOST)).status == 405


async def test_v2_rule_1_11_only_listed_origins_get_cross_origin_headers(with_settings: Customized) -> None:
    listed = with_settings(cors_origins=frozenset({"https://shop.example"}))
    for application, origin, allowed in (
        (listed, "https://shop.example", "https://shop.example"),
        (listed, "https://other.example", None),
        (with_settings(), "https://shop.example", None),
    ):
        answer = await call(application, "GET", "/v2/openapi.json", headers={**HOST, "Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed
    preflight = await call(listed, "OPTIONS", "/v2/accounts", headers={**HOST, "Origin": "https://shop.example"})
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    assert "X-Request-Id" in preflight.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("own", "kept"),
    [("abc-1.2_3", True), ("x" * 128, True), ("x" * 129, False), ("", False), ("a b", False), ("é", False)],
)
async def test_v2_rule_1_12_a_well_formed_request_id_is_kept(app: App, own: str, kept: bool) -> None:
    answer = await call(app, "GET", "/v2/nothing", headers={**HOST, "X-Request-Id": own})
    assert (answer.headers["x-request-id"] == own) is kept
    assert code(answer) == (404, "route_not_found")


async def test_v2_rule_6_4_a_failure_tells_the_request_id_only(
    app: App, api: Api, token: str, checker: ResponseChecker
) -> None:
    async with api.database.transaction() as conn:
        await execute(conn, "ALTER TABLE clarion.account RENAME TO hidden")
    with structlog.testing.capture_logs() as logs:
        answer = await call(app, "GET", "/v2/accounts", headers={**bearer(token), "X-Request-Id": "mine"})
    assert code(answer) == (500, "internal_error")
    assert b"clarion" not in answer.body
    assert [line["reference"] for line in logs] == ["mine"]
    checker.check("listAccounts", answer.status, answer.headers, answer.body)


async def test_the_address_of_the_installation_comes_from_its_setting_or_a_sane_host(with_settings: Customized) -> None:
    named = with_settings(public_url="https://api.shop.example/")
    answer = await call(named, "GET", "/v2/nothing", headers={"Host": "evil.example"})
    assert json.loads(answer.body)["type"] == "https://api.shop.example/problems/route_not_found"
    for host in ("a/b", "x" * 300, 'a"><b'):
        answer = await call(with_settings(), "GET", "/v2/nothing", headers={"Host": host})
        assert json.loads(answer.body)["type"] == "https://localhost/problems/route_not_found"


@pytest.mark.parametrize("target", ["/v2/x%zz?a[b]=<é>&%", "/v2/" + "é" * 900 + "%", "/v2/" + "a" * 5000])
async def test_any_request_target_is_a_valid_instance(app: App, checker: ResponseChecker, target: str) -> None:
    answer = await call(app, "GET", target, headers=HOST)
    checker.check_component("NotFound", answer.headers, answer.body)


# The tables


def test_v2_rule_6_2_every_code_of_the_contract_has_its_status(contract: Contract) -> None:
    by_status = contract.document.at("/components/schemas/ProblemCode")["x-codes-by-status"]
    of_other_surfaces = {"not_implemented", "forbidden", "conflict"}
    assert {name: kind.status for name, kind in PROBLEMS.items() if name not in of_other_surfaces} == {
        name: int(status) for status, names in by_status.items() for name in names
    }


def test_item_codes_are_those_of_the_contract(contract: Contract) -> None:
    assert set(ITEM_CODES.values()) <= set(contract.document.at("/components/schemas/ProblemItem/properties/code/enum"))


def test_every_operation_not_built_is_listed_once(contract: Contract) -> None:
    own = {"getOpenApi", "getProblemType"}
    assert set(contract.document.operations) - NOT_YET_BUILT["v2"] == own | set(V2_HANDLERS)


def test_a_surface_over_another_document_fails_the_start(database: Database, sealer: Sealer) -> None:
    with pytest.raises(ConfigurationError):
        V2(Contract.load("v1"), Services(database, sealer), V2_HANDLERS)


def test_the_prefixes_cover_every_path(contract: Contract) -> None:
    assert {f"/{operation.path.split('/')[1]}" for operation in contract.document.operations.values()} == set(PREFIXES)


async def test_handling_a_request_made_by_hand(contract: Contract, database: Database, sealer: Sealer) -> None:
    v2 = V2(contract, Services(database, sealer), V2_HANDLERS)
    answer = await v2.handle(Request(method="GET", path="/v2/openapi.json", headers=Headers()))
    assert answer.status == 200
