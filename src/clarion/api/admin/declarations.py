"""What messages and devices of an application may name."""

from typing import Any

from msgspec import Struct, convert

from clarion.api.admin.call import Call, empty_answer, json_answer
from clarion.api.admin.pages import answer_page, slice_of
from clarion.api.exchange import Response
from clarion.apps import declarations
from clarion.apps.model import Declaration, DeclarationKind
from clarion.base.errors import NotFound
from clarion.content import declaring
from clarion.db.retry import transact
from clarion.db.sql import Conn


class _Declaration(Struct, rename="camel"):
    kind: DeclarationKind
    value: str
    name: str
    details: dict[str, Any]
    built_in: bool


class _Draft(Struct):
    name: str | None = None
    details: dict[str, Any] = {}


async def list_declarations(call: Call) -> Response:
    """Everything of a kind that may be named, by value."""
    async with call.services.db.connection() as conn:
        found = await declarations.known(conn, call.app.id, _kind(call))
    return await answer_page(call, str, slice_of(found, lambda each: each.value), lambda each: each.value, _written)


async def get_declaration(call: Call) -> Response:
    """One declaration."""
    kind, value = _kind(call), call.path["value"]
    async with call.services.db.connection() as conn:
        found = (await declarations.find(conn, call.app.id, kind, [value])).get(value)
    if found is None:
        raise NotFound(f"This application declares no such {kind.label}.")
    return json_answer(_written(found))


async def declare(call: Call) -> Response:
    """Declare a value, or say something else about it."""
    wire = convert(call.body, _Draft)

    async def work(conn: Conn) -> Declaration:
        return await declaring.declare(conn, call.app.id, _kind(call), call.path["value"], wire.name, wire.details)

    return json_answer(_written(await transact(call.services.db, work)))


async def withdraw(call: Call) -> Response:
    """Take a declaration back."""

    async def work(conn: Conn) -> None:
        await declarations.withdraw(conn, call.app.id, _kind(call), call.path["value"])

    await transact(call.services.db, work)
    return empty_answer()


def _kind(call: Call) -> DeclarationKind:
    return DeclarationKind(call.path["kind"])


def _written(found: Declaration) -> _Declaration:
    return _Declaration(found.kind, found.value, found.name, found.details, found.built_in)
