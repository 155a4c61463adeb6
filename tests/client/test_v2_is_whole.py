"""The v2 client against the contract: every operation of its resources has its method, every member its field."""

import datetime
import decimal
import inspect
import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

import msgspec
import pytest
from msgspec import Struct, UnsetType

from clarion.api.contract.document import Document
from clarion.client.v2 import V2Client, models
from clarion.client.v2.calling import Caller
from clarion.client.v2.models import WaitTimeReport
from clarion.client.v2.tokens import FAMILIES, oauth_scopes, scope_of
from clarion.identity.scopes import ScopeName

DOCUMENT = Document.load("v2")
SCHEMAS: dict[str, Any] = DOCUMENT.raw["components"]["schemas"]
OWN = sorted(
    operation.operation_id
    for operation in DOCUMENT.operations.values()
    if operation.path.startswith("/v2/") and operation.path.split("/")[2] in FAMILIES
)
STRUCTS = sorted(name for name in models.__all__ if name in SCHEMAS)
INLINE = {
    "Characteristic": SCHEMAS["Service"]["properties"]["characteristics"]["items"],
    "WaitTimeReport": SCHEMAS["WaitTimeUpdate"]["properties"]["items"]["items"],
}


class Recorded(Exception):
    """Raised in the place of a call."""

    def __init__(self, method: str, target: str) -> None:
        super().__init__(method, target)
        self.call = (method, target.partition("?")[0])


class Recorder(Caller):
    async def request(self, method: str, target: str, *_: Any, **__: Any) -> Any:
        raise Recorded(method, target)


def recording() -> V2Client:
    client = V2Client("http://v2.test", "id", "secret")
    recorder = Recorder("http://v2.test", "id", "secret")
    client.caller = recorder
    for collection in vars(client).values():
        if hasattr(collection, "_caller"):
            collection._caller = recorder
    return client


async def asked_for() -> set[tuple[str, str]]:
    """Method and path, its ids as `{}`, of all that a client can ask for."""
    client = recording()
    collections = [each for each in vars(client).values() if hasattr(each, "_caller")]
    collections += [client.contacts("{}"), client.case_messages("{}"), client.invoice_lines("{}")]
    found = set()
    for collection in collections:
        for name, method in inspect.getmembers(collection, inspect.ismethod):
            if name.startswith("_") or name == "edit":
                continue
            with pytest.raises(Recorded) as recorded:
                await method(*_arguments(method))
            found.add(recorded.value.call)
    return found


def _arguments(method: Any) -> list[Any]:
    wanted = [
        each.name
        for each in inspect.signature(method).parameters.values()
        if each.default is inspect.Parameter.empty and each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    given: dict[str, Any] = {
        "body": models.ApiClientCreate(api_client_name="x", scopes=[]),
        "reports": [WaitTimeReport(poi_id="p", state="Down")],
        "patch": {},
    }
    return [given.get(name, "{}") for name in wanted]


async def test_every_operation_of_its_resources_can_be_asked_for() -> None:
    wanted = set()
    for operation_id in OWN:
        operation = DOCUMENT.operations[operation_id]
        segments = ["%7B%7D" if part.startswith("{") else part for part in operation.path.split("/")]
        wanted.add((operation.method, "/".join(segments)))
    assert await asked_for() == wanted


@pytest.mark.parametrize("operation_id", OWN)
def test_v2_rule_4_1_the_scope_asked_for_is_one_that_the_operation_takes(operation_id: str) -> None:
    operation = DOCUMENT.operations[operation_id]
    raw = DOCUMENT.raw["paths"][operation.path][operation.method.lower()]
    taken = {scope for each in raw["security"] for scope in each.get("oauth2", [])}
    assert scope_of(operation.method, operation.path) in taken


def test_v2_rule_4_1_scopes_have_the_strings_of_the_contract() -> None:
    assert oauth_scopes([name.value for name in ScopeName]) == [name.oauth for name in ScopeName]
    assert oauth_scopes(["Nothing", "NothingRead", "basicRead"]) == []


@pytest.mark.parametrize("name", [*STRUCTS, *INLINE])
def test_every_member_of_a_schema_is_a_field_of_its_type(name: str) -> None:
    schema = INLINE.get(name) or SCHEMAS[name]
    struct: type[Struct] = getattr(models, name)
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    fields.pop("etag", None)
    properties = dict(schema["properties"])
    if struct.__struct_config__.tag_field:
        assert struct.__struct_config__.tag == properties.pop(struct.__struct_config__.tag_field)["const"]
    assert set(fields) == set(properties)
    required = {name for name, field in fields.items() if field.required}
    assert required == set(schema.get("required", [])) & set(fields)
    for member, field in fields.items():
        assert kinds_of_field(field.type) == kinds_of(properties[member]), member


def test_every_schema_of_its_resources_has_a_struct() -> None:
    wanted = set()
    for operation_id in OWN:
        operation = DOCUMENT.operations[operation_id]
        raw = DOCUMENT.raw["paths"][operation.path][operation.method.lower()]
        wanted |= {name for name in _named(raw) if not name.endswith(("Document", "List"))}
    assert wanted - {"CasePatch", "CaseCreate"} <= set(models.__all__)
    assert {"CasePatch", "IncidentCreate", "NonIncidentCreate"} <= set(models.__all__)


def _named(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        reference = str(node.get("$ref", ""))
        if reference.startswith("#/components/schemas/"):
            yield reference.rpartition("/")[2]
        for each in node.values():
            yield from _named(each)
    elif isinstance(node, list):
        for each in node:
            yield from _named(each)


def kinds_of(schema: dict[str, Any]) -> set[str]:
    """What values of a schema are, in words that fields share."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {"number"} if name == "Money" else {"object"} if hasattr(models, name) else kinds_of(SCHEMAS[name])
    if "anyOf" in schema:
        return {kind for each in schema["anyOf"] for kind in kinds_of(each)}
    listed = schema.get("type", "string")
    return {_kind_of(kind, schema) for kind in (listed if isinstance(listed, list) else [listed])}


def _kind_of(kind: str, schema: dict[str, Any]) -> str:
    """Decimals are texts of digits on the wire."""
    if kind == "null":
        return kind
    if kind == "string" and any(mark in schema.get("pattern", "") for mark in ("[0-9]{1,6}", "100)")):
        return "number"
    return {"date-time": "instant", "date": "day"}.get(schema.get("format", ""), kind)


def kinds_of_field(of: Any) -> set[str]:
    if get_origin(of) in (Union, types.UnionType):
        return {kind for each in get_args(of) if each is not UnsetType for kind in kinds_of_field(each)}
    if get_origin(of) is list:
        return {"array"}
    if isinstance(of, type) and issubclass(of, Struct):
        return {"object"}
    return {
        {
            str: "string",
            int: "integer",
            float: "number",
            bool: "boolean",
            decimal.Decimal: "number",
            datetime.datetime: "instant",
            datetime.date: "day",
            types.NoneType: "null",
        }[of]
    }
