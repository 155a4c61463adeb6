"""The rules of campaigns and push messages: what may be written, changed and deleted, and what lists show.

Everything wrong with a draft is raised at once as `Invalid`, before anything is written (`checks`). Sends are
`sending`'s.
"""

from msgspec import Struct

from clarion.apps.model import App
from clarion.base.errors import Conflict, Finding, Invalid, NotFound, external_id_taken
from clarion.content.checks import check_campaign, check_message
from clarion.content.model import (
    Action,
    ActionKind,
    Campaign,
    CampaignDraft,
    Content,
    Message,
    MessageDraft,
    MessageState,
)
from clarion.content.store import campaigns, messages
from clarion.db.sql import Conn

__all__ = [
    "MessageFilter",
    "actions",
    "actions_in",
    "campaign_is_elsewhere",
    "check_message",
    "create_campaign",
    "create_message",
    "delete_campaign",
    "delete_message",
    "get_any_message",
    "get_campaign",
    "get_message",
    "list_campaigns",
    "list_messages",
    "lock_message",
    "message_is_elsewhere",
    "message_of_external_id",
    "messages_of_campaign",
    "set_state",
    "try_lock_message",
    "update_campaign",
    "update_message",
]


class MessageFilter(Struct, frozen=True):
    """Which messages a list shows; `%` stands for any characters, case does not matter, both must hold (v1 rule 36)."""

    external_id: str | None = None
    title: str | None = None


async def create_campaign(conn: Conn, app_id: int, draft: CampaignDraft) -> int:
    """The id of the new campaign. Raises Invalid."""
    _raise_any(await check_campaign(conn, app_id, draft))
    created = await campaigns.insert(conn, app_id, draft)
    if created is None:
        raise Invalid([external_id_taken(draft.external_id)])
    return created


async def update_campaign(conn: Conn, app_id: int, campaign_id: int, draft: CampaignDraft) -> None:
    """Replace a campaign by another description of it. Raises NotFound, Invalid."""
    await get_campaign(conn, app_id, campaign_id)
    _raise_any(await check_campaign(conn, app_id, draft, campaign_id))
    if not await campaigns.update(conn, app_id, campaign_id, draft):
        raise Invalid([external_id_taken(draft.external_id)])


async def get_campaign(conn: Conn, app_id: int, campaign_id: int) -> Campaign:
    """One campaign. Raises NotFound, also for one of another application (v1 rule 27)."""
    found = await campaigns.find(conn, app_id, campaign_id)
    if found is None:
        raise NotFound(f"This application has no campaign {campaign_id}.")
    return found


async def list_campaigns(conn: Conn, app_id: int, limit: int, offset: int) -> list[Campaign]:
    """Campaigns by ascending id (v1 rule 33)."""
    return await campaigns.page(conn, app_id, limit, offset)


async def delete_campaign(conn: Conn, app_id: int, campaign_id: int) -> None:
    """Delete a campaign for good; its messages stay, with no campaign (v1 rule 35). Raises NotFound."""
    if not await campaigns.delete(conn, app_id, campaign_id):
        raise NotFound(f"This application has no campaign {campaign_id}.")


async def campaign_is_elsewhere(conn: Conn, app_id: int, campaign_id: int) -> bool:
    """Whether the campaign is another application's (v1 rule 27, clicks and targets)."""
    return await campaigns.is_elsewhere(conn, app_id, campaign_id)


async def create_message(conn: Conn, app: App, draft: MessageDraft) -> int:
    """The id of the new message, in state draft. Raises Invalid."""
    _raise_any(await check_message(conn, app, draft))
    created = await messages.insert(conn, app.id, draft)
    if created is None:
        raise Invalid([external_id_taken(draft.external_id)])
    await messages.ensure_actions(conn, app.id, created, actions_in(draft.contents))
    return created


