"""The schema pass: the case in hand decides which form of a union a body is held against."""

import msgspec
import pytest

from clarion.api.contract.cases import PASSES
from clarion.api.contract.decode import Decoded, decode
from clarion.api.contract.document import Document
from clarion.api.contract.engine import Contract
from clarion.api.contract.schemapass import ANYTHING, Case, SchemaPass
from clarion.base.errors import ConfigurationError


def pointers(contract: Contract, operation: str, value: object, case: str = "") -> list[str]:
    found = contract.check_body(contract.document.operations[operation], Decoded(value), case)
    return [finding.pointer for finding in found]


ODD_FOR_ANDROID = {"name": "x", "messages": [{"text": "Hi", "foreground": "yes"}]}


def test_v1_rule_37_the_platform_of_the_application_decides_the_kind_of_message(v1: Contract) -> None:
    assert pointers(v1, "createMessage", ODD_FOR_ANDROID) == []  # The union takes it for an odd iOS message.
    assert pointers(v1, "createMessage", ODD_FOR_ANDROID, "android") == ["/messages/0/foreground"]
    assert pointers(v1, "createMessage", ODD_FOR_ANDROID, "ios") == []
    assert pointers(v1, "createMessage", ODD_FOR_ANDROID, "web") == []
    assert pointers(v1, "createAlarm", {**ODD_FOR_ANDROID, "settings": {"programmation": 1}}, "android") == [
        "/messages/0/foreground",
        "/settings/programmation",
    ]


def test_v1_rule_41_the_button_template_is_mandatory_on_ios_only(v1: Contract) -> None:
    value = {
        "parentMessageId": 1,
        "message": {"interactiveButtons": {"buttons": [{"id": 1}]}},
        "targets": [{"clientId": "C-1"}],
    }
    assert pointers(v1, "sendInstantMessage", value, "android") == []
    assert pointers(v1, "sendInstantMessage", value, "ios") == ["/message/interactiveButtons/template"]


def test_v1_rule_50_targets_are_left_to_be_validated_one_by_one(v1: Contract) -> None:
    targets: list[object] = [{"clientId": ["wrong"]}, 5, {"clientId": "C-1"}]
    value = {"parentMessageId": 1, "targets": targets}
    assert pointers(v1, "sendInstantMessage", value)[:1] == ["/targets/0/clientId"]
    assert pointers(v1, "sendInstantMessage", value, "android") == []
    assert [bool(v1.check("Target", target)) for target in targets] == [True, True, False]
    too_many = {**value, "targets": [{"clientId": "C-1"}] * 101}
    assert pointers(v1, "sendInstantMessage", too_many, "android") == ["/targets"]


def test_v1_rule_74_users_of_a_list_are_left_to_be_validated_one_by_one(v1: Contract) -> None:
    users: list[object] = [{"deviceId": 5}, {}, {"clientId": "C-1"}]
    assert pointers(v1, "upsertListUsers", {"users": users})[:1] == ["/users/0/deviceId"]
    assert pointers(v1, "upsertListUsers", {"users": users}, "list_users") == []
    assert pointers(v1, "removeListUsers", {"users": []}, "list_users") == ["/users"]
    assert [bool(v1.check("ListDeviceByField", user)) for user in users] == [True, True, False]


def test_v1_rule_57_each_application_of_a_multi_application_message_is_validated_alone(v1: Contract) -> None:
    apps: dict[str, object] = {"one": {}, "two": {"parentMessageId": 3}}
    value = {"apps": apps, "targets": [{}]}
    assert pointers(v1, "sendInstantMessageMultiApp", value, "multi") == []
    assert [finding.code for finding in v1.check("MultiAppParent", apps["one"], "ios")] == ["missing"]
    assert pointers(v1, "sendInstantMessageMultiApp", {"apps": {}}, "multi") == ["/targets", "/apps"]


def test_v1_rule_68_the_form_of_a_group_update(v1: Contract) -> None:
    value: dict[str, object] = {"matchingKeys": [], "users": [{"clientId": {}}]}
    assert pointers(v1, "updateDeviceGroup", value, "shared_keys") == ["/matchingKeys", "/users/0/clientId"]
    assert pointers(v1, "updateDeviceGroup", {"users": [{"fields": 1}]}, "own_keys") == [
        "/users/0/matchingKeys",
        "/users/0/fields",
    ]


def test_v2_cases_are_held_against_their_type(v2: Contract) -> None:
    value = {"type": "Incident", "subject": "Billing", "serviceId": "SVC-20000317", "message": "x"}
    assert pointers(v2, "createCase", value, "Incident") == ["/startOfIncident", "/subject"]


@pytest.mark.parametrize("name", sorted(PASSES))
def test_every_example_of_a_touched_schema_fits_at_least_one_case(name: str) -> None:
    contract = Contract.load(name)
    for operation in contract.document.operations.values():
        if operation.body is not None and operation.body.schema_name:
            schema = contract.document.at(operation.body.schema_pointer.rpartition("/")[0])["schema"]
            examples = contract.document.follow(schema)[0].get("examples", [])
            for example in examples:
                decoded = decode(msgspec.json.encode(example))
                cases = ["", *(case.name for case in PASSES[name].cases)]
                assert any(contract.check_body(operation, decoded, case) == [] for case in cases[1:] or cases)


def test_an_unknown_case_is_a_programming_error(v1: Contract) -> None:
    with pytest.raises(LookupError):
        pointers(v1, "createMessage", {}, "symbian")


def test_a_case_that_replaces_nothing_fails_the_start() -> None:
    document = Document("small", {"paths": {}, "components": {"schemas": {"A": {"properties": {"b": {}}}}}})
    Contract(document, SchemaPass((Case("fine", {"A/properties/b": ANYTHING}),)))
    for pointer in ("B", "A/properties/c", "A/items/b"):
        with pytest.raises(ConfigurationError):
            Contract(document, SchemaPass((Case("wrong", {pointer: ANYTHING}),)))
