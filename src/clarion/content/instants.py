"""Instant messages: what an existing message, its parent, says in one call (v1 rule 47).

An instant message is a message of its own, with its own id, that nobody lists, changes or sends again; reports know it.
To whom it goes is `sending`'s.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from clarion.apps.model import App
from clarion.base.errors import Conflict, Finding, NotFound
from clarion.content.checks import check_names, check_versions
from clarion.content.model import Content, Message
from clarion.content.service import actions_in
from clarion.content.store import messages
from clarion.db.sql import Conn, together


async def find_parent(conn: Conn, app_id: int, message_id: int | None, external_id: str | None) -> Message:
    """The message that is meant by its id, its external id or both (v1 rule 49).

    Raises NotFound, and Conflict with code `two_parents` when both are given and do not name one message.
    """
    found = await messages.find_named(conn, app_id, message_id, external_id)
    if not found:
        named = [f"{message_id}"] if message_id is not None else []
        named += [f"{external_id!r}"] if external_id is not None else []
        raise NotFound(f"This application has no message {' or '.join(named)}.")
    parent = found[0]
    if len(found) > 1 or message_id not in (None, parent.id) or external_id not in (None, parent.draft.external_id):
        raise Conflict(
            f"The id {message_id} and the external id {external_id!r} do not name one message.",
            "Give one of them.",
            code="two_parents",
        )
    return parent


async def check(conn: Conn, app: App, parent: Message, contents: tuple[Content, ...]) -> list[Finding]:
    """Everything wrong with what the parent was made to say. What it names already it may go on naming."""
    keys = {content.collapse_key for content in parent.draft.contents}
    templates = {content.button_template for content in parent.draft.contents}
    new = tuple(
        replace(
            content,
            collapse_key=None if content.collapse_key in keys else content.collapse_key,
            button_template=None if content.button_template in templates else content.button_template,
        )
        for content in contents
    )
    return check_versions(app, contents) + await check_names(conn, app, new)


async def reserve(conn: Conn, app_id: int, message_id: int | None, external_id: str | None) -> tuple[int, int | None]:
    """(id, campaign) of an instant message to be created of the parent that is named so. It inherits the campaign,
    which cannot go away before the caller's transaction ends."""
    created, campaign_id = await together(
        messages.next_id(conn), messages.hold_campaign(conn, app_id, message_id, external_id)
    )
    return created, campaign_id


async def create(
    conn: Conn,
    app_id: int,
    reserved: tuple[int, int | None],
    parent: Message,
    contents: tuple[Content, ...],
) -> None:
    """A new instant message with these contents, which were checked, under what was reserved for it."""
    created, campaign_id = reserved
    await messages.insert_instant(conn, app_id, created, parent, campaign_id, contents)
    await _give_actions(conn, app_id, created, contents)


async def _give_actions(conn: Conn, app_id: int, message_id: int, contents: Sequence[Content]) -> None:
    wanted = actions_in(tuple(contents))
    if wanted:
        await messages.ensure_actions(conn, app_id, message_id, wanted)
