"""OpenAPI documents: loading, and the typed view of their operations.

Nothing is compiled or checked here; `schemas.py` compiles, `router.py` matches. A document is read once at start,
`x-any-operation` answers are merged into every operation, and `$ref`s of parameters, bodies and responses are
followed, each keeping the JSON Pointer of its schema so that a validator can be compiled for exactly that place.
"""

import gc
import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import yaml
from msgspec import Struct

from clarion.base.errors import ConfigurationError

METHODS: Final = ("get", "put", "post", "delete", "patch")
"""HTTP methods an operation can have; HEAD and OPTIONS are derived by the surfaces."""

Place = Literal["path", "query", "header"]
Json = dict[str, Any]


class Parameter(Struct, frozen=True):
    """One parameter; `type` is the JSON type it is converted to, `schema_pointer` the place of its schema."""

    name: str
    place: Place
    required: bool
    type: str
    item_type: str
    style: str
    explode: bool
    default: Any
    schema_pointer: str


class BodyRule(Struct, frozen=True):
    """The body an operation takes: media types in the order of preference, and the schema all of them share."""

    required: bool
    media_types: tuple[str, ...]
    schema_pointer: str
    schema_name: str
    """Name of the component the schema refers to, "" when it is written in place."""


class ResponseRule(Struct, frozen=True):
    """One documented answer: schema pointer by media type, and the names of the headers it must carry."""

    content: dict[str, str]
    required_headers: tuple[str, ...]


class Requirement(Struct, frozen=True):
    """One way to be let in: scheme name to the scopes it needs. No schemes at all means open to everybody."""

    schemes: dict[str, tuple[str, ...]]


class Operation(Struct, frozen=True):
    """One operation of a document. `extensions` holds its `x-` members as written."""

    operation_id: str
    method: str
    path: str
    path_parameters: tuple[Parameter, ...]
    query_parameters: tuple[Parameter, ...]
    header_parameters: tuple[Parameter, ...]
    body: BodyRule | None
    responses: dict[int, ResponseRule]
    security: tuple[Requirement, ...]
    extensions: dict[str, Any]

    @property
    def open(self) -> bool:
        """Whether it can be called without any credentials."""
        return not self.security or any(not requirement.schemes for requirement in self.security)

    @property
    def produces(self) -> tuple[str, ...]:
        """Media types of its successful answers."""
        return tuple({media: None for status, rule in self.responses.items() if status < 300 for media in rule.content})


