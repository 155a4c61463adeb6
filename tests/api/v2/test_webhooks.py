"""Webhook endpoints and their deliveries on the wire (v2 sections 4, 5, 10 and 18)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Published

from clarion.api.contract.engine import Contract
from clarion.api.edge import App, create_app
from clarion.api.v2.call import Services
from clarion.api.v2.surface import v2_surfaces
from clarion.api.v2.transport import V2Settings
from clarion.assembly.operations import V2_HANDLERS
from clarion.base.authority import Authority
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import values
from clarion.http.addresses import Targets
from clarion.identity.scopes import ScopeName
from tests.api.v2.client import Api, Client, NoHealth, decoded, new_key
from tests.support import until
from tests.webhooks.delivering import LOOPBACK, Desk
from tests.webhooks.receiver import Receiver, always

PATH = "/v2/webhooks"
WANTED = {"url": "https://hooks.example.com/engage", "eventTypes": ["case.updated", "account.updated"]}
ACME = {"name": "ACME", "legalName": "ACME Corporation"}


@pytest.fixture
def app(contract: Contract, database: Database, sealer: Sealer) -> App:
    """One that lets webhooks lead to loopback, where the receivers of tests are."""
    services = Services(database, sealer, V2Settings(targets=Targets(LOOPBACK)))
    return create_app(v2_surfaces(contract, services, V2_HANDLERS), NoHealth())


@pytest.fixture
def desk(database: Database, sealer: Sealer, tmp_path: Path) -> Desk:
    authority = Authority.create("Receivers")
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    return Desk(database, sealer, tmp_path / "ca.pem", authority)


@pytest.fixture
async def receiver(desk: Desk, tmp_path: Path) -> AsyncIterator[Receiver]:
    made = Receiver(desk.signer, tmp_path)
    await made.start()
    yield made
    await made.stop()


async def delivered(client: Client, path: str, status: str = "Delivered") -> None:
    async def so() -> bool:
        return bool((await client.get(path))["data"]["status"] == status)

    await until(so)


async def test_v2_rule_10_1_an_endpoint_is_registered_read_changed_and_deleted(operator: Client) -> None:
    made = await operator.create(PATH, WANTED)
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    path = f"{PATH}/{made['webhookId']}"
    assert (made["accountId"], made["status"], made["disabledReason"]) == (None, "Enabled", None)
    assert (made["description"], made["lastSuccessDate"]) == (None, None)
    assert (await operator.get(path))["data"] == made
    assert (await operator.get(PATH))["data"] == [made]
    changed = await operator.change(path, {"description": "Ours", "eventTypes": ["invoice.issued"]})
    assert (changed["description"], changed["eventTypes"]) == ("Ours", ["invoice.issued"])
    assert (await operator.change(path, {"description": None}))["description"] is None
    assert (await operator.call("DELETE", path)).status == 204
    assert await operator.refused("DELETE", path) == (404, "not_found")
    assert await operator.refused("GET", f"{path}/deliveries") == (404, "not_found")


async def test_the_secret_is_shown_once_and_sealed_at_rest(operator: Client, api: Api) -> None:
    answer = await operator.call("POST", PATH, WANTED)
    assert answer.headers["cache-control"] == "no-store"
    made = decoded(answer)["data"]
    assert "secret" not in (await operator.get(f"{PATH}/{made['webhookId']}"))["data"]
    async with api.database.connection() as conn:
        [sealed] = await values(conn, "SELECT sealed FROM clarion.webhook_secret")
    assert made["secret"].encode() not in sealed
    key = new_key()
    first = decoded(await operator.call("POST", PATH, WANTED, headers={"Idempotency-Key": key}))
    again = decoded(await operator.call("POST", PATH, WANTED, headers={"Idempotency-Key": key}))
    assert first["data"]["secret"] == again["data"]["secret"]


async def test_v2_rule_4_7_endpoints_of_all_accounts_are_the_operators(operator: Client, api: Api) -> None:
    mine = (await operator.create("/v2/accounts", ACME))["accountId"]
    other = (await operator.create("/v2/accounts", ACME))["accountId"]
    own = await api.client(account_id=mine)
    assert await own.refused("POST", PATH, {**WANTED, "accountId": None}) == (403, "insufficient_scope")
    assert await own.findings("POST", PATH, {**WANTED, "accountId": other}) == {("#/accountId", "reference_not_found")}
    made = await own.create(PATH, WANTED)
    assert made["accountId"] == mine
    everybodys = await operator.create(PATH, WANTED)
    theirs = await operator.create(PATH, {**WANTED, "accountId": other})
    assert [row["webhookId"] for row in (await own.get(PATH))["data"]] == [made["webhookId"]]
    for hidden in (everybodys, theirs):
        assert await own.refused("GET", f"{PATH}/{hidden['webhookId']}") == (404, "not_found")
        assert await own.refused("POST", f"{PATH}/{hidden['webhookId']}/test-deliveries") == (404, "not_found")
    found = (await operator.get(f"{PATH}?filter[AccountId]={other}"))["data"]
    assert [row["webhookId"] for row in found] == [theirs["webhookId"]]


async def test_v2_rule_4_8_a_suspended_account_registers_nothing(operator: Client, api: Api) -> None:
    mine = (await operator.create("/v2/accounts", ACME))["accountId"]
    own = await api.client(account_id=mine)
    await operator.change(f"/v2/accounts/{mine}", {"status": "Suspended"})
    assert await own.refused("POST", PATH, WANTED) == (403, "account_suspended")
    await own.get(PATH)


async def test_v2_rule_4_9_an_account_with_endpoints_stays(operator: Client) -> None:
    mine = (await operator.create("/v2/accounts", ACME))["accountId"]
    await operator.create(PATH, {**WANTED, "accountId": mine})
    assert await operator.refused("DELETE", f"/v2/accounts/{mine}") == (409, "resource_in_use")


async def test_reading_and_changing_endpoints_are_scopes_of_their_own(operator: Client, api: Api) -> None:
    made = await operator.create(PATH, WANTED)
    reader = await api.client([ScopeName.WEBHOOK_READ])
    await reader.get(f"{PATH}/{made['webhookId']}/deliveries")
    assert await reader.refused("POST", f"{PATH}/{made['webhookId']}/secret-rotations") == (403, "insufficient_scope")


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://[fe80::1]/x",
        "https://2130706434",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://[::1/",
    ],
)
async def test_v2_rule_18_6_a_url_that_leads_nowhere_it_may_is_refused(operator: Client, url: str) -> None:
    findings = await operator.findings("POST", PATH, {**WANTED, "url": url})
    assert {pointer for pointer, _ in findings} == {"#/url"}


async def test_v2_rule_18_6_only_https_is_taken(operator: Client) -> None:
    made = await operator.create(PATH, WANTED)
    wrong = {"url": "http://hooks.example.com/"}
    assert await operator.findings("POST", PATH, {**WANTED, **wrong}) == {("#/url", "invalid_format")}
    assert await operator.findings("PATCH", f"{PATH}/{made['webhookId']}", wrong) == {("#/url", "invalid_format")}
    private = {"url": "https://192.168.0.1/"}
    assert await operator.findings("PATCH", f"{PATH}/{made['webhookId']}", private) == {("#/url", "invalid_value")}


async def test_v2_rule_18_4_an_event_is_delivered_tried_again_and_sent_again(
    operator: Client, desk: Desk, receiver: Receiver
) -> None:
    made = await operator.create(PATH, {**WANTED, "url": receiver.url})
    path = f"{PATH}/{made['webhookId']}"
    account = await operator.create("/v2/accounts", ACME)
    async with desk.delivering():
        await operator.change(f"/v2/accounts/{account['accountId']}", {"name": "ACME & Sons"})
        [got] = await receiver.count(1)
        payload = Published(made["secret"]).verify(got.body, got.headers)
        assert payload["data"] == {
            "id": account["accountId"],
            "accountId": account["accountId"],
            "href": f"https://push.example/v2/accounts/{account['accountId']}",
            "changed": ["name"],
        }
        await operator.get(payload["data"]["href"])
        [delivery] = (await operator.get(f"{path}/deliveries"))["data"]
        one = f"{path}/deliveries/{delivery['webhookDeliveryId']}"
        await delivered(operator, one)
        delivery = (await operator.get(one))["data"]
        assert (delivery["eventType"], delivery["messageId"]) == ("account.updated", got.id)
        assert (delivery["attempts"], delivery["lastResponseStatus"], delivery["nextAttemptDate"]) == (1, 204, None)
        assert (await operator.get(path))["data"]["lastSuccessDate"] is not None
        key = new_key()
        for _ in range(2):
            answer = await operator.call("POST", f"{one}/retries", headers={"Idempotency-Key": key})
            assert (answer.status, decoded(answer)["data"]["status"]) == (202, "Pending")
        await receiver.count(2)
        await delivered(operator, one)
    assert [each.id for each in receiver.received] == [got.id, got.id]


async def test_a_test_event_goes_the_way_of_all_events(operator: Client, desk: Desk, receiver: Receiver) -> None:
    made = await operator.create(PATH, {**WANTED, "url": receiver.url})
    path = f"{PATH}/{made['webhookId']}"
    answer = await operator.call("POST", f"{path}/test-deliveries")
    delivery = decoded(answer)["data"]
    assert (answer.status, delivery["status"], delivery["eventType"]) == (202, "Pending", "webhook.test")
    async with desk.delivering():
        [got] = await receiver.count(1)
        await delivered(operator, f"{path}/deliveries/{delivery['webhookDeliveryId']}")
    payload = Published(made["secret"]).verify(got.body, got.headers)
    assert payload["type"] == "webhook.test"
    assert payload["data"] == {"id": made["webhookId"], "accountId": None, "href": f"https://push.example{path}"}


async def test_v2_rule_18_5_rotation_answers_the_new_secret(operator: Client, desk: Desk, receiver: Receiver) -> None:
    made = await operator.create(PATH, {**WANTED, "url": receiver.url})
    path = f"{PATH}/{made['webhookId']}"
    answer = await operator.call("POST", f"{path}/secret-rotations")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    new = decoded(answer)["data"]["secret"]
    await operator.call("POST", f"{path}/test-deliveries")
    async with desk.delivering():
        [got] = await receiver.count(1)
    for secret in (made["secret"], new):
        Published(secret).verify(got.body, got.headers)


async def test_a_disabled_endpoint_is_not_told_until_it_is_enabled(
    operator: Client, desk: Desk, receiver: Receiver
) -> None:
    receiver.answering = always(500)
    made = await operator.create(PATH, {**WANTED, "url": receiver.url})
    path = f"{PATH}/{made['webhookId']}"
    delivery = decoded(await operator.call("POST", f"{path}/test-deliveries"))["data"]
    one = f"{path}/deliveries/{delivery['webhookDeliveryId']}"
    disabled = await operator.change(path, {"status": "Disabled"})
    assert (disabled["status"], disabled["disabledReason"]) == ("Disabled", "Manual")
    assert (await operator.get(one))["data"]["status"] == "Failed"
    for target in (f"{path}/test-deliveries", f"{one}/retries"):
        assert await operator.refused("POST", target) == (409, "invalid_state_transition")
    assert (await operator.get(f"{PATH}?filter[Status]=Disabled"))["data"] == [disabled]
    enabled = await operator.change(path, {"status": "Enabled"})
    assert (enabled["status"], enabled["disabledReason"]) == ("Enabled", None)
    receiver.answering = always(200)
    assert (await operator.call("POST", f"{one}/retries")).status == 202
    async with desk.delivering():
        await delivered(operator, one)


async def test_an_endpoint_that_is_deleted_is_not_told_what_was_pending(
    operator: Client, desk: Desk, receiver: Receiver
) -> None:
    made = await operator.create(PATH, {**WANTED, "url": receiver.url})
    path = f"{PATH}/{made['webhookId']}"
    await operator.call("POST", f"{path}/test-deliveries")
    assert (await operator.call("DELETE", path)).status == 204

    async def over() -> bool:
        return await desk.jobs() == 0

    async with desk.delivering():
        await until(over)
    assert receiver.received == []


async def test_v2_rule_5_8_deliveries_are_listed_the_newest_first(operator: Client) -> None:
    made = await operator.create(PATH, WANTED)
    path = f"{PATH}/{made['webhookId']}"
    ids = [
        decoded(await operator.call("POST", f"{path}/test-deliveries"))["data"]["webhookDeliveryId"] for _ in range(3)
    ]
    page = await operator.get(f"{path}/deliveries")
    assert page["metadata"]["sort"] == ["-CreatedDate"]
    dates = [row["createdDate"] for row in page["data"]]
    assert dates == sorted(dates, reverse=True)
    assert {row["webhookDeliveryId"] for row in page["data"]} == set(ids)
    query = "filter[Status][in]=Pending,Failed&filter[EventType]=webhook.test&sort=-WebhookDeliveryId"
    assert [row["webhookDeliveryId"] for row in (await operator.get(f"{path}/deliveries?{query}"))["data"]] == ids[::-1]
    assert (await operator.get(f"{path}/deliveries?filter[Status]=Delivered"))["data"] == []


async def test_v2_rule_7_3_an_endpoint_is_changed_only_from_the_version_that_is_named(operator: Client) -> None:
    made = await operator.create(PATH, WANTED)
    path = f"{PATH}/{made['webhookId']}"
    tag = (await operator.call("GET", path)).headers["etag"]
    await operator.change(path, {"description": "One"}, **{"If-Match": tag})
    assert await operator.refused("PATCH", path, {"description": "Two"}, **{"If-Match": tag}) == (
        412,
        "precondition_failed",
    )
    assert (await operator.get(path))["data"]["description"] == "One"
