"""Conditional requests (v2 section 7), and changes in general (section 10)."""

import asyncio
import re

import pytest

from clarion.identity.clients import Limits
from tests.api.v2.client import Api, Client, decoded
from tests.api.v2.races import one_of_two_wins

ACCOUNTS = "/v2/accounts"
NAMED = {"name": "ACME", "legalName": "ACME Corporation"}


@pytest.fixture
async def path(operator: Client) -> str:
    return f"{ACCOUNTS}/{(await operator.create(ACCOUNTS, NAMED))['accountId']}"


async def tag(client: Client, path: str) -> str:
    return (await client.call("GET", path)).headers["etag"]


async def test_v2_rule_7_1_every_200_to_a_get_carries_a_strong_tag(operator: Client, path: str) -> None:
    for target in (path, ACCOUNTS, f"{path}/contacts", "/v2/api-clients", "/v2/openapi.json", "/problems/not_found"):
        answer = await operator.call("GET", target)
        assert re.fullmatch(r'"[!#-~]+"', answer.headers["etag"]), target


async def test_v2_rule_7_1_the_tag_changes_exactly_when_the_resource_does(operator: Client, path: str) -> None:
    seen = await tag(operator, path)
    assert await tag(operator, path) == seen
    for body, changes in (
        ({"currency": "EUR"}, False),
        ({"name": "ACME"}, False),
        ({"name": "Other"}, True),
        ({"name": "ACME"}, True),
    ):
        answer = await operator.call("PATCH", path, body)
        assert (answer.headers["etag"] != seen) is changes
        seen = answer.headers["etag"]
        assert await tag(operator, path) == seen
    await operator.create(f"{path}/contacts", {"name": "R", "role": "Billing"})
    assert await tag(operator, path) == seen, "what stands below is no part of it"


async def test_v2_rule_7_1_another_host_sees_the_same_version(operator: Client, path: str) -> None:
    elsewhere = await operator.call("GET", path, headers={"Host": "other.example"})
    assert decoded(elsewhere)["links"]["self"].startswith("https://other.example/")
    assert elsewhere.headers["etag"] == await tag(operator, path)


async def test_v2_rule_7_2_a_matching_tag_answers_304_and_counts_as_a_read(api: Api, path: str) -> None:
    reader = await api.client(limits=Limits(50, 0.0001, 30))
    seen = await reader.call("GET", path)
    for held in (seen.headers["etag"], f"W/{seen.headers['etag']}", f'"x", {seen.headers["etag"]}', "*"):
        for method in ("GET", "HEAD"):
            answer = await reader.call(method, path, headers={"If-None-Match": held})
            assert (answer.status, answer.body) == (304, b"")
            assert answer.headers["etag"] == seen.headers["etag"]
            assert answer.headers["cache-control"] == "private, no-cache"
            assert answer.headers["vary"] == "Accept, Authorization, Origin"
            assert "content-type" not in answer.headers
    assert answer.headers["ratelimit"].startswith('"read";r=41;')
    for held in ('"x"', seen.headers["etag"].strip('"'), ""):
        assert (await reader.call("GET", path, headers={"If-None-Match": held})).status == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_v2_rule_7_3_another_version_is_412_and_nothing_happens(operator: Client, path: str, method: str) -> None:
    current = await operator.call("GET", path)
    mine = current.headers["etag"]
    for held in ('"x"', f"W/{mine}", mine.strip('"'), f'"x", W/{mine}', ""):
        answer = await operator.call(method, path, {"name": "Other"}, headers={"If-Match": held})
        assert (answer.status, decoded(answer)["code"]) == (412, "precondition_failed"), held
        assert answer.headers["etag"] == mine
        assert (await operator.call("GET", path)).body == current.body


async def test_v2_rule_7_3_the_current_version_or_a_star_lets_through(operator: Client, path: str) -> None:
    for held in (await tag(operator, path), "*"):
        assert (await operator.call("PATCH", path, {"name": held}, headers={"If-Match": held})).status == 200
    listed = f'"x", {await tag(operator, path)}'
    assert (await operator.call("PATCH", path, {"name": "a"}, headers={"If-Match": listed})).status == 200
    assert (await operator.call("DELETE", path, headers={"If-Match": await tag(operator, path)})).status == 204
    assert await operator.refused("DELETE", path, **{"If-Match": "*"}) == (404, "not_found")


async def test_v2_rule_7_3_it_is_optional_and_means_nothing_where_it_is_not_documented(
    operator: Client, path: str
) -> None:
    stale = {"If-Match": '"stale"'}
    assert (await operator.call("GET", path, headers=stale)).status == 200
    assert (await operator.call("POST", ACCOUNTS, NAMED, headers=stale)).status == 201
    assert (await operator.call("PATCH", path, {"name": "Free"})).status == 200


def test_v2_rule_7_3_every_patch_put_and_delete_documents_it(api: Api) -> None:
    for operation in api.contract.document.operations.values():
        takes = any(each.name == "If-Match" for each in operation.header_parameters)
        assert takes is (operation.method in ("PATCH", "PUT", "DELETE")), operation.operation_id


async def test_v2_rule_7_4_of_two_changes_of_one_version_exactly_one_succeeds(api: Api, second: Api) -> None:
    """Over two instances of the surface; `python -m tests.api.v2.races` repeats it a thousand times."""
    assert await one_of_two_wins(api, second, rounds=50) == []


