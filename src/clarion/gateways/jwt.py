"""Signed JSON Web Tokens in compact form (RFC 7519, RFC 7515), as the gateways ask for them. Signing only."""

import base64
import json
from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Claims = Mapping[str, str | int]


def es256(key: ec.EllipticCurvePrivateKey, header: Claims, claims: Claims) -> bytes:
    """A token signed with P-256 and SHA-256 (RFC 7518 section 3.4).

    Signatures are deterministic (RFC 6979): equal claims give the same token in every process.
    """
    signed = _signing_input("ES256", header, claims)
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
    return signed + b"." + _base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def rs256(key: rsa.RSAPrivateKey, header: Claims, claims: Claims) -> bytes:
    """A token signed with RSA PKCS #1 v1.5 and SHA-256 (RFC 7518 section 3.3)."""
    signed = _signing_input("RS256", header, claims)
    return signed + b"." + _base64url(key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))


def _signing_input(algorithm: str, header: Claims, claims: Claims) -> bytes:
    head = {"alg": algorithm, "typ": "JWT", **header}
    return b".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (head, dict(claims)))


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
