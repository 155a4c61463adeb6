"""Lists on the wire (v2 section 5). How rows are filtered and sorted is held against a model in `tests/db`."""

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.accounts import service as accounts
from clarion.accounts.model import AccountStatus
from clarion.api.exchange import Headers, Request
from clarion.api.v2 import lists
from clarion.api.v2.call import Call, Services
from clarion.api.v2.errors import Refused
from clarion.base.errors import ConfigurationError
from clarion.base.sealing import Sealer
from clarion.db.records import COUNTED, PageRequest, Record, Records
from clarion.db.sql import execute
from tests.api.v2.client import BASE, Api, Client, decoded

ACCOUNTS = "/v2/accounts"
FILL = """
INSERT INTO clarion.account (name, legal_name, external_reference)
SELECT 'Account ' || n, 'Legal ' || n, 'E-' || n FROM generate_series(1, %s) AS n
"""


async def fill(api: Api, count: int) -> None:
    async with api.database.transaction() as conn:
        await execute(conn, FILL, (count,))


async def make(operator: Client, **members: Any) -> str:
    return str((await operator.create(ACCOUNTS, {"name": "X", "legalName": "X", **members}))["accountId"])


async def ids(operator: Client, query: str) -> list[str]:
    return [row["accountId"] for row in (await operator.get(f"{ACCOUNTS}?{query}"))["data"]]


async def test_v2_rule_5_1_the_envelope(operator: Client, api: Api) -> None:
    await fill(api, 3)
    page = await operator.get(ACCOUNTS)
    assert list(page) == ["data", "metadata", "links"]
    assert page["metadata"] == {"offset": 0, "limit": 25, "hasMore": False, "total": 3, "sort": ["AccountId"]}
    assert list(page["links"]) == ["self", "next", "previous"]
    one = await operator.get(f"{ACCOUNTS}/{page['data'][0]['accountId']}")
    assert list(one) == ["data", "links"]
    assert list(one["links"]) == ["self"]


async def test_v2_rule_5_2_offset_and_limit(operator: Client, api: Api) -> None:
    await fill(api, 30)
    assert len((await operator.get(ACCOUNTS))["data"]) == 25
    for query, count in (
        ("page[limit]=1", 1),
        ("page[limit]=200", 30),
        ("page[offset]=29", 1),
        ("page[offset]=0&page[limit]=30", 30),
    ):
        assert len((await operator.get(f"{ACCOUNTS}?{query}"))["data"]) == count


@pytest.mark.parametrize(
    "query",
    [
        "page[limit]=0",
        "page[limit]=201",
        "page[limit]=-1",
        "page[limit]=",
        "page[limit]=1.0",
        "page[limit]=1e2",
        "page[limit]=x",
        "page[limit]=%2B5",
        "page[limit]=+5",
        "page[limit]=٣",
        "page[limit]=5&page[limit]=5",
        "page[limit]=5&page%5Blimit%5D=5",
        "page[offset]=-1",
        "page[offset]=1000000001",
        f"page[offset]={2**53}",
        f"page[offset]={2**63}",
        "page[offset]=" + "9" * 400,
        "page[offset]=null",
    ],
)
async def test_v2_rule_5_2_a_value_outside_the_bounds_is_refused_not_clamped(operator: Client, query: str) -> None:
    answer = await operator.call("GET", f"{ACCOUNTS}?{query}")
    assert (answer.status, decoded(answer)["code"]) == (400, "invalid_parameter")
    assert decoded(answer)["errors"][0]["parameter"] in ("page[limit]", "page[offset]")


async def test_v2_rule_5_2_the_farthest_offset_is_answered(operator: Client) -> None:
    assert (await operator.get(f"{ACCOUNTS}?page[offset]=1000000000"))["data"] == []


