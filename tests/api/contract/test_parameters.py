"""Query strings, path and header parameters (v1 rules 1, 26, 30, 62, 65, 66, 80; v2 rule 1.16)."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.api.contract.engine import Contract
from clarion.api.contract.parameters import Query, split_list
from clarion.api.contract.query import parse_pairs

CONTRACT = Contract.load("v1")


def query(contract: Contract, operation: str, raw: str) -> Query:
    return contract.parameters.query(contract.document.operations[operation], raw.encode())


def faults(result: Query) -> list[tuple[str, str]]:
    return [(finding.pointer, finding.code) for finding in result.findings]


def test_values_are_typed_and_defaults_filled_in(v1: Contract, v2: Contract) -> None:
    assert query(v1, "listMessages", "title=abc%25&page=3").values == {"page": 3, "title": "abc%"}
    assert query(v1, "listMessages", "").values == {"page": 1}
    sites = query(v2, "listSites", "filter%5BIsVenue%5D=true&page[limit]=10&filter[Country][in]=NL,FR")
    assert sites.values == {
        "page[offset]": 0,
        "page[limit]": 10,
        "filter[IsVenue]": True,
        "filter[Country][in]": ["NL", "FR"],
    }
    assert not sites.findings


@pytest.mark.parametrize("page", ["x", "", "1.0", "+1", "0x1", "1e2", "١", "1 ", "9" * 30])
def test_v1_rule_30_a_page_that_is_no_number_is_a_finding(v1: Contract, page: str) -> None:
    [(name, code)] = faults(query(v1, "listMessages", f"page={quote(page)}"))
    assert name == "page"
    assert code == ("maximum" if page == "9" * 30 else "wrong_type")


def test_messages_name_the_parameter_and_not_its_value(v1: Contract) -> None:
    [finding] = query(v1, "sendMessage", "test=TRUE-secret").findings
    assert finding.message == "Malformed parameter `test`: expected `true`"
    [finding] = query(v1, "setInboxStatus", "").findings
    assert finding.message == "Missing mandatory parameter `UDID`"


def test_v1_rule_62_a_test_send_is_exactly_true(v1: Contract) -> None:
    assert query(v1, "sendMessage", "test=true").values == {"test": "true"}
    for other in ("1", "True", "false", ""):
        assert faults(query(v1, "sendMessage", f"test={other}")) == [("test", "enum")]


def test_v1_rule_65_fields_keep_the_order_of_their_indexes(v1: Contract) -> None:
    chosen = query(v1, "listDevices", "fields%5B10%5D=token&fields[2]=UDID&fields[1]=IDFA").values["fields"]
    assert list(chosen.values()) == ["IDFA", "UDID", "token"]
    chosen = query(v1, "listDevices", "fields[]=b&fields[]=a&fields[1]=c").values["fields"]
    assert list(chosen.values()) == ["c", "b", "a"]
    odd = query(v1, "listDevices", f"fields[x]=b&fields[{'9' * 5000}]=a&fields[1]=c&fields[01]=d")
    assert list(odd.values["fields"].values()) == ["d", "b", "a"]
    assert odd.repeated == ["fields[1]"]
    assert list(query(v1, "listDevices", "fields[]=b&fields[]=a").values["fields"].values()) == ["b", "a"]


def test_v1_rule_66_every_other_name_is_a_filter_of_the_search(v1: Contract) -> None:
    found = query(v1, "searchDevice", "clientId=C%201&token=a%2Bb&UDID=")
    assert found.values == {"filters": {"clientId": "C 1", "token": "a+b", "UDID": ""}}
    assert query(v1, "searchDevice", "").values == {}


def test_v1_rule_80_columns_are_repeated(v1: Contract) -> None:
    clicks = query(v1, "listMessageClicks", "data[]=clientId&data%5B%5D=bundleversion")
    assert clicks.values["data[]"] == ["clientId", "bundleversion"]
    assert not clicks.repeated


def test_v2_rule_1_16_unknown_and_repeated_names_are_told_apart(v2: Contract) -> None:
    found = query(v2, "listSites", "filter[Nothing]=1&page[limit]=5&page[limit]=6&x=1&x=2")
    assert found.unknown == ["filter[Nothing]", "x"]
    assert found.repeated == ["page[limit]"]
    assert found.values["page[limit]"] == 6


def test_v2_rule_5_11_a_comma_inside_a_value_is_escaped() -> None:
    assert split_list(r"a,b\,c,d") == ["a", "b,c", "d"]


@pytest.mark.parametrize(
    ("raw", "code", "name"),
    [
        (b"title=%zz", "encoding", "title"),
        (b"title=%2", "encoding", "title"),
        (b"title=%ff", "encoding", "title"),
        (b"title=\xff", "encoding", "title"),
        (b"%ff=x", "encoding", ""),
        (b"title=%00", "nul", "title"),
        (b"%00=x", "nul", ""),
        (b"title=%ed%a0%80", "encoding", "title"),
        (b"&".join(b"a=1" for _ in range(1001)), "too_many", ""),
    ],
)
def test_wrong_encoding_is_a_clean_finding(v1: Contract, raw: bytes, code: str, name: str) -> None:
    found = v1.parameters.query(v1.document.operations["listMessages"], raw)
    assert faults(found) == [(name, code)]


def test_a_mandatory_parameter_that_cannot_be_read_is_reported_once(v1: Contract) -> None:
    assert faults(query(v1, "setInboxStatus", "UDID=%zz")) == [("UDID", "encoding")]


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
    )
)
def test_pairs_survive_percent_encoding(pairs: list[tuple[str, str]]) -> None:
    raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    read, found = parse_pairs(raw.encode())
    spoiled = [pair for pair in pairs if "\x00" in "".join(pair)]
    assert read == [pair for pair in pairs if pair not in spoiled]
    assert len(found) == len(spoiled)


@given(st.binary(), st.sampled_from(sorted(CONTRACT.document.operations)))
def test_any_query_string_is_read_or_becomes_findings(raw: bytes, operation: str) -> None:
    result = CONTRACT.parameters.query(CONTRACT.document.operations[operation], raw)
    assert all(finding.message for finding in result.findings)


@pytest.mark.parametrize("value", ["x", "0", "-1", "1.5", "9223372036854775808"])
def test_v1_rule_26_an_id_that_is_no_positive_number_is_a_finding(v1: Contract, value: str) -> None:
    operation = v1.document.operations["getCampaign"]
    typed, found = v1.parameters.path(operation, {"partnerId": "demo01", "campaignId": value})
    assert typed == {"partnerId": "demo01"}
    assert [finding.pointer for finding in found] == ["campaignId"]


def test_path_parameters_are_typed_and_their_encoding_checked(v1: Contract) -> None:
    operation = v1.document.operations["getCampaign"]
    assert v1.parameters.path(operation, {"partnerId": "d", "campaignId": "7"}) == (
        {"partnerId": "d", "campaignId": 7},
        [],
    )
    _, found = v1.parameters.path(operation, {"partnerId": None, "campaignId": "7"})
    assert [(finding.pointer, finding.code) for finding in found] == [("partnerId", "encoding")]
    _, found = v1.parameters.path(operation, {"partnerId": "a\x00b", "campaignId": "7"})
    assert [(finding.pointer, finding.code) for finding in found] == [("partnerId", "nul")]


def test_v2_rule_8_2_header_parameters_are_checked_against_their_form(v2: Contract) -> None:
    operation = v2.document.operations["createAccount"]
    assert v2.parameters.headers(operation, {"idempotency-key": '"abc"'}) == ({"Idempotency-Key": '"abc"'}, [])
    _, found = v2.parameters.headers(operation, {"idempotency-key": "a b"})
    assert [(finding.pointer, finding.code) for finding in found] == [("Idempotency-Key", "pattern")]
    assert v2.parameters.headers(operation, {}) == ({}, [])
