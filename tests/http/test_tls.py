"""TLS contexts: what they demand, and what they say about files that do not fit."""

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from clarion.base.errors import ConfigurationError
from clarion.http.h2 import client_tls


def test_peers_are_verified_and_old_tls_is_not_spoken(certificate: tuple[str, str]) -> None:
    context = client_tls(ca_file=certificate[0], certificate=certificate)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_an_authority_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        client_tls(ca_file=str(tmp_path / "none.pem"))
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(ConfigurationError, match=r"junk\.pem"):
        client_tls(ca_file=str(tmp_path / "junk.pem"))


def test_an_encrypted_client_key_is_refused_and_not_asked_for(certificate: tuple[str, str], tmp_path: Path) -> None:
    key = serialization.load_pem_private_key(Path(certificate[1]).read_bytes(), None)
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigurationError, match="unencrypted"):
        client_tls(certificate=(certificate[0], str(encrypted)))
