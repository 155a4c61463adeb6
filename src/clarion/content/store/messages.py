"""The SQL of `message` and `message_action`."""

from typing import Any, Final

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from clarion.content.model import Action, ActionKind, Content, Message, MessageDraft, MessageState
from clarion.db.sql import Conn, execute, row, rows, value, values

_MESSAGES: Final = """
    SELECT id, revision, state, name, contents, external_id, campaign_id, use_pressure, test_segments,
           campaign_segments, lists, guarantee, time_to_live
      FROM clarion.message WHERE app_id = %(app_id)s
"""
_LISTED: Final = _MESSAGES + " AND parent_id IS NULL"
"""Without instant messages, which nobody lists or changes (v1 rule 47)."""


class _Row(MessageDraft, frozen=True, kw_only=True):
    id: int
    revision: int
    state: MessageState


def _message(found: _Row) -> Message:
    draft = msgspec.convert(found, MessageDraft, from_attributes=True)
    return Message(id=found.id, revision=found.revision, state=found.state, draft=draft)


async def insert(conn: Conn, app_id: int, draft: MessageDraft) -> int | None:
    """The id, or None when the external id is taken."""
    inserted: int | None = await value(
        conn,
        """
        INSERT INTO clarion.message
            (app_id, campaign_id, name, external_id, use_pressure, test_segments, campaign_segments, lists, contents,
             guarantee, time_to_live)
        VALUES (%(app_id)s, %(campaign_id)s, %(name)s, %(external_id)s, %(use_pressure)s, %(test_segments)s,
                %(campaign_segments)s, %(lists)s, %(contents)s, %(guarantee)s, %(time_to_live)s)
        ON CONFLICT (app_id, external_id) DO NOTHING RETURNING id
        """,
        _message_values(app_id, draft),
    )
    return inserted


async def update(conn: Conn, app_id: int, message_id: int, draft: MessageDraft) -> bool:
    """Write the next revision. False when another message has the external id; the transaction is then lost."""
    try:
        await execute(
            conn,
            """
            UPDATE clarion.message
               SET revision = revision + 1, campaign_id = %(campaign_id)s, name = %(name)s,
                   external_id = %(external_id)s, use_pressure = %(use_pressure)s,
                   test_segments = %(test_segments)s, campaign_segments = %(campaign_segments)s, lists = %(lists)s,
                   contents = %(contents)s, guarantee = %(guarantee)s, time_to_live = %(time_to_live)s,
                   updated_at = clarion.now()
             WHERE app_id = %(app_id)s AND id = %(id)s
            """,
            {**_message_values(app_id, draft), "id": message_id},
        )
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def next_id(conn: Conn) -> int:
    """An id for a message that is written later."""
    return int(await value(conn, "SELECT nextval('clarion.message_id')"))


async def hold_campaign(conn: Conn, app_id: int, message_id: int | None, external_id: str | None) -> int | None:
    """The campaign of the message with this id or external id: it cannot go away before this transaction ends. None
    when there is none."""
    found: int | None = await value(
        conn,
        """
        SELECT c.id FROM clarion.campaign AS c
         WHERE c.app_id = %(app_id)s AND c.id = (
            SELECT campaign_id FROM clarion.message
             WHERE app_id = %(app_id)s AND (id = %(id)s OR external_id = %(external_id)s) LIMIT 1
         ) FOR KEY SHARE OF c
        """,
        {"app_id": app_id, "id": message_id, "external_id": external_id},
    )
    return found


async def insert_instant(
    conn: Conn,
    app_id: int,
    message_id: int,
    parent: Message,
    campaign_id: int | None,
    contents: tuple[Content, ...],
) -> None:
    """A new instant message: what `parent` says in one call."""
    draft = parent.draft
    await execute(
        conn,
        """
        INSERT INTO clarion.message
            (app_id, id, parent_id, campaign_id, name, use_pressure, contents, time_to_live, state)
        VALUES (%(app_id)s, %(id)s, %(parent_id)s, %(campaign_id)s, %(name)s, false, %(contents)s, %(time_to_live)s,
                'sent')
        """,
        {
            "app_id": app_id,
            "id": message_id,
            "parent_id": parent.id,
            "campaign_id": campaign_id,
            "name": draft.name,
            "contents": Jsonb(contents),
            "time_to_live": draft.time_to_live,
        },
    )


async def find(conn: Conn, app_id: int, message_id: int) -> Message | None:
    """One message of the application, no instant message."""
    found = await row(conn, _LISTED + " AND id = %(id)s", {"app_id": app_id, "id": message_id}, of=_Row)
    return None if found is None else _message(found)


async def find_any(conn: Conn, app_id: int, message_id: int) -> Message | None:
    """One message of the application, instant messages included."""
    found = await row(conn, _MESSAGES + " AND id = %(id)s", {"app_id": app_id, "id": message_id}, of=_Row)
    return None if found is None else _message(found)


