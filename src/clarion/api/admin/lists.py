"""Static lists: which there are, and how each stands. Who is on them is changed through v1 and by devices."""

from functools import partial

from msgspec import Struct, convert

from clarion.api.admin.call import Call, created, json_answer
from clarion.api.admin.errors import Problem, placed
from clarion.api.admin.pages import answer_page
from clarion.api.exchange import Response
from clarion.audience.lists import service as lists
from clarion.audience.lists.model import StaticList
from clarion.base.errors import Invalid
from clarion.db.retry import transact
from clarion.db.sql import Conn


class _List(Struct, rename="camel"):
    id: int
    name: str
    external_id: str | None


class _State(_List):
    members: int
    expiring: int
    waiting: int


class _Draft(Struct, rename="camel"):
    name: str
    external_id: str | None = None


async def list_static_lists(call: Call) -> Response:
    """Lists, by id."""
    async with call.services.db.connection() as conn:
        read = partial(lists.lists_after, conn, call.app.id)
        return await answer_page(call, int, read, lambda each: each.id, _written)


async def create_static_list(call: Call) -> Response:
    """An empty list with a number of its own."""
    wire = convert(call.body, _Draft)

    async def work(conn: Conn) -> StaticList:
        return await lists.create_list(conn, call.app.id, wire.name, wire.external_id)

    try:
        with placed(names={"external_id": "externalId"}):
            made = await transact(call.services.db, work)
    except Invalid as error:
        if any(found.code == "list_external_id_taken" for found in error.findings):
            raise Problem("duplicate_value", f"Another list has the external id {wire.external_id!r}.") from None
        raise
    return created(call, _written(made), str(made.id))


async def get_static_list(call: Call) -> Response:
    """One list with the number of its members."""
    list_id: int = call.path["listId"]
    async with call.services.db.connection() as conn:
        found = await lists.get_list(conn, call.app.id, list_id)
        state = await lists.state(conn, call.app.id, list_id)
    return json_answer(_State(found.id, found.name, found.external_id, state.members, state.expiring, state.waiting))


def _written(found: StaticList) -> _List:
    return _List(found.id, found.name, found.external_id)
