"""From the schemas of the contract to Python types: a Struct for each object, an alias for each other named schema.

Names are those of the contract. Objects with members of any name are dicts. One Struct has the members of several
objects where these are one thing on different platforms (the application decides which), and where an answer may hold
any of them and nothing tells them apart.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clarion.api.contract.document import Document

_SCALARS = {"integer": "int", "number": "int | float", "boolean": "bool"}
_STRINGS = {"date-time": "datetime.datetime", "date": "datetime.date"}
_PLATFORMS = ("Android", "iOS", "Web")
_OPEN = "dict[str, Any]"
# Names that the contract's spelling does not give.
_ATTRIBUTES = {"in": "in_"}


@dataclass
class Definition:
    """One Struct or alias: its Python text, the names it is built from, those that name it."""

    name: str
    text: str = ""
    uses: list[str] = field(default_factory=list)


def snake(name: str) -> str:
    """`externalId` as `external_id`, `UDID` as `udid`, `data[]` as `data`, `$eq` as `eq`."""
    plain = re.sub(r"\W", "", name)
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain).lower()


def camel(attribute: str) -> str:
    """What msgspec's `rename="camel"` makes of an attribute."""
    first, *rest = attribute.split("_")
    return first + "".join(part.capitalize() for part in rest)


def class_name(schema: str) -> str:
    """A schema's name as that of a class: its first letter is a capital."""
    return schema[:1].upper() + schema[1:]


class Types:
    """The definitions made so far, by name, each after those it is built from."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._schemas: dict[str, Any] = document.raw["components"]["schemas"]
        self._answered = self._reached(self._answers())
        self.definitions: dict[str, Definition] = {}

    def of(self, schema: Mapping[str, Any]) -> str:
        """The Python type of a schema of an operation, which names its component."""
        return self._type(schema, "", Definition(""), answered=False)

    # What answers hold must be told apart when it is read.

    def _answers(self) -> Iterable[Any]:
        for operation in self._document.operations.values():
            for status, rule in operation.responses.items():
                if status < 300:
                    yield from (self._document.at(pointer) for pointer in rule.content.values())

    def _reached(self, begin: Iterable[Any]) -> set[str]:
        found: set[str] = set()
        waiting = list(begin)
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                name = _referred(value)
                if name and name not in found:
                    found.add(name)
                    waiting.append(self._schemas[name])
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
        return found

    # Types of schemas in place

    def _type(self, schema: Mapping[str, Any], path: str, owner: Definition, *, answered: bool) -> str:
        """The type of a schema; `path` names what is defined on the way, `owner` notes what it is built from."""
        name = _referred(schema)
        if name:
            self._define(name)
            owner.uses.append(class_name(name))
            open_ended = self._schemas[name].get("additionalProperties") is True
            return f"{class_name(name)} | {_OPEN}" if open_ended else class_name(name)
        if "allOf" in schema and "type" not in schema:
            return self._type(schema["allOf"][0], path, owner, answered=answered)
        variants = schema.get("oneOf", schema.get("anyOf", ())) if "properties" not in schema else ()
        if variants and "type" not in schema:
            return self._union(variants, path, owner, answered=answered)
        if "const" in schema or "enum" in schema:
            return f"Literal[{', '.join(repr(value) for value in schema.get('enum', [schema.get('const')]))}]"
        kinds = schema.get("type", "object")
        if kinds == "number":
            return "float"
        parts = [
            self._of_kind(kind, schema, path, owner, answered=answered)
            for kind in ([kinds] if isinstance(kinds, str) else kinds)
            if kind != "null"
        ]
        return _joined(parts)

    def _of_kind(self, kind: str, schema: Mapping[str, Any], path: str, owner: Definition, *, answered: bool) -> str:
        if kind == "string":
            return _STRINGS.get(schema.get("format", ""), "str")
        if kind == "array":
            return f"list[{self._type(schema['items'], _singular(path), owner, answered=answered)}]"
        if kind != "object":
            return _SCALARS[kind]
        further = schema.get("additionalProperties", "properties" not in schema)
        members: dict[str, Any] = schema.get("properties", {})
        if isinstance(further, dict):
            parts = [
                self._type(each, path + class_name(name), owner, answered=answered) + (" | None" * _nullable(each))
                for name, each in {"": further, **members}.items()
            ]
            return f"dict[str, {_joined(parts)}]"
        if not members:
            return _OPEN
        self._struct(path, schema, answered=answered)
        owner.uses.append(path)
        return f"{path} | {_OPEN}" if further else path

    def _union(self, variants: Iterable[Any], path: str, owner: Definition, *, answered: bool) -> str:
        given = list(variants)
        resolved = [self._document.follow(each)[0] for each in given]
        thing = _without_platform([_referred(each) for each in given])
        objects = all(each.get("properties") and not each.get("additionalProperties") for each in resolved)
        if not (objects and (thing or answered)) or all(_tag(each) for each in resolved):
            return _joined([self._type(each, f"{path}Object", owner, answered=answered) for each in given])
        name = thing if thing and path not in self._schemas else path
        self._struct(name, _merged(resolved), answered=answered)
        owner.uses.append(name)
        return name

    # Definitions

    def _define(self, schema_name: str) -> None:
        name = class_name(schema_name)
        schema = self._schemas[schema_name]
        answered = schema_name in self._answered
        if name in self.definitions:
            return
        if schema.get("properties") and not isinstance(schema.get("additionalProperties"), dict):
            self._struct(name, schema, answered=answered)
            return
        alias = Definition(name)
        target = self._type(schema, name, alias, answered=answered)
        if target != name:  # a union of answers is defined under its own name
            alias.text = f"{name} = {target}\n"
            self.definitions[name] = alias

    def _struct(self, name: str, schema: Mapping[str, Any], *, answered: bool) -> None:
        if name in self.definitions:
            return
        made = Definition(name)
        required = set(schema.get("required", ()))
        tag = _tag(schema)
        lines = [
            self._member(name, member, each, made, required=member in required, answered=answered)
            for member, each in schema["properties"].items()
            if not (tag and member == "type")
        ]
        options = f", tag_field='type', tag={tag!r}" if tag else ""
        ours = [snake(member) for member, each in schema["properties"].items() if each.get("readOnly")]
        opening = f'    """The server sets {", ".join(ours)}."""\n\n' if ours else ""
        made.text = f"class {name}(Model, kw_only=True{options}):\n{opening}" + "".join(
            f"    {line}\n" for line in lines
        )
        self.definitions[name] = made

    def _member(
        self, struct: str, member: str, schema: Mapping[str, Any], owner: Definition, *, required: bool, answered: bool
    ) -> str:
        attribute = _ATTRIBUTES.get(snake(member), snake(member))
        parts = [self._type(schema, struct + class_name(member), owner, answered=answered)]
        given = {} if camel(attribute) == member else {"name": repr(member)}
        if _nullable(schema):
            parts.append("None")
        if not required:
            default = schema.get("default")
            if _nullable(schema):
                parts.append("UnsetType")
                given["default"] = "UNSET"
            elif default is None:
                parts.append("None")
                given["default"] = "None"
            elif isinstance(default, list):
                given["default_factory"] = "list"
            else:
                given["default"] = repr(default)
        plain = given.keys() <= {"default"}
        value = given.get("default", "") if plain else f"field({', '.join('='.join(each) for each in given.items())})"
        return f"{attribute}: {_joined(parts)}" + (f" = {value}" if value else "")


def _referred(schema: Any) -> str:
    reference = schema.get("$ref", "") if isinstance(schema, dict) else ""
    found: str = reference.removeprefix("#/components/schemas/") if isinstance(reference, str) else ""
    return found


def _nullable(schema: Mapping[str, Any]) -> bool:
    return "null" in schema.get("type", ())


def _tag(schema: Mapping[str, Any]) -> str:
    """What tells an object from others: the constant that its member `type` must be."""
    found: str = schema.get("properties", {}).get("type", {}).get("const", "")
    return found


def _merged(objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One object with the members of all; required is what all require. Members of several kinds may be any of them."""
    members: dict[str, list[Any]] = {}
    required: list[set[str]] = []
    for each in objects:
        required.append(set(each.get("required", ())))
        for name, schema in each["properties"].items():
            if schema not in members.setdefault(name, []):
                members[name].append(schema)
    return {
        "type": "object",
        "required": sorted(set.intersection(*required)),
        "properties": {name: _any_of(found) for name, found in members.items()},
    }


