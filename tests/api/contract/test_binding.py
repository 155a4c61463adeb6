"""Every operation has one fate: a handler, or a place in the not-yet-built table."""

from typing import Any

import pytest

from clarion.api.contract.binding import bind
from clarion.api.contract.document import Document
from clarion.api.not_yet_built import NOT_YET_BUILT
from clarion.base.errors import ConfigurationError


@pytest.fixture
def document() -> Document:
    paths: dict[str, Any] = {
        f"/{name}": {"get": {"operationId": name, "responses": {}}} for name in ("one", "two", "three")
    }
    return Document("three", {"paths": paths, "components": {}})


def test_handlers_and_the_table_cover_the_document(document: Document) -> None:
    handlers = {"one": "first", "two": "second"}
    assert bind(document, handlers, {"three"}) == handlers


@pytest.mark.parametrize(
    ("handlers", "waiting", "told"),
    [
        ({"one": 1}, {"two"}, "operations without handler: three"),
        ({"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}, set(), "handlers without operation: five, four"),
        ({"one": 1, "two": 2, "three": 3}, {"two"}, "operations both bound and in the not-yet-built table: two"),
        ({"one": 1, "two": 2, "three": 3}, {"six"}, "entries of the not-yet-built table without operation: six"),
    ],
)
def test_anything_else_fails_the_start_and_is_named(
    document: Document, handlers: dict[str, int], waiting: set[str], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        bind(document, handlers, waiting)


@pytest.mark.parametrize("name", NOT_YET_BUILT)
def test_the_table_lists_operations_of_the_documents_only(name: str) -> None:
    assert NOT_YET_BUILT[name] <= set(Document.load(name).operations)
