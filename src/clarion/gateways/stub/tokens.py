"""Reading JSON Web Tokens as strictly as the gateways do (RFC 7515 compact form, ES256 and RS256 only).

It parses and verifies; which claims must hold is the affair of each gateway. It is deliberately independent of the
code that signs: a stub that shared it would agree with its mistakes.
"""

import base64
import binascii

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec import Struct

_ES256 = ec.ECDSA(hashes.SHA256())


class BadToken(Exception):
    """The token is malformed or its signature does not hold; the text says which."""


class Header(Struct, frozen=True):
    """JOSE header."""

    alg: str
    kid: str | None = None
    typ: str | None = None


class Claims(Struct, frozen=True):
    """The claims any of the three gateways looks at. Times are whole epoch seconds."""

    iss: str | None = None
    iat: int | None = None
    exp: int | None = None
    aud: str | None = None
    sub: str | None = None
    scope: str | None = None


class Token(Struct, frozen=True):
    """A parsed token whose signature is not verified yet."""

    header: Header
    claims: Claims
    signed: bytes
    signature: bytes


def parse(token: bytes) -> Token:
    """Split and decode a compact JWT. Raises BadToken."""
    parts = token.split(b".")
    if len(parts) != 3:
        raise BadToken(f"A JWT has 3 parts, this one has {len(parts)}.")
    try:
        header = msgspec.json.decode(unbase64url(parts[0]), type=Header)
        claims = msgspec.json.decode(unbase64url(parts[1]), type=Claims)
        signature = unbase64url(parts[2])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadToken(f"The JWT's header or claims are malformed: {error}.") from None
    except ValueError as error:
        raise BadToken(f"The JWT is not base64url without padding: {error}.") from None
    return Token(header=header, claims=claims, signed=token[: token.rindex(b".")], signature=signature)


def verify_es256(token: Token, key: ec.EllipticCurvePublicKey) -> None:
    """Check an ES256 signature (RFC 7518 section 3.4: R and S, 32 bytes each). Raises BadToken."""
    if token.header.alg != "ES256":
        raise BadToken(f"The JWT's alg is {token.header.alg!r}, must be ES256.")
    if len(token.signature) != 64:
        raise BadToken(f"An ES256 signature has 64 bytes, this one {len(token.signature)}.")
    r, s = int.from_bytes(token.signature[:32], "big"), int.from_bytes(token.signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), token.signed, _ES256)
    except InvalidSignature:
        raise BadToken("The JWT's signature does not verify with the public key.") from None


def verify_rs256(token: Token, key: rsa.RSAPublicKey) -> None:
    """Check an RS256 signature. Raises BadToken."""
    if token.header.alg != "RS256":
        raise BadToken(f"The JWT's alg is {token.header.alg!r}, must be RS256.")
    try:
        key.verify(token.signature, token.signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise BadToken("The JWT's signature does not verify with the public key.") from None


def unbase64url(text: bytes) -> bytes:
    """Decode base64url without padding. Raises ValueError on any other character."""
    if b"=" in text or b"+" in text or b"/" in text:
        raise ValueError("padding or characters of plain base64")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def base64url(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
