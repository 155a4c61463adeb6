"""Accounts and contacts (v2 sections 4 and 10)."""

from clarion.apps import service as apps
from clarion.apps.model import Platform
from clarion.base.sealing import Sealer
from tests.api.v2.client import Api, Client

ACME = {"name": "ACME", "legalName": "ACME Corporation"}


async def test_v2_rule_10_1_an_account_is_created_read_changed_and_deleted(operator: Client) -> None:
    made = await operator.create("/v2/accounts", ACME)
    path = f"/v2/accounts/{made['accountId']}"
    assert made["status"] == "Active"
    assert (made["currency"], made["language"], made["timeZone"]) == ("EUR", "en", "UTC")
    read = await operator.get(path)
    assert read == {"data": made, "links": {"self": f"https://push.example{path}"}}
    changed = await operator.change(path, {"name": "ACME & Sons"})
    assert changed == {**made, "name": "ACME & Sons", "lastModifiedDate": changed["lastModifiedDate"]}
    assert (await operator.call("DELETE", path)).status == 204
    assert await operator.refused("DELETE", path) == (404, "not_found")


async def test_v2_rule_10_2_a_patch_that_changes_nothing_leaves_tag_and_date(operator: Client) -> None:
    made = await operator.create("/v2/accounts", {**ACME, "externalReference": "E-1"})
    path = f"/v2/accounts/{made['accountId']}"
    before = (await operator.call("GET", path)).headers["etag"]
    answer = await operator.call("PATCH", path, {"name": "ACME"})
    assert (answer.status, answer.headers["etag"]) == (200, before)
    assert (await operator.change(path, {"externalReference": None}))["externalReference"] is None
    assert await operator.findings("PATCH", path, {"name": None}) == {("#/name", "invalid_type")}


async def test_v2_rule_10_3_an_external_reference_is_taken_once(operator: Client) -> None:
    await operator.create("/v2/accounts", {**ACME, "externalReference": "E-1"})
    clash = {**ACME, "externalReference": "E-1"}
    assert await operator.refused("POST", "/v2/accounts", clash) == (409, "duplicate_external_reference")


async def test_v2_rule_6_3_every_finding_is_listed(operator: Client) -> None:
    body = {"name": " ", "timeZone": "Europe/Nowhere", "wrong": 1}
    assert await operator.findings("POST", "/v2/accounts", body) == {
        ("#/name", "invalid_format"),
        ("#/legalName", "required"),
        ("#/wrong", "unknown_field"),
    }
    assert await operator.findings("POST", "/v2/accounts", {**ACME, "timeZone": "Europe/Nowhere"}) == {
        ("#/timeZone", "invalid_value")
    }


async def test_v2_rule_10_7_an_application_serves_one_account(operator: Client, api: Api, sealer: Sealer) -> None:
    async with api.database.transaction() as conn:
        await apps.create_app(conn, sealer, "shop-ios", Platform.IOS, "Shop")
    body = {**ACME, "partnerIds": ["shop-ios"]}
    made = await operator.create("/v2/accounts", body)
    assert await operator.refused("POST", "/v2/accounts", body) == (409, "duplicate_value")
    assert await operator.findings("POST", "/v2/accounts", {**ACME, "partnerIds": ["no-app"]}) == {
        ("#/partnerIds/0", "reference_not_found")
    }
    await operator.change(f"/v2/accounts/{made['accountId']}", {"partnerIds": []})
    await operator.create("/v2/accounts", body)


async def test_v2_rule_4_7_accounts_are_the_operators(operator: Client, api: Api) -> None:
    mine = await operator.create("/v2/accounts", ACME)
    other = await operator.create("/v2/accounts", ACME)
    path = f"/v2/accounts/{mine['accountId']}"
    own = await api.client(account_id=mine["accountId"])
    assert [row["accountId"] for row in (await own.get("/v2/accounts"))["data"]] == [mine["accountId"]]
    assert await own.refused("POST", "/v2/accounts", ACME) == (403, "insufficient_scope")
    assert await own.refused("DELETE", path) == (403, "insufficient_scope")
    assert await own.refused("PATCH", path, {"status": "Closed"}) == (403, "insufficient_scope")
    assert (await own.change(path, {"name": "Mine"}))["name"] == "Mine"
    assert await own.refused("GET", f"/v2/accounts/{other['accountId']}") == (404, "not_found")


async def test_v2_rule_4_8_a_suspended_account_reads_and_a_closed_one_is_nobody(operator: Client, api: Api) -> None:
    made = await operator.create("/v2/accounts", ACME)
    path = f"/v2/accounts/{made['accountId']}"
    own = await api.client(account_id=made["accountId"])
    await operator.change(path, {"status": "Suspended"})
    await own.get(path)
    assert await own.refused("PATCH", path, {"name": "X"}) == (403, "account_suspended")
    await operator.change(path, {"status": "Closed"})
    assert await own.refused("GET", path) == (401, "invalid_token")


async def test_v2_rule_4_9_an_account_that_is_referred_to_stays(operator: Client, api: Api) -> None:
    made = await operator.create("/v2/accounts", ACME)
    path = f"/v2/accounts/{made['accountId']}"
    await api.client(account_id=made["accountId"])
    assert await operator.refused("DELETE", path) == (409, "resource_in_use")
    await operator.get(path)


async def test_contacts_stand_below_their_account(operator: Client, api: Api) -> None:
    made = await operator.create("/v2/accounts", ACME)
    other = await operator.create("/v2/accounts", ACME)
    contacts = f"/v2/accounts/{made['accountId']}/contacts"
    contact = await operator.create(contacts, {"name": "Robin Vermeer", "role": "Billing"})
    assert contact["accountId"] == made["accountId"]
    assert (contact["channels"], contact["notifyCases"]) == ([], False)
    path = f"{contacts}/{contact['contactId']}"
    changed = await operator.change(path, {"channels": ["Push", "Inbox"], "email": "robin@acme.example"})
    assert changed["channels"] == ["Push", "Inbox"]
    wrong = f"/v2/accounts/{other['accountId']}/contacts/{contact['contactId']}"
    assert await operator.refused("GET", wrong) == (404, "not_found")
    assert [row["contactId"] for row in (await operator.get(contacts))["data"]] == [contact["contactId"]]
    assert (await operator.call("DELETE", path)).status == 204
