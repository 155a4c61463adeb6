"""TLS contexts: what they demand, and what they say about files that do not fit."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clarion.base.certificates import Certificate
from clarion.base.errors import ConfigurationError
from clarion.http.h2 import client_tls
from tests.support import pem


def test_peers_are_verified_and_old_tls_is_not_spoken(certificate: Certificate) -> None:
    context = client_tls(ca_file=certificate.ca_file, certificate=(str(certificate.certificate), str(certificate.key)))
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_an_authority_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        client_tls(ca_file=str(tmp_path / "none.pem"))
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(ConfigurationError, match=r"junk\.pem"):
        client_tls(ca_file=str(tmp_path / "junk.pem"))


def test_an_encrypted_client_key_is_refused_and_not_asked_for(certificate: Certificate, tmp_path: Path) -> None:
    key = load_pem_private_key(certificate.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_text(pem(key, b"secret"))
    with pytest.raises(ConfigurationError, match="unencrypted"):
        client_tls(certificate=(str(certificate.certificate), str(encrypted)))
