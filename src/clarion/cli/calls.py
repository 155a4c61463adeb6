"""Calling an installation's API from outside, as integrators and devices do: HTTPS, one kept connection.

The v1 caller signs every request and gets its own token; the SDK's callers bring their own headers.
"""

import http.client
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from clarion.base import clock
from clarion.base.errors import ClarionError, ConfigurationError, Unavailable
from clarion.identity.signature import sign

_TIMEOUT = 60.0
# A server may close a connection that was silent for 5 seconds: an older one is not used again.
_FRESH = 3.0


class Answer(Struct, frozen=True):
    """One answer; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)


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


class V1Caller:
    """Signed v1 calls of one person."""

    def __init__(self, connection: Connection, email: str, api_key: str) -> None:
        self._connection = connection
        self._email = email
        self._api_key = api_key
        self._token = ""

    def call(self, method: str, path: str, body: bytes = b"") -> Answer:
        """A signed call with a token, which is fetched first when there is none. Raises Unavailable, ClarionError."""
        if not self._token:
            self._token = self._fetch_token()
        headers = self._signed(b"" if method == "GET" else body) | {"Authorization": f"Bearer {self._token}"}
        return self._connection.call(method, path, headers, body)

    def get(self, path: str) -> Any:
        """The decoded answer to a GET. Raises ClarionError for any other status than 200."""
        return _must(self.call("GET", path), f"GET {path}").json

    def post(self, path: str, body: object = None) -> Any:
        """The decoded answer to a POST, None for an empty one. Raises ClarionError for any other status than 200."""
        raw = b"" if body is None else msgspec.json.encode(body)
        answer = _must(self.call("POST", path, raw), f"POST {path}")
        return answer.json if answer.body else None

    def _fetch_token(self) -> str:
        body = msgspec.json.encode({"email": self._email})
        answer = self._connection.call("POST", "/v1/access_token", self._signed(body), body)
        token: str = _must(answer, "The access token").json["access_token"]
        return token

    def _signed(self, body: bytes) -> dict[str, str]:
        now = str(int(clock.now().timestamp()))
        return {
            "Content-Type": "application/json",
            "Accengage-Time": now,
            "Accengage-Signature": sign(body, self._api_key, now),
        }


def _must(answer: Answer, what: str) -> Answer:
    if answer.status != 200:
        raise ClarionError(f"{what} was refused with {answer.status}: {answer.body.decode(errors='replace')[:500]}")
    return answer
