"""The SQL of `inbox_message`, and of `inbox_row`: the copies that an application's devices have."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import psycopg
from msgspec import UNSET, Struct
from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.audience.compile import Condition
from clarion.content.inbox.model import InboxContent, InboxDraft, InboxMessage, StatusChange
from clarion.db.sql import Conn, app_table, execute, row, rows, tuples, value

_MESSAGES: Final = """
    SELECT id, revision, send_id, name, contents, external_id, campaign_id, test_segments, campaign_segments, lists,
           send_at, timezone, expires_at
      FROM clarion.inbox_message WHERE app_id = %(app_id)s
"""


class _Row(InboxDraft, frozen=True, kw_only=True):
    id: int
    revision: int
    send_id: int | None


class Copy(Struct, frozen=True):
    """One device's copy with what its message says, in all languages."""

    message_id: int
    campaign_id: int | None
    given_at: datetime
    read_at: datetime | None
    archived_at: datetime | None
    displayed_at: datetime | None
    expires_at: datetime | None
    expired: bool
    contents: tuple[InboxContent, ...]


def _message(found: _Row | None) -> InboxMessage | None:
    if found is None:
        return None
    draft = msgspec.convert(found, InboxDraft, from_attributes=True)
    return InboxMessage(id=found.id, revision=found.revision, send_id=found.send_id, draft=draft)


async def insert(conn: Conn, app_id: int, draft: InboxDraft) -> int | None:
    """The id, or None when the external id is taken."""
    inserted: int | None = await value(
        conn,
        """
        INSERT INTO clarion.inbox_message
            (app_id, campaign_id, name, external_id, contents, test_segments, campaign_segments, lists, send_at,
             timezone, expires_at)
        VALUES (%(app_id)s, %(campaign_id)s, %(name)s, %(external_id)s, %(contents)s, %(test_segments)s,
                %(campaign_segments)s, %(lists)s, coalesce(%(send_at)s, clarion.now()), %(timezone)s, %(expires_at)s)
        ON CONFLICT (app_id, external_id) DO NOTHING RETURNING id
        """,
        _values(app_id, draft),
    )
    return inserted


async def update(conn: Conn, app_id: int, message_id: int, draft: InboxDraft) -> bool:
    """Write the next revision. False when another message has the external id; the transaction is then lost."""
    try:
        await execute(
            conn,
            """
            UPDATE clarion.inbox_message
               SET revision = revision + 1, campaign_id = %(campaign_id)s, name = %(name)s,
                   external_id = %(external_id)s, contents = %(contents)s, test_segments = %(test_segments)s,
                   campaign_segments = %(campaign_segments)s, lists = %(lists)s,
                   send_at = coalesce(%(send_at)s, clarion.now()), timezone = %(timezone)s,
                   expires_at = %(expires_at)s, updated_at = clarion.now()
             WHERE app_id = %(app_id)s AND id = %(id)s
            """,
            {**_values(app_id, draft), "id": message_id},
        )
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def find(conn: Conn, app_id: int, message_id: int) -> InboxMessage | None:
    """One inbox message of the application."""
    query = _MESSAGES + " AND id = %(id)s"
    return _message(await row(conn, query, {"app_id": app_id, "id": message_id}, of=_Row))


async def lock(conn: Conn, app_id: int, message_id: int) -> InboxMessage | None:
    """As `find`, and nobody else changes it before this transaction ends."""
    query = _MESSAGES + " AND id = %(id)s FOR UPDATE"
    return _message(await row(conn, query, {"app_id": app_id, "id": message_id}, of=_Row))


async def of_external_id(conn: Conn, app_id: int, external_id: str) -> int | None:
    """The id of the inbox message with this external id."""
    found: int | None = await value(
        conn, "SELECT id FROM clarion.inbox_message WHERE app_id = %s AND external_id = %s", (app_id, external_id)
    )
    return found


async def set_send(conn: Conn, app_id: int, message_id: int, send_id: int) -> None:
    """The send that gives the message has begun."""
    await execute(
        conn,
        "UPDATE clarion.inbox_message SET send_id = %s WHERE app_id = %s AND id = %s",
        (send_id, app_id, message_id),
    )


async def due(conn: Conn, limit: int) -> list[tuple[int, int]]:
    """(application, message) of messages whose date has come and whose send has not begun, by their dates."""
    found = await tuples(
        conn,
        """
        SELECT app_id, id FROM clarion.inbox_message
        WHERE send_id IS NULL AND send_at <= clarion.now() ORDER BY send_at, app_id, id LIMIT %s
        """,
        (limit,),
    )
    return [(int(app_id), int(message_id)) for app_id, message_id in found]


