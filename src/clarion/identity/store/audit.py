"""The SQL of the audit trail."""

from clarion.db.sql import Conn, execute, rows
from clarion.identity.model import AuditEntry, AuditFilter, AuditLine


async def insert(conn: Conn, entry: AuditEntry) -> None:
    """Append one line to the audit trail."""
    await execute(
        conn,
        """
        INSERT INTO clarion.audit (person_id, app_id, client_id, surface, operation, target, status)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (entry.person_id, entry.app_id, entry.client_id, entry.surface, entry.operation, entry.target, entry.status),
    )


async def latest(conn: Conn, limit: int) -> list[AuditEntry]:
    """The newest lines of the audit trail, newest first."""
    return await rows(
        conn,
        """
        SELECT surface, operation, target, status::integer AS status, person_id, app_id, client_id
          FROM clarion.audit ORDER BY id DESC LIMIT %s
        """,
        (limit,),
        of=AuditEntry,
    )


async def page(conn: Conn, keep: AuditFilter, before: int | None, limit: int) -> list[AuditLine]:
    """The lines below `before` that `keep` lets through, newest first."""
    return await rows(
        conn,
        """
        SELECT a.id, a.at, a.surface, a.operation, a.target, a.status::integer AS status, a.person_id, a.app_id,
               a.client_id, p.email
          FROM clarion.audit AS a LEFT JOIN clarion.person AS p ON p.id = a.person_id
         WHERE (%(before)s::bigint IS NULL OR a.id < %(before)s)
           AND (%(person_id)s::bigint IS NULL OR a.person_id = %(person_id)s)
           AND (%(app_id)s::integer IS NULL OR a.app_id = %(app_id)s)
           AND (%(surface)s::text IS NULL OR a.surface = %(surface)s)
           AND (%(operation)s::text IS NULL OR a.operation = %(operation)s)
           AND (%(since)s::timestamptz IS NULL OR a.at >= %(since)s)
           AND (%(until)s::timestamptz IS NULL OR a.at <= %(until)s)
         ORDER BY a.id DESC LIMIT %(limit)s
        """,
        {
            "before": before,
            "person_id": keep.person_id,
            "app_id": keep.app_id,
            "surface": keep.surface,
            "operation": keep.operation,
            "since": keep.since,
            "until": keep.until,
            "limit": limit,
        },
        of=AuditLine,
    )
