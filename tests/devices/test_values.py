"""Wire values and typed values: what is understood, what is refused with a sentence, and that they round-trip."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.apps.model import STANDARD_COLUMNS, Column, ColumnKind
from clarion.devices.model import TOKEN, Value
from clarion.devices.values import parse_udid, parse_value, parse_web_keys, parser, wire_value

BY_NAME = {column.name: column for column in STANDARD_COLUMNS}
TEXT = Column("name", "c1", ColumnKind.TEXT, standard=False)
CLIENT = Column("clientId", "c2", ColumnKind.TEXT, indexed=True, standard=False)
INTEGER = Column("score", "c3", ColumnKind.INTEGER, standard=False)
DECIMAL = Column("ratio", "c4", ColumnKind.DECIMAL, standard=False)
DATE = Column("birthday", "c5", ColumnKind.DATE, standard=False)
BOOLEAN = Column("vip", "c6", ColumnKind.BOOLEAN, standard=False)
SWITCH = BY_NAME["system_optin_notifs"]
KINDS = [TEXT, CLIENT, INTEGER, DECIMAL, DATE, BOOLEAN, SWITCH, TOKEN, BY_NAME["opencount"], BY_NAME["lat"]]

VALUES: dict[ColumnKind, st.SearchStrategy[Value]] = {
    ColumnKind.TEXT: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=100),
    ColumnKind.INTEGER: st.integers(-(2**31), 2**31 - 1),
    ColumnKind.DECIMAL: st.floats(allow_nan=False, allow_infinity=False),
    ColumnKind.DATE: st.datetimes(timezones=st.just(UTC)).map(lambda date: date.replace(microsecond=0)),
    ColumnKind.BOOLEAN: st.booleans(),
}


@given(st.data())
def test_what_the_wire_shows_is_understood_again(data: st.DataObject) -> None:
    column = data.draw(st.sampled_from(KINDS))
    value = data.draw(VALUES[column.kind] | st.none())
    shown = wire_value(column, value)
    unset = value is None or value == "" or (column == TOKEN and value == "-")
    assert parse_value(column, shown) == (None if unset else value)
    assert parse_value(column, "" if shown is None else str(shown)) == (None if unset else value), "as in a CSV file"


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.text("0123456789-: TZ+.eE"))
def test_anything_is_a_value_or_a_sentence_that_names_the_field(given_value: object) -> None:
    """v1 rule 22."""
    for column in KINDS:
        try:
            value = parse_value(column, given_value)
        except ValueError as error:
            sentence = str(error)
        else:
            sentence = f"`{column.name}` reads."
            assert value is None or parse_value(column, wire_value(column, value)) is not None
        assert f"`{column.name}`" in sentence
        assert sentence.endswith(".")


@pytest.mark.parametrize("column", KINDS)
def test_empty_and_null_are_unset_in_every_kind(column: Column) -> None:
    assert parse_value(column, None) is parse_value(column, "") is None


def test_a_dash_is_no_token_but_is_a_text() -> None:
    """v1 rule 70 and the device model: `-` or empty means none."""
    assert parse_value(TOKEN, "-") is None
    assert parse_value(TEXT, "-") == "-"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2014-06-08", datetime(2014, 6, 8, tzinfo=UTC)),
        ("2014-06-08 12:34:56", datetime(2014, 6, 8, 12, 34, 56, tzinfo=UTC)),
        ("2014-06-08 12:34:56 +0200", datetime(2014, 6, 8, 10, 34, 56, tzinfo=UTC)),
        ("2014-06-08T12:34:56.789-01:30", datetime(2014, 6, 8, 14, 4, 56, tzinfo=UTC)),
        ("2014-06-08T12:34:56Z", datetime(2014, 6, 8, 12, 34, 56, tzinfo=UTC)),
        ("0000-00-00 00:00:00", None),
        ("0000-00-00", None),
    ],
)
def test_dates_in_every_form_that_devices_and_files_have(text: str, value: datetime | None) -> None:
    assert parse_value(DATE, text) == value


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2014-13-01",
        "2014-02-30",
        "2014-06-08 24:00:00",
        "2014-06-08 12:34:60",
        "2014-06-08 12:34",
        "14-06-08",
        "0001-01-01 00:00:00 +0100",
        "9999-12-31 23:59:59 -0100",
        "2014-06-08 12:34:56 +9900",
        "2014-06-08\n",
        "٢٠١٤-٠٦-٠٨",
        True,
        1402230896,
    ],
)
def test_what_is_no_date_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"`birthday` must be a date"):
        parse_value(DATE, text)


def test_dates_are_shown_in_utc_without_fraction_and_with_four_digits_of_year() -> None:
    late = datetime(5, 1, 1, 23, 59, 59, 999999, tzinfo=UTC)
    assert wire_value(DATE, late) == "0005-01-01 23:59:59"
    assert wire_value(DATE, late + timedelta(days=365 * 2020)).startswith("20")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("column", "given_value"),
    [
        (INTEGER, 2**63),
        (INTEGER, -(2**63) - 1),
        (INTEGER, "9223372036854775808"),
        (INTEGER, 10**400),
        (INTEGER, 1e300),
        (INTEGER, 1.5),
        (INTEGER, True),
        (INTEGER, "1_000"),
        (INTEGER, " 1"),
        (INTEGER, "٣"),
        (INTEGER, "9" * 5000),
        (BY_NAME["opencount"], 2**31),
        (BY_NAME["feedback"], "2147483648"),
        (DECIMAL, float("nan")),
        (DECIMAL, float("inf")),
        (DECIMAL, "nan"),
        (DECIMAL, "1e999"),
        (DECIMAL, "1,5"),
        (DECIMAL, "1_0.5"),
        (DECIMAL, 10**400),
        (DECIMAL, False),
        (TEXT, 5),
        (TEXT, True),
        (TEXT, "a\x00b"),
        (TEXT, "a\ud800b"),
        (TEXT, "x" * 4097),
        (CLIENT, "x" * 513),
        (BOOLEAN, "maybe"),
        (BOOLEAN, 2),
        (SWITCH, "X"),
        (TOKEN, "\x00"),
        (TEXT, ["a"]),
        (TEXT, {"a": 1}),
    ],
)
def test_what_the_database_would_refuse_is_refused_before(column: Column, given_value: object) -> None:
    with pytest.raises(ValueError, match=f"`{column.name}`"):
        parse_value(column, given_value)


def test_the_largest_values_pass() -> None:
    assert parse_value(INTEGER, 2**63 - 1) == 2**63 - 1
    assert parse_value(INTEGER, "-9223372036854775808") == -(2**63)
    assert parse_value(BY_NAME["opencount"], 2**31 - 1) == 2**31 - 1
    assert parse_value(INTEGER, 5.0) == 5
    assert len(str(parse_value(CLIENT, "é" * 512))) == 512


def test_switches_are_y_and_n_and_other_booleans_are_booleans() -> None:
    parse = parser(SWITCH)
    assert [parse(text) for text in ("Y", "n", "true", "0", True, 1)] == [True, False, True, False, True, True]
    assert (wire_value(SWITCH, True), wire_value(SWITCH, False), wire_value(SWITCH, None)) == ("Y", "N", None)
    assert wire_value(BOOLEAN, True) is True


@pytest.mark.parametrize("udid", ["", None, 5, "x" * 256, "a\x00", "a\nb", "\ud800"])
def test_what_can_be_no_udid(udid: object) -> None:
    with pytest.raises(ValueError, match="`UDID`"):
        parse_udid(udid)


def test_web_keys_are_base64url_of_the_right_length() -> None:
    """RFC 8291 section 3.1."""
    point, secret = b"\x04" + bytes(range(64)), b"\xfb" * 16
    public, auth = (base64.urlsafe_b64encode(key).decode() for key in (point, secret))
    for end in ("", "=", "=="):
        keys = parse_web_keys(public.rstrip("=") + end[:1], auth.rstrip("=") + end)
        assert keys is not None
        assert (keys.p256dh, keys.auth) == (point, secret)
    assert parse_web_keys("", None) is None
    for broken in ((public, ""), ("", auth), (public, "!" * 22), (auth, auth), (public[:-4], auth), (public, public)):
        with pytest.raises(ValueError, match=r"p256dh|auth"):
            parse_web_keys(*broken)