async def test_v2_rule_5_3_brackets_come_raw_or_encoded_and_leave_encoded(operator: Client, api: Api) -> None:
    await fill(api, 5)
    raw = await operator.get(f"{ACCOUNTS}?page[offset]=1&page[limit]=2&filter[Name][contains]=acc")
    encoded = await operator.get(f"{ACCOUNTS}?page%5Boffset%5D=1&page%5blimit%5d=2&filter%5BName%5D%5Bcontains%5D=acc")
    assert raw == encoded
    for link in raw["links"].values():
        assert link.startswith(f"{BASE}{ACCOUNTS}?page%5Boffset%5D=")
        assert not {"[", "]"} & set(link)


async def test_v2_rule_5_4_links_repeat_the_request(operator: Client, api: Api) -> None:
    await fill(api, 9)
    query = (
        "filter[LegalName][startsWith]=legal&sort=-Name&page[limit]=2&filter[Name][contains]=a%26c%2C&page[offset]=1"
    )
    own = (await operator.get(f"{ACCOUNTS}?{query}"))["links"]["self"]
    assert own == (
        f"{BASE}{ACCOUNTS}?page%5Boffset%5D=1&page%5Blimit%5D=2&sort=-Name"
        "&filter%5BLegalName%5D%5BstartsWith%5D=legal&filter%5BName%5D%5Bcontains%5D=a%26c,"
    )
    plain = (await operator.get(ACCOUNTS))["links"]
    assert plain == {
        "self": f"{BASE}{ACCOUNTS}?page%5Boffset%5D=0&page%5Blimit%5D=25",
        "next": None,
        "previous": None,
    }
    for offset, previous in ((1, 0), (4, 0), (5, 1)):
        links = (await operator.get(f"{ACCOUNTS}?page[offset]={offset}&page[limit]=4"))["links"]
        assert f"offset%5D={previous}&" in links["previous"]
    assert (await operator.get(own))["links"]["self"] == own


async def test_v2_rule_5_4_the_links_lead_past_every_row_once_and_back(operator: Client, api: Api) -> None:
    await fill(api, 53)
    for query in ("page[limit]=10", "page[limit]=7&sort=-Name", "page[limit]=9&sort=Status,-LegalName"):
        seen, target, pages = [], f"{ACCOUNTS}?{query}", []
        while target:
            page = await operator.get(target)
            pages.append(page)
            seen += [row["accountId"] for row in page["data"]]
            target = page["links"]["next"]
        assert len(seen) == len(set(seen)) == 53
        back, target = 0, pages[-1]["links"]["previous"]
        while target:
            page = await operator.get(target)
            back += 1
            assert page["data"] == pages[-1 - back]["data"]
            target = page["links"]["previous"]
        assert back == len(pages) - 1


async def test_v2_rule_5_4_a_query_too_long_for_its_links_is_refused(operator: Client) -> None:
    long = quote("😀" * 200)
    assert await operator.refused("GET", f"{ACCOUNTS}?filter[Name]={long}") == (400, "invalid_parameter")
    assert await operator.refused("GET", f"{ACCOUNTS}?filter[Name]={'x' * 401}") == (400, "invalid_parameter")
    await operator.get(f"{ACCOUNTS}?filter[Name]={'x' * 400}")


async def test_v2_rule_5_5_past_the_end_there_is_nothing_and_the_way_back(operator: Client, api: Api) -> None:
    await fill(api, 23)
    for offset, limit, last in ((23, 10, 20), (500, 10, 20), (46, 23, 0), (100, 11, 22)):
        page = await operator.get(f"{ACCOUNTS}?page[offset]={offset}&page[limit]={limit}")
        assert (page["data"], page["metadata"]["hasMore"], page["metadata"]["total"]) == ([], False, 23)
        assert page["links"]["next"] is None
        back = await operator.get(page["links"]["previous"])
        assert back["metadata"]["offset"] == last
        assert back["data"]
        assert not back["metadata"]["hasMore"]
    nothing = await operator.get(f"{ACCOUNTS}?page[offset]=5&filter[Name]=nobody")
    assert nothing["links"]["previous"] is None


