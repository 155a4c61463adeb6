"""Writing a line of the audit trail, whatever became of a request: after it, or in the transaction of its effect."""

import psycopg
from msgspec.structs import replace

from clarion.base.errors import Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.identity import service as identity
from clarion.identity.model import AuditEntry

log = get_logger(__name__)


async def record(db: Database, entry: AuditEntry) -> None:
    """Append a line. What was done is done and answered as such: the log keeps the line that the database could not."""
    try:
        async with db.connection() as conn:  # one statement, which is a transaction of its own
            await identity.record_audit(conn, entry)
    except (Unavailable, psycopg.Error):
        log.exception("audit_line_not_stored", **{name: getattr(entry, name) for name in entry.__struct_fields__})


class Line:
    """The line of one request, until it is written."""

    def __init__(self, entry: AuditEntry) -> None:
        self.written = False
        self._entry = entry

    async def join(self, conn: Conn, status: int) -> None:
        """Write it in this transaction, for a request that ends with this status if the transaction commits. Whoever
        commits it sets `written`."""
        await identity.record_audit(conn, replace(self._entry, status=status))

    async def end(self, db: Database, status: int) -> None:
        """Write it now unless it is written: the request has ended with this status."""
        if not self.written:
            await record(db, replace(self._entry, status=status))
