"""Occurrences across zones and changes of the clocks, held against a calendar that knows no rule but the zone's."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from clarion.sending.schedules import recurrence
from clarion.sending.schedules.model import Exclusion, Recurrence
from tests.sending.schedules.almanac import YEARS, expected, firsts, listed, local, rule, texts


def test_the_years_hold_two_changes_of_the_clocks() -> None:
    for name, year in YEARS.items():
        days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
        offsets = [day.astimezone(ZoneInfo(name)).utcoffset() for day in days]
        assert sum(one != other for one, other in pairwise(offsets)) >= 2, name


@settings(max_examples=150)
@given(begin=firsts(), days=st.sampled_from([1, 7]))
def test_v1_rule_59_each_day_has_one_occurrence_over_two_changes_of_the_clocks(
    begin: tuple[ZoneInfo, datetime], days: int
) -> None:
    """The wall clock time stays that of the first; what two days have in common (Samoa left one out) comes once."""
    zone, first = begin
    wall = first.astimezone(zone).replace(tzinfo=None, fold=0)
    often = Recurrence.DAILY if days == 1 else Recurrence.WEEKLY
    given = rule(first.astimezone(zone).isoformat(), zone.key, often)
    awaited = list(dict.fromkeys(expected(wall + timedelta(days=days * n), zone) for n in range(370 // days)))
    found = listed(given, len(awaited))
    assert found == awaited
    assert all(one < other for one, other in pairwise(found))
    assert len({recurrence.in_local_time(given, each).date() for each in found}) == len(found)


@settings(max_examples=60)
@given(begin=firsts(), late=st.integers(0, 400 * 24 * 60))
def test_what_comes_after_an_instant_does_not_depend_on_what_was_asked_before(
    begin: tuple[ZoneInfo, datetime], late: int
) -> None:
    zone, first = begin
    for often in Recurrence:
        given = rule(first.astimezone(zone).isoformat(), zone.key, often)
        after = first + timedelta(minutes=late)
        every = listed(given, 403 if often in (Recurrence.ONCE, Recurrence.DAILY) else 60)
        assert recurrence.next_occurrence(given, after) == next(each for each in every if each > after)


@pytest.mark.parametrize(
    ("first", "zone", "expectation"),
    [
        # Paris: spring on 30 March 2031, autumn on 26 October.
        ("2031-03-29T09:00:00+01:00", "Europe/Paris", ["2031-03-29T09:00:00+01:00", "2031-03-30T09:00:00+02:00"]),
        ("2031-03-29T02:30:00+01:00", "Europe/Paris", ["2031-03-29T02:30:00+01:00", "2031-03-30T03:30:00+02:00"]),
        ("2031-10-25T02:30:00+02:00", "Europe/Paris", ["2031-10-25T02:30:00+02:00", "2031-10-26T02:30:00+02:00"]),
        # The second reading, when it is the one that was given.
        ("2031-10-26T02:30:00+01:00", "Europe/Paris", ["2031-10-26T02:30:00+01:00", "2031-10-27T02:30:00+01:00"]),
        # Half an hour: from 02:00 to 02:30 on 5 October.
        (
            "2031-10-04T02:15:00+10:30",
            "Australia/Lord_Howe",
            ["2031-10-04T02:15:00+10:30", "2031-10-05T02:45:00+11:00", "2031-10-06T02:15:00+11:00"],
        ),
        # A zone that contradicts the offset is but a name.
        ("2031-03-29T09:00:00+03:00", "Europe/Paris", ["2031-03-29T09:00:00+03:00", "2031-03-30T09:00:00+03:00"]),
        ("2031-03-29T09:00:00+01:00", "UTC", ["2031-03-29T09:00:00+01:00", "2031-03-30T09:00:00+01:00"]),
        # Samoa had no 30 December 2011: that day and the next are one occurrence.
        (
            "2011-12-29T09:00:00-10:00",
            "Pacific/Apia",
            ["2011-12-29T09:00:00-10:00", "2011-12-31T09:00:00+14:00", "2012-01-01T09:00:00+14:00"],
        ),
    ],
)
def test_v1_rule_59_the_offset_decides_and_the_zone_keeps_the_wall_clock(
    first: str, zone: str, expectation: list[str]
) -> None:
    assert texts(rule(first, zone), len(expectation)) == expectation


@given(day=st.integers(1, 31), start=st.integers(0, 400))
def test_a_month_keeps_the_day_it_began_with(day: int, start: int) -> None:
    """On its last day when it is shorter; the 31st comes back."""
    years, month = divmod(start, 12)
    year, month = 2031 + years, month + 1
    found = local(
        rule(f"{year}-{month:02}-{min(day, monthrange(year, month)[1]):02}T09:00:00+00:00", often=Recurrence.MONTHLY),
        30,
    )
    anchor = found[0].day
    assert [(each.year, each.month) for each in found] == [
        (year + (month - 1 + n) // 12, (month - 1 + n) % 12 + 1) for n in range(30)
    ]
    assert all(each.day == min(anchor, monthrange(each.year, each.month)[1]) for each in found)


def test_the_31st_is_the_last_day_of_shorter_months_and_the_31st_again() -> None:
    found = texts(rule("2032-01-31T09:00:00+01:00", "Europe/Paris", Recurrence.MONTHLY), 4)
    assert found == [
        "2032-01-31T09:00:00+01:00",
        "2032-02-29T09:00:00+01:00",
        "2032-03-31T09:00:00+02:00",
        "2032-04-30T09:00:00+02:00",
    ]


def test_v1_rule_61_excluded_days_are_those_of_the_local_calendar() -> None:
    """Monday 00:30 in Paris is Sunday in UTC."""
    sunday = rule("2031-03-02T00:30:00+01:00", "Europe/Paris", exclusions=[Exclusion(days=(1, 3))])
    assert [each.isoweekday() for each in local(sunday, 6)] == [7, 2, 4, 5, 6, 7]


def test_v1_rule_61_the_only_occurrence_moves_by_whole_days() -> None:
    only = rule(
        "2031-03-29T09:00:00+01:00",
        "Europe/Paris",
        Recurrence.ONCE,
        exclusions=[Exclusion(days=(6,)), between("2031-03-30T00:00:00+01:00", "2031-03-31T08:00:00+02:00")],
    )
    assert texts(only, 1) == ["2031-03-31T09:00:00+02:00"]


def between(start: str, end: str) -> Exclusion:
    return Exclusion(start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))


def test_both_ends_of_excluded_dates_are_excluded() -> None:
    dates = between("2031-03-03T09:00:00+00:00", "2031-03-05T09:00:00+00:00")
    found = texts(rule("2031-03-02T09:00:00+00:00", exclusions=[dates]), 2)
    assert found == ["2031-03-02T09:00:00+00:00", "2031-03-06T09:00:00+00:00"]


def test_days_may_be_excluded_for_a_time() -> None:
    """Mondays until the middle of March."""
    mondays = Exclusion(days=(1,), end=datetime(2031, 3, 15, tzinfo=UTC))
    found = texts(rule("2031-03-03T09:00:00+00:00", often=Recurrence.WEEKLY, exclusions=[mondays]), 1)
    assert found == ["2031-03-17T09:00:00+00:00"]


@pytest.mark.parametrize(
    ("often", "exclusions"),
    [
        *((often, [Exclusion(days=(1, 2, 3, 4, 5, 6, 7))]) for often in Recurrence),
        (Recurrence.WEEKLY, [Exclusion(days=(7,))]),
        *((often, [between("2031-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00")]) for often in Recurrence),
    ],
)
def test_v1_rule_61_when_everything_is_excluded_nothing_comes(
    often: Recurrence, exclusions: Sequence[Exclusion]
) -> None:
    """And the search for it ends at once."""
    assert recurrence.next_occurrence(rule("2031-03-02T09:00:00+00:00", often=often, exclusions=exclusions)) is None


@given(anchor=st.dates(date(2031, 1, 1), date(2034, 12, 31)), day=st.integers(1, 7))
def test_one_allowed_day_of_the_week_is_found_soon_in_any_month(anchor: date, day: int) -> None:
    others = Exclusion(days=tuple(each for each in range(1, 8) if each != day))
    given = rule(f"{anchor:%Y-%m-%d}T09:00:00+00:00", often=Recurrence.MONTHLY, exclusions=[others])
    found = recurrence.next_occurrence(given)
    assert found is not None
    assert found.isoweekday() == day
    assert found - given.first_run < timedelta(days=3 * 366)


@given(
    exclusions=st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 60)).map(
            lambda pair: Exclusion(
                start=datetime(2031, 1, 1, tzinfo=UTC) + timedelta(days=pair[0]),
                end=datetime(2031, 1, 1, tzinfo=UTC) + timedelta(days=pair[0] + pair[1]),
            )
        ),
        max_size=12,
    ),
    days=st.sets(st.integers(1, 7), max_size=6),
    often=st.sampled_from([Recurrence.DAILY, Recurrence.WEEKLY, Recurrence.MONTHLY]),
)
def test_v1_rule_61_exclusions_leave_exactly_what_they_do_not_name(
    exclusions: list[Exclusion], days: set[int], often: Recurrence
) -> None:
    """However they overlap: the search that jumps finds what a search step by step finds."""
    dated = [
        *exclusions,
        *([Exclusion(days=tuple(sorted(days)), end=datetime(2032, 6, 1, tzinfo=UTC))] if days else []),
    ]
    free = rule("2031-01-05T07:00:00+00:00", often=often)
    number = {Recurrence.DAILY: 560, Recurrence.WEEKLY: 80, Recurrence.MONTHLY: 20}[often]
    allowed = [
        each
        for each in listed(free, number)
        if not recurrence.is_excluded(replace(free, exclusions=tuple(dated)), each)
    ]
    assert listed(replace(free, exclusions=tuple(dated)), len(allowed)) == allowed


def test_nothing_comes_after_the_end() -> None:
    given = rule("2031-03-02T09:00:00+00:00", end=datetime(2031, 3, 4, 9, tzinfo=UTC))
    assert [each.day for each in listed(given, 10)] == [2, 3, 4]


def test_the_calendar_ends() -> None:
    for often in (Recurrence.DAILY, Recurrence.WEEKLY, Recurrence.MONTHLY):
        for zone in ("Pacific/Auckland", "America/Los_Angeles", "UTC"):
            assert len(listed(rule("9999-12-31T12:00:00+00:00", zone, often), 3)) == 1
            assert len(listed(rule("9999-12-30T12:00:00+00:00", zone, often), 3)) == 1 + (often is Recurrence.DAILY)


def test_names_of_zones() -> None:
    """v1 rule 59: names of the tz database, in its spelling; the machine's own zone is none."""
    for name in (*YEARS, "UTC", "Etc/GMT+5"):
        assert recurrence.is_zone(name)
    for name in ("", "localtime", "Europe/Pari", "europe/paris", "../../etc/passwd", "/etc/localtime", "Mars/Base"):
        assert not recurrence.is_zone(name)


def test_dates_before_offsets_of_whole_minutes_are_shown_in_utc() -> None:
    given = rule("2031-03-02T09:00:00+01:00", "Europe/Paris")
    shown = recurrence.in_local_time(given, datetime(1800, 1, 1, tzinfo=UTC))
    assert shown.isoformat() == "1800-01-01T00:00:00+00:00"
    assert recurrence.in_local_time(given, datetime.max.replace(tzinfo=UTC)) == datetime.max.replace(tzinfo=UTC)