async def test_v2_rule_5_6_total_is_null_beyond_ten_thousand_and_has_more_is_exact(operator: Client, api: Api) -> None:
    await fill(api, COUNTED)
    assert (await operator.get(ACCOUNTS))["metadata"]["total"] == COUNTED
    await fill_one_more(api)
    for offset, rows, more in ((0, 25, True), (9_976, 25, False), (9_975, 25, True), (10_000, 1, False)):
        page = await operator.get(f"{ACCOUNTS}?page[offset]={offset}")
        assert (len(page["data"]), page["metadata"]["hasMore"]) == (rows, more)
        assert page["metadata"]["total"] is None
    beyond = await operator.get(f"{ACCOUNTS}?page[offset]=20000&page[limit]=200")
    assert beyond["metadata"] == {"offset": 20000, "limit": 200, "hasMore": False, "total": None, "sort": ["AccountId"]}
    back = await operator.get(beyond["links"]["previous"])
    assert (back["metadata"]["offset"], len(back["data"])) == (10_000, 1), "the last page that has rows"
    assert (await operator.get(f"{ACCOUNTS}?filter[Name][contains]=9"))["metadata"]["total"] == 3_439


async def fill_one_more(api: Api) -> None:
    async with api.database.transaction() as conn:
        await execute(conn, "INSERT INTO clarion.account (name, legal_name) VALUES ('Last', 'Last')")


async def test_v2_rule_5_7_sort_fields_have_two_spellings(operator: Client) -> None:
    first, second = await make(operator, name="b"), await make(operator, name="a")
    for query in ("sort=Name", "sort=name", "sort=-CreatedDate,Name", "sort=-createdDate", "sort=-AccountId"):
        assert await ids(operator, query) == [second, first]
    page = await operator.get(f"{ACCOUNTS}?sort=-name,legalName,Status,-createdDate,lastModifiedDate")
    assert page["metadata"]["sort"] == ["-Name", "LegalName", "Status", "-CreatedDate", "LastModifiedDate"]


@pytest.mark.parametrize(
    ("sort", "code"),
    [
        ("Nothing", "unknown_sort_field"),
        ("NAME", "unknown_sort_field"),
        ("legal_name", "unknown_sort_field"),
        ("legalname", "unknown_sort_field"),
        ("Currency", "unknown_sort_field"),
        ("", "unknown_sort_field"),
        ("Name,", "unknown_sort_field"),
        ("--Name", "unknown_sort_field"),
        ("%2BName", "unknown_sort_field"),
        ("Name, LegalName", "unknown_sort_field"),
        ("Name,-Name", "invalid_parameter"),
        ("Name,name", "invalid_parameter"),
        ("Name,LegalName,Status,CreatedDate,LastModifiedDate,AccountId", "invalid_parameter"),
    ],
)
async def test_v2_rule_5_7_another_sort_is_refused(operator: Client, sort: str, code: str) -> None:
    answer = await operator.call("GET", f"{ACCOUNTS}?sort={sort}")
    assert (answer.status, decoded(answer)["code"]) == (400, code)
    if code == "unknown_sort_field":
        for name in ("AccountId", "Name", "LegalName", "Status", "CreatedDate", "LastModifiedDate"):
            assert name in decoded(answer)["detail"]


async def test_v2_rule_5_8_without_sort_it_is_the_identifier(operator: Client) -> None:
    made = [await make(operator, name=name) for name in ("c", "a", "b")]
    page = await operator.get(ACCOUNTS)
    assert [row["accountId"] for row in page["data"]] == made
    assert page["metadata"]["sort"] == ["AccountId"]
    contacts = f"{ACCOUNTS}/{made[0]}/contacts"
    assert (await operator.get(contacts))["metadata"]["sort"] == ["ContactId"]
    assert (await operator.get("/v2/api-clients"))["metadata"]["sort"] == ["ClientId"]


