"""The columns of an application's devices."""

from msgspec import Struct, convert

from clarion.api.admin.call import Call, empty_answer, json_answer
from clarion.api.admin.pages import answer_page, slice_of
from clarion.api.exchange import Response
from clarion.apps import service as apps
from clarion.apps.model import Column, ColumnKind
from clarion.audience import columns
from clarion.db.retry import transact
from clarion.db.sql import Conn


class _Column(Struct):
    name: str
    type: ColumnKind
    indexed: bool
    standard: bool
    writable: bool


class _Draft(Struct):
    name: str
    type: ColumnKind
    indexed: bool = False


async def list_columns(call: Call) -> Response:
    """All columns, by name."""
    async with call.services.db.connection() as conn:
        scheme = await apps.load_scheme(conn, call.app.id)
    return await answer_page(
        call, str, slice_of(scheme.columns, lambda column: column.name), lambda column: column.name, _written
    )


async def add_column(call: Call) -> Response:
    """A new column, at once and whatever the number of devices."""
    wire = convert(call.body, _Draft)

    async def work(conn: Conn) -> Column:
        return await apps.add_column(conn, call.app, wire.name, wire.type, wire.indexed)

    return json_answer(_written(await transact(call.services.db, work)), 201)


async def remove_column(call: Call) -> Response:
    """Remove a column that no segment looks at."""

    async def work(conn: Conn) -> None:
        await columns.remove_column(conn, call.app, call.path["column"])

    await transact(call.services.db, work)
    return empty_answer()


def _written(column: Column) -> _Column:
    return _Column(column.name, column.kind, column.indexed, column.standard, column.writable)
