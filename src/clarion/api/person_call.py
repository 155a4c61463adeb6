"""What calls of people have in common, on whichever surface: who calls, and the application addressed."""

from typing import Any

from msgspec import Struct

from clarion.api.contract.document import Operation
from clarion.api.contract.query import Pairs
from clarion.api.exchange import Request
from clarion.apps.model import App
from clarion.identity.model import Person


class PersonCall(Struct, frozen=True, kw_only=True):
    """One checked request.

    `path` and `query` hold typed parameters by their documented names, `pairs` the query as given, `body` the decoded
    JSON (None when the operation takes none). `caller` is None on operations for which nobody has to be known,
    `addressed` on those without partner id: handlers read `person` and `app`.
    """

    request: Request
    operation: Operation
    caller: Person | None = None
    addressed: App | None = None
    path: dict[str, Any] = {}
    query: dict[str, Any] = {}
    pairs: Pairs = []
    body: Any = None

    @property
    def person(self) -> Person:
        """Who calls."""
        if self.caller is None:
            raise LookupError(f"{self.operation.operation_id} has no caller")
        return self.caller

    @property
    def app(self) -> App:
        """The application the partner id stands for."""
        if self.addressed is None:
            raise LookupError(f"{self.operation.operation_id} addresses no application")
        return self.addressed