async def test_v2_rule_7_4_a_change_and_a_deletion_of_one_version_do_not_both_succeed(
    api: Api, second: Api, operator: Client
) -> None:
    there = operator.on(second.app)
    for _ in range(15):
        made = await operator.call("POST", ACCOUNTS, NAMED)
        target = f"{ACCOUNTS}/{decoded(made)['data']['accountId']}"
        held = {"If-Match": made.headers["etag"]}
        answers = await asyncio.gather(
            operator.call("PATCH", target, {"name": "Other"}, headers=held),
            there.call("DELETE", target, headers=held),
        )
        assert {each.status for each in answers} in ({200, 412}, {204, 404})


async def test_v2_rule_7_5_caching(operator: Client, path: str) -> None:
    for target in (path, ACCOUNTS):
        answer = await operator.call("GET", target)
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.headers["vary"] == "Accept, Authorization, Origin"
    for target in ("/v2/openapi.json", "/problems/not_found", "/.well-known/oauth-authorization-server"):
        assert (await operator.call("GET", target)).headers["cache-control"] == "public, max-age=300"
    made = await operator.call("POST", "/v2/api-clients", {"apiClientName": "X", "scopes": ["BasicRead"]})
    assert made.headers["cache-control"] == "no-store"
    assert (await operator.call("GET", f"{ACCOUNTS}/ACC-999999999")).headers["cache-control"] == "no-store"


# Changes in general


async def test_v2_rule_10_1_a_creation_tells_where_it_is(operator: Client) -> None:
    answer = await operator.call("POST", ACCOUNTS, NAMED)
    found = await operator.call("GET", answer.headers["location"])
    assert (answer.status, answer.body, answer.headers["etag"]) == (201, found.body, found.headers["etag"])


async def test_v2_rule_10_2_a_merge_patch_in_either_media_type(operator: Client, path: str) -> None:
    """Rule 1.6: both media types mean the same."""
    await operator.change(path, {"externalReference": "E", "currency": "USD"})
    for media in ("application/merge-patch+json", "application/json", "Application/JSON; charset=UTF-8"):
        body = await operator.change(path, {"name": media}, **{"Content-Type": media})
        assert (body["name"], body["externalReference"], body["currency"]) == (media, "E", "USD")
    assert (await operator.change(path, {"externalReference": None}))["externalReference"] is None
    for member in ("name", "status", "currency", "partnerIds"):
        found = await operator.findings("PATCH", path, {member: None})
        assert (f"#/{member}", "invalid_type") in found
        assert {pointer for pointer, _ in found} == {f"#/{member}"}


async def test_v2_rule_10_2_arrays_are_replaced_whole(operator: Client, path: str) -> None:
    contact = await operator.create(f"{path}/contacts", {"name": "R", "role": "Billing", "channels": ["Push"]})
    target = f"{path}/contacts/{contact['contactId']}"
    for channels in (["Inbox"], ["Push", "Inbox"], []):
        assert (await operator.change(target, {"channels": channels}))["channels"] == channels


async def test_v2_rule_10_2_changing_nothing_leaves_the_date(operator: Client, path: str) -> None:
    before = (await operator.get(path))["data"]
    for body in ({"name": before["name"]}, {"externalReference": None}, {**NAMED, "partnerIds": []}):
        assert await operator.change(path, body) == before
    assert await operator.findings("PATCH", path, {}) == {("#", "too_short")}, "the contract wants a member"


async def test_v2_rule_10_3_identifiers_are_the_servers_and_never_used_again(operator: Client, path: str) -> None:
    assert await operator.findings("POST", ACCOUNTS, {**NAMED, "accountId": "ACC-1"}) == {
        ("#/accountId", "unknown_field")
    }
    assert (await operator.call("DELETE", path)).status == 204
    again = (await operator.create(ACCOUNTS, NAMED))["accountId"]
    assert again > path.rpartition("/")[2]


@pytest.mark.parametrize(
    "name", ["two  blanks", "e\u0301", "\u00e9", "\ufb01", "İı", "a\u200bb", "😀\U0010ffff", "\u00a0x\u00a0", "A" * 200]
)
async def test_v2_rule_10_4_texts_come_back_as_they_came(operator: Client, path: str, name: str) -> None:
    answer = await operator.call("PATCH", path, {"name": name})
    assert decoded(answer)["data"]["name"] == name
    assert (await operator.get(path))["data"]["name"] == name
    listed = (await operator.get(ACCOUNTS))["data"]
    assert [row["name"] for row in listed] == [name]


async def test_v2_rule_10_5_what_was_answered_is_read_on_every_worker(operator: Client, second: Api, path: str) -> None:
    there = operator.on(second.app)
    for number in range(10):
        await operator.change(path, {"name": f"Name {number}"})
        assert (await there.get(path))["data"]["name"] == f"Name {number}"
    assert (await there.call("DELETE", path)).status == 204
    assert await operator.refused("GET", path) == (404, "not_found")


def test_v2_rule_10_6_nothing_is_deprecated_today(api: Api) -> None:
    for operation in api.contract.document.operations.values():
        item = api.contract.document.raw["paths"][operation.path][operation.method.lower()]
        assert "deprecated" not in item
