"""The kinds of device events, a report as it is recorded, and what a day of them adds up to."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import date, datetime
from enum import Enum, IntEnum
from uuid import UUID

from msgspec import Struct

from clarion.db.sql import Conn


class EventKind(IntEnum):
    """What a device can report. Numbers are stored and never reused."""

    OPEN = 1
    DISPLAYED = 2
    CLICKED = 3
    INSTALL = 4
    CUSTOM = 10


class Channel(Enum):
    """Which counters of the day the displays and clicks of a message belong to; those of OTHER to none."""

    PUSH = "push"
    INAPP = "inapp"
    OTHER = "other"


ChannelsOf = Callable[[Conn, int, Collection[int]], Awaitable[Mapping[int, Channel]]]
"""Tells the channels of an application's messages, by id; those it does not know are left out."""

Scalar = str | int | float | bool
EventValue = Scalar | dict[str, Scalar]
"""What belongs to an event of an application's own: one value, or values by name."""


class Report(Struct, frozen=True):
    """One thing that happened on a device.

    `report_id` is random, chosen by the device, and makes the report count once. `occurred_at` is by the device's
    clock. `code` is the number of a custom event and `value` what came with it; `button` is the button pressed, None
    for the notification itself.
    """

    device_id: int
    report_id: UUID
    kind: EventKind
    occurred_at: datetime
    code: int = 0
    message_id: int | None = None
    button: str | None = None
    value: EventValue | None = None


class Recorded(Struct, frozen=True):
    """How many reports of a batch were new, and how many had been recorded before."""

    accepted: int
    duplicates: int


class DayStats(Struct, frozen=True):
    """One day of an application (v1 rule 84). The last five are how its devices stood, None on days
    when nobody looked."""

    day: date
    installs: int
    opens: int
    push_sent: int
    push_displays: int
    push_clicks: int
    bounces: int
    inapp_displays: int
    inapp_clicks: int
    registered: int | None = None
    optin: int | None = None
    optout: int | None = None
    active: int | None = None
    active_optin: int | None = None
