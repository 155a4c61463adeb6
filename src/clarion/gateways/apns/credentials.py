"""What an operator gives for APNs: a token signing key (.p8) or a client certificate.

Token form: `{"private_key": PEM of the .p8 file, "key_id", "team_id", "topic", "environment"}`.
Certificate form: `{"certificate": PEM, "private_key": PEM, "topic", "environment"}`.
`topic` is the app's bundle id; `environment` is "production" (also when left out) or "sandbox".
"""

import re
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from clarion.base import clock
from clarion.gateways.members import Members

_ENDPOINTS = {
    "production": "https://api.push.apple.com:443",
    "sandbox": "https://api.sandbox.push.apple.com:443",
}
_ID = re.compile(r"[A-Za-z0-9]{10}")
_TOPIC = re.compile(r"[A-Za-z0-9.-]{1,255}")


class SigningKey(Struct, frozen=True):
    """Token authentication: signs the provider token (ES256)."""

    private_key: ec.EllipticCurvePrivateKey
    key_id: str
    team_id: str

    def __repr__(self) -> str:
        return f"SigningKey(key_id={self.key_id!r}, team_id={self.team_id!r})"


class ClientCertificate(Struct, frozen=True):
    """Certificate authentication: shown in the TLS handshake. Both texts are PEM."""

    certificate: str
    private_key: str

    def __repr__(self) -> str:
        return "ClientCertificate()"


class ApnsCredentials(Struct, frozen=True):
    """One app at APNs. `endpoint` is the address of its environment."""

    authentication: SigningKey | ClientCertificate
    topic: str
    endpoint: str


def parse(raw: bytes | Mapping[str, Any]) -> ApnsCredentials:
    """Read and check credentials. Raises ConfigurationError naming the member at fault and what to do."""
    members = Members("APNs", raw)
    topic = members.text("topic", "It is the bundle id of the app, such as com.example.app.")
    if not _TOPIC.fullmatch(topic):
        raise members.wrong("topic", "is not a bundle id", "Only letters, digits, dots and hyphens can stand in one.")
    environment = members.optional_text("environment", "production", "Write production or sandbox.")
    if environment not in _ENDPOINTS:
        raise members.wrong("environment", "is not known", "Write production or sandbox.")
    authentication = _certificate(members) if "certificate" in members else _signing_key(members)
    return ApnsCredentials(authentication, topic, _ENDPOINTS[environment])


def _signing_key(members: Members) -> SigningKey:
    members.only("private_key", "key_id", "team_id", "topic", "environment")
    hint = "Give the text of the .p8 file downloaded from Apple's developer account, BEGIN and END lines included."
    key = members.private_key("private_key", hint)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise members.wrong("private_key", "is not a P-256 key", hint)
    identifiers = {}
    for member, hint in (
        ("key_id", "It is the 10 characters beside the key in Apple's developer account, also in the .p8 file's name."),
        ("team_id", "It is the 10 characters under Membership in Apple's developer account."),
    ):
        identifiers[member] = members.text(member, hint)
        if not _ID.fullmatch(identifiers[member]):
            raise members.wrong(member, "is not 10 letters and digits", hint)
    return SigningKey(key, identifiers["key_id"], identifiers["team_id"])


def _certificate(members: Members) -> ClientCertificate:
    members.only("certificate", "private_key", "topic", "environment")
    hint = "Give the APNs certificate as PEM text; from a .p12 file: openssl pkcs12 -in cert.p12 -clcerts -nokeys"
    pem = members.text("certificate", hint)
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        public = certificate.public_key()
    except ValueError:
        raise members.wrong("certificate", "is not a certificate in PEM form", hint) from None
    now = clock.now()
    if certificate.not_valid_after_utc <= now:
        ended = certificate.not_valid_after_utc.date().isoformat()
        raise members.wrong("certificate", f"expired on {ended}", "Renew it in Apple's developer account.")
    if certificate.not_valid_before_utc > now:
        begins = certificate.not_valid_before_utc.isoformat()
        raise members.wrong("certificate", f"is not valid before {begins}", "Check this machine's clock.")
    hint = "Give the key the certificate was made for; from a .p12 file: openssl pkcs12 -in cert.p12 -nocerts -nodes"
    key = members.private_key("private_key", hint)
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != public.public_bytes(*form):
        raise members.wrong("private_key", "does not match the certificate", hint)
    return ClientCertificate(pem + "\n", members.text("private_key", hint) + "\n")
