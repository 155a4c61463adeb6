"""The v1 client against the contract: every operation has its method, every member of every schema its field.

Looks at what the methods do and at the types they name, not at how they were made.
"""

import datetime
import inspect
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import pytest
from msgspec import Struct, UnsetType

from clarion.api.contract.document import Document, Operation
from clarion.client.v1 import Answer, DeviceExport, Pages, V1Client, models
from clarion.client.v1.calling import Caller
from tools.v1.files import COLLECTION, ROOT, made
from tools.v1.types import snake

DOCUMENT = Document.load("v1")
OPERATIONS = sorted(DOCUMENT.operations)
ARGUMENTS: dict[Any, Any] = {
    int: 7,
    str: "a/b",
    bool: True,
    Sequence[str]: ["x", "y"],
    Mapping[str, str]: {"UDID": "u"},
}


class Recorded(Exception):
    """Raised in the place of a call."""

    def __init__(self, method: str, target: str, body: bytes, token: bool) -> None:
        super().__init__(method, target)
        self.method, self.target, self.body, self.token = method, target, body, token


class Recorder(Caller):
    async def request(self, method: str, target: str, body: bytes = b"", *, token: bool = True) -> Answer:
        raise Recorded(method, target, body, token)


def method_of(operation_id: str) -> Any:
    return getattr(V1Client, snake(operation_id))


async def called(operation: Operation, *, whole: bool) -> Recorded:
    """What a method asks for, with all of its arguments or only those it must have."""
    client = V1Client("http://push.test", "a@b.example", "k")
    client._caller = Recorder("http://push.test", "a@b.example", "k")
    method = method_of(operation.operation_id)
    hints = get_type_hints(method)
    given: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if whole or parameter.default is inspect.Parameter.empty:
            kinds = [kind for kind in members(hints[name]) if kind is not type(None)]
            given[name] = {"member": 1} if name == "body" else next(ARGUMENTS[k] for k in kinds if k in ARGUMENTS)
    found = method(client, **given)
    with pytest.raises(Recorded) as recorded:
        if isinstance(found, DeviceExport):
            await anext(aiter(found))
        else:
            await found
    return recorded.value


@pytest.mark.parametrize("operation_id", OPERATIONS)
async def test_every_operation_has_a_method_that_calls_it(operation_id: str) -> None:
    operation = DOCUMENT.operations[operation_id]
    for whole in (False, True):
        call = await called(operation, whole=whole)
        parts = urlsplit(call.target)
        assert call.method == operation.method
        template, path = operation.path.split("/"), parts.path.split("/")
        assert len(path) == len(template)
        for wanted, segment in zip(template, path, strict=True):
            assert unquote(segment) in ("7", "a/b") if wanted.startswith("{") else segment == wanted
        required = {each.name for each in operation.query_parameters if each.required}
        asked = {name for name, _ in parse_qsl(parts.query)}
        if whole:
            assert asked == {spelt for each in operation.query_parameters for spelt in spellings(each.name)}
        else:
            assert asked - {"UDID"} == required - {"UDID"}
        assert call.body == (b'{"member":1}' if operation.body else b"")
        assert call.token == any("bearer" in requirement.schemes for requirement in operation.security)


def spellings(name: str) -> list[str]:
    """A parameter as the query has it: some are objects."""
    return {"fields": ["fields[1]", "fields[2]"], "filters": ["UDID"]}.get(name, [name])


def members(hint: Any) -> Iterator[Any]:
    """The kinds of value a type admits."""
    if get_origin(hint) in (Union, types.UnionType):
        for each in get_args(hint):
            yield from members(each)
    else:
        yield hint


# Types


def fit(schema: Mapping[str, Any], hint: Any, at: str) -> None:
    """Assert that a type can hold whatever a schema admits."""
    schema = DOCUMENT.follow(schema)[0]
    kinds = list(members(hint))
    if "allOf" in schema and "type" not in schema:
        fit(schema["allOf"][0], hint, at)
    elif "properties" not in schema and ("oneOf" in schema or "anyOf" in schema):
        for case in schema.get("oneOf", schema.get("anyOf", ())):
            fit_case(DOCUMENT.follow(case)[0], hint, at)
    elif "enum" in schema or "const" in schema:
        admitted = {value for kind in kinds if get_origin(kind) is Literal for value in get_args(kind)}
        assert admitted == set(schema.get("enum", [schema.get("const")])), at
    else:
        wanted = schema.get("type", "object")
        for kind in [wanted] if isinstance(wanted, str) else wanted:
            fit_kind(kind, schema, kinds, at)


def fit_case(case: Mapping[str, Any], hint: Any, at: str) -> None:
    """One case of several: the Struct that stands for it, told by its tag, or the smallest that has its members."""
    kinds = list(members(hint))
    wanted = case.get("properties", {})
    if wanted and not isinstance(case.get("additionalProperties"), dict):
        tag = wanted.get("type", {}).get("const")
        holding = [each for each in kinds if is_struct(each) and wanted.keys() <= names_of(each).keys()]
        holding = [each for each in holding if tag is None or each.__struct_config__.tag == tag]
        kinds = [min(holding, key=lambda each: len(names_of(each)))]
    fit(case, Union[tuple(kinds)], at)  # noqa: UP007 - made at run time


