"""The SQL that looks among messages of every kind, which share one sequence of ids and one table of actions."""

from collections.abc import Sequence
from typing import Final

from clarion.content.model import Action, ActionKind, Named
from clarion.db.sql import Conn, rows, tuples, value

_EVERY: Final = """
    SELECT n.id, n.kind, n.campaign_id FROM (
        SELECT id, 'push' AS kind, campaign_id FROM clarion.message WHERE app_id = %(app_id)s
        UNION ALL SELECT id, kind, campaign_id FROM clarion.triggered_message WHERE app_id = %(app_id)s
        UNION ALL SELECT id, 'inbox', campaign_id FROM clarion.inbox_message WHERE app_id = %(app_id)s
    ) AS n
"""


async def named(conn: Conn, app_id: int, ids: Sequence[int]) -> list[Named]:
    """Those of `ids` that are messages of the application, by ascending id."""
    query = _EVERY + " WHERE n.id = ANY(%(ids)s) ORDER BY n.id"
    return await rows(conn, query, {"app_id": app_id, "ids": list(ids)}, of=Named)


async def of_campaign(conn: Conn, app_id: int, campaign_id: int) -> list[Named]:
    """The messages of a campaign, by ascending id."""
    query = _EVERY + " WHERE n.campaign_id = %(campaign_id)s ORDER BY n.id"
    return await rows(conn, query, {"app_id": app_id, "campaign_id": campaign_id}, of=Named)


async def shown_in_campaign(conn: Conn, app_id: int, campaign_id: int) -> list[Named]:
    """The in-apps and alarms of a campaign, by ascending id."""
    return await rows(
        conn,
        """
        SELECT id, kind, campaign_id FROM clarion.triggered_message
        WHERE app_id = %s AND campaign_id = %s ORDER BY id
        """,
        (app_id, campaign_id),
        of=Named,
    )


async def actions(conn: Conn, app_id: int, ids: Sequence[int]) -> list[tuple[int, Action]]:
    """(message, action) of these messages, by message and id of the action."""
    found = await tuples(
        conn,
        """
        SELECT message_id, id, kind, button FROM clarion.message_action
        WHERE app_id = %s AND message_id = ANY(%s) ORDER BY message_id, id
        """,
        (app_id, list(ids)),
    )
    return [(message_id, Action(number, ActionKind(kind), button)) for message_id, number, kind, button in found]


async def is_elsewhere(conn: Conn, app_id: int, message_id: int) -> bool:
    """Whether an application other than this one has a message with this id."""
    found: bool = await value(
        conn,
        """
        SELECT EXISTS (SELECT FROM clarion.message WHERE app_id <> %(app_id)s AND id = %(id)s)
            OR EXISTS (SELECT FROM clarion.triggered_message WHERE app_id <> %(app_id)s AND id = %(id)s)
            OR EXISTS (SELECT FROM clarion.inbox_message WHERE app_id <> %(app_id)s AND id = %(id)s)
        """,
        {"app_id": app_id, "id": message_id},
    )
    return found
