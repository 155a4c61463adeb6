"""Secrets at rest: AES-256-GCM under a key that never enters the database.

The key comes from `CLARION_SEAL_KEY` (64 hexadecimal digits) or from a file of mode 0600 made on first start.
Every sealed value is bound to a context (for example `b"api-key:42"`), so that a value moved to another row
does not open there.
"""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clarion.base.errors import ConfigurationError
from clarion.base.files import create_private

_NONCE = 12


class Sealer:
    """Seals and opens small secrets under one 32-byte key."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ConfigurationError("The sealing key must be 32 bytes.", "Give 64 hexadecimal digits.")
        self._aead = AESGCM(key)

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Nonce (12 bytes) followed by ciphertext and tag; `context` must be given again to open."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, plaintext, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The plaintext. Raises ConfigurationError when the key or the context is not the one it was sealed with."""
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
        except InvalidTag:
            raise ConfigurationError(
                "A sealed secret does not open with this installation's sealing key.",
                "Restore the key file that belongs to this database, or set CLARION_SEAL_KEY to its 64 hex digits.",
            ) from None


def load_key(path: Path) -> bytes:
    """The sealing key of the environment, or of the file at `path`, which is created with mode 0600 when absent."""
    from_environment = os.environ.get("CLARION_SEAL_KEY")
    if from_environment:
        return _parse(from_environment, "CLARION_SEAL_KEY")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        create_private(path, os.urandom(32).hex().encode() + b"\n")  # another process may be first: its key stays
    if path.stat().st_mode & 0o077:
        raise ConfigurationError(f"The sealing key {path} can be read by others.", f"Run: chmod 600 {path}")
    return _parse(path.read_text(), str(path))


def _parse(text: str, where: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise ConfigurationError(f"The sealing key in {where} is malformed.", "It must be 64 hexadecimal digits.")
    return key
