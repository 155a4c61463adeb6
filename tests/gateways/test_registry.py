"""Every kind of gateway opens by its name, and what is wrong is said before anything connects."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from clarion.base.errors import ConfigurationError
from clarion.gateways import registry
from clarion.gateways.apns.client import ApnsGateway
from clarion.gateways.fcm.client import FcmGateway
from clarion.gateways.webpush.client import WebPushGateway
from clarion.gateways.webpush.credentials import generate
from tests.support import pem

SECRETS = {
    "apns": {
        "private_key": pem(ec.generate_private_key(ec.SECP256R1())),
        "key_id": "ABC123DEFG",
        "team_id": "DEF123GHIJ",
        "topic": "com.example.app",
    },
    "fcm": {
        "project_id": "my-app",
        "client_email": "a@my-app.iam.gserviceaccount.com",
        "private_key": pem(rsa.generate_private_key(65537, 2048)),
    },
    "webpush": generate("mailto:push@example.com"),
}
CLASSES = {"apns": ApnsGateway, "fcm": FcmGateway, "webpush": WebPushGateway}


def test_the_kinds_are_the_three_gateways() -> None:
    assert set(registry.KINDS) == set(SECRETS)


@pytest.mark.parametrize("kind", registry.KINDS)
async def test_a_gateway_opens_by_its_kind_has_room_and_closes(kind: str) -> None:
    secret = json.dumps(SECRETS[kind]).encode()
    registry.check_credentials(kind, secret)
    gateway = registry.open_gateway(kind, secret)
    assert isinstance(gateway.inner, CLASSES[kind])
    await gateway.wait_room()
    assert gateway.room > 0
    await gateway.aclose()
    await gateway.wait_room()


@pytest.mark.parametrize("kind", registry.KINDS)
def test_wrong_credentials_are_a_configuration_error(kind: str) -> None:
    for secret in (b"", b"{}", b"[]"):
        with pytest.raises(ConfigurationError):
            registry.check_credentials(kind, secret)
        with pytest.raises(ConfigurationError):
            registry.open_gateway(kind, secret)


def test_an_unknown_kind_names_the_known_ones() -> None:
    for call in (registry.check_credentials, registry.open_gateway):
        with pytest.raises(ConfigurationError, match="apns, fcm, webpush"):
            call("gcm", b"{}")


@pytest.mark.parametrize("kind", registry.KINDS)
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:1", "https://127.0.0.1/path", "127.0.0.1:1", ""])
async def test_an_endpoint_that_is_no_https_origin_is_refused(kind: str, endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="endpoint"):
        registry.open_gateway(kind, json.dumps(SECRETS[kind]).encode(), endpoint)


@pytest.mark.parametrize("kind", registry.KINDS)
async def test_a_certificate_authority_file_that_cannot_be_read_is_named(kind: str) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.pem"):
        registry.open_gateway(kind, json.dumps(SECRETS[kind]).encode(), None, "absent.pem")
