"""The document of the device surface: compiled, complete, and at one with its own examples and with the code."""

from collections.abc import Iterator
from typing import Any

import pytest

from clarion.api.contract.document import escape
from clarion.api.contract.engine import Contract
from clarion.api.contract.schemas import Schemas
from clarion.api.problems import PROBLEMS
from clarion.api.sdk.call import SdkSettings, Services
from clarion.api.sdk.profile import MEMBERS
from clarion.api.sdk.reports import BATCH
from clarion.api.sdk.surface import SdkSurface
from clarion.apps.model import STANDARD_COLUMNS
from clarion.assembly.operations import SDK_HANDLERS
from clarion.base.errors import ConfigurationError
from clarion.base.sealing import Sealer
from clarion.db.pool import Database


def test_the_operations_of_this_release(contract: Contract) -> None:
    assert {(op.method, op.path) for op in contract.document.operations.values()} == {
        ("POST", "/sdk/v1/register"),
        ("PUT", "/sdk/v1/device"),
        ("PUT", "/sdk/v1/device/token"),
        ("POST", "/sdk/v1/reports"),
        ("GET", "/sdk/v1/config"),
    }


def test_only_registration_takes_the_key_of_the_application(contract: Contract) -> None:
    schemes = {
        op.operation_id: [list(way.schemes) for way in op.security] for op in contract.document.operations.values()
    }
    assert schemes.pop("registerDevice") == [["application"]]
    assert set(map(str, schemes.values())) == {"[['device']]"}


def test_every_schema_compiles(contract: Contract) -> None:
    schemas = Schemas(contract.document)
    for operation in contract.document.operations.values():
        for rule in operation.responses.values():
            for pointer in rule.content.values():
                schemas.compile(pointer)
    for name in contract.document.raw["components"]["schemas"]:
        schemas.compile(f"/components/schemas/{name}")


def examples(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for example in value.get("examples", []) if isinstance(value.get("examples"), list) else []:
            yield at, example
        for name, child in value.items():
            if name != "examples":
                yield from examples(child, f"{at}/{escape(name)}")


def test_the_examples_fit_their_schemas(contract: Contract) -> None:
    schemas = Schemas(contract.document)
    found = list(examples(contract.document.raw["components"], "/components"))
    assert len(found) == 10
    for pointer, example in found:
        assert schemas.compile(pointer).check_value(example) == [], pointer


def test_the_numbers_of_the_document_are_those_of_the_code(contract: Contract) -> None:
    document = contract.document
    assert document.at("/components/schemas/ReportBatch/properties/reports/maxItems") == BATCH
    assert "256 KiB" in document.at("/components/responses/PayloadTooLarge/description")
    assert SdkSettings().body_limit == 256 * 1024


def test_the_codes_of_problems_are_those_of_the_one_table(contract: Contract) -> None:
    codes = contract.document.at("/components/schemas/Problem/properties/code/enum")
    assert set(codes) <= set(PROBLEMS)


def test_every_member_of_a_profile_has_a_column(contract: Contract) -> None:
    members = set(contract.document.at("/components/schemas/Profile/properties"))
    assert members == {*MEMBERS, "fields"}
    assert set(MEMBERS.values()) <= set(STANDARD_COLUMNS)


async def test_a_handler_too_few_fails_the_start(contract: Contract, database: Database, sealer: Sealer) -> None:
    handlers = {name: handler for name, handler in SDK_HANDLERS.items() if name != "sendReports"}
    with pytest.raises(ConfigurationError, match="sendReports"):
        SdkSurface(contract, Services(database, sealer), handlers)
