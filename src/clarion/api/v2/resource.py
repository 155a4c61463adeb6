"""Resources: the five operations that all of them share, from one declaration each.

A resource names its records, its address, and the rules by which it is created, changed and deleted. What its clients
may see is a scope; what lies below another resource is found only where that one is (v2 rule 5.13).
"""

import string
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final, Generic, TypeVar

from msgspec.structs import replace

from clarion.api.contract.document import Operation
from clarion.api.conventions import preferred
from clarion.api.exchange import Response
from clarion.api.v2 import csv_tables, lists
from clarion.api.v2.call import Call, Read
from clarion.api.v2.change import Change
from clarion.api.v2.conditions import OWN, fresh
from clarion.api.v2.errors import not_found
from clarion.api.v2.members import typed
from clarion.api.v2.wire import document, encode, tag_of
from clarion.base.errors import Forbidden
from clarion.db.records import Record, Records, Scope
from clarion.db.sql import Conn
from clarion.identity.clients import Caller

R = TypeVar("R", bound=Record)
_EVERY: Final = 2**31 - 1

Values = dict[str, Any]
Creating = Callable[[Conn, Caller, Values], Awaitable[R]]
"""Makes a record of a body's values. Raises Invalid, Conflict, Forbidden."""
Updating = Callable[[Conn, Caller, R, Values], Awaitable[R]]
"""Changes a locked record by the values of a merge patch. Raises Invalid, Conflict, Forbidden."""
Deleting = Callable[[Conn, Caller, R], Awaitable[None]]
"""Deletes a locked record. Raises Conflict, Forbidden."""
Acting = Callable[[Call, Conn, R], Awaitable[Response]]
"""Answers a write of another kind. Raises Invalid, Conflict, Forbidden."""


def of_account(caller: Caller) -> Scope:
    """A client sees what belongs to its account, an operator client everything (v2 rule 4.7)."""
    return caller.scope


