"""APNs credentials: both forms are read, and every mistake names its member and what to do."""

import json
import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from clarion.base import clock
from clarion.base.errors import ConfigurationError
from clarion.gateways.apns import auth
from clarion.gateways.apns.credentials import ClientCertificate, SigningKey, parse
from clarion.http.h2 import client_tls
from tests.support import pem

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


def certificate(key: Key, *, begins: timedelta = timedelta(days=-1), ends: timedelta = timedelta(days=30)) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Apple Push Services: com.example.app")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(clock.now() + begins).not_valid_after(clock.now() + ends)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


TOKEN: dict[str, object] = {
    "private_key": pem(P256),
    "key_id": "ABC123DEFG",
    "team_id": "DEF123GHIJ",
    "topic": "com.example.app",
}
CERTIFICATE: dict[str, object] = {
    "certificate": certificate(RSA),
    "private_key": pem(RSA),
    "topic": "com.example.app",
}


def test_a_signing_key_is_read_and_production_is_the_default() -> None:
    credentials = parse(json.dumps(TOKEN).encode())
    assert isinstance(credentials.authentication, SigningKey)
    assert credentials.authentication.key_id == "ABC123DEFG"
    assert credentials.endpoint == "https://api.push.apple.com:443"


def test_the_sandbox_has_its_own_endpoint() -> None:
    assert parse({**TOKEN, "environment": "sandbox"}).endpoint == "https://api.sandbox.push.apple.com:443"


def test_a_client_certificate_is_read() -> None:
    assert isinstance(parse(CERTIFICATE).authentication, ClientCertificate)


def test_the_text_form_of_credentials_shows_no_key() -> None:
    for document in (TOKEN, CERTIFICATE):
        assert "PRIVATE" not in repr(parse(document))
        assert "CERTIFICATE" not in repr(parse(document))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"private_key": None}, "member private_key is missing"),
        ({"private_key": "MIGTAgEAMBMGByqGSM49"}, "private_key is not a private key in PEM form"),
        ({"private_key": pem(RSA)}, "private_key is not a P-256 key"),
        ({"private_key": pem(ec.generate_private_key(ec.SECP384R1()))}, "private_key is not a P-256 key"),
        ({"private_key": pem(P256, b"secret")}, "private_key is encrypted"),
        ({"key_id": "short"}, "key_id is not 10 letters and digits"),
        ({"team_id": ""}, "team_id is not a text or is empty"),
        ({"team_id": 7}, "team_id is not a text or is empty"),
        ({"topic": "com.example.app\r\nx: y"}, "topic is not a bundle id"),
        ({"environment": "staging"}, "environment is not known"),
        ({"keyId": "ABC123DEFG"}, "member keyId is not known"),
    ],
)
def test_a_mistake_in_a_signing_key_names_the_member_and_what_to_do(change: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse({**TOKEN, **change})
    assert told in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"certificate": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"}, "certificate is not a certif"),
        ({"certificate": certificate(RSA, begins=timedelta(-9), ends=timedelta(-2))}, "certificate expired on"),
        ({"certificate": certificate(RSA, begins=timedelta(2))}, "certificate is not valid before"),
        ({"private_key": pem(P256)}, "private_key does not match the certificate"),
        ({"private_key": None}, "private_key is missing"),
        ({"key_id": "ABC123DEFG"}, "member key_id is not known"),
    ],
)
def test_a_mistake_in_a_certificate_names_the_member_and_what_to_do(change: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse({**CERTIFICATE, **change})
    assert told in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b"\xff"])
def test_what_is_not_a_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(ConfigurationError, match="JSON"):
        parse(raw)


def test_errors_never_quote_a_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse({**TOKEN, "private_key": "very-secret-text"})
    assert "very-secret-text" not in str(caught.value)


def test_key_material_is_on_disk_only_while_it_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def watching(*, ca_file: str | None, certificate: tuple[str, str]) -> ssl.SSLContext:
        files = sorted(tmp_path.rglob("*.pem"))
        seen.extend((stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) for file in files)
        return client_tls(ca_file=ca_file, certificate=certificate)

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(auth, "client_tls", watching)
    authentication = parse(CERTIFICATE).authentication
    assert isinstance(authentication, ClientCertificate)
    auth.certificate_tls(authentication, None)
    assert seen == [(0o600, 0o700)] * 2
    assert list(tmp_path.iterdir()) == []
