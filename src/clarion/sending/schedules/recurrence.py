"""Occurrences of a schedule, as pure functions of its rule: nothing here reads a clock or a database.

A wall clock time that a zone does not have moves forward by the gap, one that it has twice means the first; each
occurrence comes once, and instants always grow. Time that is excluded is passed over in one step, so that every search
ends soon, also when nothing is left.
"""

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from itertools import count
from zoneinfo import ZoneInfo, available_timezones

from clarion.sending.schedules.model import Exclusion, Recurrence, Rule

_MACHINE = "localtime"
_STEP = {
    Recurrence.ONCE: timedelta(days=1),
    Recurrence.DAILY: timedelta(days=1),
    Recurrence.WEEKLY: timedelta(days=7),
}
_BACK = timedelta(days=2)
"""Wall clock times and instants are never further apart."""


def is_zone(name: str) -> bool:
    """Whether the tz database has a zone of this name; `localtime`, which differs by machine, is none."""
    return name in _names()


def agrees(first_run: datetime, name: str) -> bool:
    """Whether the zone has the offset of this instant, so that its wall clock can be kept (v1 rule 59)."""
    try:
        return first_run.astimezone(ZoneInfo(name)).utcoffset() == first_run.utcoffset()
    except OverflowError:
        return False


def in_local_time(rule: Rule, instant: datetime) -> datetime:
    """An instant as people read it where the schedule lives; in UTC where that cannot be written."""
    try:
        local = instant.astimezone(_zone(rule))
    except OverflowError:
        return instant.astimezone(UTC)
    offset = local.utcoffset()
    whole_minutes = offset is not None and not offset.total_seconds() % 60
    return local if whole_minutes else instant.astimezone(UTC)


def next_occurrence(rule: Rule, after: datetime | None = None) -> datetime | None:
    """The first occurrence later than `after` that no exclusion skips and the end date allows; None when there is none.

    A rule of one occurrence that falls on an exclusion moves on by whole days, to the first that is allowed.
    """
    while True:
        passed_over: datetime | None = None
        for wall, instant in _candidates(rule, after):
            if rule.end_date is not None and instant > rule.end_date:
                return None
            exclusion = _exclusion(rule, instant)
            if exclusion is None:
                return instant
            if not _excludes_all(rule, exclusion, wall):
                continue
            if exclusion.end is None:
                return None
            passed_over = exclusion.end
            break
        if passed_over is None:
            return None
        after = passed_over


def is_excluded(rule: Rule, instant: datetime) -> bool:
    """Whether nothing may be sent at this instant."""
    return _exclusion(rule, instant) is not None


def _candidates(rule: Rule, after: datetime | None) -> Iterator[tuple[datetime, datetime]]:
    """Wall clock time and instant of the occurrences later than `after`, exclusions not considered, to the end of the
    calendar."""
    zone = _zone(rule)
    first = rule.first_run.astimezone(timezone(timedelta(seconds=rule.utc_offset))).replace(tzinfo=None)
    if after is None or after < rule.first_run:
        yield first, rule.first_run
        after = rule.first_run
    for number in count(_number_before(rule, after)):
        try:
            wall = _wall(rule.recurrence, first, number)
            instant = wall.replace(tzinfo=zone).astimezone(UTC)
        except (OverflowError, ValueError):
            return
        if instant > after:
            yield wall, instant
            after = instant


def _number_before(rule: Rule, after: datetime) -> int:
    """The number of an occurrence that is not much earlier than `after`, at least 1."""
    if rule.recurrence is Recurrence.MONTHLY:
        months = (after.year - rule.first_run.year) * 12 + after.month - rule.first_run.month
        return max(1, months - 1)
    return max(1, (after - rule.first_run - _BACK) // _STEP[rule.recurrence])


def _wall(recurrence: Recurrence, first: datetime, number: int) -> datetime:
    """The wall clock time of an occurrence. Raises OverflowError or ValueError past the end of the calendar."""
    if recurrence is not Recurrence.MONTHLY:
        return first + _STEP[recurrence] * number
    years, month = divmod(first.month - 1 + number, 12)
    year = first.year + years
    return first.replace(year=year, month=month + 1, day=min(first.day, monthrange(year, month + 1)[1]))


def _exclusion(rule: Rule, instant: datetime) -> Exclusion | None:
    """The exclusion that holds at an instant; of several, one that lasts."""
    if not rule.exclusions:
        return None
    day = instant.astimezone(_zone(rule)).isoweekday()
    holding = [
        each
        for each in rule.exclusions
        if (each.start is None or each.start <= instant)
        and (each.end is None or instant <= each.end)
        and (not each.days or day in each.days)
    ]
    return min(holding, key=lambda each: len(each.days), default=None)


def _excludes_all(rule: Rule, exclusion: Exclusion, wall: datetime) -> bool:
    """Whether every occurrence up to the end of the exclusion falls on it."""
    if len(exclusion.days) in (0, 7):
        return True
    return rule.recurrence is Recurrence.WEEKLY and wall.isoweekday() in exclusion.days


def _zone(rule: Rule) -> tzinfo:
    return ZoneInfo(rule.timezone) if rule.in_zone else timezone(timedelta(seconds=rule.utc_offset))


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones() - {_MACHINE})
