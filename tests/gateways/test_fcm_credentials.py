"""Service accounts: read as Google gives them out, and every mistake names its member and what to do."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from clarion.base.errors import ConfigurationError
from clarion.gateways.fcm.client import FcmGateway
from clarion.gateways.fcm.credentials import GOOGLE_TOKEN_URI, parse
from tests.support import pem

ACCOUNT: dict[str, object] = {
    "type": "service_account",
    "project_id": "my-app",
    "private_key_id": "0123",
    "private_key": pem(rsa.generate_private_key(65537, 2048)),
    "client_email": "push@my-app.iam.gserviceaccount.com",
    "client_id": "1",
    "auth_uri": "https://accounts.google.com/o/oauth2/auth",
    "token_uri": GOOGLE_TOKEN_URI,
    "universe_domain": "googleapis.com",
}


def test_a_service_account_file_is_read_as_it_is() -> None:
    credentials = parse(json.dumps(ACCOUNT).encode())
    assert credentials.project_id == "my-app"
    assert credentials.client_email == "push@my-app.iam.gserviceaccount.com"
    assert credentials.token_uri == GOOGLE_TOKEN_URI
    assert "PRIVATE" not in repr(credentials)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"private_key": None}, "member private_key is missing"),
        ({"private_key": "x"}, "private_key is not a private key in PEM form"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP256R1()))}, "private_key is not an RSA key"),
        ({"project_id": None}, "member project_id is missing"),
        ({"project_id": "../x"}, "project_id is not a project id"),
        ({"client_email": ""}, "client_email is not a text or is empty"),
        ({"token_uri": "http://oauth2.googleapis.com/token"}, "token_uri is not an https address"),
        ({"type": "authorized_user"}, "type is not service_account"),
    ],
)
def test_a_mistake_names_the_member_and_what_to_do(change: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse({**ACCOUNT, **change})
    assert told in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "address", ["https://10.0.0.1/token", "https://googleapis.com.evil.example/token", "https://evilgoogleapis.com/t"]
)
async def test_a_token_endpoint_elsewhere_needs_the_operators_word(address: str) -> None:
    credentials = parse({**ACCOUNT, "token_uri": address})
    with pytest.raises(ConfigurationError, match="token_uri is not an address of Google's"):
        FcmGateway(credentials)
    await FcmGateway(credentials, endpoint="https://127.0.0.1:9").aclose(0)
