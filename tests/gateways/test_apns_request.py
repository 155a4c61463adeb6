"""What an APNs request says."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.gateways.apns.request import MAX_PAYLOAD, RequestHead, apns_id, device_path
from clarion.gateways.seam import Notification

HEAD = RequestHead("api.push.apple.com", "com.example.app")
PLAIN = Notification("ab" * 32, b'{"aps":{}}', bytes(range(16)), 1_800_000_000)


def fields(notification: Notification, authorization: bytes | None = b"bearer x") -> dict[bytes, bytes]:
    path = device_path(notification.token)
    assert path is not None
    listed = list(HEAD.fields(notification, path, authorization))
    names = [name for name, _ in listed]
    assert len(set(names)) == len(names)
    assert all(name.startswith(b":") for name in names[:4]), "pseudo-headers come first"
    return dict(listed)


def test_an_alert_carries_every_field_apns_asks_for() -> None:
    assert fields(PLAIN) == {
        b":method": b"POST",
        b":scheme": b"https",
        b":authority": b"api.push.apple.com",
        b":path": b"/3/device/" + b"ab" * 32,
        b"apns-topic": b"com.example.app",
        b"apns-push-type": b"alert",
        b"apns-priority": b"10",
        b"apns-id": b"00010203-0405-0607-0809-0a0b0c0d0e0f",
        b"apns-expiration": b"1800000000",
        b"authorization": b"bearer x",
    }


def test_with_a_client_certificate_there_is_no_authorization() -> None:
    assert b"authorization" not in fields(PLAIN, None)


def test_a_notification_that_is_not_urgent_has_priority_5() -> None:
    assert fields(Notification("ab", b"{}", bytes(16), 0, urgent=False))[b"apns-priority"] == b"5"


@pytest.mark.parametrize("urgent", [True, False])
def test_a_silent_notification_is_a_background_push_of_priority_5(urgent: bool) -> None:
    silent = fields(Notification("ab", b"{}", bytes(16), 0, urgent=urgent, silent=True))
    assert (silent[b"apns-push-type"], silent[b"apns-priority"]) == (b"background", b"5")


def test_now_or_never_is_expiration_0() -> None:
    assert fields(Notification("ab", b"{}", bytes(16), 0))[b"apns-expiration"] == b"0"


@given(st.binary(min_size=16, max_size=16))
def test_the_id_is_the_lower_case_uuid_of_the_delivery_id(delivery_id: bytes) -> None:
    assert apns_id(delivery_id).decode() == str(uuid.UUID(bytes=delivery_id))


@given(st.text(min_size=1, max_size=200))
def test_every_collapse_key_becomes_a_header_of_at_most_64_bytes(collapse: str) -> None:
    value = fields(Notification("ab", b"{}", bytes(16), 0, collapse=collapse))[b"apns-collapse-id"]
    assert 1 <= len(value) <= 64
    assert all(0x20 <= byte < 0x7F for byte in value)


def test_a_short_collapse_key_goes_as_it_is_and_long_ones_stay_apart() -> None:
    keys = ["score", "x" * 64, "x" * 65, "x" * 66]
    values = [fields(Notification("ab", b"{}", bytes(16), 0, collapse=key))[b"apns-collapse-id"] for key in keys]
    assert values[:2] == [b"score", b"x" * 64]
    assert len(set(values)) == 4


@pytest.mark.parametrize("token", ["", "a/../b", "ab cd", "é" * 64, "ab\n", "g" * 64, "a" * 201])
def test_a_token_that_is_not_hexadecimal_never_reaches_the_path(token: str) -> None:
    assert device_path(token) is None


def test_hexadecimal_tokens_of_any_case_are_sound() -> None:
    assert device_path("aB0" * 20) == b"/3/device/" + b"aB0" * 20


def test_the_payload_limit_is_apples() -> None:
    assert MAX_PAYLOAD == 4096


def test_a_head_follows_every_change_of_expiry_and_authorization() -> None:
    """Both are kept from one notification to the next, being the same as a rule."""
    for expires_at, authorization in (
        (5, b"bearer a"),
        (5, b"bearer b"),
        (0, b"bearer b"),
        (7, None),
        (7, b"bearer a"),
    ):
        listed = fields(Notification("ab", b"{}", bytes(16), expires_at), authorization)
        assert listed[b"apns-expiration"] == b"%d" % expires_at
        assert listed.get(b"authorization") == authorization
