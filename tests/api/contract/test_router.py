"""Matching of method and path (v1 rule 23, v2 rules 1.9, 1.10)."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.api.contract.document import Document
from clarion.api.contract.engine import Contract
from clarion.api.contract.router import Found, OtherMethod, Router
from clarion.base.errors import ConfigurationError

APP = "/v1/me/apps/demo01"


def found(contract: Contract, method: str, path: str) -> tuple[str, dict[str, str | None]]:
    match = contract.router.match(method, path)
    assert isinstance(match, Found), match
    return match.operation.operation_id, match.values


@pytest.mark.parametrize(
    ("method", "path", "operation", "values"),
    [
        ("GET", "/v1/me", "me", {}),
        ("GET", f"{APP}/messages/7", "getMessage", {"partnerId": "demo01", "messageId": "7"}),
        ("GET", f"{APP}/devices/search/by", "searchDevice", {"partnerId": "demo01"}),
        ("PUT", f"{APP}/devices/search", "updateDevice", {"partnerId": "demo01", "udid": "search"}),
        (
            "PUT",
            f"{APP}/inapps/external/status",
            "updateInappByExternalId",
            {"partnerId": "demo01", "externalId": "status"},
        ),
        ("PUT", f"{APP}/inapps/7/status", "setInappStatus", {"partnerId": "demo01", "inappId": "7"}),
        ("PUT", f"{APP}/devices/a%2Fb%20%C3%A9", "updateDevice", {"partnerId": "demo01", "udid": "a/b é"}),
        ("PUT", f"{APP}/devices/%ff", "updateDevice", {"partnerId": "demo01", "udid": None}),
        ("PUT", f"{APP}/devices/%2", "updateDevice", {"partnerId": "demo01", "udid": None}),
        ("GET", "/v1/%6De", "me", {}),
    ],
)
def test_static_segments_come_before_parameters(
    v1: Contract, method: str, path: str, operation: str, values: dict[str, str | None]
) -> None:
    assert found(v1, method, path) == (operation, values)


@pytest.mark.parametrize(
    "path", ["", "/", "v1/me", "/v1", "/v1/me/", "/V1/me", "/v1//me", "/v1/me/apps//messages", f"{APP}/nothing", "*"]
)
def test_v2_rule_1_9_another_form_of_a_path_is_unknown(v1: Contract, path: str) -> None:
    assert v1.router.match("GET", path) is None
    assert v1.router.allowed(path) == ()


def test_a_known_path_with_another_method_tells_its_methods(v1: Contract, v2: Contract) -> None:
    assert v1.router.match("PATCH", f"{APP}/messages/7") == OtherMethod(("GET", "PUT", "DELETE"))
    assert v2.router.match("PATCH", "/v2/api-clients/abc") == OtherMethod(("GET", "DELETE"))
    assert v2.router.allowed("/v2/accounts") == ("GET", "POST")


@pytest.mark.parametrize("name", ["v1", "v2"])
def test_every_operation_is_found_at_its_own_path(name: str, v1: Contract, v2: Contract) -> None:
    contract = {"v1": v1, "v2": v2}[name]
    for operation in contract.document.operations.values():
        path = operation.path.replace("{", "").replace("}", "")
        assert found(contract, operation.method, path)[0] == operation.operation_id


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_travels_as_a_path_parameter(udid: str) -> None:
    match = ROUTER.match("PUT", f"{APP}/devices/{quote(udid, safe='')}")
    assert isinstance(match, Found)
    assert match.values["udid"] == udid


@given(st.text(), st.text())
def test_any_request_line_matches_or_does_not(method: str, path: str) -> None:
    assert ROUTER.match(method, path) is None or path.startswith("/v1")


ROUTER = Router(Document.load("v1").operations.values())


def test_two_operations_cannot_claim_one_place() -> None:
    document = Document(
        "double",
        {
            "paths": {
                "/a/{x}": {"get": {"operationId": "one", "responses": {}}},
                "/a/{y}": {"get": {"operationId": "two", "responses": {}}},
            }
        },
    )
    with pytest.raises(ConfigurationError):
        Router(document.operations.values())
