"""What an operator gives for Web Push: the VAPID key pair's private half and a contact.

`{"private_key": 32 bytes in base64url (the usual VAPID form) or a P-256 key as PEM, "subject": "mailto:..." or
"https://...", "public_key": optional, checked, "allow_private": optional}`. `allow_private` lets subscriptions point
at private and loopback addresses (rehearsals against the stub); never true for applications of the open web.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec import Struct

from clarion.gateways.members import Members

_HINT = "Give the VAPID private key: 32 bytes in base64url, or a P-256 private key as PEM."


class WebPushCredentials(Struct, frozen=True):
    """An application's identity towards push services. `public_key` is the 65-byte uncompressed point."""

    private_key: ec.EllipticCurvePrivateKey
    public_key: bytes
    subject: str
    allow_private: bool = False

    def __repr__(self) -> str:
        return f"WebPushCredentials(subject={self.subject!r})"

    @property
    def application_server_key(self) -> str:
        """The public key in base64url, as a page gives it to `pushManager.subscribe`."""
        return encode64(self.public_key)


def parse(raw: bytes | Mapping[str, Any]) -> WebPushCredentials:
    """Read and check credentials. Raises ConfigurationError naming the member at fault and what to do."""
    members = Members("Web Push", raw)
    members.only("private_key", "public_key", "subject", "allow_private")
    subject = members.text("subject", "Give a contact: mailto:push@example.com or an https address.")
    if not subject.startswith(("mailto:", "https://")) or not subject.isascii() or not subject.isprintable():
        raise members.wrong("subject", "is no contact address", "It must begin with mailto: or https://.")
    key = _private_key(members)
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    if "public_key" in members and decode64(members.text("public_key", _HINT)) != public:
        raise members.wrong("public_key", "does not belong to private_key", "Leave it out, or give the pair's own.")
    return WebPushCredentials(key, public, subject, members.flag("allow_private"))


def generate(subject: str) -> dict[str, str]:
    """A new VAPID pair as credentials that `parse` accepts."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    return {"private_key": encode64(scalar), "public_key": encode64(public), "subject": subject}


def encode64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode64(text: str) -> bytes | None:
    """Base64url, padded or not; None when it is something else."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None


def _private_key(members: Members) -> ec.EllipticCurvePrivateKey:
    text = members.text("private_key", _HINT)
    if text.startswith("-----BEGIN"):
        key = members.private_key("private_key", _HINT)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise members.wrong("private_key", "is not a P-256 key", _HINT)
        return key
    scalar = decode64(text)
    if scalar is None or len(scalar) != 32:
        raise members.wrong("private_key", "is neither PEM nor 32 bytes in base64url", _HINT)
    try:
        return ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1())
    except ValueError:
        raise members.wrong("private_key", "is not a P-256 key", _HINT) from None
