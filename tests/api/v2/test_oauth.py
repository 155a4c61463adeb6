"""The OAuth endpoints (v2 section 3), and what a token is good for."""

import base64
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
import structlog

from clarion.api.edge import create_app
from clarion.api.v2.call import Services
from clarion.api.v2.surface import v2_surfaces
from clarion.api.v2.transport import V2Settings
from clarion.assembly.operations import V2_HANDLERS
from clarion.base import secrets
from clarion.base.sealing import Sealer
from clarion.db.sql import execute, tuples, value
from clarion.identity import clients
from clarion.identity.scopes import BY_STRING, GUEST_BOUND, ScopeName
from tests.api.asgi import Answer, call
from tests.api.v2.client import HOST, Api, Client, NoHealth, decoded
from tests.contract.coverage.record import note

TOKEN, INTROSPECT, REVOKE = "/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"
_OPERATIONS = {TOKEN: "issueToken", INTROSPECT: "introspectToken", REVOKE: "revokeToken"}
ASKED = {"grant_type": "client_credentials", "scope": "customerapi/basic.read"}
OPEN_SCOPES = [ScopeName.BASIC_READ, ScopeName.SUPPORT_READ_WRITE]


@pytest.fixture
async def shop(api: Api) -> Client:
    return await api.client(OPEN_SCOPES)


def basic(client_id: str, secret: str) -> dict[str, str]:
    """The header of HTTP Basic, both parts form-encoded first (RFC 6749 section 2.3.1)."""
    return {
        "Authorization": "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()
    }


def own(client: Client) -> dict[str, str]:
    return {"client_id": client.client_id, "client_secret": client.secret}


async def post(
    api: Api,
    path: str,
    form: Mapping[str, str] | str,
    headers: Mapping[str, str] | None = None,
    *,
    address: str = "203.0.113.9",
) -> Answer:
    """One form; the answer is held against the contract."""
    raw = form.encode() if isinstance(form, str) else urlencode(form).encode()
    fields = {**HOST, "Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    answer = await call(api.app, "POST", path, headers=fields, body=raw, client=address)
    operation = _OPERATIONS[path.partition("?")[0]]
    api.checker.check(operation, answer.status, answer.headers, answer.body)
    note(operation)
    return answer


def error(answer: Answer) -> tuple[int, str]:
    return answer.status, decoded(answer)["error"]


async def introspected(api: Api, caller: Client, token: str) -> dict[str, Any]:
    answer = await post(api, INTROSPECT, {**own(caller), "token": token})
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = decoded(answer)
    return found


# Asking for a token


async def test_v2_rule_3_1_a_client_authenticates_with_basic_or_in_the_form(api: Api, shop: Client) -> None:
    for form, headers in ((ASKED, basic(shop.client_id, shop.secret)), ({**ASKED, **own(shop)}, {})):
        answer = await post(api, TOKEN, form, headers)
        assert answer.status == 200
        body = decoded(answer)
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "customerapi/basic.read")
        assert (await shop.on(api.app, body["access_token"]).call("GET", "/v2/accounts")).status == 200


async def test_v2_rule_3_1_both_ways_at_once_are_an_invalid_request(api: Api, shop: Client) -> None:
    header = basic(shop.client_id, shop.secret)
    assert error(await post(api, TOKEN, {**ASKED, **own(shop)}, header)) == (400, "invalid_request")
    secret_too = {**ASKED, "client_secret": shop.secret}
    assert error(await post(api, TOKEN, secret_too, header)) == (400, "invalid_request")
    assert error(await post(api, TOKEN, {**ASKED, "client_id": "other"}, header)) == (400, "invalid_request")
    assert (await post(api, TOKEN, {**ASKED, "client_id": shop.client_id}, header)).status == 200
    assert (await post(api, TOKEN, {**ASKED, "client_secret": ""}, header)).status == 200, "empty is left out"


