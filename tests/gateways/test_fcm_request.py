"""What an FCM request says, and the cap on how many of them go out."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.base import clock
from clarion.gateways.fcm.request import LONGEST_TTL, body, fields
from clarion.gateways.seam import Notification

DATA = '{"a4scontent":"Grüße","a4sid":"7"}'.encode()


@pytest.fixture(autouse=True)
def clock_back() -> Iterator[None]:
    yield
    clock.shift(timedelta(0))


def message(notification: Notification) -> dict[str, object]:
    document = json.loads(body(notification))
    assert list(document) == ["message"]
    inner: dict[str, object] = document["message"]
    return inner


def in_seconds(seconds: int) -> int:
    return int(clock.now().timestamp()) + seconds


def test_the_message_is_a_data_message_with_the_payload_as_it_was_given() -> None:
    assert message(Notification("tok:en", DATA, bytes(16), 0)) == {
        "token": "tok:en",
        "android": {"priority": "HIGH", "ttl": "0s"},
        "data": {"a4scontent": "Grüße", "a4sid": "7"},
    }
    assert DATA in body(Notification("tok:en", DATA, bytes(16), 0))


def test_priority_time_to_live_and_collapse_key_come_from_the_notification() -> None:
    android = message(Notification("t", DATA, bytes(16), in_seconds(90), urgent=False, collapse="score"))["android"]
    assert isinstance(android, dict)
    assert android["priority"] == "NORMAL"
    assert android["collapse_key"] == "score"
    assert 88 <= int(android["ttl"].removesuffix("s")) <= 90


@pytest.mark.parametrize(("seconds", "ttl"), [(10 * LONGEST_TTL, LONGEST_TTL), (-100, 0)])
def test_time_to_live_stays_within_0_and_28_days(seconds: int, ttl: int) -> None:
    assert message(Notification("t", DATA, bytes(16), in_seconds(seconds)))["android"] == {
        "priority": "HIGH",
        "ttl": f"{ttl}s",
    }


@given(token=st.text(), collapse=st.text(min_size=1, max_size=100))
def test_no_token_or_collapse_key_breaks_out_of_its_place(token: str, collapse: str) -> None:
    sent = message(Notification(token, DATA, bytes(16), 0, collapse=collapse))
    assert sent["token"] == token
    android = sent["android"]
    assert isinstance(android, dict)
    assert set(android) == {"priority", "ttl", "collapse_key"}
    assert android["collapse_key"] == collapse or len(android["collapse_key"]) == 32


def test_the_path_names_the_project() -> None:
    assert dict(fields("fcm.googleapis.com", "my-app"))[b":path"] == b"/v1/projects/my-app/messages:send"


def test_a_token_that_has_no_form_in_utf8_is_escaped_for_fcm_to_refuse() -> None:
    assert b'"token":"a\\ud800"' in body(Notification("a\ud800", DATA, bytes(16), 0))
