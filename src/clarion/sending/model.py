"""A send: one run of a message to a frozen audience, and its life from `planning` to its end."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from clarion.content.model import Guarantee, Message
from clarion.results.model import Counts

PLAN_JOB = "sending.plan"
CHUNK_JOB = "sending.chunk"
QUEUE = "send"
CHUNK_ATTEMPTS = 200
"""Deaths and failures in one chunk after which its open devices are given up: a crash loop is not their fault."""

BULK = 100
"""Priority of the chunks of real sends; smaller numbers run first, and small chunks of theirs do not wait for room at
the gateway."""
TEST = 20
INSTANT = 10
"""That of instant messages, which go ahead of everything else (v1 rule 47)."""

URGENT_QUEUE = "urgent"
"""The queue of chunks that do not even wait for a chunk of a bulk send to end; workers keep slots for it."""

DEAD = "dead: "
"""How the reason of a refusal begins when the token was dead: nobody is to blame for those."""
HELD = "suppressed: "
"""How the reason begins when marketing pressure kept a push back, which is no failure either."""


class SendKind(StrEnum):
    """What is sent to whom: a push to its real audience or to its test segments (v1 rule 62), an instant message to the
    targets of one call (v1 rule 47), an inbox message to its audience (v1 rule 99)."""

    REAL = "real"
    TEST = "test"
    INSTANT = "instant"
    INBOX = "inbox"


class SendState(StrEnum):
    """`planning` until the audience is frozen, `sending` until every device has an outcome, `paused` while somebody
    holds either up; the others are final.

    A paused send goes on being planned, its time to live runs on, and it ends when nothing is left to hand over. A
    cancelled send still settles what is open; it has ended when `closed_at` is set.
    """

    PLANNING = "planning"
    SENDING = "sending"
    PAUSED = "paused"
    CLOSED = "closed"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNDER_WAY = (SendState.PLANNING, SendState.SENDING, SendState.PAUSED)


class Send(Struct, frozen=True):
    """One send as stored, without its contents. `plan_cursor` is the last device id that planning has covered.

    `lists` are the static lists it is for, in their order; `numbered` tells that its devices get the values of the
    target they were named by. `throttle` is the most notifications handed over in a minute.
    """

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
    use_pressure: bool
    throttle: int | None
    lists: list[int]
    numbered: bool
    expires_at: datetime
    plan_cursor: int | None
    audience: int | None
    chunks: int
    chunks_open: int
    created_at: datetime
    frozen_at: datetime | None
    closed_at: datetime | None


class NewSend(Struct, frozen=True):
    """What a send is begun with: the message as it is now, frozen. `contents` is `tuple[Content, ...]`.

    Marketing pressure is for real sends only, and only if their message wants it (v1 rule 55). `lists` are the static
    lists it is for. Texts for the marks of an instant message: `shared` for all devices, `by_target` those of each
    target, None when all devices get the same (v1 rule 54).
    """

    message_id: int
    campaign_id: int | None
    kind: SendKind
    revision: int
    contents: Any
    predicate: Any
    guarantee: Guarantee
    priority: int
    time_to_live: int
    use_pressure: bool = False
    throttle: int | None = None
    lists: Sequence[int] = ()
    shared: Mapping[str, str] | None = None
    by_target: Sequence[Mapping[str, str]] | None = None


class PastSend(Struct, frozen=True):
    """A send of a message that another system made at `at`, to `audience` devices; `reason` says which system."""

    message: Message
    at: datetime
    audience: int
    reason: str


class Whole(Struct, frozen=True):
    """An audience that was frozen before its send was written: the id drawn for the send, its chunks, its devices."""

    send_id: int
    chunks: int
    audience: int


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
