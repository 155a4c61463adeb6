"""Calling an installation from outside as devices and administrators do: HTTPS, one kept connection.

The administration caller signs in, the SDK's callers bring their own headers. Integrators' calls are those of
`clarion.client`.
"""

import http.client
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from clarion.base.errors import ClarionError, ConfigurationError, Unavailable
from clarion.client.v1 import Answer

_TIMEOUT = 60.0
# A server may close a connection that was silent for 5 seconds: an older one is not used again.
_FRESH = 3.0


class Connection:
    """A kept HTTP/1.1 connection to `base_url`. `ca_file` is the authority to trust, "" the machine's own."""

    def __init__(self, base_url: str, ca_file: str = "") -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"{base_url!r} is no address of a server.", "Write it as https://host:port.")
        self.base_url = base_url.rstrip("/")
        self._path = parts.path.rstrip("/")
        self._used = 0.0
        if parts.scheme == "http":
            self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_TIMEOUT)
            return
        try:
            context = ssl.create_default_context(cafile=ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"The CA file {ca_file} cannot be used: {error}.", "Give a PEM file.") from None
        self._connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=_TIMEOUT, context=context)

    def call(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """One exchange. Raises Unavailable when the server cannot be reached or breaks off."""
        if time.monotonic() - self._used > _FRESH:
            self._connection.close()
        try:
            self._connection.request(method, self._path + path, body or None, dict(headers))
            answer = self._connection.getresponse()
            content = answer.read()
        except ssl.SSLCertVerificationError as error:
            self._connection.close()
            raise Unavailable(
                f"The certificate of {self.base_url} is not trusted: {error.verify_message}.",
                "Give the file of its authority with --ca; that of a generated one is DATA_DIR/tls/ca.pem.",
            ) from None
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unavailable(
                f"{self.base_url} does not answer: {error or type(error).__name__}",
                "Is it running (`clarion status`), and is the address right (--base-url)?",
            ) from None
        self._used = time.monotonic()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, content)

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()


class AdminCaller:
    """Calls of one person to the administration API, each in a session of its own."""

    def __init__(self, connection: Connection, email: str, api_key: str) -> None:
        self._connection = connection
        self._credentials = {"email": email, "apiKey": api_key}

    def call(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Sign in, call, sign out. Raises Unavailable, and ClarionError when signing in is refused."""
        content = {"Content-Type": "application/json"}
        begun = self._connection.call("POST", "/admin/sessions", content, msgspec.json.encode(self._credentials))
        session = {"Authorization": f"Bearer {_must(begun, 'Signing in', 201).json['token']}"}
        answer = self._connection.call(method, path, session | (content if body else {}), body)
        self._connection.call("DELETE", "/admin/sessions/current", session)
        return answer


def _must(answer: Answer, what: str, status: int = 200) -> Answer:
    if answer.status != status:
        raise ClarionError(f"{what} was refused with {answer.status}: {answer.body.decode(errors='replace')[:500]}")
    return answer