async def update_message(conn: Conn, app: App, message_id: int, draft: MessageDraft) -> None:
    """Write the next revision of a message; its state stays.

    Raises NotFound, Conflict with code `sending` while it is being sent, Invalid.
    """
    _refuse_while_sending(await lock_message(conn, app.id, message_id))
    _raise_any(await check_message(conn, app, draft, message_id))
    if not await messages.update(conn, app.id, message_id, draft):
        raise Invalid([external_id_taken(draft.external_id)])
    await messages.ensure_actions(conn, app.id, message_id, actions_in(draft.contents))


async def get_message(conn: Conn, app_id: int, message_id: int) -> Message:
    """One message. Raises NotFound, also for one of another application (v1 rule 27)."""
    return _found(await messages.find(conn, app_id, message_id), message_id)


async def get_any_message(conn: Conn, app_id: int, message_id: int) -> Message:
    """As `get_message`, instant messages included: for reports, which name them too (v1 rule 47). Raises NotFound."""
    return _found(await messages.find_any(conn, app_id, message_id), message_id)


async def lock_message(conn: Conn, app_id: int, message_id: int) -> Message:
    """As `get_message`, and locked until the transaction ends."""
    return _found(await messages.lock(conn, app_id, message_id), message_id)


async def try_lock_message(conn: Conn, app_id: int, message_id: int) -> Message | None:
    """As `lock_message`, without waiting: None when there is no such message or somebody else holds it."""
    return await messages.try_lock(conn, app_id, message_id)


async def list_messages(conn: Conn, app_id: int, keep: MessageFilter, limit: int, offset: int) -> list[Message]:
    """Messages by ascending id (v1 rule 33) that `keep` lets through."""
    return await messages.page(
        conn,
        app_id,
        external_id=_like(keep.external_id),
        title=_like(keep.title),
        limit=limit,
        offset=offset,
    )


async def delete_message(conn: Conn, app_id: int, message_id: int) -> None:
    """Delete a message for good. Raises NotFound, Conflict with code `sending` while it is being sent."""
    _refuse_while_sending(await lock_message(conn, app_id, message_id))
    await messages.delete(conn, app_id, message_id)


async def set_state(conn: Conn, app_id: int, message_id: int, state: MessageState) -> None:
    """Move a message to another state (v1 rule 63); the caller holds its lock."""
    await messages.set_state(conn, app_id, message_id, state)


async def message_of_external_id(conn: Conn, app_id: int, external_id: str) -> int | None:
    """The id of the message a caller named so, or None."""
    return await messages.of_external_id(conn, app_id, external_id)


async def messages_of_campaign(conn: Conn, app_id: int, campaign_id: int) -> list[int]:
    """The ids of the campaign's messages, ascending."""
    return await messages.of_campaign(conn, app_id, campaign_id)


async def message_is_elsewhere(conn: Conn, app_id: int, message_id: int) -> bool:
    """Whether the message is another application's."""
    return await messages.is_elsewhere(conn, app_id, message_id)


async def actions(conn: Conn, app_id: int, message_id: int) -> list[Action]:
    """What can or could be pressed in a message, with the ids that clicks carry (v1 rule 81).

    A button keeps its id over updates and languages; buttons that an update took away are still listed.
    """
    return await messages.actions(conn, app_id, message_id)


def actions_in(contents: tuple[Content, ...]) -> set[tuple[ActionKind, str]]:
    """What can be pressed in these contents."""
    found = {(ActionKind.BUTTON, button.id) for content in contents for button in content.buttons}
    if any(content.rich_url for content in contents):
        found.add((ActionKind.RICH, ""))
    return found


def _refuse_while_sending(message: Message) -> None:
    if message.state is MessageState.SENDING:
        raise Conflict(f"Message {message.id} is being sent.", "Try again when the sending has ended.", code="sending")


def _found(message: Message | None, message_id: int) -> Message:
    if message is None:
        raise NotFound(f"This application has no message {message_id}.")
    return message


def _raise_any(findings: list[Finding]) -> None:
    if findings:
        raise Invalid(findings)


def _like(pattern: str | None) -> str | None:
    """A LIKE pattern in which only `%` is special."""
    return None if pattern is None else pattern.replace("\\", "\\\\").replace("_", "\\_")
