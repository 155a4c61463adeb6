"""APNs authentication: the provider token, or the TLS context that shows a client certificate.

Apple wants a provider token replaced not more often than every 20 minutes and at least every 60. The instant of issue
is therefore the beginning of a 40-minute slot of the clock and the signature is deterministic: every process, also one
just restarted, presents the very same token, and a restart is never a renewal in Apple's eyes.
"""

import os
import ssl
import tempfile

from clarion.base import clock
from clarion.gateways import jwt
from clarion.gateways.apns.credentials import ClientCertificate, SigningKey
from clarion.http.h2 import client_tls

SLOT = 40 * 60
SPACING = 20 * 60
"""Seconds: how long a token is used at most, and at least."""

_TOLERANCE = 60.0  # seconds by which the clock may be set back without a new token


class ProviderToken:
    """The `authorization` value for one signing key."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self._value = b""
        self._valid = (0.0, 0.0)
        self._forced_at = float("-inf")

    def current(self) -> bytes:
        """The value to send now."""
        now = clock.timestamp()
        begins, ends = self._valid
        if not begins - _TOLERANCE <= now < ends:
            slot = now - now % SLOT
            self._issue(slot, ends=slot + SLOT)
        return self._value

    def renew(self, refused: bytes) -> bytes | None:
        """Another value than `refused`, which APNs called expired; None when one was forced too short a time ago.

        Of many requests refused together only the first makes a new token.
        """
        current = self.current()
        if current != refused:
            return current
        now = clock.timestamp()
        if abs(now - self._forced_at) < SPACING:
            return None
        self._forced_at = now
        same_second = int(now) == int(self._valid[0])  # a token of equal claims would be the refused one again
        self._issue(now - same_second, ends=max(now - now % SLOT + SLOT, now + SPACING))
        return self._value

    def _issue(self, issued_at: float, ends: float) -> None:
        claims: jwt.Claims = {"iss": self._key.team_id, "iat": int(issued_at)}
        self._value = b"bearer " + jwt.es256(self._key.private_key, {"kid": self._key.key_id}, claims)
        self._valid = (issued_at, ends)


def certificate_tls(certificate: ClientCertificate, ca_file: str | None) -> ssl.SSLContext:
    """A client context that shows `certificate`.

    Python's ssl reads key material from files only: it lies in files of mode 0600 for just as long as that takes.
    """
    with tempfile.TemporaryDirectory(prefix="clarion-apns-") as folder:
        paths = []
        for name, text in (("certificate.pem", certificate.certificate), ("key.pem", certificate.private_key)):
            path = os.path.join(folder, name)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
            paths.append(path)
        return client_tls(ca_file=ca_file, certificate=(paths[0], paths[1]))
