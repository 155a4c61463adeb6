"""One document, ready to be executed: what a surface holds.

Everything is compiled when the contract is loaded, so that a broken document fails the start and no request pays.
"""

from typing import Any

from clarion.api.contract.cases import PASSES
from clarion.api.contract.decode import Decoded
from clarion.api.contract.document import Document, Operation
from clarion.api.contract.parameters import ParameterReader
from clarion.api.contract.router import Router
from clarion.api.contract.schemapass import SchemaPass, Selector
from clarion.api.contract.schemas import Schemas
from clarion.base.errors import Finding


class Contract:
    """`document`, `router`, `parameters` and `schemas` of one OpenAPI document."""

    def __init__(self, document: Document, schema_pass: SchemaPass | None = None) -> None:
        self.document = document
        self.router = Router(document.operations.values())
        schemas = Schemas(document)
        self.parameters = ParameterReader(document, schemas)
        self.schemas = Selector(document, schema_pass or SchemaPass(), schemas)

    @classmethod
    def load(cls, name: str) -> "Contract":
        """The contract of a document of the package (`v1`, `v2`, `sdk`) with its schema pass."""
        return cls(Document.load(name), PASSES.get(name))

    def check_body(self, operation: Operation, decoded: Decoded, case: str = "") -> list[Finding]:
        """Findings about a decoded body, in the order of its members; empty when it is fine."""
        return self.schemas.body(operation, case).check(decoded)

    def check(self, schema: str, value: Any, case: str = "", *, unusual: bool = True) -> list[Finding]:
        """Findings about one value against a standalone component schema.

        `unusual=False`, which is what `Decoded.unusual` says of most bodies, spares the walk for NUL and wide integers.
        """
        return self.schemas.schema(schema, case).check_value(value, unusual=unusual)
