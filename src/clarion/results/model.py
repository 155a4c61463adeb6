"""The outcomes of a send, device by device, and what is read from them.

One byte stands for one device, in the order of the chunk's device ids, so that a target costs 8.5 bytes on disk.
"""

from datetime import datetime
from enum import IntEnum

from msgspec import Struct

Scalar = str | int | float | bool | None


class Outcome(IntEnum):
    """What became of one device. PENDING and INTENT are open; everything else is final and never changes.

    INTENT is written before an at-most-once hand-over; found after a restart it means UNKNOWN.
    REFUSED_DEAD is a refusal because the token is dead (it counts as a bounce, v1 rule 84). SUPPRESSED_PRESSURE and
    SUPPRESSED_QUIET are the two ways in which marketing pressure keeps a push back.
    """

    PENDING = 0
    INTENT = 1
    DELIVERED = 2
    REFUSED = 3
    REFUSED_DEAD = 4
    SUPPRESSED_OPT_OUT = 5
    SUPPRESSED_NO_TOKEN = 6
    SUPPRESSED_BOUNCED = 7
    SUPPRESSED_PRESSURE = 8
    SUPPRESSED_GONE = 9
    EXPIRED = 10
    CANCELLED = 11
    UNKNOWN = 12
    SUPPRESSED_QUIET = 13


OPEN = frozenset({Outcome.PENDING, Outcome.INTENT})
SUPPRESSED = frozenset(
    {
        Outcome.SUPPRESSED_OPT_OUT,
        Outcome.SUPPRESSED_NO_TOKEN,
        Outcome.SUPPRESSED_BOUNCED,
        Outcome.SUPPRESSED_PRESSURE,
        Outcome.SUPPRESSED_QUIET,
        Outcome.SUPPRESSED_GONE,
    }
)
# What a device got or may have got, or is about to get once its chunk has begun: the pressure on it.
PRESSED = frozenset({Outcome.DELIVERED, Outcome.UNKNOWN}) | OPEN
# A target is a device to which the message was handed (v1 rules 79 and 82).
TARGETED = frozenset({Outcome.DELIVERED, Outcome.REFUSED, Outcome.REFUSED_DEAD, Outcome.UNKNOWN})


class Counts(Struct, frozen=True):
    """How many devices came to each kind of end. `total` is what must reach the audience when a send closes."""

    delivered: int = 0
    refused: int = 0
    suppressed: int = 0
    expired: int = 0
    cancelled: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        return self.delivered + self.refused + self.suppressed + self.expired + self.cancelled + self.unknown


class PlannedChunk(Struct, frozen=True):
    """A chunk as planning made it: its number within the send and how many devices it holds."""

    no: int
    size: int


class Chunk(Struct, frozen=True):
    """A chunk as delivery takes it up. `reasons` counts refusals by their reason, over all runs so far; `target_nos`
    are the numbers of the targets that the devices of an instant message were named by, when they matter."""

    no: int
    device_ids: list[int]
    outcomes: bytes
    started_at: datetime | None
    closed_at: datetime | None
    reasons: dict[str, int]
    target_nos: list[int] | None = None


class Period(Struct, frozen=True):
    """An interval of time, both ends included; None leaves that side open."""

    start: datetime | None = None
    end: datetime | None = None


class Subject(Struct, frozen=True):
    """What a report is about: a message, or a campaign with all its messages."""

    message_id: int | None = None
    campaign_id: int | None = None


class Target(Struct, frozen=True):
    """One device to which a message was handed, and when; `bounced` when the gateway called its token dead."""

    udid: str
    at: datetime
    message_id: int
    campaign_id: int | None
    bounced: bool
    data: dict[str, Scalar]


class Click(Struct, frozen=True):
    """One reaction of a device. `action_id` is None when the message has nothing to press (v1 rule 81)."""

    udid: str
    at: datetime
    message_id: int | None
    campaign_id: int | None
    action_id: int | None
    data: dict[str, Scalar]