async def test_v2_rule_5_9_text_without_case_then_by_code_point_and_the_identifier_last(operator: Client) -> None:
    names = ["b", "a", "B", "A", "b", "é", "É", "z", "Z", "_"]
    made = [(name, await make(operator, name=name)) for name in names]
    rising = [each for _, each in sorted(made, key=lambda pair: (pair[0].lower(), pair[0], pair[1]))]
    assert await ids(operator, "sort=Name") == rising
    falling = sorted(made, key=lambda pair: pair[1])
    falling.sort(key=lambda pair: (pair[0].lower(), pair[0]), reverse=True)
    assert await ids(operator, "sort=-Name") == [each for _, each in falling]


async def test_v2_rule_5_9_enums_sort_as_declared(operator: Client) -> None:
    made = {status: await make(operator, status=status) for status in ("Closed", "Active", "Suspended")}
    declared = [made[status.value] for status in AccountStatus]
    assert await ids(operator, "sort=Status") == declared
    assert await ids(operator, "sort=-Status") == declared[::-1]


async def test_v2_rule_5_10_equality_is_exact_for_text_and_by_value_for_the_rest(operator: Client) -> None:
    first = await make(operator, name="Acme", externalReference="E1")
    await make(operator, name="acme", externalReference="e1")
    assert await ids(operator, "filter[Name]=Acme") == [first]
    assert await ids(operator, "filter[name]=Acme&filter[externalReference]=E1") == [first]
    assert await ids(operator, "filter[Name]=Acme&filter[ExternalReference]=e1") == []
    assert await ids(operator, "filter[Name][eq]=Acme") == [first]
    seen = (await operator.get(f"{ACCOUNTS}/{first}"))["data"]["lastModifiedDate"]
    moment = datetime.fromisoformat(seen)
    elsewhere = moment.astimezone(tz=datetime.strptime("+05:30", "%z").tzinfo).isoformat()
    assert first in await ids(operator, f"filter[LastModifiedDate]={quote(elsewhere)}")
    finer = seen.replace("Z", "4Z")
    assert await ids(operator, f"filter[LastModifiedDate]={finer}") == []
    assert first in await ids(operator, f"filter[LastModifiedDate][lt]={finer}&filter[Name]=Acme")


