"""What an operator gives for FCM: the service account file from the Firebase console, as it is.

Used of it: `project_id`, `client_email`, `private_key` (RSA, PEM), `private_key_id` when there, `token_uri`.
"""

import re
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec import Struct

from clarion.gateways.members import Members

GOOGLE_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, not a secret
_HINT = "Give the whole service account file: Firebase console, project settings, service accounts, new private key."
_PROJECT = re.compile(r"[A-Za-z0-9.:_-]{1,100}")
_ADDRESS = re.compile(r"https://[A-Za-z0-9.\-\[\]:]+/[\x21-\x22\x24-\x7e]*")


class FcmCredentials(Struct, frozen=True):
    """One Firebase project's service account."""

    project_id: str
    client_email: str
    private_key: rsa.RSAPrivateKey
    token_uri: str
    private_key_id: str = ""

    def __repr__(self) -> str:
        return f"FcmCredentials(project_id={self.project_id!r}, client_email={self.client_email!r})"


def parse(raw: bytes | Mapping[str, Any]) -> FcmCredentials:
    """Read and check a service account. Raises ConfigurationError naming the member at fault and what to do."""
    members = Members("FCM", raw)
    if members.optional_text("type", "service_account", _HINT) != "service_account":
        raise members.wrong("type", "is not service_account", _HINT)
    project = members.text("project_id", _HINT)
    if not _PROJECT.fullmatch(project):
        raise members.wrong("project_id", "is not a project id", _HINT)
    email = members.text("client_email", _HINT)
    key = members.private_key("private_key", _HINT)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise members.wrong("private_key", "is not an RSA key", _HINT)
    token_uri = members.optional_text("token_uri", GOOGLE_TOKEN_URI, _HINT)
    if not _ADDRESS.fullmatch(token_uri):
        raise members.wrong("token_uri", "is not an https address", f"Google's is {GOOGLE_TOKEN_URI}.")
    return FcmCredentials(project, email, key, token_uri, members.optional_text("private_key_id", "", _HINT))
