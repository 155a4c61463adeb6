"""Typed in-apps and alarms: what they show, what triggers them, when an alarm rings.

Wire names live in `api/v1`. A flag whose type allows None was not spoken of, which means no; it is kept apart because
an answer shows what was given.
"""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct, field

from clarion.content.model import Content
from clarion.places.model import PlaceRef


class TriggeredKind(StrEnum):
    """The kinds of message that a device shows by itself."""

    INAPP = "inapp"
    ALARM = "alarm"

    @property
    def label(self) -> str:
        """The kind as people say it."""
        return "in-app" if self is TriggeredKind.INAPP else "alarm"


class PopupButton(Struct, frozen=True, omit_defaults=True):
    """One button of a pop-up; `action` is lower case. Devices name it by its place, counted from 1."""

    title: str
    action: str = "close"
    url: str | None = None
    icon: str | None = None
    params: dict[str, str] = {}


class Popup(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="popup"):
    """A dialog box of the operating system."""

    title: str
    text: str
    buttons: tuple[PopupButton, ...] = ()


class Browser(Struct, frozen=True, tag_field="type", tag="browser"):
    """A page that the system's browser opens at once, on iOS only."""

    url: str


class Landing(Struct, frozen=True, omit_defaults=True):
    """What a press on a custom in-app opens: `kind` is `none`, `webview`, `browser`, `urlscheme` or `request`.

    `template_value` names a declared in-app template for the page that is opened.
    """

    kind: str = "none"
    template_value: str | None = None
    url: str | None = None
    title: str | None = None
    body: str | None = None


class Custom(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="custom"):
    """A banner or full screen in the look of a declared in-app template, named by its value. `autoclose` in seconds."""

    template_value: str
    title: str | None = None
    body: str | None = None
    url: str | None = None
    interstitial: bool = False
    autoclose: int | None = None
    in_animation: str | None = None
    out_animation: str | None = None
    action: Landing | None = None


Template = Popup | Browser | Custom


class InAppContent(Struct, frozen=True, omit_defaults=True):
    """One language version of an in-app; `language` None is the fallback version (v1 rule 38)."""

    template: Template
    language: str | None = None
    title: str | None = None
    click_params: dict[str, str] = {}
    display_params: dict[str, str] = {}


class TimerKind(StrEnum):
    """Whether a timer runs over the life of the message on a device, or within a session."""

    LIFETIME = "lifetime"
    SESSION = "session"


class Timer(Struct, frozen=True, omit_defaults=True):
    """`duration` seconds must pass after the other rules first match; 0 is at once."""

    duration: int = 0
    kind: TimerKind = TimerKind.LIFETIME