async def test_v2_rule_5_11_operators(operator: Client) -> None:
    first = await make(operator, name="Sea, Sun", externalReference="E1", status="Suspended")
    second = await make(operator, name="SEASIDE 100%")
    third = await make(operator, name="a_b\\c", externalReference="E3")
    for query, found in (
        ("filter[Name][contains]=sea", [first, second]),
        ("filter[Name][contains]=%25", [second]),
        ("filter[Name][contains]=_", [third]),
        ("filter[Name][contains]=\\", [third]),
        ("filter[Name][startsWith]=seas", [second]),
        ("filter[Name][startsWith]=side", []),
        ("filter[Name][in]=Sea\\, Sun,a_b\\c", [first, third]),
        ("filter[Name][in]=Sea, Sun", []),
        ("filter[ExternalReference][exists]=true", [first, third]),
        ("filter[ExternalReference][exists]=false", [second]),
        ("filter[ExternalReference][ne]=E1", [second, third]),
        ("filter[Status][ne]=Active", [first]),
        ("filter[Status][in]=Active,Closed", [second, third]),
        (f"filter[AccountId][in]={first},{third}", [first, third]),
        ("filter[LastModifiedDate][gte]=2020-01-01T00:00:00Z", [first, second, third]),
        ("filter[LastModifiedDate][lt]=2020-01-01T00:00:00%2B02:00", []),
    ):
        assert await ids(operator, query) == found, query


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("filter[Nothing]=x", "unknown_filter_field"),
        ("filter[NAME]=x", "unknown_filter_field"),
        ("filter[legal_name]=x", "unknown_filter_field"),
        ("filter[Currency]=EUR", "unknown_filter_field"),
        ("filter[]=x", "unknown_filter_field"),
        ("filter[Name=x", "unknown_filter_field"),
        ("filter[Name][contains][x]=x", "unknown_filter_field"),
        ("filter[Name][gt]=x", "unsupported_filter_operator"),
        ("filter[Name][like]=x", "unsupported_filter_operator"),
        ("filter[Name][EQ]=x", "unsupported_filter_operator"),
        ("filter[Status][contains]=Act", "unsupported_filter_operator"),
        ("filter[Status][gt]=Active", "unsupported_filter_operator"),
        ("filter[LastModifiedDate][contains]=2026", "unsupported_filter_operator"),
        ("filter[Status]=active", "invalid_parameter"),
        ("filter[Status][in]=Active,Nothing", "invalid_parameter"),
        ("filter[Name][exists]=yes", "invalid_parameter"),
        ("filter[LastModifiedDate]=2026-11-28", "invalid_parameter"),
        ("filter[LastModifiedDate]=2026-11-28T10:00:00", "invalid_parameter"),
        ("filter[LastModifiedDate]=2026-11-28T10:00:00+02:00", "invalid_parameter"),
        ("filter[Name]=a&filter[Name]=b", "invalid_parameter"),
        ("filter[Name]=a&filter%5BName%5D=b", "invalid_parameter"),
        ("filter[Name]=%00", "invalid_parameter"),
        ("filter[Name]=%ff", "invalid_parameter"),
        ("filter[Name][in]=" + ",".join("x" * 51), "invalid_parameter"),
        ("page[size]=5", "unknown_parameter"),
        ("filter=x", "unknown_parameter"),
        ("Sort=Name", "unknown_parameter"),
    ],
)
async def test_v2_rule_5_11_what_does_not_fit_is_refused(operator: Client, query: str, code: str) -> None:
    assert await operator.refused("GET", f"{ACCOUNTS}?{query}") == (400, code)


def test_v2_rule_5_11_a_list_of_a_field_that_the_records_lack_fails_the_start(api: Api) -> None:
    for operation_id in ("listApiClients", "listContacts"):
        with pytest.raises(ConfigurationError):
            lists.Listing.of(api.contract.document.operations[operation_id], accounts.ACCOUNTS)


async def test_v2_rule_5_13_a_list_below_what_is_not_there_is_404(operator: Client) -> None:
    assert await operator.refused("GET", f"{ACCOUNTS}/ACC-999999999/contacts") == (404, "not_found")
    account = await make(operator)
    assert (await operator.get(f"{ACCOUNTS}/{account}/contacts"))["data"] == []


async def test_v2_rule_5_14_the_link_header_is_the_bodys(operator: Client, api: Api) -> None:
    await fill(api, 5)
    for query, relations in (
        ("page[limit]=2", ["next"]),
        ("page[limit]=2&page[offset]=2", ["next", "prev"]),
        ("page[limit]=2&page[offset]=4", ["prev"]),
        ("", []),
    ):
        answer = await operator.call("GET", f"{ACCOUNTS}?{query}")
        links = decoded(answer)["links"]
        named = {"next": links["next"], "prev": links["previous"]}
        wanted = ", ".join(f'<{named[rel]}>; rel="{rel}"' for rel in relations)
        assert answer.headers.get("link", "") == wanted


TEXT = st.text(alphabet="aAbÉ,\\%_& +", min_size=1, max_size=5)
NAME = TEXT.filter(lambda text: text == text.strip())
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda own, given: own == given,
    "ne": lambda own, given: own != given,
    "contains": lambda own, given: given.lower() in own.lower(),
    "startsWith": lambda own, given: own.lower().startswith(given.lower()),
}


