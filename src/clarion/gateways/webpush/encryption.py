"""Message encryption for Web Push (RFC 8291) in the `aes128gcm` coding (RFC 8188): one record, no padding.

Every message has an ephemeral key pair and a salt of its own, as RFC 8291 section 3.1 asks. Nearly all of the work
does not depend on the message: `material` does it, `seal` is what is left. Whoever keeps material for later must use
it for one message only (`stock` sees to that): two messages under one key and nonce give both away.
"""

import hmac
import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD = 4096
MAX_PLAINTEXT = RECORD - 86 - 17
"""3993 bytes: a body of 4096 (RFC 8291 section 4) less header (86), delimiter (1) and authentication tag (16)."""

POINT, AUTH = 65, 16
"""Bytes of a subscription's `p256dh` and `auth`."""

MATERIAL = 114
"""Bytes of one message's material: the header of its body (86), the content key (16), the nonce (12)."""

_CURVE = ec.SECP256R1()
_ECDH = ec.ECDH()
_CEK_INFO = b"Content-Encoding: aes128gcm\x00\x01"
_NONCE_INFO = b"Content-Encoding: nonce\x00\x01"
_SIZES = RECORD.to_bytes(4, "big") + POINT.to_bytes(1, "big")


def encrypt(plaintext: bytes, p256dh: bytes, auth: bytes) -> bytes:
    """The request body for a subscription's keys. Raises ValueError as `material` does."""
    return seal(material(p256dh, auth), plaintext)


def material(
    p256dh: bytes, auth: bytes, *, ephemeral: ec.EllipticCurvePrivateKey | None = None, salt: bytes | None = None
) -> bytes:
    """Everything one message to a subscription needs but its text: `MATERIAL` bytes, for a single `seal`.

    `ephemeral` and `salt` are given only to repeat published examples. Raises ValueError when `p256dh` is not an
    uncompressed point on P-256 or `auth` has not 16 bytes.
    """
    if len(auth) != AUTH:
        raise ValueError("The authentication secret has not 16 bytes.")
    receiver = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, p256dh)
    if len(p256dh) != POINT:
        raise ValueError("The key is a compressed point.")
    ephemeral = ephemeral or ec.generate_private_key(_CURVE)
    salt = salt or os.urandom(16)
    sender = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = ephemeral.exchange(_ECDH, receiver)
    # HKDF (RFC 5869) with one block of output is two HMACs, and a quarter of the cost of the general form.
    combined = hmac.digest(auth, secret, "sha256")
    keying = hmac.digest(combined, b"WebPush: info\x00" + p256dh + sender + b"\x01", "sha256")
    pseudorandom = hmac.digest(salt, keying, "sha256")
    key = hmac.digest(pseudorandom, _CEK_INFO, "sha256")[:16]
    nonce = hmac.digest(pseudorandom, _NONCE_INFO, "sha256")[:12]
    return salt + _SIZES + sender + key + nonce


def seal(material: bytes, plaintext: bytes) -> bytes:
    """The request body: `plaintext` (at most `MAX_PLAINTEXT` bytes) under material that was never used before."""
    return material[:86] + AESGCM(material[86:102]).encrypt(material[102:], plaintext + b"\x02", None)
