"""When an alarm rings: its timer or date, moved past the periods in which it must not (v1 rule 97)."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo

from clarion.content.triggered.model import AlarmSettings, ExclusionRange, Programmation, ProgrammationKind

MOST_RANGES = 50
LONGEST = 10 * 365 * 86_400
"""Seconds of a timer that are counted; more is as good as never."""
_MOST_MOVES = 500
_DAY = timedelta(days=1)


def due(settings: AlarmSettings, triggered_at: datetime, zone: tzinfo = UTC) -> datetime | None:
    """When an alarm that is triggered at an instant rings on a device of this zone.

    None when its exclusion ranges leave it no instant before the year 10000. A timer takes a second at least.
    """
    try:
        at = _wanted(settings.programmation, triggered_at, zone)
        for _ in range(_MOST_MOVES):
            end = max((_end_of(each, at, zone) for each in settings.exclusion_ranges), default=at)
            if end <= at:
                return at
            at = end
    except OverflowError:
        return None
    return None


def local(date: datetime, zone: tzinfo) -> datetime:
    """The instant at which clocks of a zone show what is written in a date."""
    return date.replace(tzinfo=zone).astimezone(UTC)


def _wanted(programmation: Programmation, triggered_at: datetime, zone: tzinfo) -> datetime:
    if programmation.kind is ProgrammationKind.DATE and programmation.date is not None:
        return local(programmation.date, zone) if programmation.use_local_date else programmation.date
    return triggered_at + timedelta(seconds=min(max(1, programmation.duration or 0), LONGEST))


def _end_of(excluded: ExclusionRange, at: datetime, zone: tzinfo) -> datetime:
    """The end of the range that an instant falls in, or the instant itself when it falls in none."""
    zone = zone if excluded.use_local_date else UTC
    last = None
    if excluded.start_date is not None and excluded.end_date is not None:
        start, last = excluded.start_date, excluded.end_date
        if excluded.use_local_date:
            start, last = local(start, zone), local(last, zone)
        if not start <= at < last:
            return at
        if excluded.days is None and excluded.start_time is None:
            return last
    end = max((end for start, end in _occurrences(excluded, at, zone) if start <= at < end), default=at)
    return end if last is None else min(end, last)


def _occurrences(excluded: ExclusionRange, at: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    """The occurrences of hours and days that began on the day of an instant or the day before."""
    today = at.astimezone(zone).date()
    start, end = time.fromisoformat(excluded.start_time or "00:00"), time.fromisoformat(excluded.end_time or "00:00")
    for day in (today - _DAY, today):
        if excluded.days is None or day.isoweekday() in excluded.days:
            until = day if end > start else day + _DAY
            yield (
                datetime.combine(day, start, zone).astimezone(UTC),
                datetime.combine(until, end, zone).astimezone(UTC),
            )
