"""Bodies to start from: a value for a schema, from its own examples where it has them.

A body is made with everything a caller may send; where members exclude each other, with what is required and as many
others as are valid beside it. What no example, format or pattern suggests is a plain word.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from clarion.api.contract.document import Document

Json = dict[str, Any]

_DEEPEST: Final = 6
_FORMATS: Final = {
    "date-time": "2026-03-01T09:30:00.000Z",
    "date": "2026-03-01",
    "time": "09:30:00Z",
    "email": "person@shop.example",
    "uri": "https://shop.example/",
    "uri-reference": "/path",
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "ipv4": "192.0.2.10",
    "hostname": "shop.example",
}
_WORDS: Final = (
    "text",
    "TEXT",
    "en",
    "EUR",
    "12",
    "09:30",
    "1a2b3c",
    "[1, 2, 3]",
    "https://shop.example/",
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "01J9Z3N5Q8W2E4R6T7Y8V0A1B2",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
)
"""Texts that are tried against a pattern, in this order."""


def body(document: Document, schema: Json, is_valid: Callable[[Any], bool]) -> Any:
    """A value for the body of a request: as much as may be sent together, beginning with what must be."""
    full = value(document, schema, sending=True)
    if is_valid(full) or not isinstance(full, dict):
        return full
    made = value(document, schema, sending=True, required_only=True)
    for name, each in full.items():
        more = {**made, name: each}
        if name not in made and is_valid(more):
            made = more
    return made


def value(document: Document, schema: Json, *, sending: bool = False, required_only: bool = False) -> Any:
    """A value for a schema. `sending` leaves out what only the server writes."""
    return _Maker(document, sending, required_only).make(schema, 0)


class _Maker:
    def __init__(self, document: Document, sending: bool, required_only: bool) -> None:
        self._document = document
        self._sending = sending
        self._required_only = required_only

    def make(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, dict):
            return {}
        schema, _ = self._document.follow(schema)
        given = next(_given(schema), None)
        if given is not None:
            return given[0]
        if "allOf" in schema:
            return self._all(schema, depth)
        for union in ("oneOf", "anyOf"):
            if union in schema and "properties" not in schema:
                return self.make(_first(schema[union]), depth)
        kind = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else "string")
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "null")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            short = depth >= _DEEPEST or (self._required_only and not schema.get("minItems"))
            number = 0 if short else max(1, schema.get("minItems", 1))
            return [self.make(schema.get("items", {}), depth + 1)] * number
        return _scalar(schema, kind)

    def _all(self, schema: Json, depth: int) -> Any:
        parts = [self.make(part, depth) for part in schema["allOf"] if "if" not in part and "not" not in part]
        own = {name: each for name, each in schema.items() if name != "allOf"}
        if "properties" in own or "type" in own or not parts:
            parts.append(self.make(own, depth))
        if all(isinstance(part, dict) for part in parts):
            return {name: each for part in parts for name, each in part.items()}
        return parts[0]

    def _object(self, schema: Json, depth: int) -> Json:
        made: Json = {}
        required = schema.get("required", [])
        for name, entry in schema.get("properties", {}).items():
            if entry is False:
                continue
            followed, _ = self._document.follow(entry)
            if self._sending and isinstance(followed, dict) and followed.get("readOnly"):
                continue
            if name in required or (not self._required_only and depth < _DEEPEST):
                made[name] = self.make(entry, depth + 1)
        return {**made, **{name: {} for name in required if name not in schema.get("properties", {})}}


def _given(schema: Json) -> Iterator[tuple[Any]]:
    """What the schema says itself, in the order of preference; each in a tuple, since it may be null."""
    for name in ("const", "example"):
        if name in schema:
            yield (schema[name],)
    for name in ("examples", "enum"):
        for each in schema.get(name, [])[:1]:
            yield (each,)
    if schema.get("default") is not None:
        yield (schema["default"],)


def _first(union: list[Any]) -> Any:
    return next((each for each in union if not (isinstance(each, dict) and each.get("type") == "null")), union[0])


def _scalar(schema: Json, kind: str) -> Any:
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return max(low, min(1, schema.get("maximum", 1)))
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    return _text(schema)


def _text(schema: Json) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    pattern = re.compile(schema.get("pattern", ""))
    word = next((word for word in _WORDS if pattern.search(word)), _WORDS[0])
    return word[: schema.get("maxLength", len(word))].ljust(schema.get("minLength", 0), "x")