class Document:
    """A loaded document: `name` ("v1"), `raw` (merged, as Python values) and `operations` by operationId."""

    def __init__(self, name: str, raw: Json) -> None:
        self.name = name
        self.raw = _merge_any_operation(raw)
        self.operations: dict[str, Operation] = {}
        for operation in self._read_operations():
            if operation.operation_id in self.operations:
                raise ConfigurationError(f"The document {name} uses the operationId {operation.operation_id} twice.")
            self.operations[operation.operation_id] = operation

    @classmethod
    def load(cls, name: str) -> "Document":
        """Load one of the documents of the package: `v1`, `v2`, `sdk`."""
        source = files("clarion.api.documents").joinpath(f"{name}.openapi.yaml")
        if not source.is_file():
            raise ConfigurationError(f"The package holds no OpenAPI document named {name}.", "Reinstall Clarion.")
        return cls(name, _parse(source.read_bytes(), name))

    @classmethod
    def read(cls, name: str, path: Path) -> "Document":
        """Load a document from a file, for tests and tools."""
        return cls(name, _parse(path.read_bytes(), name))

    def served(self, server_url: str) -> tuple[bytes, str]:
        """The document as JSON with this installation as its only server, and its strong entity tag."""
        text = msgspec.json.encode({**self.raw, "servers": [{"url": server_url}]})
        return text, f'"{hashlib.sha256(text).hexdigest()[:32]}"'

    def follow(self, value: Any, at: str = "") -> tuple[Any, str]:
        """The thing a value stands for (its `$ref` followed, if it has one) and the pointer of that thing."""
        seen = 0
        while isinstance(value, dict) and "$ref" in value:
            at = value["$ref"].removeprefix("#")
            value = self.at(at)
            seen += 1
            if seen > 16:
                raise ConfigurationError(f"The document {self.name} has a circular reference at {at}.")
        return value, at

    def at(self, pointer: str) -> Any:
        """The value at a JSON Pointer of the document."""
        value: Any = self.raw
        for part in pointer.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (KeyError, IndexError, ValueError, TypeError):
                raise ConfigurationError(f"The document {self.name} refers to {pointer}, which is not there.") from None
        return value

    def response_rule(self, raw: Json, at: str) -> ResponseRule:
        """The typed view of a response, given as written and with its pointer."""
        headers = ((name, self.follow(entry)[0]) for name, entry in raw.get("headers", {}).items())
        return ResponseRule(
            content={
                media: f"{at}/content/{escape(media)}/schema"
                for media, entry in raw.get("content", {}).items()
                if "schema" in entry
            },
            required_headers=tuple(name.lower() for name, header in headers if header.get("required")),
        )

    def _read_operations(self) -> Iterator[Operation]:
        for path, item in self.raw["paths"].items():
            at = f"/paths/{escape(path)}"
            for method in METHODS:
                if method in item:
                    yield self._read_operation(path, method, item, at)

    def _read_operation(self, path: str, method: str, item: Json, at: str) -> Operation:
        raw: Json = item[method]
        here = f"{at}/{method}"
        security: list[Json] = raw["security"] if "security" in raw else self.raw.get("security", [])
        parameters: dict[tuple[str, str], Parameter] = {}
        for owner, base in ((item, at), (raw, here)):
            entries: list[Json] = owner.get("parameters", [])
            for index, entry in enumerate(entries):
                parameter = self._read_parameter(*self.follow(entry, f"{base}/parameters/{index}"))
                parameters[parameter.place, parameter.name] = parameter
        return Operation(
            operation_id=raw["operationId"],
            method=method.upper(),
            path=path,
            path_parameters=tuple(p for p in parameters.values() if p.place == "path"),
            query_parameters=tuple(p for p in parameters.values() if p.place == "query"),
            header_parameters=tuple(p for p in parameters.values() if p.place == "header"),
            body=self._read_body(raw, here),
            responses={
                int(status): self.response_rule(*self.follow(entry, f"{here}/responses/{status}"))
                for status, entry in raw["responses"].items()
            },
            security=tuple(
                Requirement({scheme: tuple(scopes) for scheme, scopes in entry.items()}) for entry in security
            ),
            extensions={name: value for name, value in raw.items() if name.startswith("x-")},
        )

    def _read_parameter(self, raw: Json, at: str) -> Parameter:
        place: Place = raw["in"]
        schema, _ = self.follow(raw["schema"])
        items, _ = self.follow(schema.get("items", {}))
        style = raw.get("style", "form" if place == "query" else "simple")
        return Parameter(
            name=raw["name"],
            place=place,
            required=raw.get("required", False),
            type=_single_type(schema),
            item_type=_single_type(items),
            style=style,
            explode=raw.get("explode", style == "form"),
            default=schema.get("default", msgspec.UNSET),
            schema_pointer=f"{at}/schema",
        )

    def _read_body(self, operation: Json, here: str) -> BodyRule | None:
        if "requestBody" not in operation:
            return None
        raw, at = self.follow(operation["requestBody"], f"{here}/requestBody")
        content: Json = raw["content"]
        first = next(iter(content))
        if any(entry["schema"] != content[first]["schema"] for entry in content.values()):
            raise ConfigurationError(f"The document {self.name} gives {here} bodies of several schemas.")
        reference = content[first]["schema"].get("$ref", "")
        return BodyRule(
            required=raw.get("required", False),
            media_types=tuple(content),
            schema_pointer=f"{at}/content/{escape(first)}/schema",
            schema_name=reference.rpartition("/")[2] if reference.startswith("#/components/schemas/") else "",
        )


def escape(part: str) -> str:
    """One reference token of a JSON Pointer."""
    return part.replace("~", "~0").replace("/", "~1")


class _Loader(yaml.CSafeLoader):
    """JSON's idea of values: texts that look like dates stay texts."""

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self.yaml_implicit_resolvers = _RESOLVERS


_RESOLVERS: Final = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _parse(text: bytes, name: str) -> Json:
    collecting = gc.isenabled()
    gc.disable()  # Nothing built here is garbage, and the collector's visits are a quarter of the time.
    loader = _Loader(text)
    try:
        raw = loader.get_single_data()
    except yaml.YAMLError as exc:
        raise ConfigurationError(f"The OpenAPI document {name} is not valid YAML: {exc}") from exc
    finally:
        loader.dispose()
        if collecting:
            gc.enable()
    if not isinstance(raw, dict) or "paths" not in raw:
        raise ConfigurationError(f"The OpenAPI document {name} has no paths.")
    return raw


def _merge_any_operation(raw: Json) -> Json:
    """Give every operation the answers that hold for all of them and are not repeated there. One that takes an
    idempotency key can find it used with another request, whether or not it takes a body (v2 rule 8.7)."""
    common: Mapping[str, Any] = raw.get("x-any-operation", {}).get("responses", {})
    if not common:
        return raw

    def whole(entry: Json) -> Json:
        keyed = {"422": _REUSED_KEY} if _TAKES_KEY in entry.get("parameters", []) else {}
        return {**entry, "responses": {**common, **keyed, **entry["responses"]}}

    paths = {
        path: {key: whole(entry) if key in METHODS else entry for key, entry in item.items()}
        for path, item in raw["paths"].items()
    }
    return {**raw, "paths": paths}


_TAKES_KEY: Final = {"$ref": "#/components/parameters/IdempotencyKey"}
_REUSED_KEY: Final = {"$ref": "#/components/responses/UnprocessableContent"}


def _single_type(schema: Json) -> str:
    """The type a parameter's text is converted to; a schema without type, or with several, keeps the text."""
    kind = schema.get("type", "string")
    return kind if isinstance(kind, str) else "string"
