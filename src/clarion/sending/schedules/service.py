"""The rules of schedules: what may be written, what it makes of the message, and which occurrence comes next.

A message is `scheduled` while it waits for an active schedule with an occurrence to come. One that waits no longer,
because its schedule was deleted, made inactive or excluded to the end, is a draft again. Sending is `runner`'s.

Codes of findings: `unknown_zone`, `end_before_start`, `outside_schedule`, `missing_date`. Codes of conflicts:
`has_schedule`, `past_date`, `not_schedulable`, `has_days`, `too_many_exclusions`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from clarion.base import clock
from clarion.base.errors import Conflict, Finding, Invalid, NotFound
from clarion.base.telemetry import get_logger
from clarion.content import service as content
from clarion.content.model import Message, MessageState
from clarion.db.sql import Conn
from clarion.sending.schedules import recurrence, store
from clarion.sending.schedules.model import MOST_EXCLUSIONS, Exclusion, Recurrence, Rule, Schedule, ScheduleDraft

log = get_logger(__name__)

_INSTANT = timedelta(microseconds=1)


async def create(conn: Conn, app_id: int, message_id: int, draft: ScheduleDraft) -> None:
    """Give a message its schedule.

    Raises NotFound for the message, Invalid, Conflict with code `has_schedule`, `not_schedulable` for a message that
    is being sent or was, and `past_date` (v1 rule 58).
    """
    message = await content.lock_message(conn, app_id, message_id)
    _check(draft)
    if await store.find(conn, app_id, message_id) is not None:
        raise Conflict(f"Message {message_id} has a schedule already.", "Update it instead.", code="has_schedule")
    if message.state not in (MessageState.DRAFT, MessageState.SCHEDULED):
        raise Conflict(
            f"Message {message_id} is {message.state.value}: only a draft can be scheduled.", code="not_schedulable"
        )
    _refuse_past(draft)
    await _write(conn, app_id, message, _rule(draft, ()), draft)


async def update(conn: Conn, app_id: int, message_id: int, draft: ScheduleDraft) -> None:
    """Replace the schedule of a message; its exclusions stay. A message that was sent waits again.

    Raises NotFound for message and schedule, Invalid, Conflict with code `past_date` (v1 rule 58).
    """
    message = await content.lock_message(conn, app_id, message_id)
    present = await _schedule_of(conn, app_id, message_id)
    _check(draft)
    _refuse_past(draft)
    rule = _rule(draft, present.exclusions)
    await _write(conn, app_id, message, _with_anchor_of(present, rule), draft)


async def get(conn: Conn, app_id: int, message_id: int) -> Schedule:
    """The schedule of a message. Raises NotFound for message and schedule."""
    await content.get_message(conn, app_id, message_id)
    return await _schedule_of(conn, app_id, message_id)


async def delete(conn: Conn, app_id: int, message_id: int) -> None:
    """Take the schedule and its exclusions away; a run that has begun goes on. Raises NotFound."""
    message = await content.lock_message(conn, app_id, message_id)
    if not await store.delete(conn, app_id, message_id):
        raise _no_schedule(message_id)
    await _follow(conn, app_id, message, waits=False)
    log.info("schedule_deleted", app=app_id, message=message_id)


async def exclude(conn: Conn, app_id: int, message_id: int, exclusion: Exclusion) -> None:
    """Add an exclusion; an occurrence that falls on it moves to the next allowed one (v1 rules 60 and 61).

    Raises NotFound for message and schedule, Invalid, Conflict with code `has_days` or `too_many_exclusions`.
    """
    message = await content.lock_message(conn, app_id, message_id)
    schedule = await _schedule_of(conn, app_id, message_id)
    _raise_any(list(_check_exclusion(schedule, exclusion)))
    if exclusion.days and any(each.days for each in schedule.exclusions):
        raise Conflict(
            f"The schedule of message {message_id} has excluded days already.",
            "Delete its exclusions before giving others.",
            code="has_days",
        )
    if len(schedule.exclusions) >= MOST_EXCLUSIONS:
        raise Conflict(f"A schedule has at most {MOST_EXCLUSIONS} exclusions.", code="too_many_exclusions")
    await _replan(conn, app_id, message, schedule, (*schedule.exclusions, exclusion))


async def drop_exclusions(conn: Conn, app_id: int, message_id: int) -> None:
    """Take all exclusions away (v1 rule 60). Raises NotFound for message and schedule."""
    message = await content.lock_message(conn, app_id, message_id)
    await _replan(conn, app_id, message, await _schedule_of(conn, app_id, message_id), ())


async def wait_again(conn: Conn, app_id: int, message_id: int) -> None:
    """After a real send: a message whose schedule has more to come is scheduled again (v1 rule 63). The caller holds
    the lock of the message."""
    if await store.is_waiting(conn, app_id, message_id):
        await content.set_state(conn, app_id, message_id, MessageState.SCHEDULED)


async def _schedule_of(conn: Conn, app_id: int, message_id: int) -> Schedule:
    found = await store.find(conn, app_id, message_id)
    if found is None:
        raise _no_schedule(message_id)
    return found


def _no_schedule(message_id: int) -> NotFound:
    return NotFound(f"Message {message_id} has no schedule.")


async def _write(conn: Conn, app_id: int, message: Message, rule: Rule, draft: ScheduleDraft) -> None:
    next_run = recurrence.next_occurrence(rule, draft.first_run - _INSTANT)
    await store.put(conn, app_id, message.id, rule, draft.start_date, active=draft.active, next_run=next_run)
    await _follow(conn, app_id, message, waits=draft.active and next_run is not None)
    log.info("schedule_written", app=app_id, message=message.id, recurrence=rule.recurrence.value,
             active=draft.active, next_run=next_run and next_run.isoformat())  # fmt: skip


async def _replan(
    conn: Conn, app_id: int, message: Message, schedule: Schedule, exclusions: tuple[Exclusion, ...]
) -> None:
    """Other exclusions, and the next occurrence that they leave. One that is overdue stays so unless it is excluded;
    one that is past is not called back."""
    over = schedule.recurrence is Recurrence.ONCE and schedule.last_run is not None
    now = clock.now()
    after = now if schedule.next_run is None else min(now, schedule.next_run - _INSTANT)
    next_run = None if over else recurrence.next_occurrence(replace(schedule, exclusions=exclusions), after)
    await store.exclude(conn, app_id, message.id, exclusions, next_run)
    await _follow(conn, app_id, message, waits=schedule.active and next_run is not None)
    log.info("exclusions_written", app=app_id, message=message.id, exclusions=len(exclusions),
             next_run=next_run and next_run.isoformat())  # fmt: skip


async def _follow(conn: Conn, app_id: int, message: Message, *, waits: bool) -> None:
    """The state of a message after its schedule was changed; while it is being sent, its closing looks again."""
    if message.state is MessageState.SENDING:
        return
    if waits:
        await content.set_state(conn, app_id, message.id, MessageState.SCHEDULED)
    elif message.state is MessageState.SCHEDULED:
        await content.set_state(conn, app_id, message.id, MessageState.DRAFT)


def _rule(draft: ScheduleDraft, exclusions: tuple[Exclusion, ...]) -> Rule:
    offset = draft.first_run.utcoffset() or timedelta(0)
    return Rule(
        recurrence=draft.recurrence,
        first_run=draft.first_run.astimezone(UTC),
        utc_offset=int(offset.total_seconds()),
        timezone=draft.timezone,
        in_zone=recurrence.agrees(draft.first_run, draft.timezone),
        end_date=draft.end_date,
        exclusions=exclusions,
    )


def _with_anchor_of(present: Schedule, rule: Rule) -> Rule:
    """A rule whose date is the one shown of the present schedule goes on as that one does: what a caller reads and
    writes back changes nothing, also where the 31st is shown as the 28th."""
    same = (
        rule.recurrence is present.recurrence
        and rule.first_run == present.next_run
        and (rule.timezone, rule.in_zone) == (present.timezone, present.in_zone)
        and (rule.in_zone or rule.utc_offset == present.utc_offset)
    )
    return replace(rule, first_run=present.first_run, utc_offset=present.utc_offset) if same else rule


def _check(draft: ScheduleDraft) -> None:
    findings = list(_check_order("/end_date", draft.start_date, draft.end_date))
    if not recurrence.is_zone(draft.timezone):
        findings.append(Finding("/timezone", "unknown_zone", "the tz database has no zone of this name"))
    if draft.start_date is not None and draft.first_run < draft.start_date:
        findings.append(Finding("/first_run", "outside_schedule", "it lies before the start of the schedule"))
    elif draft.end_date is not None and draft.first_run > draft.end_date:
        findings.append(Finding("/first_run", "outside_schedule", "it lies after the end of the schedule"))
    _raise_any(findings)


def _check_order(pointer: str, start: datetime | None, end: datetime | None) -> Iterator[Finding]:
    if start is not None and end is not None and end < start:
        yield Finding(pointer, "end_before_start", "the end lies before the start")


def _check_exclusion(schedule: Schedule, exclusion: Exclusion) -> Iterator[Finding]:
    yield from _check_order("/end", exclusion.start, exclusion.end)
    for pointer, date in (("/start", exclusion.start), ("/end", exclusion.end)):
        if date is None:
            if not exclusion.days:
                yield Finding(pointer, "missing_date", "excluded dates have a start and an end")
        elif schedule.start_date is not None and date < schedule.start_date:
            yield Finding(pointer, "outside_schedule", "it lies before the start of the schedule")
        elif schedule.end_date is not None and date > schedule.end_date:
            yield Finding(pointer, "outside_schedule", "it lies after the end of the schedule")


def _refuse_past(draft: ScheduleDraft) -> None:
    if draft.first_run < clock.now():
        raise Conflict("The next sending date is in the past.", "Give one to come.", code="past_date")


def _raise_any(findings: list[Finding]) -> None:
    if findings:
        raise Invalid(findings)
