"""Points in time on the wire (v2 rule 1.13, v1 rule 59 and section L)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.api.contract.instants import is_lenient_instant, parse_day, parse_instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2031-03-02T09:00:00+01:00", datetime(2031, 3, 2, 8, tzinfo=UTC)),
        ("2031-03-02t09:00:00z", datetime(2031, 3, 2, 9, tzinfo=UTC)),
        ("2031-03-02T09:00:00.5Z", datetime(2031, 3, 2, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("2031-03-02T09:00:00.123456789Z", datetime(2031, 3, 2, 9, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_rfc_3339_is_read_as_utc(text: str, expected: datetime) -> None:
    assert parse_instant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2031-03-02T09:00:00",
        "2031-03-02 09:00:00Z",
        "2031-03-02T09:00:60Z",
        "2016-12-31T23:59:60Z",
        "2031-03-02T24:00:00Z",
        "2031-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2031-03-02T09:00:00+0100",
        "٢٠٣١-03-02T09:00:00Z",
        "tomorrow",
        "",
    ],
)
def test_v2_rule_1_13_what_is_no_instant_is_refused(text: str) -> None:
    assert parse_instant(text) is None


@pytest.mark.parametrize("text", ["2031-03-02T09:00:00", "2031-03-02 09:00:00", "2031-03-02T11:00:00+0200"])
def test_v1_rule_59_a_date_without_offset_is_utc(text: str) -> None:
    assert parse_instant(text, lenient=True) == datetime(2031, 3, 2, 9, tzinfo=UTC)


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-839, 839))  # noqa: DTZ001
def test_every_instant_survives_the_way_through_text(moment: datetime, minutes: int) -> None:
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    text = f"{moment.isoformat()}{offset}"
    assert parse_instant(text) == datetime.fromisoformat(text)


@given(st.text(max_size=40))
def test_any_text_is_an_instant_or_not(text: str) -> None:
    assert is_lenient_instant(text) in (True, False)


def test_days() -> None:
    day = parse_day("2031-03-02")
    assert day is not None
    assert day.isoformat() == "2031-03-02"
    assert [parse_day(text) for text in ("2031-3-2", "20310302", "2031-02-30", "0000-01-01", "2031-03-02 ")] == [
        None
    ] * 5
