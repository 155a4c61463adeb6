"""Decrypting a Web Push message as a browser does (RFC 8291 over RFC 8188 `aes128gcm`, one record)."""

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_CURVE = ec.SECP256R1()
_POINT = 65
_HEADER = 16 + 4 + 1 + _POINT
_TAG = 16


class Undecryptable(Exception):
    """The body is not a message for this subscription; the text says what does not hold."""


def decrypt(body: bytes, private: ec.EllipticCurvePrivateKey, public: bytes, auth: bytes) -> bytes:
    """The plaintext. `private`, `public` (65 bytes) and `auth` are the subscription's. Raises Undecryptable."""
    if len(body) < _HEADER + _TAG + 1:
        raise Undecryptable(f"{len(body)} bytes are too short for header, one record and its tag.")
    salt, record_size, id_length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    if id_length != _POINT:
        raise Undecryptable(f"The key id has {id_length} bytes, must be the sender's public key of {_POINT}.")
    sender, record = body[21:_HEADER], body[_HEADER:]
    if record_size < 18 or len(record) > record_size:
        raise Undecryptable(f"The record size is {record_size}, the one record has {len(record)} bytes.")
    try:
        shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, sender))
    except ValueError:
        raise Undecryptable("The key id is not a point of P-256 in uncompressed form.") from None
    key, nonce = content_keys(shared, auth, public, sender, salt)
    try:
        padded = AESGCM(key).decrypt(nonce, record, None)
    except InvalidTag:
        raise Undecryptable("The record does not open with the subscription's keys.") from None
    text = padded.rstrip(b"\0")
    if not text.endswith(b"\x02"):
        raise Undecryptable("The record lacks the delimiter 0x02 of the last record.")
    return text[:-1]


def content_keys(shared: bytes, auth: bytes, public: bytes, sender: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """(content encryption key, nonce) of RFC 8291 section 3.4 and RFC 8188 section 2.2."""
    key_info = b"WebPush: info\0" + public + sender + b"\x01"
    material = _mac(_mac(auth, shared), key_info)
    secret = _mac(salt, material)
    key = _mac(secret, b"Content-Encoding: aes128gcm\0\x01")[:16]
    nonce = _mac(secret, b"Content-Encoding: nonce\0\x01")[:12]
    return key, nonce


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
