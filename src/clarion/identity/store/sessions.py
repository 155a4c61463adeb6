"""The SQL of sessions on the administration API and of attempts to sign in."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from clarion.db.sql import Conn, execute, row, rows
from clarion.identity.model import Person


class Attempts(Struct, frozen=True):
    """How often somebody has tried to sign in from a source since an instant."""

    source: bytes
    attempts: int
    since: datetime


async def insert(conn: Conn, digest: bytes, person_id: int, expires_at: datetime) -> None:
    """Keep the digest of a session's token."""
    await execute(
        conn,
        "INSERT INTO clarion.admin_session (digest, person_id, expires_at) VALUES (%s, %s, %s)",
        (digest, person_id, expires_at),
    )


async def holder(conn: Conn, digest: bytes, now: datetime) -> Person | None:
    """Whose session it is; None when it has ended, is unknown, or its person was shut out."""
    return await row(
        conn,
        """
        SELECT p.id, p.email, p.role FROM clarion.admin_session AS s JOIN clarion.person AS p ON p.id = s.person_id
         WHERE s.digest = %s AND s.expires_at > %s AND p.disabled_at IS NULL
        """,
        (digest, now),
        of=Person,
    )


async def delete(conn: Conn, digest: bytes) -> None:
    """End a session."""
    await execute(conn, "DELETE FROM clarion.admin_session WHERE digest = %s", (digest,))


async def delete_of_person(conn: Conn, person_id: int) -> None:
    """End every session of a person."""
    await execute(conn, "DELETE FROM clarion.admin_session WHERE person_id = %s", (person_id,))


async def delete_ended(conn: Conn, now: datetime) -> int:
    """Forget sessions that ended before `now`; the number forgotten."""
    return await execute(conn, "DELETE FROM clarion.admin_session WHERE expires_at <= %s", (now,))


async def count_attempt(conn: Conn, sources: Sequence[bytes], now: datetime, old: datetime) -> list[Attempts]:
    """One attempt more from each source; counts that began at `old` or before begin anew. The counts after it."""
    return await rows(
        conn,
        """
        INSERT INTO clarion.sign_in_attempt AS a (source, attempts, since)
        SELECT s, 1, %(now)s FROM unnest(%(sources)s::bytea[]) AS s ORDER BY s
        ON CONFLICT (source) DO UPDATE
        SET attempts = CASE WHEN a.since <= %(old)s THEN 1 ELSE a.attempts + 1 END,
            since = CASE WHEN a.since <= %(old)s THEN excluded.since ELSE a.since END
        RETURNING source, attempts, since
        """,
        {"sources": list(sources), "now": now, "old": old},
        of=Attempts,
    )


async def forget_attempts(conn: Conn, source: bytes) -> None:
    """Nothing was tried from this source."""
    await execute(conn, "DELETE FROM clarion.sign_in_attempt WHERE source = %s", (source,))


async def take_attempt_back(conn: Conn, source: bytes) -> None:
    """The last attempt from this source does not count."""
    await execute(
        conn, "UPDATE clarion.sign_in_attempt SET attempts = attempts - 1 WHERE source = %s AND attempts > 0", (source,)
    )


async def delete_attempts_since_before(conn: Conn, old: datetime) -> int:
    """Forget counts that began before `old`; the number forgotten."""
    return await execute(conn, "DELETE FROM clarion.sign_in_attempt WHERE since < %s", (old,))
