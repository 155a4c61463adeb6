"""The schema pass: unions that hide errors are replaced by the case in hand before a value is validated.

`PlatformMessage` takes any platform's message, so an error in an Android message passes as an odd iOS one; knowing
the application's platform, the edge validates against that platform's form. A `Case` names such a situation and what
it replaces, by pointer below `components/schemas`; `Selector` compiles every schema once plain and once for each case
that touches it. Entries of `standalone` are compiled besides the bodies, for values that are checked one by one
(targets of an instant message, v1 rule 50).
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from clarion.api.contract.document import Document, Operation
from clarion.api.contract.schemas import Schemas
from clarion.api.contract.validate import Validator
from clarion.base.errors import ConfigurationError

ANYTHING: Mapping[str, Any] = {}
"""The schema every value fits."""


def named(schema: str) -> Mapping[str, Any]:
    """A reference to a component schema."""
    return {"$ref": f"#/components/schemas/{schema}"}


class Case(Struct, frozen=True):
    """One situation: `replace` maps pointers such as `PlatformMessage` or `Target/properties/data` to schemas."""

    name: str
    replace: dict[str, Mapping[str, Any]]


class SchemaPass(Struct, frozen=True):
    """The cases of one document, and the component schemas that are validated on their own."""

    cases: tuple[Case, ...] = ()
    standalone: tuple[str, ...] = ()


class Selector:
    """Compiled validators of one document by place and case. Unknown cases and places are programming errors."""

    def __init__(self, document: Document, schema_pass: SchemaPass, plain: Schemas) -> None:
        self._cases = {case.name for case in schema_pass.cases} | {""}
        self._validators: dict[tuple[str, str], Validator] = {}
        bodies = {op.body.schema_pointer: op.body.schema_name for op in document.operations.values() if op.body}
        alone = {f"/components/schemas/{name}": name for name in schema_pass.standalone}
        uses = {name: set(_references(schema)) for name, schema in plain.components.get("schemas", {}).items()}
        for pointer in (*bodies, *alone):
            self._validators[pointer, ""] = plain.compile(pointer)
        for case in schema_pass.cases:
            variant = plain.variant(_replaced(plain.components, case, document.name))
            touched = _touched(uses, {pointer.split("/")[0] for pointer in case.replace})
            for pointer, name in (*bodies.items(), *alone.items()):
                affected = name in touched or not touched.isdisjoint(_references(document.at(pointer)))
                self._validators[pointer, case.name] = (
                    variant.compile(pointer) if affected else self._validators[pointer, ""]
                )

    def body(self, operation: Operation, case: str = "") -> Validator:
        """The validator of an operation's body in a case ("" is the document as written)."""
        if operation.body is None:
            raise LookupError(f"{operation.operation_id} takes no body")
        return self._get(operation.body.schema_pointer, case)

    def schema(self, name: str, case: str = "") -> Validator:
        """The validator of a component schema listed as standalone."""
        return self._get(f"/components/schemas/{name}", case)

    def _get(self, pointer: str, case: str) -> Validator:
        if case not in self._cases:
            raise LookupError(f"no case {case!r} in this document")
        return self._validators[pointer, case]


def _replaced(components: Mapping[str, Any], case: Case, document: str) -> dict[str, Any]:
    """Components with the case's replacements; only the touched branches are copied."""
    schemas = dict(components["schemas"])
    for pointer, replacement in case.replace.items():
        parts = pointer.split("/")
        here: Any = schemas
        for part in parts[:-1]:
            if not isinstance(here, dict) or part not in here:
                raise ConfigurationError(f"The case {case.name} replaces {pointer}, which {document} does not have.")
            here[part] = dict(here[part])
            here = here[part]
        if parts[-1] not in here:
            raise ConfigurationError(f"The case {case.name} replaces {pointer}, which {document} does not have.")
        here[parts[-1]] = dict(replacement)
    return {**components, "schemas": schemas}


def _touched(uses: Mapping[str, set[str]], changed: set[str]) -> set[str]:
    """Names of the schemas from which a changed one can be reached; `uses` tells what each refers to."""
    touched = set(changed)
    while True:
        more = {name for name, used in uses.items() if name not in touched and used & touched}
        if not more:
            return touched
        touched |= more


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for child in value for name in _references(child)]
    if not isinstance(value, dict):
        return []
    reference = value.get("$ref")
    own = [reference.rpartition("/")[2]] if isinstance(reference, str) else []
    return own + [name for child in value.values() for name in _references(child)]