async def test_v2_rules_5_4_and_5_10_any_text_goes_through_the_query_and_the_links(operator: Client, api: Api) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=40)
    @given(st.lists(NAME, min_size=1, max_size=6), TEXT, st.sampled_from(sorted(TEXTS)), st.integers(1, 3))
    def holds(names: list[str], text: str, operator_name: str, limit: int) -> None:
        asyncio.run_coroutine_threadsafe(check(names, text, operator_name, limit), loop).result(60)

    async def check(names: list[str], text: str, operator_name: str, limit: int) -> None:
        async with api.database.transaction() as conn:
            await execute(conn, "DELETE FROM clarion.account")
            insert = "INSERT INTO clarion.account (name, legal_name) SELECT n, 'X' FROM unnest(%s::text[]) AS n"
            await execute(conn, insert, (names,))
        target = f"{ACCOUNTS}?page[limit]={limit}&sort=Name&filter[Name][{operator_name}]={quote(text, safe='')}"
        seen: list[str] = []
        while target:
            page = await fresh.get(target)
            seen += [row["name"] for row in page["data"]]
            target = page["links"]["next"]
        wanted = sorted(
            (name for name in names if TEXTS[operator_name](name, text)), key=lambda name: (name.lower(), name)
        )
        assert seen == wanted

    fresh = await api.client()
    await asyncio.to_thread(holds)


async def test_v2_rule_7_1_the_tag_of_a_list_covers_the_whole_body(operator: Client, api: Api) -> None:
    await fill(api, 3)
    tags = {
        query: (await operator.call("GET", f"{ACCOUNTS}?{query}")).headers["etag"] for query in ("", "page[limit]=2")
    }
    assert tags[""] != tags["page[limit]=2"]
    assert (await operator.call("GET", ACCOUNTS, headers={"If-None-Match": tags[""]})).status == 304
    await make(operator)
    changed = await operator.call("GET", ACCOUNTS, headers={"If-None-Match": tags[""]})
    assert changed.status == 200
    assert json.loads(changed.body)["metadata"]["total"] == 4


class Ride(Record, frozen=True, kw_only=True):
    """A record with a filter of another name than its field's."""

    ride_id: str
    categories: tuple[str, ...]


async def test_v2_rule_5_12_a_special_filter_takes_eq_only(api: Api, sealer: Sealer) -> None:
    """One category of several; the filters of guests, experiences and messages come with those."""
    rides = Records(
        "clarion.ride", Ride, key="ride_id", owner="", special={"Category": "{v}::text = ANY(t.categories)"}
    )
    listing = lists.Listing(rides, {"Category": "Category", "category": "Category"}, {}, ("Category",), ())
    operation = api.contract.document.operations["listPointsOfInterest"]

    def wanted(name: str, text: str) -> PageRequest:
        request = Request(method="GET", path="/v2/points-of-interest", headers=Headers())
        services = Services(api.database, sealer)
        call = Call(
            services=services, contract=api.contract, request=request, operation=operation, base_url=BASE,
            pairs=[(name, text)],
        )  # fmt: skip
        return lists.read(call, listing)

    async with api.database.transaction() as conn:
        await execute(conn, "CREATE TABLE clarion.ride (ride_id text PRIMARY KEY, categories text[])")
        for ride_id, categories in (("R1", ("Family", "Water")), ("R2", ("Thrill",)), ("R3", ())):
            await rides.insert(conn, {"ride_id": ride_id, "categories": categories})
        for name in ("filter[Category]", "filter[category]", "filter[Category][eq]"):
            page = await rides.page(conn, wanted(name, "Water"))
            assert [row.ride_id for row in page.rows] == ["R1"]
    for operator_name in ("ne", "in", "contains", "exists", "gt"):
        with pytest.raises(Refused) as refused:
            wanted(f"filter[Category][{operator_name}]", "true")
        assert refused.value.code == "unsupported_filter_operator"