async def find_named(conn: Conn, app_id: int, message_id: int | None, external_id: str | None) -> list[Message]:
    """The messages with this id or this external id, no instant messages: at most two."""
    found = await rows(
        conn,
        _LISTED + " AND (id = %(id)s OR external_id = %(external_id)s)",
        {"app_id": app_id, "id": message_id, "external_id": external_id},
        of=_Row,
    )
    return [_message(each) for each in found]


async def lock(conn: Conn, app_id: int, message_id: int) -> Message | None:
    """As `find`, and nobody else changes it before this transaction ends."""
    found = await row(conn, _LISTED + " AND id = %(id)s FOR UPDATE", {"app_id": app_id, "id": message_id}, of=_Row)
    return None if found is None else _message(found)


async def try_lock(conn: Conn, app_id: int, message_id: int) -> Message | None:
    """As `lock`, without waiting: None also when somebody else holds the message."""
    query = _LISTED + " AND id = %(id)s FOR UPDATE SKIP LOCKED"
    found = await row(conn, query, {"app_id": app_id, "id": message_id}, of=_Row)
    return None if found is None else _message(found)


async def page(
    conn: Conn, app_id: int, *, external_id: str | None, title: str | None, limit: int, offset: int
) -> list[Message]:
    """Messages by ascending id. `external_id` and `title` are LIKE patterns, matched without case; None keeps all."""
    found = await rows(
        conn,
        _LISTED
        + """
           AND (%(external_id)s::text IS NULL OR external_id ILIKE %(external_id)s)
           AND (%(title)s::text IS NULL OR name ILIKE %(title)s
                OR EXISTS (SELECT FROM jsonb_array_elements(contents) AS c WHERE c->>'title' ILIKE %(title)s))
         ORDER BY id LIMIT %(limit)s OFFSET %(offset)s
        """,
        {"app_id": app_id, "external_id": external_id, "title": title, "limit": limit, "offset": offset},
        of=_Row,
    )
    return [_message(each) for each in found]


async def of_external_id(conn: Conn, app_id: int, external_id: str) -> int | None:
    """The id of the message with this external id."""
    found: int | None = await value(
        conn, "SELECT id FROM clarion.message WHERE app_id = %s AND external_id = %s", (app_id, external_id)
    )
    return found


async def of_campaign(conn: Conn, app_id: int, campaign_id: int) -> list[int]:
    """The ids of the campaign's messages, ascending."""
    return await values(
        conn, "SELECT id FROM clarion.message WHERE app_id = %s AND campaign_id = %s ORDER BY id", (app_id, campaign_id)
    )


async def is_elsewhere(conn: Conn, app_id: int, message_id: int) -> bool:
    """Whether an application other than this one has the message."""
    found: bool = await value(
        conn, "SELECT EXISTS (SELECT FROM clarion.message WHERE app_id <> %s AND id = %s)", (app_id, message_id)
    )
    return found


async def set_state(conn: Conn, app_id: int, message_id: int, state: MessageState) -> None:
    """Move a message to another state; its revision stays."""
    await execute(
        conn,
        "UPDATE clarion.message SET state = %s WHERE app_id = %s AND id = %s",
        (state.value, app_id, message_id),
    )


async def delete(conn: Conn, app_id: int, message_id: int) -> None:
    """Delete a message and its actions."""
    await execute(
        conn, "DELETE FROM clarion.message_action WHERE app_id = %s AND message_id = %s", (app_id, message_id)
    )
    await execute(conn, "DELETE FROM clarion.message WHERE app_id = %s AND id = %s", (app_id, message_id))


async def ensure_actions(conn: Conn, app_id: int, message_id: int, wanted: set[tuple[ActionKind, str]]) -> None:
    """Give every wanted action an id. Those that have one keep it, those no longer wanted keep it for their clicks."""
    ordered = sorted(wanted)
    await execute(
        conn,
        """
        INSERT INTO clarion.message_action (app_id, message_id, kind, button)
        SELECT %s, %s, w.kind, w.button FROM unnest(%s::text[], %s::text[]) AS w (kind, button)
        ON CONFLICT (app_id, message_id, kind, button) DO NOTHING
        """,
        (app_id, message_id, [kind.value for kind, _ in ordered], [button for _, button in ordered]),
    )


async def actions(conn: Conn, app_id: int, message_id: int) -> list[Action]:
    """The actions of a message, those of earlier revisions included, by id."""
    return await rows(
        conn,
        "SELECT id, kind, button FROM clarion.message_action WHERE app_id = %s AND message_id = %s ORDER BY id",
        (app_id, message_id),
        of=Action,
    )


def _message_values(app_id: int, draft: MessageDraft) -> dict[str, Any]:
    return {
        "app_id": app_id,
        "campaign_id": draft.campaign_id,
        "name": draft.name,
        "external_id": draft.external_id,
        "use_pressure": draft.use_pressure,
        "test_segments": list(draft.test_segments),
        "campaign_segments": list(draft.campaign_segments),
        "lists": list(draft.lists),
        "contents": Jsonb(draft.contents),
        "guarantee": draft.guarantee.value,
        "time_to_live": draft.time_to_live,
    }
