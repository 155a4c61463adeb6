"""The v1 signature (v1 rules 4 to 11)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.base import clock
from clarion.base.errors import ConfigurationError
from clarion.identity.signature import sign, time_window, verify

KEY = "a1b2c3d4e5f6g7h8"
TIME = "1507722391"
BODY = b'{"email":"mymail@client.com"}'
SIGNED_BODY = "f974f730586ce2bf49a276845060a8d38bb43770"
SIGNED_NOTHING = "ba04fc7206950ce63d78ddbc9e65c48fb96e54d7"


@pytest.mark.parametrize(
    ("time", "passes"),
    [(TIME, True), ("0", True), ("1507722391.0", False), ("1.5e9", False), ("+1507722391", False), ("5DDE0B17", False)],
)
def test_v1_rule_4_the_time_is_whole_seconds_in_decimal_digits(time: str, passes: bool) -> None:
    assert verify("POST", BODY, KEY, time, sign(BODY, KEY, time)) is passes


def test_v1_rule_9_published_vectors() -> None:
    assert sign(BODY, KEY, TIME) == SIGNED_BODY
    assert sign(b"", KEY, TIME) == SIGNED_NOTHING
    assert verify("POST", BODY, KEY, TIME, SIGNED_BODY)
    assert verify("GET", b"", KEY, TIME, SIGNED_NOTHING)


def test_v1_rule_8_hexadecimal_is_compared_without_case() -> None:
    assert verify("POST", BODY, KEY, TIME, SIGNED_BODY.upper())


@given(body=st.binary(max_size=200), key=st.text("abcdef0123456789", min_size=1), time=st.integers(0, 2**40))
def test_v1_rule_5_what_was_signed_verifies_and_nothing_else(body: bytes, key: str, time: int) -> None:
    signature = sign(body, key, str(time))
    assert verify("POST", body, key, str(time), signature)
    assert not verify("POST", body + b" ", key, str(time), signature)
    assert not verify("POST", body, key + "x", str(time), signature)
    assert not verify("POST", body, key, str(time + 1), signature)


def test_v1_rule_6_the_exact_bytes_are_signed() -> None:
    assert not verify("PUT", b'{"a": 1}', KEY, TIME, sign(b'{"a":1}', KEY, TIME))


def test_v1_rule_7_a_get_signs_the_empty_body() -> None:
    assert not verify("GET", b"", KEY, TIME, sign(b"x", KEY, TIME))
    assert verify("GET", b"ignored", KEY, TIME, SIGNED_NOTHING)


def test_v1_rule_7_a_delete_signs_its_body_or_nothing() -> None:
    assert verify("DELETE", BODY, KEY, TIME, SIGNED_BODY)
    assert verify("DELETE", BODY, KEY, TIME, SIGNED_NOTHING)
    assert not verify("DELETE", BODY, KEY, TIME, sign(b"other", KEY, TIME))


def test_v1_rule_7_a_post_with_a_body_does_not_pass_with_the_empty_signature() -> None:
    assert not verify("POST", BODY, KEY, TIME, SIGNED_NOTHING)
    assert verify("POST", b"", KEY, TIME, SIGNED_NOTHING)


@pytest.mark.parametrize("time", [None, "", "now", "15077.5", " 1507722391", "1507722391 ", "٣", "1" * 40, "0x10"])
def test_v1_rule_11_a_time_that_is_no_integer_is_a_wrong_signature(time: str | None) -> None:
    assert not verify("POST", BODY, KEY, time, sign(BODY, KEY, time or ""))


@pytest.mark.parametrize("signature", [None, "", "é" * 40, SIGNED_BODY[:-1], SIGNED_BODY + "0", "0" * 40])
def test_v1_rule_11_a_missing_or_malformed_signature_is_wrong(signature: str | None) -> None:
    assert not verify("POST", BODY, KEY, TIME, signature)


def test_v1_rule_10_any_time_passes_without_a_window() -> None:
    for time in ("0", "-5", "9999999999"):
        assert verify("POST", BODY, KEY, time, sign(BODY, KEY, time))


def test_v1_rule_10_a_window_bounds_the_time_on_both_sides() -> None:
    window = time_window(50_400)
    now = int(clock.now().timestamp())
    near, far_back, far_ahead = str(now - 50_000), str(now - 60_000), str(now + 60_000)
    assert verify("POST", BODY, KEY, near, sign(BODY, KEY, near), window)
    assert not verify("POST", BODY, KEY, far_back, sign(BODY, KEY, far_back), window)
    assert not verify("POST", BODY, KEY, far_ahead, sign(BODY, KEY, far_ahead), window)
    clock.shift(timedelta(seconds=60_000))
    assert verify("POST", BODY, KEY, far_ahead, sign(BODY, KEY, far_ahead), window)


def test_v1_rule_10_a_window_under_14_hours_must_be_meant() -> None:
    assert time_window(None) is None
    assert time_window(60, narrow_allowed=True) == timedelta(minutes=1)
    for refused in (50_399, 0, -1):
        with pytest.raises(ConfigurationError):
            time_window(refused)
    with pytest.raises(ConfigurationError):
        time_window(0, narrow_allowed=True)
