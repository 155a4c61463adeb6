"""A send: one run of a message to a frozen audience, and its life from `planning` to its end."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from clarion.content.model import Guarantee
from clarion.results.model import Counts

PLAN_JOB = "sending.plan"
CHUNK_JOB = "sending.chunk"
QUEUE = "send"
CHUNK_ATTEMPTS = 200
"""Deaths and failures in one chunk after which its open devices are given up: a crash loop is not their fault."""

BULK = 100
"""Priority of the chunks of real sends; smaller numbers run first and do not wait for room at the gateway."""
TEST = 20

DEAD = "dead: "
"""How the reason of a refusal begins when the token was dead: nobody is to blame for those."""


class SendKind(StrEnum):
    """What is sent to whom: a push to its real audience or to its test segments (v1 rule 62), an instant message to the
    targets of one call (v1 rule 47), an inbox message to its audience (v1 rule 99)."""

    REAL = "real"
    TEST = "test"
    INSTANT = "instant"
    INBOX = "inbox"


class SendState(StrEnum):
    """`planning` until the audience is frozen, `sending` until every device has an outcome; the others are final.

    A cancelled send still settles what is open; it has ended when `closed_at` is set.
    """

    PLANNING = "planning"
    SENDING = "sending"
    CLOSED = "closed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Send(Struct, frozen=True):
    """One send as stored, without its contents. `plan_cursor` is the last device id that planning has covered."""

    id: int
    message_id: int
    campaign_id: int | None
    kind: SendKind
    state: SendState
    reason: str | None
    revision: int
    predicate: Any
    guarantee: Guarantee
    priority: int
    time_to_live: int
    expires_at: datetime
    plan_cursor: int | None
    audience: int | None
    chunks: int
    chunks_open: int
    created_at: datetime
    frozen_at: datetime | None
    closed_at: datetime | None


class NewSend(Struct, frozen=True):
    """What a send is begun with: the message as it is now, frozen. `contents` is `tuple[Content, ...]`."""

    message_id: int
    campaign_id: int | None
    kind: SendKind
    revision: int
    contents: Any
    predicate: Any
    guarantee: Guarantee
    priority: int
    time_to_live: int


class Progress(Struct, frozen=True):
    """How far a send has come. `audience` is None until it is frozen; `pending` are the planned devices still open."""

    state: SendState
    reason: str | None
    audience: int | None
    planned: int
    counts: Counts
    reasons: dict[str, int]

    @property
    def pending(self) -> int:
        return self.planned - self.counts.total


class Closed(Struct, frozen=True):
    """How a send ended: its state, its frozen audience and the sums that must reach it."""

    state: SendState
    reason: str | None
    audience: int
    counts: Counts
