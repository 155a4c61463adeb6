"""`clarion v2`: the resources on the command line, over https, as an API client."""

from pathlib import Path

import pytest

from clarion.api.contract.document import Document
from clarion.cli.v2.families import FAMILIES, Family
from tests.cli.conftest import Installation
from tests.cli.v2 import as_client, call_v2, new_reference, where

DOCUMENT = Document.load("v2")


@pytest.fixture(scope="session")
def operator(installation: Installation) -> dict[str, str]:
    """A client of the operator with every scope."""
    return as_client(installation, "all")


def new_account(installation: Installation, operator: dict[str, str], *members: str) -> str:
    made = call_v2(installation, operator, "accounts", "create", "name=Shop", "legalName=Shop B.V.", *members)
    return str(made["accountId"])


def test_a_record_is_created_read_changed_and_deleted(installation: Installation, operator: dict[str, str]) -> None:
    account_id = new_account(installation, operator, "currency=USD", "externalReference=" + new_reference("A"))
    shown = call_v2(installation, operator, "accounts", "get", account_id)
    assert (shown["name"], shown["currency"]) == ("Shop", "USD")
    changed = call_v2(installation, operator, "accounts", "update", account_id, "name=Store", "externalReference=null")
    assert (changed["name"], changed["externalReference"]) == ("Store", None)
    deleted = call_v2(installation, operator, "accounts", "delete", account_id)
    assert deleted == {"accountId": account_id, "deleted": True}
    assert "not_found" in call_v2(installation, operator, "accounts", "get", account_id, code=1)["error"]


def test_records_below_others_are_named_by_both_ids(installation: Installation, operator: dict[str, str]) -> None:
    account_id = new_account(installation, operator)
    members = ("name=Ana", "role=Billing", "notifyInvoices=true", "channels=Push,Inbox")
    made = call_v2(installation, operator, "contacts", "create", account_id, *members)
    assert (made["notifyInvoices"], made["channels"]) == (True, ["Push", "Inbox"])
    call_v2(installation, operator, "contacts", "update", account_id, made["contactId"], "phone=+31201234567")
    [listed] = call_v2(installation, operator, "contacts", "list", account_id)
    assert listed["phone"] == "+31201234567"
    assert call_v2(installation, operator, "contacts", "get", account_id, made["contactId"]) == listed


def test_lists_take_filters_sort_and_a_limit(installation: Installation, operator: dict[str, str]) -> None:
    mark = new_reference("list")
    for number in range(5):
        new_account(installation, operator, f"externalReference={mark}-{number}")
    wanted = ("accounts", "list", "--filter", f"ExternalReference[startsWith]={mark}-", "--sort", "-AccountId")
    found = [each["externalReference"] for each in call_v2(installation, operator, *wanted, "--all")]
    assert found == [f"{mark}-{number}" for number in (4, 3, 2, 1, 0)]
    assert len(call_v2(installation, operator, *wanted, "--limit", "2")) == 2
    shown = installation.clarion.run("v2", *wanted, "--limit", "2", *where(installation, operator), where=False)
    assert f"{mark}-4" in shown.stdout
    assert f"{mark}-1" not in shown.stdout
    assert "--all" in shown.stderr


def test_bodies_can_come_from_a_file_or_as_json(
    installation: Installation, operator: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "body.json").write_text('{"name": "From a file", "legalName": "x"}')
    made = call_v2(
        installation, operator, "accounts", "create", "legalName=Over it", "--body", f"@{tmp_path}/body.json"
    )
    assert (made["name"], made["legalName"]) == ("From a file", "Over it")
    complaint = call_v2(installation, operator, "accounts", "create", "--body", "[1]", code=1)
    assert "no JSON object" in complaint["error"]


def test_v2_rule_8_6_a_key_makes_a_command_act_once(installation: Installation, operator: dict[str, str]) -> None:
    key = new_reference("key")
    assert len({new_account(installation, operator, "--key", key) for _ in range(3)}) == 1


def test_v2_rule_7_3_an_entity_tag_guards_a_change(installation: Installation, operator: dict[str, str]) -> None:
    account_id = new_account(installation, operator)
    human = installation.clarion.run("v2", "accounts", "get", account_id, *where(installation, operator), where=False)
    tag = next(line.split()[-1] for line in human.stdout.splitlines() if line.startswith("ETag"))
    call_v2(installation, operator, "accounts", "update", account_id, "name=One", "--if-match", tag)
    complaint = call_v2(installation, operator, "accounts", "update", account_id, "name=Two", "--if-match", tag, code=1)
    assert "412" in complaint["error"]


def test_findings_stand_one_by_one_with_their_members(installation: Installation, operator: dict[str, str]) -> None:
    complaint = call_v2(installation, operator, "accounts", "create", "name=", "currency=euro", code=1)
    assert {each["pointer"] for each in complaint["findings"]} == {"name", "currency", "legalName"}
    complaint = call_v2(installation, operator, "accounts", "create", "colour=red", "partnerIds=[1", code=1)
    assert {each["code"] for each in complaint["findings"]} == {"unknown_field", "invalid_format"}
    assert "legalName" in complaint["findings"][0]["message"]


def test_v2_rule_4_5_a_client_makes_another_one(installation: Installation, operator: dict[str, str]) -> None:
    members = ("apiClientName=Reader", "scopes=BasicRead,SupportRead")
    made = call_v2(installation, operator, "api-clients", "create", *members)
    assert made["clientSecret"]
    assert isinstance(call_v2(installation, made, "accounts", "list"), list)


def test_wrong_usage_says_what_is_missing(installation: Installation, operator: dict[str, str]) -> None:
    options = where(installation, operator)
    result = installation.clarion.run("v2", "contacts", "get", "ACC-1", *options, code=2, where=False)
    assert "ACCOUNT_ID CONTACT_ID" in result.stderr
    installation.clarion.run("v2", "accounts", "list", "--filter", "Name", *options, code=2, where=False)
    installation.clarion.run("v2", "accounts", "create", "name", *options, code=2, where=False)
    complaint = installation.clarion.refused("v2", "accounts", "list")
    assert "CLARION_CLIENT_ID" in complaint["hint"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: str(family.name))
def test_every_command_of_a_resource_is_an_operation_of_the_contract(family: Family) -> None:
    at = {(each.method, each.path) for each in DOCUMENT.operations.values()}
    above = family.path.rpartition("/")[0]
    assert {("GET", above), ("GET", family.path)} <= at
    assert bool(family.create) == (("POST", above) in at)
    assert (family.patch is not None) == (("PATCH", family.path) in at)
    assert family.delete == (("DELETE", family.path) in at)
    schema = DOCUMENT.raw["components"]["schemas"]
    shown = [set(each["properties"]) for each in schema.values() if family.key in each.get("properties", {})]
    assert any(set(family.columns) <= members for members in shown)