def fit_kind(kind: str, schema: Mapping[str, Any], kinds: list[Any], at: str) -> None:
    """Assert that one of the JSON types of a schema has its Python type among `kinds`."""
    formats = {"date-time": datetime.datetime, "date": datetime.date}
    simple: dict[str, Any] = {"integer": int, "number": float, "boolean": bool, "null": type(None)}
    if kind == "string":
        assert formats.get(schema.get("format", ""), str) in kinds, at
    elif kind == "array":
        [items] = [get_args(each)[0] for each in kinds if get_origin(each) is list]
        fit(schema["items"], items, f"{at}[]")
    elif kind == "object":
        fit_object(schema, kinds, at)
    else:
        assert simple[kind] in kinds, (at, kinds)


def fit_object(schema: Mapping[str, Any], kinds: list[Any], at: str) -> None:
    mappings = [get_args(each)[1] for each in kinds if get_origin(each) is dict]
    structs = [each for each in kinds if is_struct(each)]
    if isinstance(schema.get("additionalProperties"), dict) or not structs:
        [values] = mappings
        for name, member in {"*": schema.get("additionalProperties"), **schema.get("properties", {})}.items():
            if values is not Any and isinstance(member, dict):
                fit(member, values, f"{at}.{name}")
        return
    assert len(structs) == 1, at
    assert bool(mappings) == (schema.get("additionalProperties") is True), at
    fields = names_of(structs[0])
    for name, member in schema["properties"].items():
        if name == structs[0].__struct_config__.tag_field:
            continue
        assert name in fields, f"{at}.{name} has no field"
        fit(member, fields[name].type, f"{at}.{name}")


def is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def names_of(struct: Any) -> dict[str, msgspec.structs.FieldInfo]:
    """Fields by their names on the wire, the tag included."""
    config = struct.__struct_config__
    tag = {config.tag_field: None} if config.tag_field else {}
    return {**tag, **{each.encode_name: each for each in msgspec.structs.fields(struct)}}  # type: ignore[dict-item]


@pytest.mark.parametrize("operation_id", [name for name in OPERATIONS if DOCUMENT.operations[name].body])
def test_every_member_of_a_body_has_a_field(operation_id: str) -> None:
    body = DOCUMENT.operations[operation_id].body
    assert body is not None
    fit(DOCUMENT.at(body.schema_pointer), get_type_hints(method_of(operation_id))["body"], operation_id)


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_every_member_of_an_answer_has_a_field(operation_id: str) -> None:
    content = DOCUMENT.operations[operation_id].responses[200].content
    gives = get_type_hints(method_of(operation_id))["return"]
    if "application/json" in content:
        schema = DOCUMENT.follow(DOCUMENT.at(content["application/json"]))[0]
        if get_origin(gives) is Pages:
            schema, gives = schema["properties"]["data"]["items"], get_args(gives)[0]
        fit(schema, gives, operation_id)
    elif content:
        assert gives is {"text/csv": DeviceExport, "text/plain": str}[next(iter(content))]
    else:
        assert gives is (bool if 204 in DOCUMENT.operations[operation_id].responses else type(None))


@pytest.mark.parametrize("name", sorted(name for name in vars(models) if is_struct(getattr(models, name))))
def test_what_a_struct_must_have_is_what_its_schema_requires(name: str) -> None:
    """Structs that stand for one schema; those that stand for several require what all of these do."""
    schemas = DOCUMENT.raw["components"]["schemas"]
    schema: dict[str, Any] = next((each for own, each in schemas.items() if own.lower() == name.lower()), {})
    if "properties" not in schema:
        return
    struct = getattr(models, name)
    must = {each.encode_name for each in msgspec.structs.fields(struct) if each.required}
    assert must == set(schema.get("required", ())) - {struct.__struct_config__.tag_field}


@pytest.mark.parametrize(
    ("name", "example"),
    [
        (name[0].upper() + name[1:], example)
        for name, schema in DOCUMENT.raw["components"]["schemas"].items()
        if is_struct(getattr(models, name[0].upper() + name[1:], None))
        for example in schema.get("examples", ())
    ],
)
def test_the_examples_of_the_contract_survive_a_round(name: str, example: Any) -> None:
    """What has the value it has anyway is left out on the way back."""
    if name in ("InstantMessage", "MultiAppInstantMessage", "ListUsers"):
        return  # only sent: their members may be Structs or dicts of any name
    struct = getattr(models, name)
    read = msgspec.convert(example, struct, strict=True)
    again = msgspec.json.decode(msgspec.json.encode(read), type=struct)
    assert again == read
    for member, value in msgspec.to_builtins(read).items():
        assert value == example[member] or "Date" in member or isinstance(value, dict | list)


def test_nothing_is_left_out_by_the_type_of_an_absent_member() -> None:
    """`None` is left out unless null means something: then it is sent, and UNSET is left out."""
    assert msgspec.json.encode(models.InboxStatus(archived_date=None)) == b'{"archivedDate":null}'
    assert msgspec.json.encode(models.Message(messages=[])) == b'{"messages":[]}'
    assert UnsetType in members(models.InboxStatus.__annotations__["read_date"])


# What is committed


@pytest.mark.parametrize("path", sorted(made()), ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_committed_is_what_the_contract_says(path: Any) -> None:
    """Otherwise: python -m tools.v1"""
    assert path.read_text(encoding="utf-8") == made()[path]


def test_nothing_else_stands_among_what_is_made() -> None:
    resources = ROOT / "src/clarion/client/v1/resources"
    assert set(resources.glob("*.py")) == {path for path in made() if path.parent == resources}
    assert COLLECTION in made()
