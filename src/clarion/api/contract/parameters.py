"""Path, query and header parameters: text to typed values, checked against their schemas.

Styles: one value by name; lists repeated (`data[]=a&data[]=b`) or comma-separated; `fields[1]=a`, `fields[]=b` as a
map in the order of its indexes; a free map of every name the operation does not document (v1 `searchDevice`).
Unknown and repeated names are reported, not judged: v1 passes over them, v2 refuses them (v2 rule 1.16).
In findings about parameters `pointer` is the name of the parameter.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from clarion.api.contract.document import Document, Operation, Parameter
from clarion.api.contract.pointer import label
from clarion.api.contract.query import Pairs, parse_pairs
from clarion.api.contract.schemas import Schemas
from clarion.api.contract.unusual import has_nul
from clarion.api.contract.validate import Validator
from clarion.base.errors import Finding

_INTEGER: Final = re.compile(r"-?[0-9]{1,40}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_INDEX: Final = re.compile(r"[0-9]{1,9}")
_EXPECTED: Final = {"integer": "an integer", "number": "a number", "boolean": "true or false"}


class Query(Struct):
    """A read query string. `values` holds typed values by parameter name, defaults filled in."""

    values: dict[str, Any]
    findings: list[Finding]
    unknown: list[str]
    """Names no parameter of the operation has, in the order given, each once."""
    repeated: list[str]
    """Names given more than once that are not lists; the last value is the one in `values`."""
    pairs: Pairs
    """Every readable pair as given, for links that repeat the request."""


class ParameterReader:
    """All parameters of one document, compiled."""

    def __init__(self, document: Document, schemas: Schemas) -> None:
        self._validators: dict[str, Validator] = {}
        for operation in document.operations.values():
            for parameter in (*operation.path_parameters, *operation.query_parameters, *operation.header_parameters):
                if parameter.schema_pointer not in self._validators:
                    self._validators[parameter.schema_pointer] = schemas.compile(parameter.schema_pointer)

    def path(self, operation: Operation, values: Mapping[str, str | None]) -> tuple[dict[str, Any], list[Finding]]:
        """Typed path parameters; a value of None (broken encoding, see `router.Found`) is a finding."""
        typed: dict[str, Any] = {}
        findings: list[Finding] = []
        for parameter in operation.path_parameters:
            text = values.get(parameter.name)
            if text is None:
                findings.append(_malformed(parameter.name, "encoding", "expected percent-encoded UTF-8"))
            else:
                self._read(parameter, text, typed, findings)
        return typed, findings

    def headers(self, operation: Operation, values: Mapping[str, str]) -> tuple[dict[str, Any], list[Finding]]:
        """Typed header parameters, by documented name; `values` has lower-case names."""
        typed: dict[str, Any] = {}
        findings: list[Finding] = []
        for parameter in operation.header_parameters:
            text = values.get(parameter.name.lower())
            if text is not None:
                self._read(parameter, text, typed, findings)
            elif parameter.required:
                findings.append(_missing(parameter.name))
        return typed, findings

    def query(self, operation: Operation, raw: bytes) -> Query:
        """Read the raw query string of a request."""
        pairs, findings = parse_pairs(raw)
        query = Query({}, findings, [], [], pairs)
        wanted = {parameter.name: parameter for parameter in operation.query_parameters}
        gathered: dict[str, list[str]] = {}
        maps: dict[str, list[tuple[str, str]]] = {}
        free = next((p for p in operation.query_parameters if p.type == "object" and p.style == "form"), None)
        for name, value in pairs:
            parameter = wanted.get(name)
            if parameter is not None and parameter.type != "object":
                gathered.setdefault(name, []).append(value)
            elif (deep := _deep_object(name, wanted)) is not None:
                maps.setdefault(deep[0], []).append((deep[1], value))
            elif free is not None:
                maps.setdefault(free.name, []).append((name, value))
            elif name not in query.unknown:
                query.unknown.append(name)
        broken = {finding.pointer for finding in findings}
        for parameter in operation.query_parameters:
            self._read_query(parameter, gathered.get(parameter.name), maps.get(parameter.name), query, broken)
        return query

    def _read_query(
        self,
        parameter: Parameter,
        texts: list[str] | None,
        members: list[tuple[str, str]] | None,
        query: Query,
        broken: set[str],
    ) -> None:
        if parameter.type == "object":
            if members is not None:
                self._check(parameter, _map(members, parameter, query.repeated), query.values, query.findings)
                return
        elif texts is not None:
            if parameter.type == "array" and parameter.explode:
                self._read_list(parameter, texts, query.values, query.findings)
                return
            if len(texts) > 1:
                query.repeated.append(parameter.name)
            if parameter.type == "array":
                self._read_list(parameter, split_list(texts[-1]), query.values, query.findings)
            else:
                self._read(parameter, texts[-1], query.values, query.findings)
            return
        if parameter.default is not msgspec.UNSET:
            query.values[parameter.name] = parameter.default
        elif parameter.required and parameter.name not in broken:
            query.findings.append(_missing(parameter.name))

    def _read_list(
        self, parameter: Parameter, texts: Iterable[str], typed: dict[str, Any], findings: list[Finding]
    ) -> None:
        items = [_convert(parameter.item_type, text) for text in texts]
        if any(item is None for item in items):
            findings.append(_malformed(parameter.name, "wrong_type", f"expected {_EXPECTED[parameter.item_type]}"))
        else:
            self._check(parameter, items, typed, findings)

    def _read(self, parameter: Parameter, text: str, typed: dict[str, Any], findings: list[Finding]) -> None:
        value = _convert(parameter.type, text)
        if value is None:
            findings.append(_malformed(parameter.name, "wrong_type", f"expected {_EXPECTED[parameter.type]}"))
        else:
            self._check(parameter, value, typed, findings)

    def _check(self, parameter: Parameter, value: Any, typed: dict[str, Any], findings: list[Finding]) -> None:
        if isinstance(value, str) and has_nul(value):
            findings.append(_malformed(parameter.name, "nul", "a NUL character is not allowed"))
            return
        found = self._validators[parameter.schema_pointer].check_value(value, unusual=False)
        if not found:
            typed[parameter.name] = value
        for finding in found:
            expected = finding.message.partition(": ")[2] or "not acceptable"
            findings.append(_malformed(parameter.name, finding.code, expected))


def split_list(text: str) -> list[str]:
    """A comma-separated list; a comma inside a value is written with a backslash before it (v2 rule 5.11)."""
    if "\\" not in text:
        return text.split(",")
    return [part.replace("\\,", ",") for part in re.split(r"(?<!\\),", text)]


def _convert(kind: str, text: str) -> Any:
    """The typed value of a text, None when it is not of the type."""
    if kind == "integer":
        return int(text) if _INTEGER.fullmatch(text) else None
    if kind == "number":
        return float(text) if _NUMBER.fullmatch(text) else None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text)
    return text


def _deep_object(name: str, wanted: Mapping[str, Parameter]) -> tuple[str, str] | None:
    """Parameter and index of `fields[1]`, when `fields` is a map in that style."""
    base, bracket, rest = name.partition("[")
    parameter = wanted.get(base)
    if not bracket or not rest.endswith("]") or parameter is None or parameter.style != "deepObject":
        return None
    return base, rest[:-1]


def _map(members: list[tuple[str, str]], parameter: Parameter, repeated: list[str]) -> dict[str, str]:
    """The members of a map; those of `name[...]` in the order of their indexes, `name[]` after the highest of them."""
    deep = parameter.style == "deepObject"
    following = 1 + max((int(key) for key, _ in members if _INDEX.fullmatch(key)), default=0) if deep else 0
    built: dict[str, str] = {}
    for key, value in members:
        if deep and not key:
            key = str(following)
            following += 1
        elif deep and _INDEX.fullmatch(key):
            key = str(int(key))
        if key in built:
            repeated.append(f"{parameter.name}[{key}]" if deep else key)
        built[key] = value
    if deep:
        return dict(sorted(built.items(), key=lambda item: int(item[0]) if _INDEX.fullmatch(item[0]) else following))
    return built


def _missing(name: str) -> Finding:
    return Finding(name, "missing", f"Missing mandatory parameter `{label((name,))}`")


def _malformed(name: str, code: str, expected: str) -> Finding:
    return Finding(name, code, f"Malformed parameter `{label((name,))}`: {expected}")
