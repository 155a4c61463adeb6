"""Reading the members of a credentials document, with errors a person can act on.

Shared by the three `credentials.py`. Values are never quoted in an error: they may be secrets.
"""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clarion.base.errors import ConfigurationError


class Members:
    """A JSON object whose members are taken one by one. `kind` names the gateway in errors ("APNs")."""

    def __init__(self, kind: str, raw: bytes | Mapping[str, Any]) -> None:
        self._kind = kind
        if isinstance(raw, bytes):
            try:
                raw = json.loads(raw)
            except ValueError:
                raise ConfigurationError(f"The {kind} credentials are not JSON.", "Give one JSON object.") from None
        if not isinstance(raw, Mapping):
            raise ConfigurationError(f"The {kind} credentials are not a JSON object.", "Give one JSON object.")
        self._raw = raw

    def wrong(self, member: str, problem: str, hint: str) -> ConfigurationError:
        """The error about one member, to be raised by the caller."""
        return ConfigurationError(f"The {self._kind} credentials' member {member} {problem}.", hint)

    def __contains__(self, member: str) -> bool:
        return self._raw.get(member) is not None

    def text(self, member: str, hint: str) -> str:
        """A member that must be there as text; `hint` tells where to find the value."""
        value = self._raw.get(member)
        if value is None:
            raise self.wrong(member, "is missing", hint)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(member, "is not a text or is empty", hint)
        return value.strip()

    def optional_text(self, member: str, default: str, hint: str) -> str:
        """A member of text that may be left out."""
        return self.text(member, hint) if member in self else default

    def flag(self, member: str) -> bool:
        """A member that is true or false; false when left out."""
        value = self._raw.get(member, False)
        if not isinstance(value, bool):
            raise self.wrong(member, "is neither true nor false", "Write true or false without quotes.")
        return value

    def only(self, *members: str) -> None:
        """Refuse members that mean nothing here: a misspelt one would otherwise be silently without effect."""
        for member in self._raw:
            if member not in members:
                raise self.wrong(str(member)[:60], "is not known", f"The known ones are: {', '.join(members)}.")

    def private_key(self, member: str, hint: str) -> PrivateKeyTypes:
        """A member that holds a private key as unencrypted PEM text."""
        pem = self.text(member, hint)
        try:
            return load_pem_private_key(pem.encode(), password=None)
        except TypeError:
            raise self.wrong(
                member, "is encrypted", "Decrypt it first, for example: openssl pkey -in key.pem -out plain.pem"
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise self.wrong(member, "is not a private key in PEM form", hint) from None
