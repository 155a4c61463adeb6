"""Pages and links of lists (v1 rules 29 to 33)."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from clarion.api.v1.call import V1Settings
from clarion.content import service as content
from clarion.content.model import CampaignDraft
from tests.api.v1.client import V1Client


@pytest.fixture
async def many(v1: V1Client) -> V1Client:
    """An application with 201 campaigns: two full pages and one more."""
    async with v1.database.transaction() as conn:
        for number in range(201):
            await content.create_campaign(conn, v1.android.id, CampaignDraft(f"campaign {number}"))
    return v1


async def test_rules_29_and_33_following_next_shows_everything_once_by_ascending_id(many: V1Client) -> None:
    url, ids, sizes = many.path("campaigns"), [], []
    while url:
        answer = await many.get(url)
        ids += [campaign["id"] for campaign in answer.json["data"]]
        sizes.append(len(answer.json["data"]))
        assert answer.links == answer.json["links"]
        url = answer.links.get("next", "")
    assert sizes == [100, 100, 1]
    assert ids == sorted(set(ids))
    assert len(ids) == 201


@pytest.mark.parametrize(
    ("page", "size", "relations"),
    [
        ("", 100, {"first": 1, "next": 2}),
        ("1", 100, {"first": 1, "next": 2}),
        ("2", 100, {"first": 1, "prev": 1, "next": 3}),
        ("3", 1, {"first": 1, "prev": 2}),
        ("4", 0, {"first": 1, "prev": 3}),
        ("1000", 0, {"first": 1, "prev": 999}),
        ("0", 0, {"first": 1}),
        ("-3", 0, {"first": 1}),
        ("002", 100, {"first": 1, "prev": 1, "next": 3}),
        (str(10**30), 0, {"first": 1, "prev": 10**30 - 1}),
        (str(-(10**30)), 0, {"first": 1}),
        (str(2**63), 0, {"first": 1, "prev": 2**63 - 1}),
    ],
)
async def test_rules_30_to_32_pages_inside_and_outside(
    many: V1Client, page: str, size: int, relations: dict[str, int]
) -> None:
    answer = await many.get(many.path("campaigns"), params={"page": page} if page else {})
    assert answer.status == 200
    assert len(answer.json["data"]) == size
    shown = {name: int(dict(parse_qsl(urlsplit(url).query))["page"]) for name, url in answer.links.items()}
    assert shown == relations
    assert answer.json["links"] == answer.links


@pytest.mark.parametrize("page", ["", "one", "1.0", "1e2", "+1", "0x1", "٣", "1,2", "1" * 5000])
async def test_rule_30_a_page_that_is_no_number_is_a_format_error(v1: V1Client, page: str) -> None:
    answer = await v1.get(v1.path("campaigns"), params={"page": page})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert "`page`" in answer.errors[0][1]


async def test_rule_31_links_keep_the_other_parameters_and_are_whole_addresses(many: V1Client) -> None:
    asked = [("tag", "a b&c"), ("page", "2"), ("tag", "%é"), ("empty", "")]
    answer = await many.get(many.path("campaigns"), params=asked)
    for url in answer.links.values():
        split = urlsplit(url)
        assert (split.scheme, split.netloc, split.path) == ("https", "push.test", many.path("campaigns"))
        kept = parse_qsl(split.query, keep_blank_values=True)
        assert [pair for pair in kept if pair[0] != "page"] == [("tag", "a b&c"), ("tag", "%é"), ("empty", "")]
    assert (await many.get(answer.links["next"])).json["links"]["prev"].endswith("page=2")


@pytest.mark.parametrize("host", ["evil>; rel=x", "", "a b", "push.test/x"])
async def test_a_host_header_that_is_no_host_does_not_reach_the_links(v1: V1Client, host: str) -> None:
    answer = await v1.get(v1.path("campaigns"), headers={"host": host})
    assert answer.links == {"first": f"https://127.0.0.1{v1.path('campaigns')}?page=1"}


async def test_an_empty_list_has_its_first_page_only(v1: V1Client) -> None:
    answer = await v1.get(v1.path("campaigns"))
    assert answer.json == {"data": [], "links": {"first": f"https://push.test{v1.path('campaigns')}?page=1"}}


class TestConfiguredAddress:
    """The operator may say under which address callers reach the installation."""

    @pytest.fixture
    def v1_settings(self) -> V1Settings:
        return V1Settings(base_url="https://api.shop.example/push/")

    async def test_links_begin_with_the_configured_address(self, v1: V1Client) -> None:
        answer = await v1.get(v1.path("campaigns"))
        assert answer.links == {"first": f"https://api.shop.example/push{v1.path('campaigns')}?page=1"}
