"""What a Web Push request says: identification (RFC 8292) and fields (RFC 8030)."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from clarion.base import clock
from clarion.gateways import origins
from clarion.gateways.seam import Notification
from clarion.gateways.webpush import credentials
from clarion.gateways.webpush.auth import Vapid
from clarion.gateways.webpush.credentials import decode64
from clarion.gateways.webpush.request import RequestFields, topic

CREDENTIALS = credentials.parse(credentials.generate("mailto:push@example.com"))


@pytest.fixture(autouse=True)
def clock_back() -> Iterator[None]:
    yield
    clock.shift(timedelta(0))


def opened(value: bytes) -> tuple[dict[str, object], dict[str, object], bytes]:
    """Header and claims of an authorization value whose form and signature hold, and its key."""
    match = re.fullmatch(rb"vapid t=([\w.-]+), k=([\w-]+)", value)
    assert match
    signed, _, signature = match.group(1).rpartition(b".")
    raw = base64.urlsafe_b64decode(signature + b"==")
    point = decode64(match.group(2).decode())
    assert point is not None
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(pair, signed, ec.ECDSA(hashes.SHA256()))
    header, claims = (json.loads(decode64(part.decode()) or b"") for part in signed.split(b"."))
    return header, claims, point


def test_the_authorization_is_a_vapid_token_and_key_of_rfc_8292_section_3() -> None:
    header, claims, point = opened(Vapid(CREDENTIALS).authorization("https://push.example.net"))
    assert header == {"alg": "ES256", "typ": "JWT"}
    assert claims["aud"] == "https://push.example.net"
    assert claims["sub"] == "mailto:push@example.com"
    assert point == CREDENTIALS.public_key
    left = int(str(claims["exp"])) - clock.now().timestamp()
    assert 0 < left <= 24 * 3600


def test_the_token_is_signed_once_per_push_service_and_again_before_it_runs_out() -> None:
    vapid = Vapid(CREDENTIALS)
    first = vapid.authorization("https://a.example")
    clock.shift(timedelta(hours=10))
    assert vapid.authorization("https://a.example") == first
    assert vapid.authorization("https://b.example") != first
    clock.shift(timedelta(hours=11, minutes=30))
    _, claims, _ = opened(vapid.authorization("https://a.example"))
    assert int(str(claims["exp"])) - clock.now().timestamp() > 11 * 3600


def test_tokens_of_many_push_services_are_kept_but_not_of_any_number() -> None:
    vapid = Vapid(CREDENTIALS)
    first = vapid.authorization("https://0.example")
    for number in range(1, 256):
        vapid.authorization(f"https://{number}.example")
    assert vapid.authorization("https://0.example") == first
    vapid.authorization("https://256.example")
    assert len(vapid._values) == 256


def sent(notification: Notification) -> dict[bytes, bytes]:
    made = RequestFields(b"push.example.net", lambda: b"vapid t=a, k=b")
    return dict(made.of(notification, b"/send/1?x=2", 0.0))


def test_a_request_carries_the_fields_of_rfc_8030_and_rfc_8291() -> None:
    expires = int(clock.now().timestamp()) + 3600
    given = sent(Notification("https://push.example.net/send/1?x=2", b"x", bytes(16), expires, collapse="score"))
    assert 3598 <= int(given.pop(b"ttl")) <= 3600
    assert given == {
        b":method": b"POST",
        b":scheme": b"https",
        b":authority": b"push.example.net",
        b":path": b"/send/1?x=2",
        b"authorization": b"vapid t=a, k=b",
        b"content-encoding": b"aes128gcm",
        b"content-type": b"application/octet-stream",
        b"urgency": b"high",
        b"topic": b"score",
    }


def test_now_or_never_is_ttl_0_and_what_is_not_urgent_is_normal() -> None:
    given = sent(Notification("https://push.example.net/", b"x", bytes(16), 0, urgent=False))
    assert (given[b"ttl"], given[b"urgency"]) == (b"0", b"normal")
    assert b"topic" not in given


def test_a_time_to_live_is_at_most_28_days_and_never_below_0() -> None:
    now = int(clock.now().timestamp())
    late = sent(Notification("https://push.example.net/", b"x", bytes(16), now + 10**9))
    over = sent(Notification("https://push.example.net/", b"x", bytes(16), now - 5))
    assert (late[b"ttl"], over[b"ttl"]) == (b"2419200", b"0")


def test_fields_that_repeat_are_made_once_a_second_and_for_every_kind_of_notification() -> None:
    asked: list[int] = []

    def authorization() -> bytes:
        asked.append(len(asked))
        return b"vapid %d" % len(asked)

    made = RequestFields(b"push.example.net", authorization)
    expires = int(clock.now().timestamp()) + 3600
    score = Notification("https://push.example.net/1", b"x", bytes(16), expires, collapse="score")
    news = Notification("https://push.example.net/2", b"x", bytes(16), expires, collapse="news")
    now = [dict(made.of(score, b"/%d" % number, 10.0)) for number in range(3)]
    assert [fields[b":path"] for fields in now] == [b"/0", b"/1", b"/2"]
    assert {fields[b"authorization"] for fields in now} == {b"vapid 1"}
    assert dict(made.of(news, b"/2", 10.5))[b"topic"] == b"news"
    clock.shift(timedelta(minutes=30))
    later = dict(made.of(news, b"/2", 11.5))
    assert (later[b"authorization"], len(asked)) == (b"vapid 3", 3)
    assert 1797 <= int(later[b"ttl"]) <= 1800


@given(st.text(min_size=1, max_size=80))
def test_every_collapse_key_becomes_a_topic_of_at_most_32_base64url_characters(collapse: str) -> None:
    """RFC 8030 section 5.4."""
    assert re.fullmatch(rb"[A-Za-z0-9_-]{1,32}", topic(collapse))
    assert topic(collapse) == topic(collapse)


def test_long_collapse_keys_stay_apart() -> None:
    assert topic("x" * 33) != topic("x" * 34)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("https://push.example.net/send/1", ("https://push.example.net", "/send/1")),
        ("https://Push.Example.net:443/a?b=c", ("https://push.example.net", "/a?b=c")),
        ("https://push.example.net:8443", ("https://push.example.net:8443", "/")),
        ("https://push.example.net?x", ("https://push.example.net", "/?x")),
        ("https://[2001:DB8::1]:444/a", ("https://[2001:db8::1]:444", "/a")),
        ("http://push.example.net/", None),
        ("https://user:secret@push.example.net/", None),
        ("https://push.example.net/#part", None),
        ("https://push.example.net/a b", None),
        ("https://push.example.net/a\r\nx: y", None),
        ("https://push.example.net:0/", None),
        ("https://push.example.net:65536/", None),
        ("https:///path", None),
        ("", None),
    ],
)
def test_only_absolute_https_endpoints_without_surprises_are_taken(address: str, parts: tuple[str, str] | None) -> None:
    assert origins.split(address) == parts


def test_host_and_port_of_an_origin() -> None:
    assert origins.host_and_port("https://push.example.net") == ("push.example.net", 443)
    assert origins.host_and_port("https://push.example.net:8443") == ("push.example.net", 8443)
    assert origins.host_and_port("https://[2001:db8::1]:444") == ("2001:db8::1", 444)
    assert origins.host_and_port("https://[2001:db8::1]") == ("2001:db8::1", 443)
