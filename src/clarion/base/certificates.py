"""TLS for listeners: the operator's own certificate, or one made for a first look.

The generated certificate is signed by a small authority of its own, whose certificate (`ca.pem`) callers may trust:
`curl --cacert DATA_DIR/tls/ca.pem ...`.
"""

import ipaddress
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from clarion.base.errors import ConfigurationError

_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2049, 12, 31, tzinfo=UTC)
_ALWAYS = ("localhost", "127.0.0.1", "::1")


class Certificate(Struct, frozen=True):
    """Files of a listener's certificate; `ca_file` is what callers have to trust, "" for one of the public kind."""

    certificate: Path
    key: Path
    ca_file: str = ""


def find(certificate: str, key: str, folder: Path, host: str) -> Certificate:
    """The operator's files when given, else those generated in `folder`. Raises ConfigurationError for absent files."""
    if not certificate:
        return _generated(folder, host)
    for path, name in ((certificate, "certificate"), (key, "certificate key")):
        if not path or not Path(path).is_file():
            raise ConfigurationError(f"The {name} file {path or '(none)'} does not exist.", "Give both PEM files.")
    return Certificate(Path(certificate), Path(key))


def _generated(folder: Path, host: str) -> Certificate:
    found = Certificate(folder / "server.pem", folder / "server.key", str(folder / "ca.pem"))
    if found.certificate.exists() and found.key.exists() and _covers(found.certificate, host):
        return found
    folder.mkdir(parents=True, exist_ok=True)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _authority(authority_key)
    (folder / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    names = [_name(name) for name in dict.fromkeys((*_ALWAYS, host, socket.gethostname()))]
    certificate = (
        _builder("Clarion", authority.subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(found.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    found.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    return found


def _covers(path: Path, host: str) -> bool:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return _name(host) in list(names)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Clarion first-look authority")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    return (
        _builder("Clarion first-look authority", name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(subject: str, issuer: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
