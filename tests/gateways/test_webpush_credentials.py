"""VAPID credentials: both forms of the key are read, and every mistake names its member and what to do."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clarion.base.errors import ConfigurationError
from clarion.gateways.webpush.credentials import generate, parse
from tests.support import pem

PAIR = generate("mailto:push@example.com")


def test_a_generated_pair_is_read_and_gives_the_key_a_page_subscribes_with() -> None:
    credentials = parse(json.dumps(PAIR).encode())
    assert credentials.application_server_key == PAIR["public_key"]
    assert len(credentials.public_key) == 65
    assert not credentials.allow_private
    assert PAIR["private_key"] not in repr(credentials)


def test_a_key_in_pem_form_is_read() -> None:
    credentials = parse(
        {"private_key": pem(ec.generate_private_key(ec.SECP256R1())), "subject": "https://example.com/contact"}
    )
    assert credentials.public_key[0] == 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"private_key": None}, "member private_key is missing"),
        ({"private_key": "AAAA"}, "private_key is neither PEM nor 32 bytes in base64url"),
        ({"private_key": "not base64 !"}, "private_key is neither PEM nor 32 bytes in base64url"),
        ({"private_key": "A" * 43}, "private_key is not a P-256 key"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP384R1()))}, "private_key is not a P-256 key"),
        ({"public_key": generate("mailto:a@b.example")["public_key"]}, "public_key does not belong to private_key"),
        ({"subject": None}, "member subject is missing"),
        ({"subject": "push@example.com"}, "subject is no contact address"),
        ({"allow_private": "yes"}, "allow_private is neither true nor false"),
        ({"publicKey": "x"}, "member publicKey is not known"),
    ],
)
def test_a_mistake_names_the_member_and_what_to_do(change: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse({**PAIR, **change})
    assert told in caught.value.message
    assert caught.value.hint
