"""Findings: complete, in the order of the body, phrased by us (v1 rules 20, 22, 107; v2 rules 1.15, 6.3)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.api.contract.decode import Decoded
from clarion.api.contract.document import Document
from clarion.api.contract.engine import Contract
from clarion.api.contract.schemas import Schemas
from clarion.api.contract.validate import MAX_NODES, Validator, prune
from clarion.api.contract.wording import CODES

SECRET = "what-the-caller-sent"


def compiled(schema: dict[str, Any], name: str = "test") -> Validator:
    document = Document(name, {"paths": {}, "components": {"schemas": {"It": schema}}})
    return Schemas(document).compile("/components/schemas/It")


def codes(schema: dict[str, Any], value: Any) -> list[tuple[str, str]]:
    return [(finding.pointer, finding.code) for finding in compiled(schema).check_value(value)]


def body(contract: Contract, operation: str, value: Any, case: str = "") -> list[tuple[str, str]]:
    found = contract.check_body(contract.document.operations[operation], Decoded(value), case)
    return [(finding.pointer, finding.code) for finding in found]


def test_v1_rule_22_missing_and_malformed_fields_are_named_between_back_quotes(v1: Contract) -> None:
    operation = v1.document.operations["createMessage"]
    found = v1.check_body(operation, Decoded({"messages": [{"text": 5}], "externalId": ""}), "android")
    assert [finding.message for finding in found] == [
        "Missing mandatory parameter `name` or `title`",
        "Malformed field `messages/0/text`: expected a string",
        "Malformed field `externalId`: must not be empty",
    ]


def test_v1_rule_107_findings_follow_the_members_of_the_body() -> None:
    schema = {
        "required": ["a", "b", "c"],
        "properties": {name: {"type": "object", "required": ["x"]} for name in "abcdef"},
        "additionalProperties": False,
    }
    value = {"f": 1, "z": 1, "b": {}, "e": 2, "y": 1, "d": {"x": 1}}
    assert codes(schema, value) == [
        ("/a", "missing"),
        ("/c", "missing"),
        ("/f", "wrong_type"),
        ("/z", "unknown_field"),
        ("/b/x", "missing"),
        ("/e", "wrong_type"),
        ("/y", "unknown_field"),
    ]


def test_array_entries_are_in_numeric_order() -> None:
    assert codes({"items": {"type": "string"}}, [1] * 12) == [(f"/{n}", "wrong_type") for n in range(12)]


@pytest.mark.parametrize(
    ("schema", "value", "code", "ending"),
    [
        ({"type": "string"}, 1, "wrong_type", "expected a string"),
        ({"type": ["null", "integer", "string"]}, [], "wrong_type", "expected a string, an integer or null"),
        ({"enum": ["a", 1, None, True]}, SECRET, "enum", "expected one of `a`, 1, null or true"),
        ({"const": "a"}, SECRET, "enum", "expected `a`"),
        ({"enum": list(range(99))}, SECRET, "enum", "expected one of 99 fixed values"),
        ({"pattern": "^[a-z]$"}, SECRET, "pattern", "expected the form ^[a-z]$"),
        ({"format": "date-time"}, SECRET, "format", "expected a date and time such as 2031-03-02T09:00:00+01:00"),
        ({"format": "date"}, "2031-02-30", "format", "expected a date such as 2031-03-02"),
        ({"format": "uri"}, "no uri", "format", "expected an absolute URI"),
        ({"format": "email"}, "Bob <a@example.com>", "format", "expected an e-mail address"),
        ({"format": "uuid"}, SECRET, "format", "expected a UUID"),
        ({"minLength": 2}, "a", "too_short", "shorter than 2 characters"),
        ({"maxLength": 2}, SECRET, "too_long", "longer than 2 characters"),
        ({"minItems": 1}, [], "too_few", "must not be empty"),
        ({"maxItems": 1}, [1, 2], "too_many", "more than 1 entries"),
        ({"minProperties": 2}, {"a": 1}, "too_few", "fewer than 2 members"),
        ({"maxProperties": 1}, {"a": 1, "b": 1}, "too_many", "more than 1 members"),
        ({"uniqueItems": True}, [SECRET, SECRET], "not_unique", "entries must differ from each other"),
        ({"minimum": 3}, 2, "minimum", "less than 3"),
        ({"maximum": 3}, 4, "maximum", "more than 3"),
        ({"exclusiveMinimum": 3}, 3, "minimum", "must be more than 3"),
        ({"exclusiveMaximum": 3}, 3, "maximum", "must be less than 3"),
        ({"multipleOf": 5}, 3, "multiple", "expected a multiple of 5"),
        ({"oneOf": [{"type": "integer"}, {"minimum": 0}]}, 1, "ambiguous", "it fits several of the forms allowed here"),
    ],
)
def test_each_kind_of_error_has_a_code_and_words_of_our_own(
    schema: dict[str, Any], value: Any, code: str, ending: str
) -> None:
    [finding] = compiled(schema).check_value(value)
    assert (finding.pointer, finding.code) == ("", code)
    assert finding.message == f"Malformed field `body`: {ending}"
    assert SECRET not in finding.message
    assert code in CODES


@pytest.mark.parametrize(
    ("value", "lenient", "fine"),
    [
        ("2031-03-02T09:00:00Z", False, True),
        ("2031-03-02T09:00:60Z", False, False),
        ("10000-01-01T00:00:00Z", False, False),
        ("2031-03-02T09:00:00", False, False),
        ("2031-03-02T09:00:00", True, True),
        ("2031-03-02T09:00:60", True, False),
    ],
)
def test_instants_that_a_database_does_not_hold_are_findings(value: str, lenient: bool, fine: bool) -> None:
    validator = compiled({"type": "string", "format": "date-time"}, "v1" if lenient else "v2")
    assert (validator.check_value(value) == []) is fine


def test_integers_keep_to_64_bits_and_may_be_written_with_a_point() -> None:
    assert codes({"type": "integer"}, 2**63 - 1) == []
    assert codes({"type": "integer"}, 1.0) == []
    assert codes({"type": "integer"}, 2**63) == [("", "maximum")]
    assert codes({"type": ["integer", "null"]}, -(2**63) - 1) == [("", "minimum")]
    assert codes({"type": "integer"}, 1e30) == [("", "maximum")]
    assert codes({}, {"free": [2**64]}) == [("/free/0", "maximum")]


def test_nul_is_a_finding_wherever_it_stands() -> None:
    assert codes({}, {"a": ["\x00"], "b": {"c\x00": 1}}) == [("/a/0", "nul"), ("/b", "nul")]
    assert codes({"properties": {"a": {"pattern": "^[^\\u0000]*$"}}}, {"a": "\x00"}) == [("/a", "pattern")]


def test_no_answer_repeats_the_control_characters_of_a_name() -> None:
    strict = {"properties": {"a": {"properties": {"b": {}}, "additionalProperties": False}}}
    found = compiled(strict).check_value({"a": {"x\x00y": 1, "z\n`": 1}})
    assert [(finding.pointer, finding.code, finding.message) for finding in found] == [
        ("/a", "unknown_field", "Unknown field `a/x\ufffdy`"),
        ("/a/z\n`", "unknown_field", "Unknown field `a/z\ufffd'`"),
    ]


def test_a_member_that_must_not_be_there() -> None:
    assert codes({"not": {"required": ["b"]}}, {"b": 1}) == [("/b", "not_allowed")]
    assert codes({"type": "object", "not": {"required": ["b"]}}, None) == [("", "wrong_type")]
    assert codes({"items": {"type": "object", "not": {"required": ["b"]}}}, ["b", {"b": 1}]) == [
        ("/0", "wrong_type"),
        ("/1/b", "not_allowed"),
    ]
    assert codes({"properties": {"b": False}}, {"b": 1}) == [("/b", "not_allowed")]


def test_member_names_are_checked_and_pointers_escaped() -> None:
    assert codes({"propertyNames": {"pattern": "^a$"}}, {"x/~y": 1}) == [("/x~1~0y", "name")]


def test_long_names_neither_blow_up_messages_nor_pointers() -> None:
    deep: Any = {"n" * 5000: 1}
    for _ in range(20):
        deep = {"m" * 100: deep}
    schema = {"additionalProperties": {"$ref": "#/components/schemas/It"}, "type": "object"}
    [finding] = compiled(schema).check_value(deep)
    assert len(finding.pointer) <= 1024
    assert len(finding.message) < 300


# Unions


def test_v1_rule_39_one_of_several_mandatory_members() -> None:
    schema = {"anyOf": [{"required": ["a"]}, {"required": ["b"]}, {"required": ["c"]}]}
    [finding] = compiled(schema).check_value({})
    assert finding.message == "Missing mandatory parameter `a` or `b` or `c`"


UNION = {
    "oneOf": [
        {"type": "integer"},
        {
            "type": "object",
            "required": ["kind", "text"],
            "properties": {"kind": {"const": "popup"}, "text": {"type": "string"}, "more": {"type": "integer"}},
        },
        {
            "type": "object",
            "required": ["kind", "url"],
            "properties": {"kind": {"const": "browser"}, "url": {"type": "string"}},
            "additionalProperties": False,
        },
    ]
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", [("", "wrong_type")]),
        ({"kind": "other"}, [("/kind", "enum")]),
        ({"text": "x"}, [("/kind", "missing")]),
        ({"kind": "popup"}, [("/text", "missing")]),
        ({"kind": "popup", "text": 1, "more": "x"}, [("/text", "wrong_type"), ("/more", "wrong_type")]),
        ({"kind": "browser", "url": "x", "more": 1}, [("/more", "unknown_field")]),
    ],
)
def test_a_union_shows_the_errors_of_the_form_meant(value: Any, expected: list[tuple[str, str]]) -> None:
    assert codes(UNION, value) == expected


def test_v2_conditions_show_the_leaf_at_fault(v2: Contract) -> None:
    leaf = {"fact": "time.hour", "op": "near", "value": 1}
    value = {"condition": {"all": [{"any": [leaf]}, {"fact": "time.hour", "op": "eq"}]}}
    assert body(v2, "updateExperience", value) == [
        ("/condition/all/0/any/0/op", "enum"),
        ("/condition/all/1/value", "missing"),
    ]


def test_v1_in_app_templates_show_the_errors_of_their_type(v1: Contract) -> None:
    message = {"template": {"type": "popup", "title": "x", "buttons": [{"action": "fly"}]}}
    assert body(v1, "createInapp", {"name": "x", "messages": [message]}) == [
        ("/messages/0/template/text", "missing"),
        ("/messages/0/template/buttons/0/title", "missing"),
        ("/messages/0/template/buttons/0/action", "enum"),
    ]


def test_v1_rule_37_unknown_members_are_tolerated_in_v1_and_refused_in_v2_rule_1_15(v1: Contract, v2: Contract) -> None:
    assert body(v1, "createCampaign", {"name": "x", "unheardOf": 1}) == []
    assert body(v2, "updateAccount", {"unheardOf": 1, "more": 2}) == [
        ("/unheardOf", "unknown_field"),
        ("/more", "unknown_field"),
    ]


# Bounds


def test_at_most_a_hundred_findings() -> None:
    assert len(compiled({"items": {"type": "integer"}}).check_value(["x"] * 500)) == 100


def test_a_huge_faulty_body_is_cut_before_its_errors_are_listed() -> None:
    schema = {"required": ["a"], "properties": {"a": {"items": {"type": "integer"}}, "b": {"minItems": 1}}}
    value = {"a": ["x"] * 200_000, "b": [1], "c": {str(n): n for n in range(50)}}
    found = codes(schema, value)
    assert found == [(f"/a/{n}", "wrong_type") for n in range(100)]


def test_what_was_cut_away_is_not_reported_as_missing() -> None:
    schema = {"required": ["late"], "properties": {"big": {"maxItems": 10}, "late": {"type": "string"}}}
    assert codes(schema, {"big": [0] * (MAX_NODES + 10), "late": "x"}) == [("/big", "too_many")]


def test_a_fault_beyond_the_cut_is_still_found() -> None:
    schema = {"properties": {"late": {"type": "string"}}}
    assert codes(schema, {"big": [0] * (MAX_NODES + 10), "late": 5}) == [("/late", "wrong_type")]


@given(
    st.recursive(
        st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=40
    ),
    st.integers(1, 60),
)
def test_pruning_keeps_a_value_within_its_budget_whole(value: Any, budget: int) -> None:
    def nodes(item: Any) -> int:
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else []
        return 1 + sum(nodes(child) for child in children)

    pruned, cut = prune(value, budget)
    assert nodes(pruned) <= max(budget, 1)
    assert (pruned == value) is (not cut)
    assert bool(cut) is (nodes(value) > budget)