class _Value(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a value must be like; all that is given must hold, nothing given takes any value."""

    contains: str | None = None
    equals: str | None = None
    regex: str | None = None


class EventMatch(_Value, frozen=True, omit_defaults=True, kw_only=True):
    """An event of this code with such a value. `bare` when it was named by its code alone."""

    code: int
    bare: bool = False


class StateMatch(_Value, frozen=True, omit_defaults=True, kw_only=True):
    """A state of this name with such a value."""

    name: str


class PlaceMatch(Struct, frozen=True, omit_defaults=True):
    """A passage at a geofence, a beacon, or one of a group. `accuracy` is how near a beacon must be."""

    place: PlaceRef
    transition: str = "enter"
    accuracy: str | None = None


class Places(Struct, frozen=True, omit_defaults=True):
    """Passages that show the message, and those that hold it back."""

    inclusion: tuple[PlaceMatch, ...] = ()
    exclusion: tuple[PlaceMatch, ...] = ()


class Events(Struct, frozen=True, omit_defaults=True):
    """Events that show the message (`all_of`: every one of them), and those that hold it back."""

    inclusion: tuple[EventMatch, ...] = ()
    exclusion: tuple[EventMatch, ...] = ()
    all_of: bool | None = None
    once_per_event: bool | None = None


class Views(Struct, frozen=True, omit_defaults=True):
    """Views, by value, that show the message, and those that hold it back."""

    inclusion: tuple[str, ...] = ()
    exclusion: tuple[str, ...] = ()


class States(Struct, frozen=True, omit_defaults=True):
    """States that show the message (`all_of`: every one of them), and those that hold it back."""

    inclusion: tuple[StateMatch, ...] = ()
    exclusion: tuple[StateMatch, ...] = ()
    all_of: bool | None = None


class Triggers(Struct, frozen=True, omit_defaults=True):
    """When a device shows a message (v1 rules 94 to 96); 0 means none. Delays are in seconds.

    Every kind of inclusion that is given must be met and no exclusion (v1 rule 95). `start_date` to `end_date` is when
    the message may show at all, both included.
    """

    display_capping: int = 0
    global_click_capping: int = 0
    session_click_capping: int = 0
    priority: int = 0
    capping_delay: int = 0
    offline_display: bool = False
    use_pressure: bool = False
    use_delay: bool = False
    timer: Timer = field(default_factory=Timer)
    geolocations: Places = field(default_factory=Places)
    beacons: Places = field(default_factory=Places)
    events: Events = field(default_factory=Events)
    views: Views = field(default_factory=Views)
    states: States = field(default_factory=States)
    connection: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None

    def runs(self, at: datetime) -> bool:
        """Whether a message with these dates may show at an instant (v1 rule 98)."""
        return (self.start_date is None or self.start_date <= at) and (self.end_date is None or at <= self.end_date)


class ProgrammationKind(StrEnum):
    """What decides when an alarm rings: seconds after its trigger, or a date."""

    TIMER = "timer"
    DATE = "date"


class Programmation(Struct, frozen=True, omit_defaults=True):
    """When an alarm rings (v1 rule 97).

    `duration` is in seconds. `date` keeps the offset it was given with: with `use_local_date` its clock face is read
    in the zone of the device. `allow_update`: another trigger arms a waiting alarm anew.
    """

    kind: ProgrammationKind
    duration: int | None = None
    date: datetime | None = None
    use_local_date: bool = False
    allow_update: bool | None = None


class ExclusionRange(Struct, frozen=True, omit_defaults=True):
    """A period in which an alarm must not ring: dates, or hours and days of the week, or both.

    Times are `HH:MM`; an end that is not after the start is on the day after. `days` are those on which the range
    begins, 1 is Monday. Dates keep their offset, as that of a programmation does.
    """

    days: tuple[int, ...] | None = None
    start_time: str | None = None
    end_time: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    use_local_date: bool = True


class AlarmSettings(Struct, frozen=True, omit_defaults=True):
    """When an alarm rings, and when never."""

    programmation: Programmation
    exclusion_ranges: tuple[ExclusionRange, ...] = ()


class Frame(Struct, frozen=True, kw_only=True):
    """What a caller gives of a triggered message of any kind. Segments and lists are ids of this application."""

    name: str
    external_id: str | None = None
    campaign_id: int | None = None
    test_segments: tuple[int, ...] = ()
    campaign_segments: tuple[int, ...] = ()
    lists: tuple[int, ...] = ()
    triggers: Triggers = field(default_factory=Triggers)


class InAppDraft(Frame, frozen=True, kw_only=True):
    """What a caller gives of an in-app. All versions are of one template (v1 rule 91)."""

    contents: tuple[InAppContent, ...]


class AlarmDraft(Frame, frozen=True, kw_only=True):
    """What a caller gives of an alarm: a push message that the device shows by itself (v1 rule 92).

    `webservice` is an address that the device asks, on Android and iOS.
    """

    contents: tuple[Content, ...]
    settings: AlarmSettings
    webservice: str | None = None


Draft = InAppDraft | AlarmDraft


class Triggered(Struct, frozen=True):
    """A stored in-app or alarm. `active` is its switch; outside its dates it counts as inactive all the same.

    `revision` grows with every change.
    """

    id: int
    revision: int
    active: bool
    draft: Draft

    @property
    def kind(self) -> TriggeredKind:
        """Which of the two it is."""
        return kind_of(self.draft)


class GlobalCapping(Struct, frozen=True):
    """At most `frequency` displays in `duration` seconds, for all messages of a kind together (v1 rule 102)."""

    frequency: int
    duration: int


def kind_of(draft: Draft) -> TriggeredKind:
    """The kind a draft is of."""
    return TriggeredKind.INAPP if isinstance(draft, InAppDraft) else TriggeredKind.ALARM
