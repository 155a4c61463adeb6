"""Messages of every kind by their id: push and instant messages, in-apps, alarms and inbox messages share one sequence
of ids, so that reports can name any of them."""

from collections.abc import Collection

from clarion.base.errors import NotFound
from clarion.content.model import Action, Named
from clarion.content.store import kinds as store
from clarion.db.sql import Conn


async def subject_of(conn: Conn, app_id: int, message_id: int) -> Named:
    """The message with this id, whatever its kind. Raises NotFound, also for one of another application."""
    found = await store.named(conn, app_id, [message_id])
    if not found:
        raise NotFound(f"This application has no message {message_id}.")
    return found[0]


async def named(conn: Conn, app_id: int, ids: Collection[int]) -> dict[int, Named]:
    """Those of `ids` that are messages of the application."""
    found = await store.named(conn, app_id, sorted(ids)) if ids else []
    return {each.id: each for each in found}


async def of_campaign(conn: Conn, app_id: int, campaign_id: int) -> list[Named]:
    """The campaign's messages of every kind, by ascending id."""
    return await store.of_campaign(conn, app_id, campaign_id)


async def shown_in_campaign(conn: Conn, app_id: int, campaign_id: int) -> list[Named]:
    """Those of the campaign's messages that devices show by themselves, by ascending id."""
    return await store.shown_in_campaign(conn, app_id, campaign_id)


async def actions(conn: Conn, app_id: int, message_ids: Collection[int]) -> dict[int, list[Action]]:
    """What can or could be pressed in these messages, with the ids that clicks carry (v1 rule 81)."""
    found: dict[int, list[Action]] = {}
    for message_id, action in await store.actions(conn, app_id, sorted(message_ids)) if message_ids else []:
        found.setdefault(message_id, []).append(action)
    return found


async def is_elsewhere(conn: Conn, app_id: int, message_id: int) -> bool:
    """Whether the message is another application's (v1 rule 27, clicks and targets)."""
    return await store.is_elsewhere(conn, app_id, message_id)
