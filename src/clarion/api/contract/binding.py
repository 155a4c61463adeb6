"""Binding handlers to operations: every operation of a document has exactly one fate, or the start fails.

A handler, or a place in the "not yet built" table (`clarion.api.not_yet_built`), whose operations answer 501 after
authentication and scope. Handlers without operation are as wrong as operations without handler.
"""

from collections.abc import Collection, Mapping
from typing import Generic, TypeVar

from clarion.api.contract.document import Document
from clarion.base.errors import ConfigurationError

H = TypeVar("H")


class Binding(Generic[H]):
    """The handlers of one document, complete."""

    def __init__(self, handlers: Mapping[str, H]) -> None:
        self._handlers = dict(handlers)

    def handler(self, operation_id: str) -> H | None:
        """The handler of an operation; None for one that is not built yet."""
        return self._handlers.get(operation_id)


def bind(document: Document, handlers: Mapping[str, H], not_yet_built: Collection[str] = ()) -> Binding[H]:
    """Bind a document whose operations the handlers and the table cover exactly.

    Raises `ConfigurationError` naming every operation and handler that does not fit.
    """
    operations = set(document.operations)
    bound, waiting = set(handlers), set(not_yet_built)
    faults = [
        f"{text}: {', '.join(sorted(names))}"
        for text, names in (
            ("operations without handler", operations - bound - waiting),
            ("handlers without operation", bound - operations),
            ("entries of the not-yet-built table without operation", waiting - operations),
            ("operations both bound and in the not-yet-built table", bound & waiting),
        )
        if names
    ]
    if faults:
        raise ConfigurationError(f"The binding of the document {document.name} is wrong: {'; '.join(faults)}.")
    return Binding(handlers)
