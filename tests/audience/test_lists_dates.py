"""Dates as JavaScript takes them (v1 rule 76, section L). The tables were compared with `new Date(x)` of Node.js 20 in
the zone UTC, as were 1.2 million random texts, without a difference besides those that are named here."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.audience.lists.javascript_dates import parse

TAKEN = {
    "2031": "2031-01-01T00:00:00",
    "2031-12": "2031-12-01T00:00:00",
    "2031-12-31": "2031-12-31T00:00:00",
    "2031-12-31T23:59": "2031-12-31T23:59:00",
    "2031-12-31T23:59:59": "2031-12-31T23:59:59",
    "2031-12-31T23:59:59.5": "2031-12-31T23:59:59.500",
    "2031-12-31T23:59:59.123456Z": "2031-12-31T23:59:59.123",
    "2031-12-31T23:59:59.000Z": "2031-12-31T23:59:59",
    "2031-12-31T23:59:59+02:00": "2031-12-31T21:59:59",
    "2031-12-31T23:59:59-0530": "2032-01-01T05:29:59",
    "2031-12-31t23:59:59z": "2031-12-31T23:59:59",
    "2031-12-31T24:00:00Z": "2032-01-01T00:00:00",
    "+002031-12-31T00:00:00Z": "2031-12-31T00:00:00",
    "2031-12-31 23:59:59": "2031-12-31T23:59:59",
    "2031-12-31 23:59:59 +0200": "2031-12-31T21:59:59",
    "2031-12-31 23:59:59 GMT+2": "2031-12-31T21:59:59",
    "  2031-12-31": "2031-12-31T00:00:00",
    "2031-1-5": "2031-01-05T00:00:00",
    "2031/12/31": "2031-12-31T00:00:00",
    "2031/12/31 10:00:00 -0500": "2031-12-31T15:00:00",
    "12/31/2031": "2031-12-31T00:00:00",
    "12/31/2031, 11:59:59 PM": "2031-12-31T23:59:59",
    "1/2/31": "2031-01-02T00:00:00",
    "Tue, 31 Dec 2031 23:59:59 GMT": "2031-12-31T23:59:59",
    "Wed, 31 Dec 2031 23:59:59 +0100": "2031-12-31T22:59:59",
    "31 Dec 2031 23:59 EST": "2032-01-01T04:59:00",
    "Wed, 31-Dec-31 23:59:59 GMT": "2031-12-31T23:59:59",
    "Wed Dec 31 2031 23:59:59 GMT+0100 (Central European Standard Time)": "2031-12-31T22:59:59",
    "Wed Dec 31 2031": "2031-12-31T00:00:00",
    "Dec 31, 2031": "2031-12-31T00:00:00",
    "December 31, 2031 10:00:00": "2031-12-31T10:00:00",
    "31 December 2031 10:00 UTC": "2031-12-31T10:00:00",
    "Dec 31, 2031 10:00 PM": "2031-12-31T22:00:00",
    "31 Dec 2031 12:00 AM": "2031-12-31T00:00:00",
    "Dec 31 99": "1999-12-31T00:00:00",
    "Dec 31 2031 10:00 GMT+5:30": "2031-12-31T04:30:00",
    "Dec 31 2031 10:00 GMT+530": "2031-12-31T04:30:00",
    "31 Dec 2031 (a (nested) remark)": "2031-12-31T00:00:00",
    "2031-02-30": "2031-03-02T00:00:00",
    "Feb 30, 2031": "2031-03-02T00:00:00",
}
REFUSED = [
    "", "  ", "tomorrow", "now", "1735689600000", "20311231", "20311231T000000Z", "2031-W01-1", "31/12/2031",
    "31.12.2031", "2031-13-01", "2031-00-10", "2031-01-00", "2031-12-31T23:59:60Z", "2031-12-31T23:60:00Z",
    "2031-12-31T24:00:01Z", "2031-12-31T23:59:59+02", "2031-12-31T10", "2031-12-31T1:00", "2031-12-31T10:00Z ",
    "2031-12-31T10:00:00 GMT", "2031-12-31T10:00:00+25:00", "-000000-01-01T00:00:00Z", "31 Dec 2031 25:00",
    "31 Dec 2031 13:00 PM", "31 Dec 2031 at 10:00", "Dec 31 2031 10:00 CET", "Dec 31, 2031 10:00PM", "Jan 32 2031",
    "mai 5 2031", "1 Jan 2031 1 2", "2031-12-31)", "99999999999999999999", "\x00",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TAKEN.items())
def test_v1_rule_76_a_date_that_javascript_takes_is_read_as_there(text: str, expected: str) -> None:
    assert parse(text) == datetime.fromisoformat(f"{expected}+00:00")


@pytest.mark.parametrize("text", REFUSED)
def test_v1_rule_76_what_javascript_takes_for_no_date_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("text", ["Dec 31", "31 Dec", "12/31", "12", "Dec 31 10:00"])
def test_a_text_that_names_no_year_is_refused(text: str) -> None:
    """JavaScript would put the year 2001, so that the device left the list at once."""
    assert parse(text) is None


@pytest.mark.parametrize(
    "given",
    ["+275760-09-13T00:00:00Z", "10000-01-01", "31 Dec 10000", "-000001-01-01T00:00:00Z", "0000-01-01", 8_640 * 10**12,
     -8_640 * 10**12, 2**63 - 1, -(2**63), "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"],
)  # fmt: skip
def test_years_that_cannot_be_held_are_refused(given: str | int) -> None:
    assert parse(given) is None


def test_an_integer_is_milliseconds_since_1970() -> None:
    assert parse(0) == datetime(1970, 1, 1, tzinfo=UTC)
    assert parse(1_956_527_999_123) == datetime(2031, 12, 31, 23, 59, 59, 123_000, tzinfo=UTC)
    assert parse(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


MOMENTS = st.integers(-30_000_000_000_000, 250_000_000_000_000).map(
    lambda thousandths: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=thousandths)
)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@given(MOMENTS, ZONES)
def test_every_way_to_write_an_instant_is_that_instant(utc: datetime, zone: timezone) -> None:
    moment = utc.astimezone(zone)
    offset = f"{moment:%z}"
    day, month = DAYS[moment.weekday()], MONTHS[moment.month - 1]
    thousandth = f"{moment.microsecond // 1000:03}"
    exact = [
        f"{utc:%Y-%m-%dT%H:%M:%S}.{thousandth}Z",
        f"{moment:%Y-%m-%dT%H:%M:%S}.{thousandth}{offset[:3]}:{offset[3:]}",
        f"{moment:%Y-%m-%dT%H:%M:%S}.{thousandth}{offset}",
        f"{moment:%Y-%m-%d %H:%M:%S}.{thousandth} {offset}",
        f"{month} {moment.day}, {moment.year} {moment:%H:%M:%S}.{thousandth} GMT{offset}",
    ]
    for text in exact:
        assert parse(text) == utc, text
    whole = utc.replace(microsecond=0)
    for text in [
        f"{day}, {moment.day:02} {month} {moment.year} {moment:%H:%M:%S} {offset}",
        f"{day} {month} {moment.day:02} {moment.year} {moment:%H:%M:%S} GMT{offset} (Somewhere)",
        f"{utc.month}/{utc.day}/{utc.year}, {utc:%I:%M:%S %p}",
        f"{utc.year}/{utc.month}/{utc.day} {utc:%H:%M:%S}",
    ]:
        assert parse(text) == whole, text
    assert parse((utc - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)) == utc


PARTS = ["2031", "12", "31", "0", "-", ":", "T", "Z", " ", "(", ")", "+", ".", "Dec", "PM", "GMT", "10:00", "/", "é"]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PARTS), max_size=12).map("".join), st.integers()))
def test_nothing_that_can_be_given_is_a_failure(given: str | int) -> None:
    found = parse(given)
    assert found is None or found.utcoffset() == timedelta(0)


def test_a_text_of_any_length_costs_little() -> None:
    assert parse("(" * 5_000_000) is None
    assert parse("2031-" * 1_000_000) is None
