"""Members of bodies as people write them: texts of a command line or of a CSV file, typed by the body's Struct.

`null` clears a member that may be null. A list is comma-separated or JSON, an object JSON, or written member by member
under dotted names (`location.latitude`).
"""

import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin

import msgspec
from msgspec import Struct, UnsetType

from clarion.base.errors import Finding


def types_of(*bodies: type[Struct]) -> dict[str, Any]:
    """The types of all members by their wire names; that of a tag is text."""
    found: dict[str, Any] = {}
    for body in bodies:
        if body.__struct_config__.tag_field:
            found[body.__struct_config__.tag_field] = str
        found |= {field.encode_name: field.type for field in msgspec.structs.fields(body)}
    return found


def required_of(body: type[Struct]) -> list[str]:
    """The members a body must have, by their wire names."""
    return [field.encode_name for field in msgspec.structs.fields(body) if field.required]


def is_known(name: str, types_by_name: Mapping[str, Any]) -> bool:
    """Whether a name, dotted or not, leads to a member."""
    head, dot, rest = name.partition(".")
    if head not in types_by_name:
        return False
    inner, _ = _inner(types_by_name[head])
    return not dot or (_is_struct(inner) and is_known(rest, types_of(inner)))


def read_members(texts: Mapping[str, str], types_by_name: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """The typed values of members by their wire names, and what is wrong with others."""
    values: dict[str, Any] = {}
    parts: dict[str, dict[str, str]] = {}
    findings: list[Finding] = []
    for name, text in texts.items():
        head, dot, rest = name.partition(".")
        if not is_known(name, types_by_name):
            known = ", ".join(types_by_name)
            findings.append(Finding(f"/{name}", "unknown_field", f"There is no member {name}. Members are: {known}."))
        elif dot:
            parts.setdefault(head, {})[rest] = text
        else:
            _take(values, findings, name, text, types_by_name[name])
    for head, inner_texts in parts.items():
        inner, _ = _inner(types_by_name[head])
        read, wrong = read_members(inner_texts, types_of(inner))
        findings += [Finding(f"/{head}{each.pointer}", each.code, each.message) for each in wrong]
        if not wrong:
            _convert(values, findings, head, read, types_by_name[head])
    return values, findings


def same_value(shown: Any, wanted: Any, of: Any) -> bool:
    """Whether a member that the API shows already has a typed value."""
    try:
        return bool(msgspec.convert(shown, of) == wanted)
    except msgspec.ValidationError:
        return False


def _take(values: dict[str, Any], findings: list[Finding], name: str, text: str, of: Any) -> None:
    inner, nullable = _inner(of)
    if text == "null" and nullable:
        values[name] = None
    elif inner is str:
        values[name] = text
    elif get_origin(inner) is list and not text.lstrip().startswith("["):
        _convert(values, findings, name, [part.strip() for part in text.split(",") if part.strip()], of)
    elif get_origin(inner) is list or _is_struct(inner):
        try:
            _convert(values, findings, name, msgspec.json.decode(text), of)
        except msgspec.DecodeError as error:
            findings.append(Finding(f"/{name}", "invalid_format", f"{text!r} is no JSON: {error}."))
    else:
        _convert(values, findings, name, text, of)


def _convert(values: dict[str, Any], findings: list[Finding], name: str, value: Any, of: Any) -> None:
    try:
        values[name] = msgspec.convert(value, of, strict=False)
    except msgspec.ValidationError as error:
        findings.append(Finding(f"/{name}", "invalid_value", f"{value!r} does not fit: {error}."))


def _inner(of: Any) -> tuple[Any, bool]:
    """A member's type without null and without absence, and whether it may be null."""
    if get_origin(of) in (Union, types.UnionType):
        kinds = [kind for kind in get_args(of) if kind not in (types.NoneType, UnsetType)]
        return kinds[0], types.NoneType in get_args(of)
    return of, False


def _is_struct(of: Any) -> bool:
    return isinstance(of, type) and issubclass(of, Struct)
