"""What the page shows is made of the documents, wholly: no operation, schema, rule or problem code is lost."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clarion.api.contract.document import Document
from clarion.api.contract.schemas import Schemas
from clarion.api.problems import PROBLEMS
from clarion.api.reference import examples, model, rules
from clarion.api.reference.model import Reference

_ROOT = Path(__file__).parents[3]
NAMES = ("v1", "v2", "sdk", "admin")


@pytest.fixture(scope="module", params=NAMES)
def document(request: pytest.FixtureRequest) -> Document:
    return Document.load(request.param)


@pytest.fixture(scope="module")
def reference(document: Document) -> Reference:
    return model.build(document)


def test_every_operation_is_shown_with_method_path_and_answers(document: Document, reference: Reference) -> None:
    shown = {call.id: call for call in reference.calls if call.method != "EVENT"}
    assert shown.keys() == document.operations.keys()
    for name, operation in document.operations.items():
        call = shown[name]
        assert (call.method, call.path) == (operation.method, operation.path)
        assert [int(answer.status) for answer in call.answers] == sorted(operation.responses)
        places = [*operation.path_parameters, *operation.query_parameters, *operation.header_parameters]
        assert {(each.place, each.name) for each in call.parameters} == {(each.place, each.name) for each in places}
        assert (call.body is None) == (operation.body is None)
        assert call.tag in {tag.name for tag in reference.tags}


def test_every_schema_is_shown_and_every_reference_leads_to_one(reference: Reference) -> None:
    text = msgspec.json.encode(reference).decode()
    parts = text.split('"$ref":"')[1:]
    assert {part.partition('"')[0] for part in parts} <= {f"#/components/schemas/{name}" for name in reference.schemas}


def test_where_things_come_from_is_not_shown(reference: Reference) -> None:
    text = msgspec.json.encode(reference).decode()
    for word in ("x-provenance", "[seed", "[reconstructed]", "[public", "[client code]", "[designed", "[standard"):
        assert word not in text


def test_the_body_to_start_from_is_valid(document: Document, reference: Reference) -> None:
    schemas = Schemas(document)
    for call in reference.calls:
        if call.body is not None and call.method != "EVENT":
            rule = document.operations[call.id].body
            assert rule is not None
            assert schemas.compile(rule.schema_pointer).check_value(call.body.example) == [], call.id


def test_examples_of_good_answers_are_valid(document: Document, reference: Reference) -> None:
    schemas = Schemas(document)
    checked = 0
    for call in reference.calls:
        for answer in call.answers:
            if call.method != "EVENT" and answer.example is not None:
                [pointer, *_] = document.operations[call.id].responses[int(answer.status)].content.values()
                assert schemas.compile(pointer).check_value(answer.example) == [], (call.id, answer.status)
                checked += 1
    assert checked


def test_v2_rule_6_1_every_problem_code_is_explained() -> None:
    reference = model.build(Document.load("v2"))
    assert {problem.code for problem in reference.problems} == PROBLEMS.keys()
    named = {fault.code for call in reference.calls for answer in call.answers for fault in answer.faults}
    assert named <= PROBLEMS.keys()
    create = next(call for call in reference.calls if call.id == "createAccount")
    [conflict] = [answer for answer in create.answers if answer.status == "409"]
    assert "duplicate_external_reference" in {fault.code for fault in conflict.faults}


def test_v1_rule_24_labels_of_all_operations_stand_at_each(document: Document, reference: Reference) -> None:
    if document.name == "v1":
        call = next(call for call in reference.calls if call.id == "getCampaign")
        [answer] = [answer for answer in call.answers if answer.status == "400"]
        assert {"API_ERR_FORMAT", "API_ERR_SIGNATURE", "API_ERR_TOKEN"} <= {fault.code for fault in answer.faults}


@pytest.mark.parametrize(("name", "known"), [("v1", "53"), ("v2", "9.2")])
def test_every_rule_of_behaviour_is_shown(name: str, known: str) -> None:
    numbers = [rule.number for section in rules.load(name) for rule in section.rules]
    assert len(numbers) == len(set(numbers)) == (len(rules.V1_RULES) if name == "v1" else len(rules.V2_RULES))
    assert known in numbers


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "const": "x"}, "x"),
        ({"type": ["string", "null"], "examples": [None, "x"]}, None),
        ({"type": "string", "format": "date"}, "2026-03-01"),
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, "EUR"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "number", "maximum": 0.5}, 0.5),
        ({"oneOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        (
            {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"const": 2}}}]},
            {"a": 1, "b": 2},
        ),
        ({"type": "object", "required": ["free"]}, {"free": {}}),
    ],
)
def test_a_value_follows_from_its_schema(schema: dict[str, Any], value: Any) -> None:
    document = Document("test", {"paths": {}, "components": {}})
    assert examples.value(document, schema) == value


def test_a_body_has_as_many_members_as_go_together() -> None:
    document = Document("test", {"paths": {}, "components": {}})
    properties = {name: {"const": 1} for name in ("a", "b", "c")}
    schema = {"type": "object", "required": ["a"], "properties": {**properties, "id": {"const": 1, "readOnly": True}}}
    body = examples.body(document, schema, lambda value: not {"b", "c"} <= value.keys())
    assert body == {"a": 1, "b": 1}


def test_a_filter_that_no_index_serves_is_told() -> None:
    reference = model.build(Document.load("v2"), {"listAccounts": ["LegalName"]})
    told = {call.id: call.unindexed for call in reference.calls if call.unindexed}
    assert told == {"listAccounts": ["LegalName"]}


def test_the_page_reads_what_the_model_writes() -> None:
    """Members that the scripts use are members the model has."""
    text = msgspec.json.encode(model.build(Document.load("v2")))
    read = json.loads(text)
    assert {"name", "title", "version", "calls", "tags", "schemas", "rules", "problems"} <= read.keys()
    page = Path(model.__file__).parent / "page"
    assert {"page.html", "page.js", "page.css"} <= {each.name for each in page.iterdir()}
