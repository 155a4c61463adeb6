"""The stub's own certificate authority: one CA kept in the state directory, a server certificate made at every start,
and client certificates for applications that use APNs with a certificate.

Validity is fixed (2020 to 2049), so that a test which moves the clock never meets a certificate out of date.
"""

import ipaddress
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clarion.base.errors import ConfigurationError

_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2049, 12, 31, tzinfo=UTC)
_ALWAYS = ("127.0.0.1", "localhost", "::1")


class Authority:
    """The CA of one state directory: `ca.pem` (given to clients) and `ca.key` (mode 0600), made when absent."""

    def __init__(self, state_dir: Path) -> None:
        self.ca_file = state_dir / "ca.pem"
        self._server_file = state_dir / "server.pem"
        key_file = state_dir / "ca.key"
        if not self.ca_file.exists() or not key_file.exists():
            self._key = ec.generate_private_key(ec.SECP256R1())
            self._certificate = _self_signed(self._key)
            write_private(key_file, _pem(self._key))
            self.ca_file.write_bytes(self._certificate.public_bytes(Encoding.PEM))
            return
        key = load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigurationError(
                f"The stub's CA key {key_file} is not an elliptic curve key.",
                "Delete ca.key and ca.pem; new ones are made.",
            )
        self._key = key
        self._certificate = x509.load_pem_x509_certificate(self.ca_file.read_bytes())

    def server_context(self, host: str) -> ssl.SSLContext:
        """TLS for the listener: ALPN `h2` only, TLS 1.2 or newer; a client certificate is optional, and of this CA."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.IPAddress(ipaddress.ip_address(n)) if _is_ip(n) else x509.DNSName(n) for n in {*_ALWAYS, host}]
        certificate = self._sign(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Clarion stub gateways")]),
            key.public_key(),
            ExtendedKeyUsageOID.SERVER_AUTH,
            x509.SubjectAlternativeName(names),
        )
        write_private(self._server_file, _pem(key) + certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2"])
        context.load_cert_chain(self._server_file)
        context.load_verify_locations(self.ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def issue_client(self, topic: str) -> tuple[str, str]:
        """(certificate PEM, private key PEM) of an APNs provider certificate: its UID is the topic, as with Apple's."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.USER_ID, topic),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Apple Push Services: {topic}"[:64]),
            ]
        )
        certificate = self._sign(subject, key.public_key(), ExtendedKeyUsageOID.CLIENT_AUTH, None)
        return certificate.public_bytes(Encoding.PEM).decode(), _pem(key).decode()

    def _sign(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        usage: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None,
    ) -> x509.Certificate:
        issuer_id = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            _builder(subject, self._certificate.subject, public)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def write_private(path: Path, content: bytes) -> None:
    """Write `content` to `path` in one step, readable by its owner only."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    scratch.replace(path)


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Clarion stub gateways CA")])
    builder = (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return builder.sign(key, hashes.SHA256())


def _builder(subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
