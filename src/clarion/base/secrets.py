"""Random secrets and their digests. Tokens are handed out once and stored only as a digest."""

import hashlib
import hmac
import secrets


def new_token(nbytes: int = 32) -> str:
    """A URL-safe random token of `nbytes` bytes of entropy."""
    return secrets.token_urlsafe(nbytes)


def digest(token: str) -> bytes:
    """SHA-256 of a token, 32 bytes: what is stored and compared. Tokens are random, so no salt is needed."""
    return hashlib.sha256(token.encode()).digest()


def same(left: bytes, right: bytes) -> bool:
    """Constant-time comparison."""
    return hmac.compare_digest(left, right)