def _any_of(schemas: list[Any]) -> Any:
    """A schema for values of any of these."""
    if _alike(schemas):
        return schemas[0]
    if all(each.get("type") == "array" for each in schemas):
        return {"type": "array", "items": _any_of([each["items"] for each in schemas])}
    return {"anyOf": schemas}


def _alike(schemas: list[Any]) -> bool:
    """Whether schemas differ at most in words and bounds, which no type knows."""
    known = ("$ref", "type", "enum", "items", "properties", "additionalProperties", "anyOf", "oneOf", "default")
    first, *others = ({name: schema[name] for name in known if name in schema} for schema in schemas)
    return all(other == first for other in others)


def _without_platform(names: list[str]) -> str:
    """What all are on their platforms: `Buttons` of `AndroidButtons` and `iOSButtons`; "" when it is not one thing."""
    things = {name.removeprefix(platform) for name in names for platform in _PLATFORMS if name.startswith(platform)}
    return things.pop() if len(things) == 1 and all(name.startswith(_PLATFORMS) for name in names) else ""


def _singular(name: str) -> str:
    return name.removesuffix("s")


def _joined(parts: Iterable[str]) -> str:
    """A union of types, each once, None last."""
    found = dict.fromkeys(part for each in parts for part in _split(each))
    return " | ".join(sorted(found, key="None".__eq__))


def _split(union: str) -> list[str]:
    """The members of a union, brackets minded."""
    parts, depth, begin = [], 0, 0
    for at, letter in enumerate(union):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            parts.append(union[begin:at].strip())
            begin = at + 1
    return [*parts, union[begin:].strip()]
