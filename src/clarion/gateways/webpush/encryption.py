"""Message encryption for Web Push (RFC 8291) in the `aes128gcm` coding (RFC 8188): one record, no padding.

Every message has an ephemeral key pair and a salt of its own, as RFC 8291 section 3.1 asks.
"""

import hmac
import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD = 4096
MAX_PLAINTEXT = RECORD - 86 - 17
"""3993 bytes: a body of 4096 (RFC 8291 section 4) less header (86), delimiter (1) and authentication tag (16)."""

_CURVE = ec.SECP256R1()
_ECDH = ec.ECDH()
_CEK_INFO = b"Content-Encoding: aes128gcm\x00\x01"
_NONCE_INFO = b"Content-Encoding: nonce\x00\x01"


def encrypt(
    plaintext: bytes,
    p256dh: bytes,
    auth: bytes,
    *,
    ephemeral: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The request body for a subscription's keys. `ephemeral` and `salt` are given only to repeat published examples.

    Raises ValueError when `p256dh` is not an uncompressed point on P-256.
    """
    receiver = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, p256dh)
    ephemeral = ephemeral or ec.generate_private_key(_CURVE)
    salt = salt or os.urandom(16)
    sender = ephemeral.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = ephemeral.exchange(_ECDH, receiver)
    # HKDF (RFC 5869) with one block of output is two HMACs, and a quarter of the cost of the general form.
    combined = hmac.digest(auth, secret, "sha256")
    material = hmac.digest(combined, b"WebPush: info\x00" + p256dh + sender + b"\x01", "sha256")
    pseudorandom = hmac.digest(salt, material, "sha256")
    key = hmac.digest(pseudorandom, _CEK_INFO, "sha256")[:16]
    nonce = hmac.digest(pseudorandom, _NONCE_INFO, "sha256")[:12]
    header = salt + RECORD.to_bytes(4, "big") + b"\x41" + sender
    return header + AESGCM(key).encrypt(nonce, plaintext + b"\x02", None)
