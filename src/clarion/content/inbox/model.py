"""Typed inbox messages and the copies that devices have of them."""

from datetime import datetime
from enum import StrEnum

from msgspec import UNSET, Struct, UnsetType


class InboxContentKind(StrEnum):
    """What an inbox message holds, or what opening it does (v1 rule 101)."""

    TEXT = "text"
    WEB = "web"
    RICH_PUSH = "richpush"
    EVENT = "event"
    URL = "url"
    URL_SCHEME = "urlscheme"
    SYSTEM = "system"


WITH_BODY = frozenset({InboxContentKind.TEXT, InboxContentKind.WEB})
"""Kinds that are read in the inbox itself and may have buttons; the others open something else."""


class InboxButton(Struct, frozen=True, omit_defaults=True):
    """One button. `action` is what it does, `data` the address or event code it does it with."""

    id: str
    title: str
    action: str
    data: str | None = None
    params: dict[str, str] = {}


class InboxContent(Struct, frozen=True, omit_defaults=True):
    """One language version; `language` None is the fallback version (v1 rule 38).

    `body` is the text or page address of the kinds that have one, `target` the address, scheme or event code of the
    others. `text` is the summary a list of messages shows.
    """

    title: str
    kind: InboxContentKind
    language: str | None = None
    sender: str | None = None
    category: str | None = None
    text: str | None = None
    icon: str | None = None
    body: str | None = None
    target: str | None = None
    rich_in: str = "webview"
    buttons: tuple[InboxButton, ...] = ()
    params: dict[str, str] = {}


class InboxDraft(Struct, frozen=True):
    """What a caller gives of an inbox message. Segments and lists are ids of this application; without any it is for
    every device. `send_at` None is at once; `timezone` only tells people what the date was meant in."""

    name: str
    contents: tuple[InboxContent, ...]
    external_id: str | None = None
    campaign_id: int | None = None
    test_segments: tuple[int, ...] = ()
    campaign_segments: tuple[int, ...] = ()
    lists: tuple[int, ...] = ()
    send_at: datetime | None = None
    timezone: str | None = None
    expires_at: datetime | None = None


class InboxMessage(Struct, frozen=True):
    """A stored inbox message. `send_id` is the send that gives it to its audience, None until it has begun."""

    id: int
    revision: int
    send_id: int | None
    draft: InboxDraft


class StatusChange(Struct, frozen=True):
    """What one device did with its copy: None clears a date, one that is not given stays (v1 rule 100)."""

    read_at: datetime | UnsetType | None = UNSET
    archived_at: datetime | UnsetType | None = UNSET
    displayed_at: datetime | UnsetType | None = UNSET


class InboxEntry(Struct, frozen=True):
    """One message in the inbox of a device, in the device's language. An expired one has left the inbox."""

    message_id: int
    campaign_id: int | None
    given_at: datetime
    read_at: datetime | None
    archived_at: datetime | None
    displayed_at: datetime | None
    expires_at: datetime | None
    expired: bool
    content: InboxContent