async def claim(conn: Conn, app_id: int, message_id: int) -> InboxMessage | None:
    """As `lock`; None when the message is not due any more, or somebody else is at it."""
    query = _MESSAGES + " AND id = %(id)s AND send_id IS NULL AND send_at <= clarion.now() FOR UPDATE SKIP LOCKED"
    return _message(await row(conn, query, {"app_id": app_id, "id": message_id}, of=_Row))


def giving(app_id: int, message_id: int) -> Condition:
    """The statement that gives the message to every device of the arrays `device_ids` in `part`: for use beside the
    statement that freezes them (`results.store.freezing`), so that the two cannot differ."""
    return Condition(
        sql.SQL(
            """
            INSERT INTO {} (device_id, message_id, given_at)
            SELECT unnest(part.device_ids), %(inbox_message)s, (SELECT clarion.now()) FROM part
            """
        ).format(app_table(app_id, "inbox_row")),
        {"inbox_message": message_id},
    )


async def set_status(conn: Conn, app_id: int, message_id: int, device_id: int, change: StatusChange) -> bool:
    """Set the dates that are given; False when the device has no copy of the message."""
    query = sql.SQL(
        """
        UPDATE {}
        SET read_at = CASE WHEN %(set_read)s THEN %(read)s ELSE read_at END,
            archived_at = CASE WHEN %(set_archived)s THEN %(archived)s ELSE archived_at END,
            displayed_at = CASE WHEN %(set_displayed)s THEN %(displayed)s ELSE displayed_at END
        WHERE device_id = %(device_id)s AND message_id = %(message_id)s
        """
    ).format(app_table(app_id, "inbox_row"))
    bound: dict[str, Any] = {"device_id": device_id, "message_id": message_id}
    for name, given in (
        ("read", change.read_at),
        ("archived", change.archived_at),
        ("displayed", change.displayed_at),
    ):
        bound |= {f"set_{name}": given is not UNSET, name: None if given is UNSET else given}
    return await execute(conn, query, bound) == 1


async def copies(conn: Conn, app_id: int, device_id: int, limit: int) -> list[Copy]:
    """The copies of one device, newest first."""
    query = sql.SQL(
        """
        SELECT r.message_id, m.campaign_id, r.given_at, r.read_at, r.archived_at, r.displayed_at, m.expires_at,
               coalesce(m.expires_at <= clarion.now(), false) AS expired, m.contents
        FROM {} AS r JOIN clarion.inbox_message AS m ON m.app_id = %s AND m.id = r.message_id
        WHERE r.device_id = %s ORDER BY r.given_at DESC, r.message_id DESC LIMIT %s
        """
    ).format(app_table(app_id, "inbox_row"))
    return await rows(conn, query, (app_id, device_id, limit), of=Copy)


async def long_over(conn: Conn, days: int) -> list[tuple[int, int]]:
    """(application, message) of the messages that expired more than `days` days ago and whose copies are still kept."""
    found = await tuples(
        conn,
        """
        SELECT app_id, id FROM clarion.inbox_message
        WHERE cleared_at IS NULL AND send_id IS NOT NULL AND expires_at < clarion.now() - make_interval(days => %s)
        ORDER BY app_id, id
        """,
        (days,),
    )
    return [(int(app_id), int(message_id)) for app_id, message_id in found]


async def drop_copies(conn: Conn, app_id: int, message_id: int, limit: int) -> int:
    """Drop up to `limit` copies of a message; how many there were."""
    table = app_table(app_id, "inbox_row")
    query = sql.SQL(
        "DELETE FROM {} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {} WHERE message_id = %s LIMIT %s))"
    ).format(table, table)
    return await execute(conn, query, (message_id, limit))


async def forget(conn: Conn, app_id: int, ids: Sequence[int]) -> None:
    """Drop the copies that these devices have."""
    query = sql.SQL("DELETE FROM {} WHERE device_id = ANY(%s)").format(app_table(app_id, "inbox_row"))
    await execute(conn, query, (list(ids),))


async def set_cleared(conn: Conn, app_id: int, message_id: int) -> None:
    """No device has a copy of the message any more."""
    await execute(
        conn,
        "UPDATE clarion.inbox_message SET cleared_at = clarion.now() WHERE app_id = %s AND id = %s",
        (app_id, message_id),
    )


def _values(app_id: int, draft: InboxDraft) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "campaign_id": draft.campaign_id,
        "name": draft.name,
        "external_id": draft.external_id,
        "contents": Jsonb(draft.contents),
        "test_segments": list(draft.test_segments),
        "campaign_segments": list(draft.campaign_segments),
        "lists": list(draft.lists),
        "send_at": draft.send_at,
        "timezone": draft.timezone,
        "expires_at": draft.expires_at,
    }
