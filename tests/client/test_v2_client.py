"""The Python client of v2 against a server on a socket: tokens, retries, pages, entity tags, refusals."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from clarion import __version__
from clarion.base import clock
from clarion.base.errors import ClarionError, ConfigurationError, Unavailable
from clarion.client.v2 import (
    ApiError,
    ChangedError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RateLimitedError,
    TokenError,
    V2Client,
)
from clarion.client.v2.models import Account, AccountCreate, AccountPatch, ApiClientCreate, ContactCreate, ContactPatch
from clarion.client.v2.pages import from_link, list_target
from clarion.db.sql import execute
from clarion.identity import clients
from clarion.identity.clients import Limits
from clarion.identity.scopes import ScopeName
from tests.api.v2.client import PLENTY
from tests.client.v2_served import V2Served, answering, losing, losing_the_answer
from tests.support import free_port

NEW = AccountCreate(name="Shop", legal_name="Shop B.V.")


async def make(v2: V2Client, *names: str) -> list[Account]:
    return [await v2.accounts.create(AccountCreate(name=name, legal_name=f"{name} B.V.")) for name in names]


# Tokens


async def test_v2_rule_3_1_a_call_brings_its_own_token(v2_server: V2Served, v2: V2Client) -> None:
    assert await v2.accounts.list().collect() == []
    assert [(each.method, each.path) for each in v2_server.seen] == [("POST", "/oauth2/token"), ("GET", "/v2/accounts")]
    assert {each.headers["user-agent"] for each in v2_server.seen} == {f"clarion-client/{__version__}"}


async def test_calls_side_by_side_ask_for_one_token(v2_server: V2Served, v2: V2Client) -> None:
    await asyncio.gather(*(v2.accounts.list() for _ in range(10)))
    assert v2_server.count("POST", "/oauth2/token") == 1


async def test_v2_rule_3_3_a_client_of_few_scopes_asks_for_the_one_that_a_call_needs(v2_server: V2Served) -> None:
    async with await v2_server.client(held=[ScopeName.BASIC_READ]) as v2:
        assert await v2.accounts.list().collect() == []
        with pytest.raises(TokenError) as refused:
            await v2.accounts.create(NEW)
    assert (refused.value.status, refused.value.code) == (400, "invalid_scope")


async def test_v2_rule_4_2_a_token_that_may_write_serves_reads_too(v2_server: V2Served, v2: V2Client) -> None:
    account = await v2.accounts.create(NEW)
    assert await v2.accounts.get(account.account_id) == account
    assert v2_server.count("POST", "/oauth2/token") == 1


async def test_one_token_with_the_scopes_that_were_named_serves_all_calls(v2_server: V2Served) -> None:
    scopes = ["customerapi/basic.read", "adminapi/clients.read"]
    async with await v2_server.client(scopes=scopes) as v2:
        await v2.accounts.list()
        await v2.api_clients.list()
        with pytest.raises(ForbiddenError) as refused:
            await v2.accounts.create(NEW)
    assert refused.value.code == "insufficient_scope"
    assert v2_server.count("POST", "/oauth2/token") == 1


async def test_v2_rule_3_6_a_token_is_renewed_before_its_end(v2_server: V2Served, v2: V2Client) -> None:
    await v2.accounts.list()
    clock.shift(timedelta(minutes=58, seconds=30))
    await v2.accounts.list()
    assert v2_server.count("POST", "/oauth2/token") == 1
    clock.shift(timedelta(minutes=59, seconds=30))
    await v2.accounts.list()
    assert v2_server.count("POST", "/oauth2/token") == 2
    assert v2_server.count("GET", "/v2/accounts") == 3


async def test_v2_rule_6_5_after_a_401_a_new_token_is_asked_for_once(v2_server: V2Served, v2: V2Client) -> None:
    await v2.accounts.list()
    async with v2_server.api.database.transaction() as conn:
        await execute(conn, "DELETE FROM clarion.api_token")
    assert await v2.accounts.list().collect() == []
    assert v2_server.count("POST", "/oauth2/token") == 2
    v2_server.troubles += [answering(401), answering(401)]
    with pytest.raises(TokenError):
        await v2.accounts.list()
    assert v2_server.count("POST", "/oauth2/token") == 3


async def test_v2_rule_3_4_a_wrong_secret_is_told_as_invalid_client(v2_server: V2Served) -> None:
    async with await v2_server.client(secret="another") as v2:
        with pytest.raises(TokenError, match="invalid_client") as refused:
            await v2.accounts.list()
    assert (refused.value.status, refused.value.code) == (401, "invalid_client")


# What is tried again


async def test_v2_rule_8_6_a_create_whose_answer_is_lost_is_done_once(v2_server: V2Served, v2: V2Client) -> None:
    v2_server.troubles += [losing_the_answer, losing]
    made = await v2.accounts.create(NEW)
    assert [each.account_id for each in await v2.accounts.list().collect()] == [made.account_id]
    sent = [each.headers["idempotency-key"] for each in v2_server.seen if each.method == "POST" and "v2" in each.path]
    assert len(sent) == 3
    assert len(set(sent)) == 1
    assert len(v2_server.waits) == 2


async def test_v2_rule_10_1_a_delete_whose_answer_is_lost_is_done(v2_server: V2Served, v2: V2Client) -> None:
    [account] = await make(v2, "Shop")
    v2_server.troubles.append(losing_the_answer)
    await v2.accounts.delete(account.account_id)
    assert v2_server.count("DELETE", f"/v2/accounts/{account.account_id}") == 2
    with pytest.raises(NotFoundError):
        await v2.accounts.delete(account.account_id)


@pytest.mark.parametrize("status", [500, 503])
async def test_v2_rule_6_5_a_server_that_fails_is_tried_again(v2_server: V2Served, v2: V2Client, status: int) -> None:
    v2_server.troubles += [answering(status), answering(status, ("retry-after", "7"))]
    assert (await v2.accounts.create(NEW)).name == "Shop"
    first, second = v2_server.waits
    assert 0 < first < 1
    assert second == 7


async def test_a_server_that_goes_on_failing_is_given_up(v2_server: V2Served, v2: V2Client) -> None:
    v2_server.troubles += [answering(500, body=b"out of order")] * 9
    with pytest.raises(ApiError, match="500: out of order"):
        await v2.accounts.list()
    assert v2_server.count("GET", "/v2/accounts") == 5


async def test_v2_rule_8_5_a_key_with_a_saved_500_is_given_up_for_a_new_one(v2_server: V2Served, v2: V2Client) -> None:
    v2_server.troubles.append(answering(500, ("idempotent-replayed", "true")))
    await v2.accounts.create(NEW, key="mine")
    keys = [each.headers["idempotency-key"] for each in v2_server.seen if each.path == "/v2/accounts"]
    assert keys[0] == "mine"
    assert keys[1] != "mine"


async def test_v2_rule_8_8_a_first_request_that_still_runs_is_waited_for(v2_server: V2Served, v2: V2Client) -> None:
    body = msgspec.json.encode({"code": "idempotency_request_in_progress"})
    v2_server.troubles.append(answering(409, ("retry-after", "1"), body=body))
    await v2.accounts.create(NEW)
    assert v2_server.waits == [1.0]


async def test_v2_rule_9_4_a_spent_quota_is_waited_for_as_long_as_the_server_says(v2_server: V2Served) -> None:
    async def pause(seconds: float) -> None:
        v2_server.waits.append(seconds)
        async with v2_server.api.database.transaction() as conn:
            await clients.set_limits(conn, client_id, PLENTY)

    client_id, secret = await v2_server.credentials(limits=Limits(None, None, 1))
    async with V2Client(v2_server.url, client_id, secret, ca_file=v2_server.ca_file, pause=pause) as v2:
        assert len(await make(v2, "One", "Two")) == 2
    [waited] = v2_server.waits
    assert 50 <= waited <= 61


async def test_a_wait_beyond_patience_is_told_at_once(v2_server: V2Served) -> None:
    async with await v2_server.client(limits=Limits(None, None, 1), patience=10) as v2:
        with pytest.raises(RateLimitedError) as refused:
            await make(v2, "One", "Two")
    assert 50 <= refused.value.retry_after <= 61
    assert v2_server.waits == []


async def test_nobody_there_is_unavailable(v2_server: V2Served) -> None:
    async with await v2_server.client(base_url=f"https://127.0.0.1:{free_port()}") as v2:
        with pytest.raises(Unavailable, match="does not answer"):
            await v2.accounts.list()
    assert len(v2_server.waits) == 4


async def test_an_authority_nobody_trusts_is_told(v2_server: V2Served) -> None:
    async with await v2_server.client(ca_file="") as v2:
        with pytest.raises(Unavailable, match="not trusted"):
            await v2.accounts.list()


# Lists


async def test_v2_rule_5_4_iterating_follows_the_links_through_all_pages(v2_server: V2Served, v2: V2Client) -> None:
    names = [f"Shop {number}" for number in range(7)]
    await make(v2, *names)
    listed = v2.accounts.list(sort="-Name", limit=3)
    assert [account.name async for account in listed] == names[::-1]
    assert v2_server.count("GET", "/v2/accounts") == 3
    assert [len(page.data) async for page in listed.pages()] == [3, 3, 1]


async def test_one_page_tells_where_it_stands(v2: V2Client) -> None:
    await make(v2, "One", "Two", "Three")
    page = await v2.accounts.list(sort="Name", limit=1, offset=1)
    assert [account.name for account in page.data] == ["Three"]
    assert (page.metadata.offset, page.metadata.limit, page.metadata.has_more) == (1, 1, True)
    assert (page.metadata.total, page.metadata.sort) == (3, ["Name"])
    assert page.links.next


async def test_v2_rule_5_11_filters_are_written_as_the_api_takes_them(v2: V2Client) -> None:
    one, two, three = await make(v2, "a,b", "shop two", "shop three")
    assert await v2.accounts.list(filters={"Name[in]": ["a,b", "x"]}).collect() == [
        msgspec.structs.replace(one, etag="")
    ]
    found = await v2.accounts.list(filters={"Name[contains]": "SHOP", "AccountId[ne]": two.account_id}).collect()
    assert [account.account_id for account in found] == [three.account_id]
    since = three.last_modified_date + timedelta(hours=1)
    assert await v2.accounts.list(filters={"LastModifiedDate[gte]": since}).collect() == []
    assert len(await v2.accounts.list(filters={"ExternalReference[exists]": False}).collect()) == 3


async def test_v2_rule_5_10_an_unknown_filter_is_refused_with_its_parameter(v2: V2Client) -> None:
    with pytest.raises(ApiError) as refused:
        await v2.accounts.list(filters={"Colour": "red"})
    assert (refused.value.status, refused.value.code) == (400, "unknown_filter_field")
    assert refused.value.errors[0].parameter == "filter[Colour]"


def test_links_lead_to_the_address_the_client_was_given() -> None:
    assert from_link("https://public.example/v2/sites?page%5Boffset%5D=25") == "/v2/sites?page%5Boffset%5D=25"
    assert from_link("https://public.example/behind/v2/sites") == "/v2/sites"
    assert list_target("/v2/sites", {"filters": {"IsVenue": True}}) == "/v2/sites?filter%5BIsVenue%5D=true"


# Entity tags


async def test_v2_rule_7_2_what_has_not_changed_is_not_read_again(v2: V2Client) -> None:
    account = await v2.accounts.create(NEW)
    assert await v2.accounts.get_if_changed(account.account_id, account.etag) is None
    changed = await v2.accounts.update(account.account_id, AccountPatch(name="Store"))
    assert await v2.accounts.get_if_changed(account.account_id, account.etag) == changed


async def test_v2_rule_7_3_a_change_on_an_older_version_is_refused(v2: V2Client) -> None:
    account = await v2.accounts.create(NEW)
    newer = await v2.accounts.update(account.account_id, AccountPatch(name="Store"), if_match=account.etag)
    with pytest.raises(ChangedError) as refused:
        await v2.accounts.update(account.account_id, AccountPatch(name="Stall"), if_match=account.etag)
    assert refused.value.etag == newer.etag
    with pytest.raises(ChangedError):
        await v2.accounts.delete(account.account_id, if_match=account.etag)
    await v2.accounts.delete(account.account_id, if_match=newer.etag)


async def test_v2_rule_7_4_edits_side_by_side_lose_none(v2: V2Client) -> None:
    account = await v2.accounts.create(NEW)

    async def add(tag: str) -> None:
        await v2.accounts.edit(account.account_id, lambda read: AccountPatch(name=f"{read.name} {tag}"))

    await asyncio.gather(*(add(tag) for tag in "abc"))
    name = (await v2.accounts.get(account.account_id)).name
    assert sorted(name.split()) == ["Shop", "a", "b", "c"]


async def test_an_edit_that_wants_nothing_changes_nothing(v2: V2Client) -> None:
    account = await v2.accounts.create(NEW)
    assert await v2.accounts.edit(account.account_id, lambda _: None) == account


async def test_a_row_of_a_list_cannot_be_taken_for_an_unconditional_change(v2: V2Client) -> None:
    await v2.accounts.create(NEW)
    [row] = await v2.accounts.list().collect()
    with pytest.raises(ClarionError, match="no entity tag"):
        await v2.accounts.delete(row.account_id, if_match=row.etag)


# Refusals and bodies


async def test_v2_rule_6_3_findings_come_with_place_and_code(v2: V2Client) -> None:
    with pytest.raises(InvalidError) as refused:
        await v2.accounts.create(AccountCreate(name="", legal_name="x", currency="euro"))
    assert {(each.place, each.code) for each in refused.value.errors} >= {("name", "too_short")}
    assert {each.place for each in refused.value.errors} == {"name", "currency"}
    assert refused.value.request_id


async def test_v2_rule_10_3_a_clash_is_a_conflict_with_its_code(v2: V2Client) -> None:
    body = AccountCreate(name="Shop", legal_name="Shop B.V.", external_reference="ERP-1")
    await v2.accounts.create(body)
    with pytest.raises(ConflictError) as refused:
        await v2.accounts.create(body)
    assert refused.value.code == "duplicate_external_reference"


async def test_v2_rule_10_2_none_clears_and_what_is_not_given_stays(v2: V2Client) -> None:
    body = AccountCreate(name="Shop", legal_name="Shop B.V.", external_reference="ERP-1")
    account = await v2.accounts.create(body)
    kept = await v2.accounts.update(account.account_id, AccountPatch(name="Store"))
    assert kept.external_reference == "ERP-1"
    cleared = await v2.accounts.update(account.account_id, AccountPatch(external_reference=None))
    assert (cleared.external_reference, cleared.name) == (None, "Store")


async def test_contacts_live_below_their_account(v2: V2Client) -> None:
    account = await v2.accounts.create(NEW)
    contacts = v2.contacts(account.account_id)
    ana = await contacts.create(ContactCreate(name="Ana", role="Billing", notify_invoices=True))
    assert await contacts.get(ana.contact_id) == ana
    assert (await contacts.update(ana.contact_id, ContactPatch(phone="+31201234567"))).phone == "+31201234567"
    assert [each.name for each in await contacts.list().collect()] == ["Ana"]
    await contacts.delete(ana.contact_id)
    assert await contacts.list().collect() == []


async def test_v2_rule_4_4_a_new_client_comes_with_its_secret_and_can_call(v2_server: V2Served, v2: V2Client) -> None:
    made = await v2.api_clients.create(ApiClientCreate(api_client_name="Reader", scopes=["BasicRead"]))
    async with V2Client(v2_server.url, made.client_id, made.client_secret, ca_file=v2_server.ca_file) as reader:
        assert await reader.accounts.list().collect() == []
    assert (await v2.api_clients.get(made.client_id)).api_client_name == "Reader"
    await v2.api_clients.delete(made.client_id)


async def test_a_call_of_ones_own_gives_the_answer_as_it_came(v2: V2Client) -> None:
    answer = await v2.request("GET", "/v2/accounts/ACC-999999999")
    assert (answer.status, answer.json["code"]) == (404, "not_found")


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no address"):
        V2Client("engage.example", "id", "secret")
