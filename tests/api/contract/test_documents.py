"""The documents of the package load, compile, agree with their own examples, and are served as they are."""

import json
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from clarion.api.contract.cases import PASSES
from clarion.api.contract.document import METHODS, Document, escape
from clarion.api.contract.engine import Contract
from clarion.api.contract.schemas import Schemas
from clarion.base.errors import ConfigurationError

NAMES = tuple(
    sorted(
        entry.name.partition(".")[0] for entry in files("clarion.api.documents").iterdir() if ".openapi." in entry.name
    )
)
OPERATIONS = {"v1": 72, "v2": 100}
EXAMPLES = {"v1": 52, "v2": 109}


@pytest.fixture(scope="module", params=NAMES)
def document(request: pytest.FixtureRequest) -> Document:
    return Document.load(request.param)


def test_every_operation_of_the_document_is_read(document: Document) -> None:
    written = [
        entry["operationId"] for item in document.raw["paths"].values() for m, entry in item.items() if m in METHODS
    ]
    assert sorted(document.operations) == sorted(written)
    assert len(written) == OPERATIONS.get(document.name, len(written))


def test_every_body_parameter_and_response_schema_compiles(document: Document) -> None:
    schemas = Schemas(document)
    for operation in document.operations.values():
        if operation.body is not None:
            schemas.compile(operation.body.schema_pointer)
        for parameter in (*operation.path_parameters, *operation.query_parameters, *operation.header_parameters):
            schemas.compile(parameter.schema_pointer)
        for rule in operation.responses.values():
            for pointer in rule.content.values():
                schemas.compile(pointer)
    for name in document.raw["components"]["schemas"]:
        schemas.compile(f"/components/schemas/{name}")


def test_every_path_parameter_of_a_path_is_declared(document: Document) -> None:
    for operation in document.operations.values():
        in_path = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
        assert sorted(in_path) == sorted(p.name for p in operation.path_parameters), operation.operation_id


def schemas_with_examples(value: Any, at: str = "") -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, dict):
        if isinstance(value.get("examples"), list):
            yield at, value["examples"]
        for name, child in value.items():
            if name != "examples":
                yield from schemas_with_examples(child, f"{at}/{escape(name)}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from schemas_with_examples(child, f"{at}/{index}")


def test_the_examples_of_a_schema_fit_it(document: Document) -> None:
    schemas = Schemas(document)
    found = 0
    for part in ("components", "paths"):
        for pointer, examples in schemas_with_examples(document.raw[part], f"/{part}"):
            validator = schemas.compile(pointer)
            for example in examples:
                assert validator.check_value(example) == [], pointer
                found += 1
    assert found == EXAMPLES.get(document.name, found)


def test_answers_of_any_operation_are_merged_into_each(v2: Contract) -> None:
    for operation in v2.document.operations.values():
        assert {405, 406, 413, 503} <= set(operation.responses)
    served = json.loads(v2.document.served("https://push.example")[0])
    assert all(
        "405" in entry["responses"] for item in served["paths"].values() for m, entry in item.items() if m in METHODS
    )


def test_v2_rule_1_17_the_served_document_is_the_contract_with_this_installation_as_server(v2: Contract) -> None:
    text, tag = v2.document.served("https://push.example")
    served = json.loads(text)
    assert served["servers"] == [{"url": "https://push.example"}]
    assert served["components"] == v2.document.raw["components"]
    assert list(served["paths"]) == list(v2.document.raw["paths"])
    assert tag == v2.document.served("https://push.example")[1]
    assert tag != v2.document.served("https://other.example")[1]


def test_security_extensions_and_media_types_are_read(v1: Contract, v2: Contract) -> None:
    accounts = v2.document.operations["listAccounts"]
    assert [dict(r.schemes) for r in accounts.security] == [
        {"oauth2": ("customerapi/basic.read",)},
        {"oauth2": ("customerapi/basic.read-write",)},
    ]
    assert not accounts.open
    assert "AccountId" in accounts.extensions["x-sortable"]
    assert v2.document.operations["issueToken"].open
    assert v2.document.operations["getOpenApi"].open
    patch = v2.document.operations["updateAccount"].body
    assert patch is not None
    assert patch.media_types == ("application/merge-patch+json", "application/json")
    assert v2.document.operations["listInvoiceLineDetails"].produces == ("application/json", "text/csv")
    assert {scheme for r in v1.document.operations["listMessages"].security for scheme in r.schemes} == {
        "signature",
        "time",
        "bearer",
    }


def test_loading_and_compiling_takes_a_start_up_not_a_coffee() -> None:
    began = time.process_time()
    for name in NAMES:
        Contract.load(name)
    assert time.process_time() - began < 2.0


def test_every_schema_pass_belongs_to_a_document() -> None:
    assert set(PASSES) <= set(NAMES)


def test_an_unknown_document_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError):
        Document.load("v9")


BROKEN = {
    "a reference to nowhere": {"$ref": "#/components/schemas/Nowhere"},
    "a schema that is none": {"type": 5},
}


@pytest.mark.parametrize("schema", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_schema_fails_the_start(schema: dict[str, Any]) -> None:
    content = {"application/json": {"schema": schema}}
    operation = {"operationId": "make", "requestBody": {"content": content}, "responses": {}}
    with pytest.raises(ConfigurationError):
        Contract(Document("broken", {"paths": {"/a": {"post": operation}}, "components": {}}))


def test_an_operation_id_is_used_once() -> None:
    operation: dict[str, Any] = {"operationId": "same", "responses": {}}
    with pytest.raises(ConfigurationError, match="same"):
        Document("double", {"paths": {"/a": {"get": operation}, "/b": {"get": operation}}, "components": {}})
