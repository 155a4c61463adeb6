"""What a handler of v2 receives: a request that passed every check before its handler (v2 rule 2.1)."""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct

from clarion.api import trail
from clarion.api.contract.document import Operation
from clarion.api.contract.engine import Contract
from clarion.api.contract.query import Pairs
from clarion.api.exchange import Request, Response
from clarion.api.v2.errors import not_found
from clarion.api.v2.transport import V2Settings
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.identity.clients import Caller


class Services(Struct, frozen=True):
    """What handlers work with."""

    db: Database
    sealer: Sealer
    settings: V2Settings = V2Settings()


class Call(Struct, frozen=True, kw_only=True):
    """One checked request. `pairs` is the query as given, `body` decoded JSON, not yet held against its schema (None
    where the operation takes none); `line` is what a write leaves in the audit trail."""

    services: Services
    contract: Contract
    request: Request
    operation: Operation
    base_url: str
    known: Caller | None = None
    path: dict[str, str | None] = {}
    pairs: Pairs = []
    query: dict[str, Any] = {}
    body: Any = None
    unusual: bool = False
    line: trail.Line | None = None

    @property
    def caller(self) -> Caller:
        """Who calls."""
        if self.known is None:
            raise LookupError(f"{self.operation.operation_id} is open to everybody")
        return self.known

    def id(self, name: str) -> str:
        """An identifier of the path. Raises 404 for what none can be."""
        value = self.path.get(name)
        if not value or "\x00" in value:
            raise not_found()
        return value

    def url(self, path: str) -> str:
        """The absolute address of a path."""
        return f"{self.base_url}{path}"


Read = Callable[[Call, Conn], Awaitable[Response]]
"""A handler that changes nothing, on the connection that admitted its caller."""
Open = Callable[[Call], Awaitable[Response]]
"""A handler of an operation that needs no token."""
