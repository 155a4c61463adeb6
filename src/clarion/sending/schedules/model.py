"""A schedule: the rule that gives its occurrences, the exclusions that skip some, and where it stands at present."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

MOST_EXCLUSIONS = 100
"""Of one schedule."""


class Recurrence(StrEnum):
    """How often a message is sent. Monthly keeps its day: the 31st is the last day of shorter months."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Exclusion(Struct, frozen=True, omit_defaults=True):
    """When nothing is sent: on these days of the week (1 Monday to 7 Sunday, in the schedule's local time, each once),
    from `start` to `end` where given. Without days it is the whole time from `start` to `end`, both included."""

    days: tuple[int, ...] = ()
    start: datetime | None = None
    end: datetime | None = None


class Rule(Struct, frozen=True):
    """What decides the occurrences of a schedule.

    The first is the instant `first_run`; the others repeat its wall clock time, which is `first_run` in `utc_offset`
    (seconds). With `in_zone` that is a time of `timezone`, in summer and winter, else of the fixed offset (v1 rule 59).
    """

    recurrence: Recurrence
    first_run: datetime
    utc_offset: int
    timezone: str
    in_zone: bool
    end_date: datetime | None
    exclusions: tuple[Exclusion, ...]


class Schedule(Rule, frozen=True, kw_only=True):
    """A stored schedule.

    `next_run` is the next allowed occurrence, None when there is none. `due_at` is when the runner looks at it: None
    while it is not active or has ended, later than `next_run` after trouble. `last_run` is the occurrence it was last
    run for, None when it has not been since it was written.
    """

    message_id: int
    start_date: datetime | None
    active: bool
    next_run: datetime | None
    due_at: datetime | None
    last_run: datetime | None
    failures: int

    @property
    def shown_run(self) -> datetime:
        """The next occurrence, or where the schedule ended."""
        return self.next_run or self.last_run or self.first_run


class ScheduleDraft(Struct, frozen=True):
    """What a caller gives of a schedule. `first_run` is in the offset it was written with, which counts."""

    first_run: datetime
    recurrence: Recurrence = Recurrence.ONCE
    timezone: str = "UTC"
    start_date: datetime | None = None
    end_date: datetime | None = None
    active: bool = True
