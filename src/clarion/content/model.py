"""Typed campaigns and messages. Wire names live in `api/v1`; here it is the same thing for every surface."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class CampaignDraft(Struct, frozen=True):
    """What a caller gives of a campaign: a named frame for messages. `end_date` is not before `start_date`."""

    name: str
    external_id: str | None = None
    description: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None


class Campaign(Struct, frozen=True):
    """A stored campaign."""

    id: int
    draft: CampaignDraft


class Button(Struct, frozen=True, omit_defaults=True):
    """One interactive button. `id` is its index in the template; `action` is lower case, `close` by default."""

    id: str
    action: str = "close"
    url: str | None = None
    title: str | None = None
    icon: str | None = None
    destructive: bool = True
    params: dict[str, str] = {}


class Content(Struct, frozen=True, omit_defaults=True):
    """One language version of a push message, for any platform; members a platform does not know stay unset.

    `language` None is the fallback version (v1 rule 38). Texts may hold `${field}` marks (v1 rules 45, 46, 93).
    """

    text: str = ""
    language: str | None = None
    title: str | None = None
    subtitle: str | None = None
    long_text: str | None = None
    big_picture: str | None = None
    icon: str | None = None
    small_icon: str | None = None
    template: str | None = None
    badge: str | None = None
    accent_color: str | None = None
    priority: int = 0
    channel: str | None = None
    foreground: bool = False
    sound: str = "default"
    sound_name: str | None = None
    action_button_label: str | None = None
    rich_url: str | None = None
    rich_in: str = "webview"
    content_available: bool = False
    media_url: str | None = None
    popup: bool = False
    popup_ok: str | None = None
    popup_cancel: str | None = None
    collapse_key: str | None = None
    button_template: str | None = None
    buttons: tuple[Button, ...] = ()
    require_interaction: bool = False
    url: str | None = None
    click_params: dict[str, str] = {}
    display_params: dict[str, str] = {}
    aps: str | None = None
    delay_timer_for_app_off: bool | None = None


class MessageState(StrEnum):
    """v1 rule 63."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class Guarantee(StrEnum):
    """Whether an unrecorded outcome is sent again (at least once) or reported as unknown (at most once)."""

    AT_LEAST_ONCE = "at_least_once"
    AT_MOST_ONCE = "at_most_once"


class MessageDraft(Struct, frozen=True):
    """What a caller gives of a message. Segments and lists are ids of this application."""

    name: str
    contents: tuple[Content, ...]
    external_id: str | None = None
    campaign_id: int | None = None
    use_pressure: bool = True
    test_segments: tuple[int, ...] = ()
    campaign_segments: tuple[int, ...] = ()
    lists: tuple[int, ...] = ()
    guarantee: Guarantee = Guarantee.AT_LEAST_ONCE
    time_to_live: int = 86_400


class Message(Struct, frozen=True):
    """A stored message. `revision` grows with every update; a send keeps the revision it was begun with."""

    id: int
    revision: int
    state: MessageState
    draft: MessageDraft


class ActionKind(StrEnum):
    """What a person can press in a message: one of its buttons, or the notification that opens a rich page."""

    BUTTON = "button"
    RICH = "rich"


class Action(Struct, frozen=True):
    """One thing to press and the id that its clicks carry; `button` is the id of the button, empty for a rich page."""

    id: int
    kind: ActionKind
    button: str = ""


class MessageKind(StrEnum):
    """What a message is. An instant message is a push message."""

    PUSH = "push"
    INAPP = "inapp"
    ALARM = "alarm"
    INBOX = "inbox"


SHOWN = frozenset({MessageKind.INAPP, MessageKind.ALARM})
"""Kinds that the server sends to nobody: devices fetch them, decide, and report that they showed them."""


class Named(Struct, frozen=True):
    """One message of any kind, as far as reports need it."""

    id: int
    kind: MessageKind
    campaign_id: int | None