async def test_v2_rule_3_1_basic_is_form_encoded_first(api: Api, shop: Client) -> None:
    """Ids and secrets of this installation need no encoding; one that does is read all the same."""
    odd = "a b%:+é"
    async with api.database.transaction() as conn:
        await execute(
            conn,
            "UPDATE clarion.api_client SET secret_digest = %s WHERE client_id = %s",
            (secrets.digest(odd), shop.client_id),
        )
    assert (await post(api, TOKEN, ASKED, basic(shop.client_id, odd))).status == 200
    plain = {"Authorization": "Basic " + base64.b64encode(f"{shop.client_id}:{odd}".encode()).decode()}
    assert error(await post(api, TOKEN, ASKED, plain)) == (401, "invalid_client")
    assert (await post(api, TOKEN, {**ASKED, "client_id": shop.client_id, "client_secret": odd})).status == 200


@pytest.mark.parametrize("header", ["Basic ===", "Basic " + base64.b64encode(b"\xff:\xfe").decode(), "Bearer x", "x"])
async def test_v2_rule_3_1_credentials_that_cannot_be_read_are_an_invalid_client(api: Api, header: str) -> None:
    assert error(await post(api, TOKEN, ASKED, {"Authorization": header})) == (401, "invalid_client")


async def test_v2_rule_3_1_the_form_is_the_one_media_type(api: Api, shop: Client) -> None:
    for media in ("application/json", "text/plain", ""):
        answer = await post(api, TOKEN, {**ASKED, **own(shop)}, {"Content-Type": media})
        assert (answer.status, decoded(answer)["code"]) == (415, "unsupported_media_type")
    assert (await post(api, TOKEN, {**ASKED, **own(shop)}, {"Content-Encoding": "gzip"})).status == 415
    spelled = {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}
    assert (await post(api, TOKEN, {**ASKED, **own(shop)}, spelled)).status == 200


async def test_v2_rule_3_1_nothing_is_taken_from_the_address(api: Api, shop: Client) -> None:
    """Rule 6.1: these endpoints refuse in RFC 6749's form."""
    answer = await post(api, f"{TOKEN}?{urlencode(own(shop))}", ASKED)
    assert error(answer) == (400, "invalid_request")
    assert error(await post(api, f"{TOKEN}?x=1", {**ASKED, **own(shop)})) == (400, "invalid_request")


async def test_v2_rule_3_2_client_credentials_is_the_only_grant(api: Api, shop: Client) -> None:
    for grant in ("password", "authorization_code", "refresh_token", "Client_Credentials"):
        answer = await post(api, TOKEN, {**ASKED, **own(shop), "grant_type": grant})
        assert error(answer) == (400, "unsupported_grant_type")
    for form in ({**own(shop), "scope": ASKED["scope"]}, {**ASKED, **own(shop), "grant_type": ""}):
        assert error(await post(api, TOKEN, form)) == (400, "invalid_request")


async def test_v2_rule_3_2_twice_is_refused_and_unknown_is_passed_over(api: Api, shop: Client) -> None:
    form = urlencode({**ASKED, **own(shop)})
    assert error(await post(api, TOKEN, f"{form}&scope=customerapi%2Fbasic.read")) == (400, "invalid_request")
    assert error(await post(api, TOKEN, f"{form}&x=1&x=2")) == (400, "invalid_request")
    assert (await post(api, TOKEN, f"{form}&audience=anybody&resource=")).status == 200
    for broken in ("%zz=1", "x=%ff", "scope=%00", "client_id=%00"):
        assert error(await post(api, TOKEN, f"grant_type=client_credentials&{broken}")) == (400, "invalid_request")
    assert error(await post(api, TOKEN, "x=" + "y" * 20_000)) == (400, "invalid_request")


@pytest.mark.parametrize(
    "scope",
    [
        None,
        "",
        " ",
        "customerapi/unknown",
        "customerapi/basic.read customerapi/unknown",
        "customerapi/billing.read",
        "customerapi/basic.read-write",
        "customerapi/basic.read customerapi/billing.read",
        "BasicRead",
        "CUSTOMERAPI/BASIC.READ",
        "customerapi/basic.read  customerapi/support.read",
        "*",
    ],
)
async def test_v2_rule_3_3_scope_is_required_known_and_held(api: Api, shop: Client, scope: str | None) -> None:
    form = {**ASKED, **own(shop)}
    asked = {name: text for name, text in form.items() if name != "scope"} if scope is None else form | {"scope": scope}
    assert error(await post(api, TOKEN, asked)) == (400, "invalid_scope")


