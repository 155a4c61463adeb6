"""A calendar to hold schedules against: it knows what the clocks of a zone show at an instant, and no rule of ours."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from clarion.sending.schedules import recurrence
from clarion.sending.schedules.model import Recurrence, Rule

YEARS = {
    "Europe/Paris": 2031,
    "America/New_York": 2031,
    "America/Santiago": 2031,
    "Australia/Lord_Howe": 2031,
    "Africa/Casablanca": 2031,
    "Africa/Cairo": 2031,
    "Asia/Tehran": 2021,
    "Pacific/Apia": 2011,
}
"""A year of each zone with two changes of its clocks or more: by an hour north and south, by half an hour, around
Ramadan, at midnight, and one that left out a whole day."""


def rule(first: str, zone: str = "UTC", often: Recurrence = Recurrence.DAILY, **more: Any) -> Rule:
    moment = datetime.fromisoformat(first)
    offset = moment.utcoffset()
    assert offset is not None
    return Rule(
        recurrence=often,
        first_run=moment.astimezone(UTC),
        utc_offset=int(offset.total_seconds()),
        timezone=zone,
        in_zone=recurrence.agrees(moment, zone),
        end_date=more.get("end"),
        exclusions=tuple(more.get("exclusions", ())),
    )


def listed(given: Rule, number: int) -> list[datetime]:
    """The first occurrences, in UTC."""
    found: list[datetime] = []
    after = None
    while len(found) < number and (after := recurrence.next_occurrence(given, after)) is not None:
        found.append(after)
    return found


def local(given: Rule, number: int) -> list[datetime]:
    """The first occurrences as people read them."""
    return [recurrence.in_local_time(given, each) for each in listed(given, number)]


def texts(given: Rule, number: int) -> list[str]:
    return [each.isoformat() for each in local(given, number)]


def readings(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Every instant at which a clock of the zone shows this time, by trying all offsets the zone has around it."""
    around = [wall.replace(tzinfo=UTC) + timedelta(hours=step) for step in (-36, -12, 12, 36)]
    offsets = {each.astimezone(zone).utcoffset() for each in around}
    tries = {(wall - offset).replace(tzinfo=UTC) for offset in offsets if offset is not None}
    return sorted(each for each in tries if each.astimezone(zone).replace(tzinfo=None, fold=0) == wall)


def expected(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first reading; for a time the clocks pass over, the time later by what they were put forward."""
    found = readings(wall, zone)
    if found:
        return found[0]
    before = after = wall
    while not (earlier := readings(before, zone)):
        before -= timedelta(minutes=1)
    while not (later := readings(after, zone)):
        after += timedelta(minutes=1)
    # The gap is what lies between the clocks' last minute before it and the first after it.
    assert later[0] - earlier[-1] == timedelta(minutes=1)
    return earlier[-1] + (wall - before)


@st.composite
def firsts(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """A zone and a first occurrence in its year, a quarter of an hour of its wall clock."""
    name = draw(st.sampled_from(sorted(YEARS)))
    quarter = draw(st.integers(0, 365 * 96 - 1))
    return ZoneInfo(name), expected(datetime(YEARS[name], 1, 1) + timedelta(minutes=15 * quarter), ZoneInfo(name))  # noqa: DTZ001
