"""When an alarm rings (v1 rule 97)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.content.triggered.model import AlarmSettings, ExclusionRange, Programmation, ProgrammationKind
from clarion.content.triggered.programmation import due

PARIS = ZoneInfo("Europe/Paris")
MONDAY = datetime(2031, 3, 3, 12, tzinfo=UTC)


def timer(seconds: int, *ranges: ExclusionRange) -> AlarmSettings:
    """An alarm that rings so many seconds after its trigger, outside of these periods."""
    return AlarmSettings(Programmation(ProgrammationKind.TIMER, duration=seconds), ranges)


def dated(date: datetime, *, local: bool = False) -> AlarmSettings:
    """An alarm that rings at a date."""
    return AlarmSettings(Programmation(ProgrammationKind.DATE, date=date, use_local_date=local))


@pytest.mark.parametrize(("duration", "waited"), [(0, 1), (1, 1), (60, 60), (518_400, 518_400)])
def test_v1_rule_97_a_timer_runs_for_a_second_at_least(duration: int, waited: int) -> None:
    assert due(timer(duration), MONDAY) == MONDAY + timedelta(seconds=waited)


def test_v1_rule_97_a_date_is_an_instant_or_read_in_the_zone_of_the_device() -> None:
    date = datetime.fromisoformat("2031-07-01T08:00:00+09:00")
    assert due(dated(date), MONDAY, PARIS) == date
    assert due(dated(date, local=True), MONDAY, PARIS) == datetime(2031, 7, 1, 6, tzinfo=UTC)
    assert due(dated(date, local=True), MONDAY) == datetime(2031, 7, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("excluded", "rings"),
    [
        (ExclusionRange(start_time="12:00", end_time="13:00"), "2031-03-03T13:00"),
        (ExclusionRange(start_time="13:00", end_time="14:00"), "2031-03-03T12:00:01"),
        (ExclusionRange(start_time="22:00", end_time="12:30"), "2031-03-03T12:30"),
        (ExclusionRange(days=(1,)), "2031-03-04T00:00"),
        (ExclusionRange(days=(7,), start_time="20:00", end_time="15:00"), "2031-03-03T15:00"),
        (ExclusionRange(days=(2,), start_time="12:00", end_time="13:00"), "2031-03-03T12:00:01"),
        (
            ExclusionRange(start_date=MONDAY - timedelta(days=1), end_date=MONDAY + timedelta(days=2)),
            "2031-03-05T12:00",
        ),
        (
            ExclusionRange(days=(1, 2), start_date=MONDAY, end_date=MONDAY + timedelta(hours=3)),
            "2031-03-03T15:00",
        ),
    ],
)
def test_v1_rule_97_an_alarm_moves_to_the_end_of_a_range(excluded: ExclusionRange, rings: str) -> None:
    assert due(timer(1, excluded), MONDAY) == datetime.fromisoformat(rings).replace(tzinfo=UTC)


def test_v1_rule_97_ranges_follow_one_another() -> None:
    ranges = (
        ExclusionRange(start_time="13:00", end_time="18:00"),
        ExclusionRange(start_time="12:00", end_time="13:00"),
        ExclusionRange(start_time="18:00", end_time="00:00"),
        ExclusionRange(days=(2, 3)),
    )
    assert due(timer(1, *ranges), MONDAY) == datetime(2031, 3, 6, tzinfo=UTC)


def test_v1_rule_97_a_range_is_read_in_the_zone_of_the_device_unless_it_says_otherwise() -> None:
    local = ExclusionRange(start_time="13:00", end_time="14:00")
    everywhere = ExclusionRange(start_time="13:00", end_time="14:00", use_local_date=False)
    assert due(timer(1, local), MONDAY, PARIS) == MONDAY + timedelta(hours=1)
    assert due(timer(1, everywhere), MONDAY, PARIS) == MONDAY + timedelta(seconds=1)


def test_v1_rule_97_no_instant_is_left() -> None:
    assert due(timer(1, ExclusionRange(days=(1, 2, 3)), ExclusionRange(days=(4, 5, 6, 7))), MONDAY) is None
    end = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    assert due(AlarmSettings(dated(end).programmation, (ExclusionRange(days=(5,)),)), MONDAY) is None


TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 59]))
RANGES = st.one_of(
    st.builds(
        ExclusionRange,
        days=st.one_of(st.none(), st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple)),
        start_time=TIMES,
        end_time=TIMES,
        use_local_date=st.booleans(),
    ),
    st.builds(
        lambda start, length: ExclusionRange(start_date=MONDAY + start, end_date=MONDAY + start + length),
        st.timedeltas(timedelta(-60), timedelta(days=200)),
        st.timedeltas(timedelta(0), timedelta(days=40)),
    ),
)


@settings(max_examples=300)
@given(st.lists(RANGES, max_size=4), st.integers(0, 10**7), st.sampled_from([UTC, PARIS, ZoneInfo("Asia/Kolkata")]))
def test_v1_rule_97_where_an_alarm_ends_up_it_may_ring(
    ranges: list[ExclusionRange], seconds: int, zone: ZoneInfo
) -> None:
    """What was moved out of all ranges is not moved again, and nothing is moved that need not be."""
    rings = due(timer(seconds, *ranges), MONDAY, zone)
    wanted = MONDAY + timedelta(seconds=max(1, seconds))
    if rings is not None:
        assert rings >= wanted
        moved = due(AlarmSettings(dated(rings).programmation, tuple(ranges)), MONDAY, zone)
        assert moved == rings
    if not ranges:
        assert rings == wanted
