"""Binding handlers to operations: every operation of a document has exactly one fate, or the start fails.

A handler, or a place in the "not yet built" table (`clarion.api.not_yet_built`), whose operations answer 501 after
authentication and scope. Handlers without operation are as wrong as operations without handler.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar

from clarion.api.contract.document import Document
from clarion.base.errors import ConfigurationError

H = TypeVar("H")


def bind(document: Document, handlers: Mapping[str, H], not_yet_built: Collection[str] = ()) -> Mapping[str, H]:
    """The handlers by operation, which cover the document exactly together with the table.

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
    return dict(handlers)
