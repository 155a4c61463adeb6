"""API clients as a resource (v2 rules 4.1 to 4.5)."""

import pytest

from clarion.api.contract.engine import Contract
from clarion.identity.scopes import BY_STRING, ScopeName, covered
from tests.api.asgi import call
from tests.api.v2.client import HOST, Api, Client, decoded

CLIENTS = "/v2/api-clients"
MINE = {"apiClientName": "Shop", "scopes": ["BasicRead"]}


async def test_v2_rule_4_1_scopes_have_a_name_and_a_string(contract: Contract) -> None:
    named = contract.document.at("/components/schemas/ScopeName")
    assert named["enum"] == [name.value for name in ScopeName]
    assert named["x-oauth-scope"] == {name.value: string for string, name in BY_STRING.items()}


def test_v2_rule_4_2_read_write_includes_its_read_and_nothing_else() -> None:
    for name in ScopeName:
        more = covered({name}) - {name}
        assert [each.value for each in more] == (
            [name.value.removesuffix("Write")] if name.value.endswith("ReadWrite") else []
        )


async def test_v2_rule_4_2_a_read_write_scope_reads(api: Api) -> None:
    writer = await api.client([ScopeName.BASIC_READ_WRITE])
    made = await writer.create("/v2/accounts", {"name": "X", "legalName": "X"})
    await writer.get(f"/v2/accounts/{made['accountId']}")
    reader = await api.client([ScopeName.BASIC_READ])
    assert await reader.refused("PATCH", f"/v2/accounts/{made['accountId']}", {}) == (403, "insufficient_scope")


async def test_v2_rule_4_3_a_client_is_never_changed(api: Api, operator: Client) -> None:
    made = await operator.create(CLIENTS, MINE)
    for method in ("PATCH", "PUT", "POST"):
        answer = await call(api.app, method, f"{CLIENTS}/{made['clientId']}", headers=HOST, body=b"{}")
        assert (answer.status, decoded(answer)["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD, DELETE"


async def test_v2_rule_4_4_the_secret_appears_once(operator: Client) -> None:
    answer = await operator.call("POST", CLIENTS, MINE)
    made = decoded(answer)["data"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["location"] == f"https://push.example{CLIENTS}/{made['clientId']}"
    read = await operator.call("GET", f"{CLIENTS}/{made['clientId']}")
    assert read.headers["etag"] == answer.headers["etag"]
    assert decoded(read)["data"] == {name: each for name, each in made.items() if name != "clientSecret"}
    listed = await operator.call("GET", CLIENTS)
    assert made["clientSecret"].encode() not in listed.body + read.body


async def test_v2_rule_4_4_a_replay_shows_the_secret_again(operator: Client, second: Api) -> None:
    key = {"Idempotency-Key": "once"}
    first = await operator.call("POST", CLIENTS, MINE, headers=key)
    again = await operator.on(second.app).call("POST", CLIENTS, MINE, headers=key)
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert again.headers["cache-control"] == "no-store"
    assert again.headers["idempotent-replayed"] == "true"


async def test_v2_rule_4_5_only_scopes_that_are_held_can_be_granted(api: Api) -> None:
    granting = await api.client([ScopeName.CLIENT_READ_WRITE, ScopeName.SUPPORT_READ_WRITE])
    for scopes in (["ClientRead"], ["SupportRead", "SupportReadWrite"], ["ClientReadWrite"]):
        await granting.create(CLIENTS, {**MINE, "scopes": scopes})
    assert await granting.findings("POST", CLIENTS, {**MINE, "scopes": ["SupportRead", "BasicRead", "GuestRead"]}) == {
        ("#/scopes/1", "scope_not_grantable"),
        ("#/scopes/2", "scope_not_grantable"),
    }


async def test_v2_rule_4_5_a_token_with_fewer_scopes_grants_no_more_than_those(api: Api, operator: Client) -> None:
    narrow = operator.on(api.app, await api.token(operator, [ScopeName.CLIENT_READ_WRITE]))
    assert await narrow.findings("POST", CLIENTS, MINE) == {("#/scopes/0", "scope_not_grantable")}


async def test_v2_rule_4_5_an_account_client_grants_its_own_account_only(api: Api, operator: Client) -> None:
    mine, other = [
        (await operator.create("/v2/accounts", {"name": "X", "legalName": "X"}))["accountId"] for _ in range(2)
    ]
    own = await api.client(account_id=mine)
    assert (await own.create(CLIENTS, MINE))["accountId"] == mine
    assert (await own.create(CLIENTS, {**MINE, "accountId": mine}))["accountId"] == mine
    for wrong in (other, "ACC-999999999", None):
        found = await own.findings("POST", CLIENTS, {**MINE, "accountId": wrong})
        assert found == {("#/accountId", "scope_not_grantable")}


async def test_v2_rule_4_5_an_operator_client_grants_any_account_or_none(operator: Client) -> None:
    account = (await operator.create("/v2/accounts", {"name": "X", "legalName": "X"}))["accountId"]
    assert (await operator.create(CLIENTS, {**MINE, "accountId": account}))["accountId"] == account
    for body in (MINE, {**MINE, "accountId": None}):
        assert (await operator.create(CLIENTS, body))["accountId"] is None
    assert await operator.findings("POST", CLIENTS, {**MINE, "accountId": "ACC-999999999"}) == {
        ("#/accountId", "reference_not_found")
    }


async def test_v2_rule_4_8_a_client_made_for_a_closed_account_is_nobody(api: Api, operator: Client) -> None:
    account = (await operator.create("/v2/accounts", {"name": "X", "legalName": "X"}))["accountId"]
    await operator.change(f"/v2/accounts/{account}", {"status": "Closed"})
    made = await operator.create(CLIENTS, {**MINE, "accountId": account})
    form = f"grant_type=client_credentials&scope=customerapi/basic.read&client_id={made['clientId']}"
    headers = {**HOST, "Content-Type": "application/x-www-form-urlencoded"}
    body = f"{form}&client_secret={made['clientSecret']}".encode()
    answer = await call(api.app, "POST", "/oauth2/token", headers=headers, body=body)
    assert (answer.status, decoded(answer)["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("scopes", [[], ["Nothing"], ["BasicRead", "BasicRead"], "BasicRead", None])
async def test_v2_rule_1_15_odd_scopes_are_findings(operator: Client, scopes: object) -> None:
    answer = await operator.call("POST", CLIENTS, {**MINE, "scopes": scopes})
    assert answer.status == 422, answer.body


async def test_last_used_date_is_kept(api: Api, operator: Client) -> None:
    client = await api.client()
    path = f"{CLIENTS}/{client.client_id}"
    assert (await operator.get(path))["data"]["lastUsedDate"] is None
    await client.get("/v2/accounts")
    assert (await operator.get(path))["data"]["lastUsedDate"] is not None
