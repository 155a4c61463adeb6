"""Compiles the schemas of a document, each named by its JSON Pointer, all references resolved in one registry.

Two things are added to what the document says: integers without bounds get those of 64 bits, and the `date-time` and
`date` formats are ours (`instants.py`), since the validator's own take second 60 and year 0.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import jsonschema_rs

from clarion.api.contract.document import Document
from clarion.api.contract.instants import is_day, is_instant, is_lenient_instant
from clarion.api.contract.validate import Validator
from clarion.base.errors import ConfigurationError

_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**63 - 1

LENIENT_DATES: Final = frozenset({"v1"})
"""Documents whose requests may carry date-times without offset (v1 rule 59)."""


class Schemas:
    """Compiler over one document, or over a variant of it in which some components are replaced."""

    def __init__(self, document: Document, *, lenient_dates: bool | None = None) -> None:
        """`lenient_dates` None is what the document's requests are entitled to."""
        self._lenient = document.name in LENIENT_DATES if lenient_dates is None else lenient_dates
        self._setup(document, bound_integers({name: document.raw.get(name, {}) for name in ("paths", "components")}))

    def variant(self, components: Mapping[str, Any]) -> "Schemas":
        """The same document with other components."""
        other = Schemas.__new__(Schemas)
        other._lenient = self._lenient
        other._setup(self._document, {**self._root, "components": components})
        return other

    @property
    def components(self) -> Mapping[str, Any]:
        """`components` of the document as compiled."""
        components: Mapping[str, Any] = self._root["components"]
        return components

    def _setup(self, document: Document, root: dict[str, Any]) -> None:
        self._document = document
        self._name = document.name
        self._root = root
        self._uri = f"urn:clarion:{document.name}"
        self._registry = jsonschema_rs.Registry([(self._uri, root)])
        self._formats: dict[str, Callable[..., bool]] = {
            "date-time": is_lenient_instant if self._lenient else is_instant,
            "date": is_day,
        }

    def compile(self, pointer: str) -> Validator:
        """The validator of the schema at a pointer of the document. A broken schema fails the start."""
        try:
            compiled = jsonschema_rs.Draft202012Validator(
                {"$ref": f"{self._uri}#{_fragment(pointer)}"},
                registry=self._registry,
                validate_formats=True,
                formats=self._formats,
                email_options=jsonschema_rs.EmailOptions(allow_display_text=False, allow_domain_literal=False),
                offline=True,
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as exc:
            raise ConfigurationError(f"The document {self._name} has a schema at {pointer} that fails: {exc}") from exc
        return Validator(compiled, f"{self._name}{pointer}")


def bound_integers(value: Any) -> Any:
    """A copy of a schema in which every integer without bounds gets those of 64 bits."""
    if isinstance(value, dict):
        copy = {name: bound_integers(child) for name, child in value.items()}
        kind = value.get("type")
        if kind == "integer" or (isinstance(kind, list) and "integer" in kind and "number" not in kind):
            if "maximum" not in copy and "exclusiveMaximum" not in copy:
                copy["maximum"] = _HIGHEST
            if "minimum" not in copy and "exclusiveMinimum" not in copy:
                copy["minimum"] = _LOWEST
        return copy
    if isinstance(value, list):
        return [bound_integers(child) for child in value]
    return value


def _fragment(pointer: str) -> str:
    """A pointer as a URI fragment: path templates hold braces, which a URI does not take raw."""
    return pointer.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