class Resource(Generic[R]):
    """One kind of resource at `path`, such as `/v2/accounts/{accountId}/contacts/{contactId}`.

    `within` are the resources whose ids stand in the path before its own; `part` of it is what changes together with
    it, so that a change locks it first. `show` gives a record as this caller may see it. `creating`, `updating` and
    `deleting` are the rules; an operation without rule does not exist. `operators_only` are those of "create", "update"
    and "delete" that clients of accounts may not do whatever they send (v2 rule 4.7): they are told so with their
    scopes, before their request is looked at (rule 2.1).
    """

    def __init__(
        self,
        records: Records[R],
        path: str,
        *,
        scope: Callable[[Caller], Scope] = of_account,
        within: "Resource[Any] | None" = None,
        part: bool = False,
        show: Callable[[Caller, R], R] | None = None,
        creating: Creating[R] | None = None,
        updating: Updating[R] | None = None,
        deleting: Deleting[R] | None = None,
        case: Callable[[Any], str] | None = None,
        operators_only: Collection[str] = (),
    ) -> None:
        self.records = records
        self._path = path
        self._parameter = [name for _, name, _, _ in string.Formatter().parse(path) if name][-1]
        self._scope = scope
        self._within = within
        self._part = part
        self._show = show
        self._creating = creating
        self._updating = updating
        self._deleting = deleting
        self._case = case
        self._operators_only = frozenset(operators_only)
        self._listings: dict[str, lists.Listing] = {}

    # Handlers

    async def get(self, call: Call, conn: Conn) -> Response:
        """One of them."""
        record = await self.find(call, conn)
        data = encode(record)
        return fresh(call.request, document(data, call.url(self.url(record))), tagged=data)

    async def list(self, call: Call, conn: Conn) -> Response:
        """A page of them: of all, or below the resource in the path."""
        return await self.page(call, conn, self._within)

    def below(self, other: "Resource[Any]") -> Read:
        """A list of those that belong to a resource in the path, such as the services of a site."""

        async def handler(call: Call, conn: Conn) -> Response:
            return await self.page(call, conn, other)

        return handler

    @property
    def create(self) -> Change:
        """POST."""
        return Change(self._find_parent, self._create, case=self._case, may=self._may("create"))

    @property
    def update(self) -> Change:
        """PATCH with a merge patch (v2 rule 10.2)."""
        return Change(self._lock, self._update, self._tag, may=self._may("update"))

    @property
    def delete(self) -> Change:
        """DELETE."""
        return Change(self._lock, self._delete, self._tag, may=self._may("delete"))

    def acting(self, act: Acting[R], *, conditional: bool = False) -> Change:
        """Another write to the one that the path names, which is found and locked before; `If-Match` counts where it is
        `conditional`."""
        return Change(self._lock, act, self._tag if conditional else None)

    # Parts of them, for handlers of other kinds

    async def find(self, call: Call, conn: Conn, *, lock: bool = False) -> R:
        """The one that the path names, as this caller sees it. Raises 404."""
        scope = await self._scope_of(call, conn, self._within, lock=lock and self._part)
        found = await self.records.find(conn, call.id(self._parameter), scope, lock=lock)
        if found is None:
            raise not_found()
        return self._shown(call, found)

    async def page(self, call: Call, conn: Conn, within: "Resource[Any] | None") -> Response:
        """A page, below a resource in the path; all rows as CSV where the operation has that and the caller likes it
        best (v2 rule 12.6). Raises 404 where the resource in the path is not visible."""
        listing = self._listing(call.operation)
        request = lists.read(call, listing)
        scope = await self._scope_of(call, conn, within)
        produces = call.operation.produces
        if csv_tables.MEDIA in produces and preferred(call.request, produces) == csv_tables.MEDIA:
            every = await self.records.page(conn, replace(request, offset=0, limit=_EVERY), scope)
            body = csv_tables.table(self.records, [self._shown(call, row) for row in every.rows])
            return fresh(call.request, body, content_type=csv_tables.CONTENT_TYPE)
        page = await self.records.page(conn, request, scope)
        return lists.answer(call, listing, request, replace(page, rows=[self._shown(call, row) for row in page.rows]))

    def url(self, record: R) -> str:
        """The path of a record."""
        return self._path.format_map(
            {field.wire: getattr(record, name) for name, field in self.records.fields.items() if field.shown}
        )

    def answer(self, call: Call, record: R, status: int = 200, *headers: tuple[str, str]) -> Response:
        """A record in its envelope, as the answer to a write (v2 rule 10.1)."""
        data = encode(self._shown(call, record))
        url = call.url(self.url(record))
        fields = [("Content-Type", "application/json"), ("ETag", tag_of(data)), *OWN, *headers]
        if status == 201:
            fields.append(("Location", url))
        return Response(status, fields, document(data, url))

    def _listing(self, operation: Operation) -> lists.Listing:
        found = self._listings.get(operation.operation_id)
        if found is None:
            found = self._listings[operation.operation_id] = lists.Listing.of(operation, self.records)
        return found

    def check(self, operation: Operation) -> None:
        """Raises ConfigurationError for a list of a field that the records do not have."""
        if "x-sortable" in operation.extensions:
            self._listing(operation)

    def _shown(self, call: Call, record: R) -> R:
        return record if self._show is None else self._show(call.caller, record)

    def _may(self, operation: str) -> Callable[[Caller], None] | None:
        return _only_operators if operation in self._operators_only else None

    async def _scope_of(self, call: Call, conn: Conn, within: "Resource[Any] | None", *, lock: bool = False) -> Scope:
        scope = self._scope(call.caller)
        if within is None:
            return scope
        parent = await within.find(call, conn, lock=lock)
        key = within.records.key
        return replace(scope, where={**scope.where, key: getattr(parent, key)})

    async def _find_parent(self, call: Call, conn: Conn) -> Any:
        return None if self._within is None else await self._within.find(call, conn, lock=self._part)

    async def _lock(self, call: Call, conn: Conn) -> R:
        return await self.find(call, conn, lock=True)

    def _tag(self, record: R) -> str:
        return tag_of(encode(record))

    async def _create(self, call: Call, conn: Conn, parent: Any) -> Response:
        assert self._creating is not None
        values = typed(self.records, call.body)
        if self._within is not None:
            values[self._within.records.key] = getattr(parent, self._within.records.key)
        return self.answer(call, await self._creating(conn, call.caller, values), 201)

    async def _update(self, call: Call, conn: Conn, record: R) -> Response:
        assert self._updating is not None
        return self.answer(call, await self._updating(conn, call.caller, record, typed(self.records, call.body)))

    async def _delete(self, call: Call, conn: Conn, record: R) -> Response:
        assert self._deleting is not None
        await self._deleting(conn, call.caller, record)
        return Response(204)


def _only_operators(caller: Caller) -> None:
    if not caller.is_operator:
        raise Forbidden("Only operator clients may do this.", "Use a client without account.")


def handlers(resource: Resource[Any], **operations: str) -> Mapping[str, Any]:
    """By operationId, the handlers of a resource: `handlers(SITES, list="listSites", get="getSite")`."""
    return {operation: getattr(resource, name) for name, operation in operations.items()}
