"""A small certificate authority: for a listener without a certificate of its own, and for the stub gateways.

Validity is fixed (2020 to 2049), so that nothing that moves the clock ever meets a certificate out of date.
"""

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from clarion.base.errors import ConfigurationError
from clarion.base.files import write_private

CA_FILE: Final = "ca.pem"
"""The name under which an authority's certificate lies in a folder."""

_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
_UNTIL: Final = datetime(2049, 12, 31, tzinfo=UTC)
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


class Issued(Struct, frozen=True):
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """Signs certificates. `create` makes one whose key is nowhere but in memory, `kept` is the one of a folder."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def create(cls, name: str) -> Self:
        """A new authority; `name` is what people see of it."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _common_name(name)
        builder = (
            _builder(subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def kept(cls, folder: Path, name: str) -> Self:
        """The authority of a folder: `ca.pem` and `ca.key` (mode 0600), made when absent.

        Raises ConfigurationError when the files are none of an authority.
        """
        ca_file, key_file = folder / CA_FILE, folder / "ca.key"
        if not ca_file.exists() or not key_file.exists():
            made = cls.create(name)
            write_private(key_file, private_pem(made._key))
            ca_file.write_bytes(made.pem)
            return made
        key = load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigurationError(
                f"The authority's key {key_file} is not an elliptic curve key.",
                f"Delete {key_file.name} and {ca_file.name}; new ones are made.",
            )
        return cls(x509.load_pem_x509_certificate(ca_file.read_bytes()), key)

    @property
    def pem(self) -> bytes:
        """The authority's own certificate, which callers have to trust."""
        return self._certificate.public_bytes(Encoding.PEM)

    def server_certificate(self, name: str, hosts: Iterable[str]) -> Issued:
        """For a server under these host names and addresses, and under those of loopback."""
        names = x509.SubjectAlternativeName([general_name(host) for host in dict.fromkeys((*_LOCAL, *hosts))])
        return self._issue(_common_name(name), ExtendedKeyUsageOID.SERVER_AUTH, names)

    def client_certificate(self, name: str, user_id: str) -> Issued:
        """For a client; `user_id` is the UID of the subject."""
        subject = x509.Name([x509.NameAttribute(NameOID.USER_ID, user_id), *_common_name(name)])
        return self._issue(subject, ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def _issue(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, names: x509.SubjectAlternativeName | None
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _builder(subject, self._certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(issuer, critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return Issued(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM), private_pem(key))


def general_name(host: str) -> x509.GeneralName:
    """A host as certificates name it: an address or a DNS name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    """A private key as unencrypted PKCS 8."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


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
