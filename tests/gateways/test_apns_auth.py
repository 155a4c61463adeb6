"""The provider token: claims, the 20 to 60 minute rule, and renewal when APNs calls it expired."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from clarion.base import clock
from clarion.gateways.apns.auth import SLOT, SPACING, ProviderToken
from clarion.gateways.apns.credentials import SigningKey

PRIVATE = ec.generate_private_key(ec.SECP256R1())
KEY = SigningKey(PRIVATE, "KEYKEYKEY1", "TEAMTEAM01")
SLOT_START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock_back() -> Iterator[None]:
    yield
    clock.shift(timedelta(0))


def at(moment: datetime) -> None:
    clock.shift(timedelta(0))
    clock.shift(moment - clock.now())


def part(text: bytes) -> dict[str, object]:
    decoded: dict[str, object] = json.loads(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    return decoded


def issued_at(value: bytes) -> int:
    issued = part(value.split(b".")[1])["iat"]
    assert isinstance(issued, int)
    return issued


def test_the_token_names_key_and_team_and_its_es256_signature_holds() -> None:
    scheme, _, token = ProviderToken(KEY).current().partition(b" ")
    header, claims, signature = token.split(b".")
    assert scheme == b"bearer"
    assert part(header) == {"alg": "ES256", "typ": "JWT", "kid": "KEYKEYKEY1"}
    assert part(claims)["iss"] == "TEAMTEAM01"
    raw = base64.urlsafe_b64decode(signature + b"==")
    assert len(raw) == 64
    pair = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    PRIVATE.public_key().verify(pair, header + b"." + claims, ec.ECDSA(hashes.SHA256()))


def test_two_processes_and_a_restart_present_the_very_same_token() -> None:
    at(SLOT_START + timedelta(minutes=5))
    before = ProviderToken(KEY).current()
    at(SLOT_START + timedelta(minutes=39))
    assert ProviderToken(KEY).current() == before


def test_a_token_serves_40_minutes_and_then_gives_way() -> None:
    token = ProviderToken(KEY)
    at(SLOT_START)
    first = token.current()
    at(SLOT_START + timedelta(minutes=39, seconds=50))
    assert token.current() == first
    at(SLOT_START + timedelta(minutes=40, seconds=1))
    assert token.current() != first


@given(minutes=st.lists(st.floats(0, 300), min_size=2, max_size=8).map(sorted), refusals=st.sets(st.integers(0, 7)))
def test_tokens_are_never_older_than_60_minutes_and_change_at_most_once_per_20(
    minutes: list[float], refusals: set[int]
) -> None:
    """Also when APNs calls tokens expired: one renewal may come early, the next not before 20 minutes."""
    token = ProviderToken(KEY)
    forced: list[datetime] = []
    for number, minute in enumerate(minutes):
        at(SLOT_START + timedelta(minutes=minute))
        value = token.current()
        if number in refusals:
            renewed = token.renew(value)
            if renewed is None:
                assert forced
            else:
                assert not forced or clock.now() - forced[-1] >= timedelta(seconds=SPACING - 1)
                forced.append(clock.now())
                value = renewed
        age = clock.now().timestamp() - issued_at(value)
        assert -1 <= age < 3601


def test_of_many_requests_refused_together_only_the_first_makes_a_new_token() -> None:
    at(SLOT_START + timedelta(minutes=10))
    token = ProviderToken(KEY)
    refused = token.current()
    renewed = token.renew(refused)
    assert renewed is not None
    assert renewed != refused
    assert token.renew(refused) == renewed
    assert token.renew(renewed) is None


def test_a_renewed_token_is_kept_for_at_least_20_minutes() -> None:
    at(SLOT_START + timedelta(seconds=SLOT - 60))
    token = ProviderToken(KEY)
    renewed = token.renew(token.current())
    at(SLOT_START + timedelta(seconds=SLOT + 600))
    assert token.current() == renewed
    at(SLOT_START + timedelta(seconds=SLOT - 60 + SPACING + 1))
    assert token.current() != renewed
