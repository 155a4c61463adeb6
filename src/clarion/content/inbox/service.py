"""The rules of inbox messages: what may be written and changed, what a device did with its copy, what its inbox shows.

An inbox message is given to its audience by `sending.inbox`, at its date; from then on it stays as it is (v1 rule 99).
"""

from collections.abc import Sequence

from clarion.apps.model import STANDARD_COLUMNS, App
from clarion.base import clock
from clarion.base.errors import Conflict, Finding, Invalid, NotFound, external_id_taken
from clarion.content import languages
from clarion.content.inbox import store
from clarion.content.inbox.checks import check
from clarion.content.inbox.model import (
    InboxContent,
    InboxContentKind,
    InboxDraft,
    InboxEntry,
    InboxMessage,
    StatusChange,
)
from clarion.content.model import ActionKind
from clarion.content.store import messages
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices import service as devices
from clarion.devices.model import device_id

__all__ = [
    "check",
    "create",
    "drop_old",
    "for_device",
    "forget_devices",
    "get",
    "lock",
    "of_external_id",
    "set_status",
    "update",
]

KEPT_DAYS = 30
"""Days for which the copies of an expired message are kept."""
MOST_SHOWN = 1000
_DROPPED_AT_ONCE = 20_000
_LANGUAGE = next(column for column in STANDARD_COLUMNS if column.sql == "language")


async def create(conn: Conn, app: App, draft: InboxDraft) -> int:
    """The id of the new message, which nobody has yet. Raises Invalid."""
    _raise_any(await check(conn, app, draft))
    created = await store.insert(conn, app.id, draft)
    if created is None:
        raise Invalid([external_id_taken(draft.external_id)])
    await messages.ensure_actions(conn, app.id, created, actions_in(draft.contents))
    return created


async def update(conn: Conn, app: App, message_id: int, draft: InboxDraft) -> None:
    """Replace a message that was not sent yet. Raises NotFound, Conflict with code `already_sent`, Invalid."""
    refuse_sent(await lock(conn, app.id, message_id))
    _raise_any(await check(conn, app, draft, message_id))
    if not await store.update(conn, app.id, message_id, draft):
        raise Invalid([external_id_taken(draft.external_id)])
    await messages.ensure_actions(conn, app.id, message_id, actions_in(draft.contents))


def refuse_sent(message: InboxMessage) -> None:
    """Raise Conflict with code `already_sent` once the date of the message has come (v1 rule 99)."""
    date = message.draft.send_at
    if message.send_id is not None or date is None or date <= clock.now():
        raise Conflict(
            f"Inbox message {message.id} was sent already.", "It stays as it is; create another.", code="already_sent"
        )


async def get(conn: Conn, app_id: int, message_id: int) -> InboxMessage:
    """One inbox message. Raises NotFound, also for one of another application (v1 rule 27)."""
    return _found(await store.find(conn, app_id, message_id), message_id)


async def lock(conn: Conn, app_id: int, message_id: int) -> InboxMessage:
    """As `get`, and locked until the transaction ends."""
    return _found(await store.lock(conn, app_id, message_id), message_id)


async def of_external_id(conn: Conn, app_id: int, external_id: str) -> int:
    """The id of the inbox message a caller named so (v1 rule 90). Raises NotFound."""
    found = await store.of_external_id(conn, app_id, external_id) if "\x00" not in external_id else None
    if found is None:
        raise NotFound("This application has no inbox message with this external id.")
    return found


async def set_status(conn: Conn, app_id: int, message_id: int, udid: str, change: StatusChange) -> None:
    """Set the dates of one device (v1 rule 100). Raises NotFound for the message, and when the device has no copy."""
    await get(conn, app_id, message_id)
    if not await store.set_status(conn, app_id, message_id, device_id(app_id, udid), change):
        raise NotFound(f"Inbox message {message_id} was not given to this device.")


async def for_device(conn: Conn, app_id: int, number: int, limit: int = MOST_SHOWN) -> list[InboxEntry]:
    """The inbox of the device with this id, newest first, each message in the device's language (v1 rule 38).

    Archived and expired ones are among them, and say so; those that expired 30 days ago are not kept.
    """
    found = await store.copies(conn, app_id, number, limit)
    if not found:
        return []
    profile = await devices.columns_of(conn, app_id, [number], [_LANGUAGE])
    language = profile.get(number, {}).get(_LANGUAGE.name)
    return [
        InboxEntry(
            message_id=copy.message_id,
            campaign_id=copy.campaign_id,
            given_at=copy.given_at,
            read_at=copy.read_at,
            archived_at=copy.archived_at,
            displayed_at=copy.displayed_at,
            expires_at=copy.expires_at,
            expired=copy.expired,
            content=_in_language(copy.contents, language if isinstance(language, str) else None),
        )
        for copy in found
    ]


async def drop_old(db: Database) -> int:
    """Timer: drop the copies of messages that expired 30 days ago, in small steps; how many copies."""
    dropped = 0
    async with db.connection() as conn:
        for app_id, message_id in await store.long_over(conn, KEPT_DAYS):
            while part := await store.drop_copies(conn, app_id, message_id, _DROPPED_AT_ONCE):
                dropped += part
            await store.set_cleared(conn, app_id, message_id)
    return dropped


async def forget_devices(conn: Conn, app_id: int, ids: Sequence[int]) -> None:
    """Drop the inboxes of devices, in the transaction that deletes them."""
    await store.forget(conn, app_id, ids)


def actions_in(contents: tuple[InboxContent, ...]) -> set[tuple[ActionKind, str]]:
    """What can be pressed in these contents (v1 rule 81)."""
    found = {(ActionKind.BUTTON, button.id) for content in contents for button in content.buttons}
    if any(content.kind is InboxContentKind.RICH_PUSH for content in contents):
        found.add((ActionKind.RICH, ""))
    return found


def _in_language(contents: tuple[InboxContent, ...], language: str | None) -> InboxContent:
    named, fallback = languages.by_tag([(content.language, content) for content in contents])
    return languages.lookup(named, language) or fallback


def _found(message: InboxMessage | None, message_id: int) -> InboxMessage:
    if message is None:
        raise NotFound(f"This application has no inbox message {message_id}.")
    return message


def _raise_any(findings: list[Finding]) -> None:
    if findings:
        raise Invalid(findings)