async def test_v2_rule_3_3_a_token_has_what_was_asked_for(api: Api, shop: Client) -> None:
    """ReadWrite includes its Read (rule 4.2), and a token may have less than its client."""
    asked = "customerapi/support.read"
    body = decoded(await post(api, TOKEN, {**ASKED, **own(shop), "scope": asked}))
    assert body["scope"] == asked
    narrow = shop.on(api.app, body["access_token"])
    assert await narrow.refused("GET", "/v2/accounts") == (403, "insufficient_scope")
    both = decoded(await post(api, TOKEN, {**ASKED, **own(shop), "scope": f"customerapi/basic.read {asked}"}))
    assert both["scope"] == f"customerapi/basic.read {asked}"


async def test_v2_rule_3_4_an_unknown_client_and_a_wrong_secret_look_the_same(api: Api, shop: Client) -> None:
    unknown = {**ASKED, "client_id": "nobody", "client_secret": shop.secret}
    wrong = {**ASKED, "client_id": shop.client_id, "client_secret": "wrong"}
    answers = [await post(api, TOKEN, form) for form in (unknown, wrong)]
    answers += [
        await post(api, TOKEN, ASKED, basic(form["client_id"], form["client_secret"])) for form in (unknown, wrong)
    ]
    for answer in answers:
        assert error(answer) == (401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.body == answers[0].body
    without = await post(api, TOKEN, ASKED)
    assert error(without) == (401, "invalid_client")


async def test_v2_rule_3_4_the_secret_is_compared_in_constant_time_for_unknown_clients_too(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[int, int]] = []
    same = secrets.same

    def noting(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return same(left, right)

    monkeypatch.setattr(secrets, "same", noting)
    assert (await post(api, TOKEN, {**ASKED, "client_id": "nobody", "client_secret": "x"})).status == 401
    assert compared == [(32, 32)]


async def test_v2_rule_3_5_ten_failures_shut_an_address_out_for_a_minute(api: Api, second: Api, shop: Client) -> None:
    for number in range(10):
        wrong = {**ASKED, "client_id": f"nobody{number}", "client_secret": "x"}
        surface = (api, second)[number % 2]
        assert error(await post(surface, TOKEN, wrong, address="203.0.113.50")) == (401, "invalid_client")
    for surface in (api, second):
        answer = await post(surface, TOKEN, {**ASKED, **own(shop)}, address="203.0.113.50")
        assert error(answer) == (429, "temporarily_unavailable")
        assert 1 <= int(answer.headers["retry-after"]) <= 61
    assert (await post(api, TOKEN, {**ASKED, **own(shop)}, address="203.0.113.51")).status == 200
    await _age(api, "shut_to = shut_to - interval '61 s'")
    assert (await post(api, TOKEN, {**ASKED, **own(shop)}, address="203.0.113.50")).status == 200


async def test_v2_rule_3_5_ten_failures_shut_a_client_id_out_whatever_the_address(api: Api, shop: Client) -> None:
    other = await api.client(OPEN_SCOPES)
    for number in range(10):
        wrong = {**ASKED, "client_id": shop.client_id, "client_secret": "x"}
        assert (await post(api, TOKEN, wrong, address=f"203.0.113.{number}")).status == 401
    for path in (TOKEN, INTROSPECT, REVOKE):
        answer = await post(api, path, {**ASKED, **own(shop), "token": "x"}, address="203.0.113.99")
        assert error(answer) == (429, "temporarily_unavailable")
    assert (await post(api, TOKEN, {**ASKED, **own(other)}, address="203.0.113.99")).status == 200


async def test_v2_rule_3_5_failures_a_minute_apart_do_not_count(api: Api, shop: Client) -> None:
    wrong = {**ASKED, "client_id": shop.client_id, "client_secret": "x"}
    for _ in range(9):
        assert (await post(api, TOKEN, wrong)).status == 401
    await _age(api, "ticks = (SELECT array_agg(t - 700) FROM unnest(ticks) AS t)")
    for _ in range(9):
        assert (await post(api, TOKEN, wrong)).status == 401
    assert (await post(api, TOKEN, {**ASKED, **own(shop)})).status == 200


async def test_v2_rule_9_6_an_address_calls_these_endpoints_60_times_a_minute(api: Api, shop: Client) -> None:
    known = {**own(shop), "token": shop.token}
    for _ in range(60):
        assert (await post(api, INTROSPECT, known, address="2001:db8:1:2::1")).status == 200
    answer = await post(api, TOKEN, {**ASKED, **own(shop)}, address="2001:db8:1:2::ffff")
    assert error(answer) == (429, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await post(api, REVOKE, known, address="2001:db8:1:3::1")).status == 200


async def test_v2_rule_3_6_tokens_are_not_stored_and_older_ones_stay_valid(api: Api, shop: Client) -> None:
    first, later = [await post(api, TOKEN, {**ASKED, **own(shop)}) for _ in range(2)]
    for answer in (first, later):
        assert answer.headers["cache-control"] == "no-store"
        assert set(decoded(answer)) == {"access_token", "token_type", "expires_in", "scope"}
        assert (await shop.on(api.app, decoded(answer)["access_token"]).call("GET", "/v2/accounts")).status == 200
    assert decoded(first)["access_token"] != decoded(later)["access_token"]


async def test_v2_rule_3_6_the_life_of_a_token_is_a_setting(api: Api, shop: Client, sealer: Sealer) -> None:
    settings = V2Settings(token_life=timedelta(seconds=90))
    app = create_app(v2_surfaces(api.contract, Services(api.database, sealer, settings), V2_HANDLERS), NoHealth())
    brief = Api(app, api.database, api.contract, api.checker)
    body = decoded(await post(brief, TOKEN, {**ASKED, **own(shop)}))
    assert body["expires_in"] == 90
    found = await introspected(api, shop, body["access_token"])
    assert found["exp"] - found["iat"] == 90


async def test_v2_rule_3_6_a_token_ends(api: Api, shop: Client) -> None:
    ended = await api.token(shop, [ScopeName.BASIC_READ], life=timedelta(seconds=-1))
    answer = await shop.on(api.app, ended).call("GET", "/v2/accounts")
    assert (answer.status, decoded(answer)["code"]) == (401, "invalid_token")
    assert await introspected(api, shop, ended) == {"active": False}
    async with api.database.transaction() as conn:
        assert await clients.purge(conn) == 1


async def test_v2_rule_3_7_secrets_and_tokens_are_kept_as_digests_alone(
    api: Api, operator: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with structlog.testing.capture_logs() as logs:
        body, key = {"apiClientName": "X", "scopes": ["BasicRead"]}, {"Idempotency-Key": "once"}
        made = await operator.create("/v2/api-clients", body, **key)
        assert await operator.create("/v2/api-clients", body, **key) == made, "the replay can show it"
        form = {**ASKED, "client_id": made["clientId"], "client_secret": made["clientSecret"]}
        token = decoded(await post(api, TOKEN, form))["access_token"]
        await post(api, TOKEN, {**form, "client_secret": made["clientSecret"] + "x"})
        assert (await operator.on(api.app, token).call("GET", "/v2/accounts")).status == 200
        await operator.on(api.app, token + "x").call("GET", f"/v2/accounts?access_token={token}")
        await post(api, REVOKE, {**form, "token": token})
    for secret in (made["clientSecret"], token):
        assert len(secret) >= 43, "256 random bits in base64url"
        assert secret not in repr(logs) + caplog.text
        assert await _rows_with(api, secret) == []
    assert await _rows_with(api, made["clientId"]) != [], "the search finds what is there"


async def _rows_with(api: Api, secret: str) -> list[str]:
    """Tables of the installation any of whose rows holds this text, in plain or as bytes."""
    async with api.database.connection() as conn:
        names = await tuples(conn, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'clarion'")
        found = []
        for (name,) in names:
            query = f"""
                SELECT count(*) FROM clarion.{name} AS t
                WHERE position(%(text)s in t::text) > 0 OR position(encode(%(text)s::bytea, 'hex') in t::text) > 0
            """
            if await value(conn, query, {"text": secret}):
                found.append(name)
        return found


# Bearer tokens


async def test_v2_rule_3_8_a_token_counts_in_the_header_only(api: Api, shop: Client) -> None:
    for target in (f"/v2/accounts?access_token={shop.token}", "/v2/accounts"):
        answer = await call(api.app, "GET", target, headers=HOST)
        assert (answer.status, decoded(answer)["code"]) == (401, "unauthenticated")
    form = {**HOST, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await call(api.app, "POST", "/v2/accounts", headers=form, body=f"access_token={shop.token}".encode())
    assert (answer.status, decoded(answer)["code"]) == (401, "unauthenticated")


async def test_v2_rule_3_9_resources_do_not_take_basic(api: Api, shop: Client) -> None:
    answer = await call(api.app, "GET", "/v2/accounts", headers={**HOST, **basic(shop.client_id, shop.secret)})
    assert (answer.status, decoded(answer)["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


# Introspection and revocation


async def test_v2_rule_3_11_introspection_tells_a_client_of_its_own_tokens(api: Api, shop: Client) -> None:
    found = await introspected(api, shop, shop.token)
    assert found["active"] is True
    assert set(found["scope"].split()) == {"customerapi/basic.read", "customerapi/support.read-write"}
    assert (found["client_id"], found["token_type"]) == (shop.client_id, "Bearer")
    assert found["exp"] - found["iat"] == 3600
    assert await introspected(api, shop, "unknown") == {"active": False}


async def test_v2_rule_3_11_tokens_of_others_are_inactive_without_the_scope_for_their_account(
    api: Api, operator: Client
) -> None:
    account, other = [(await operator.create("/v2/accounts", _NAMED))["accountId"] for _ in range(2)]
    shop = await api.client(OPEN_SCOPES, account)
    operators = await api.client(OPEN_SCOPES)
    for scopes, owner, sees_shop, sees_operators in (
        ([ScopeName.BASIC_READ], None, False, False),
        ([ScopeName.CLIENT_READ], None, True, True),
        ([ScopeName.CLIENT_READ_WRITE], account, True, False),
        ([ScopeName.CLIENT_READ], other, False, False),
        ([ScopeName.BASIC_READ], account, False, False),
    ):
        asking = await api.client(scopes, owner)
        assert (await introspected(api, asking, shop.token))["active"] is sees_shop
        assert (await introspected(api, asking, operators.token))["active"] is sees_operators


async def test_v2_rule_3_11_both_endpoints_authenticate_like_the_token_endpoint(api: Api, shop: Client) -> None:
    for path in (INTROSPECT, REVOKE):
        answer = await post(api, path, {"client_id": shop.client_id, "client_secret": "x", "token": shop.token})
        assert error(answer) == (401, "invalid_client")
        assert error(await post(api, path, own(shop))) == (400, "invalid_request"), "token is missing"
        twice = basic(shop.client_id, shop.secret)
        assert error(await post(api, path, {**own(shop), "token": shop.token}, twice)) == (400, "invalid_request")
    assert (await post(api, INTROSPECT, {"token": shop.token}, basic(shop.client_id, shop.secret))).status == 200


async def test_v2_rule_3_11_a_client_revokes_its_own_tokens_only(api: Api, shop: Client, operator: Client) -> None:
    for token in ("unknown", shop.token):
        answer = await post(api, REVOKE, {**own(operator), "token": token, "token_type_hint": "refresh_token"})
        assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert (await shop.call("GET", "/v2/accounts")).status == 200
    assert (await post(api, REVOKE, {**own(shop), "token": shop.token})).status == 200
    assert await shop.refused("GET", "/v2/accounts") == (401, "invalid_token")
    assert (await post(api, REVOKE, {**own(shop), "token": shop.token})).status == 200


async def test_v2_rule_3_12_what_ends_a_token_ends_it_on_every_worker_at_once(
    api: Api, second: Api, operator: Client
) -> None:
    account = (await operator.create("/v2/accounts", _NAMED))["accountId"]
    path = f"/v2/accounts/{account}"
    revoked, deleted, suspended = [await api.client(account_id=account) for _ in range(3)]
    there = {each: each.on(second.app) for each in (revoked, deleted, suspended)}
    for each in there.values():
        assert (await each.call("GET", path)).status == 200
    await post(api, REVOKE, {**own(revoked), "token": revoked.token})
    assert await there[revoked].refused("GET", path) == (401, "invalid_token")
    await operator.call("DELETE", f"/v2/api-clients/{deleted.client_id}")
    assert await there[deleted].refused("GET", path) == (401, "invalid_token")
    assert error(await post(second, TOKEN, {**ASKED, **own(deleted)})) == (401, "invalid_client")
    await operator.change(path, {"status": "Suspended"})
    assert await there[suspended].refused("PATCH", path, {"name": "X"}) == (403, "account_suspended")
    assert (await there[suspended].call("GET", path)).status == 200
    await operator.change(path, {"status": "Closed"})
    assert await there[suspended].refused("GET", path) == (401, "invalid_token")
    await operator.change(path, {"status": "Active"})
    assert (await there[suspended].call("PATCH", path, {"name": "X"})).status == 200


async def test_v2_rule_4_8_clients_of_a_closed_account_get_no_tokens(api: Api, operator: Client) -> None:
    account = (await operator.create("/v2/accounts", _NAMED))["accountId"]
    shop = await api.client(OPEN_SCOPES, account)
    await operator.change(f"/v2/accounts/{account}", {"status": "Suspended"})
    assert (await post(api, TOKEN, {**ASKED, **own(shop)})).status == 200
    await operator.change(f"/v2/accounts/{account}", {"status": "Closed"})
    assert error(await post(api, TOKEN, {**ASKED, **own(shop)})) == (401, "invalid_client")
    assert error(await post(api, INTROSPECT, {**own(shop), "token": shop.token})) == (401, "invalid_client")
    assert await introspected(api, operator, shop.token) == {"active": False}


async def test_v2_rule_3_12_a_client_deleted_while_it_asks_gets_no_token(api: Api, shop: Client) -> None:
    async with api.database.transaction() as conn:
        await execute(conn, "DELETE FROM clarion.api_client WHERE client_id = %s", (shop.client_id,))
        with pytest.raises(clients.OAuthError) as refused:
            await clients.issue(conn, shop.client_id, (ScopeName.BASIC_READ,), life=timedelta(hours=1))
    assert refused.value.error == "invalid_client"


async def test_v2_rule_3_13_a_guest_bound_token_has_scopes_of_guests_and_a_guest(api: Api) -> None:
    """There are no guests yet, so that every guest is unknown."""
    everything = await api.client()
    for string, name in BY_STRING.items():
        form = {**ASKED, **own(everything), "scope": string, "guest_id": "GST-01J8ZQ4T7M5N2V9K3XWB6CDEFG"}
        wanted = "invalid_request" if name in GUEST_BOUND else "invalid_scope"
        assert error(await post(api, TOKEN, form)) == (400, wanted)
    form = {**ASKED, **own(everything), "guest_id": ""}
    assert (await post(api, TOKEN, form)).status == 200, "empty is left out"


async def test_the_metadata_names_the_endpoints_and_every_scope(api: Api) -> None:
    path = "/.well-known/oauth-authorization-server"
    answer = await call(api.app, "GET", path, headers=HOST)
    api.checker.check("getAuthorizationServerMetadata", answer.status, answer.headers, answer.body)
    note("getAuthorizationServerMetadata")
    found = decoded(answer)
    assert found["issuer"] == "https://push.example"
    assert found["token_endpoint"] == "https://push.example/oauth2/token"
    assert set(found["scopes_supported"]) == set(BY_STRING)
    assert answer.headers["cache-control"] == "public, max-age=300"
    held = {**HOST, "If-None-Match": answer.headers["etag"]}
    assert (await call(api.app, "GET", path, headers=held)).status == 304


async def _age(api: Api, change: str) -> None:
    """Move what windows remember."""
    async with api.database.transaction() as conn:
        await execute(conn, f"UPDATE clarion.rate_window SET {change}")


_NAMED = {"name": "ACME", "legalName": "ACME Corporation"}
