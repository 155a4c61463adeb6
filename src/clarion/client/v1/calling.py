"""The way of a call: signed, with a token, over kept connections, tried again where that can do no harm.

A token is fetched with the first call and renewed once when the server says that it is over (v1 rules 3 to 16).
Requests that change nothing are tried again when the connection fails; the others only when it was never made.
"""

import asyncio
import hashlib
import random
import ssl
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from clarion import __version__
from clarion.base import clock
from clarion.base.errors import ConfigurationError, Unavailable
from clarion.client.v1.errors import errors_of, refusal

ATTEMPTS = 3
"""How often a request is tried in all while the connection fails."""
_FIRST_PAUSE = 0.2
# Servers close connections that were silent for 5 seconds: an older one is not used again.
_KEPT = 3.0


class Answer(Struct, frozen=True):
    """One answer as it came; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return msgspec.json.decode(self.body)


def signature(body: bytes, api_key: str, time: str) -> str:
    """SHA-1 over raw body, API key and digits of the time, in hexadecimal (v1 rule 5)."""
    return hashlib.sha1(body + api_key.encode() + time.encode(), usedforsecurity=False).hexdigest()


class _BrokenOff(aiohttp.ClientError):
    """The connection was lost under way."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Left to itself the library repeats PUT and DELETE too, and a second DELETE is told that nothing is there."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _BrokenOff(str(error) or type(error).__name__) from error


class Caller:
    """Calls of one person to one installation. Belongs to the event loop in which it is first used."""

    def __init__(self, base_url: str, email: str, api_key: str, *, ca_file: str = "", timeout: float = 60.0) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"{base_url!r} is no address of a server.", "Write it as https://host:port.")
        self.base_url = base_url.rstrip("/")
        self._email = email
        self._api_key = api_key
        self._timeout = timeout
        self._trusted = _authorities(ca_file) if parts.scheme == "https" else None
        self._session: aiohttp.ClientSession | None = None
        self._token = ""
        self._fetching = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(self, method: str, target: str, body: bytes = b"", *, token: bool = True) -> Answer:
        """A signed call to `target`, path and query from `/v1` on; the answer whatever its status.

        Raises Unavailable when the server cannot be reached or breaks off, ApiError when it gives no token.
        """
        if not token:
            return await self._sent(method, target, body, "")
        used = await self._current_token()
        answer = await self._sent(method, target, body, used)
        if _token_is_over(answer):
            if self._token == used:
                self._token = ""
            answer = await self._sent(method, target, body, await self._current_token())
        return answer

    async def _current_token(self) -> str:
        async with self._fetching:
            if not self._token:
                body = msgspec.json.encode({"email": self._email})
                answer = await self._sent("POST", "/v1/access_token", body, "")
                if answer.status != 200:
                    raise refusal("An access token", answer.status, answer.body)
                self._token = answer.json["access_token"]
            return self._token

    async def _sent(self, method: str, target: str, body: bytes, token: str) -> Answer:
        attempt = 1
        while True:
            try:
                return await self._exchange(method, target, body, token)
            except aiohttp.ClientConnectorCertificateError as error:
                raise Unavailable(
                    f"The certificate of {self.base_url} is not trusted: {error.certificate_error}.",
                    "Give the file of its authority (ca_file, --ca); that of a generated one is DATA_DIR/tls/ca.pem.",
                ) from None
            except TimeoutError:
                raise Unavailable(f"{self.base_url} did not answer within {self._timeout:g} s.") from None
            except aiohttp.ClientError as error:
                harmless = method == "GET" or isinstance(error, aiohttp.ClientConnectorError)
                if attempt == ATTEMPTS or not harmless:
                    raise Unavailable(
                        f"{self.base_url} does not answer: {error}",
                        "Is it running, and is the address right?",
                    ) from None
            await asyncio.sleep(_FIRST_PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            attempt += 1

    async def _exchange(self, method: str, target: str, body: bytes, token: str) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._trusted or True, keepalive_timeout=_KEPT),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                middlewares=(_once,),
                headers={"User-Agent": f"clarion-client/{__version__}"},
            )
        time = str(int(clock.now().timestamp()))
        signed = b"" if method == "GET" else body
        headers = {"Accengage-Time": time, "Accengage-Signature": signature(signed, self._api_key, time)}
        if body:
            headers["Content-Type"] = "application/json"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        address = URL(self.base_url + target, encoded=True)
        async with self._session.request(
            method, address, data=body or None, headers=headers, allow_redirects=False
        ) as answer:
            named = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, named, await answer.read())


def _authorities(ca_file: str) -> ssl.SSLContext:
    """Whom to trust: the authorities in this file, or those of the machine."""
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"The CA file {ca_file} cannot be used: {error}.", "Give a PEM file.") from None


def _token_is_over(answer: Answer) -> bool:
    """Expired (401), or not known any more (400): in both cases a new one helps (v1 rules 14 and 24)."""
    return answer.status in (400, 401) and any(error.label == "API_ERR_TOKEN" for error in errors_of(answer.body))
