"""Writing a line of the audit trail after a request, whatever became of it."""

import psycopg

from clarion.base.errors import Unavailable
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
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
