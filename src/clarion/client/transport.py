"""How the clients of all versions reach a server: kept connections, whom to trust, and what went wrong on the way.

Sends each request once. Whether it may be sent again is for the client of a version to know.
"""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from clarion import __version__
from clarion.base.errors import ConfigurationError, Unavailable

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


class BrokenOff(Unavailable):
    """The connection failed. `reached` tells whether the server may have got the request."""

    def __init__(self, message: str, hint: str = "", *, reached: bool) -> None:
        super().__init__(message, hint)
        self.reached = reached


class _Lost(aiohttp.ClientError):
    """The connection was lost under way."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Left to itself the library repeats PUT and DELETE too, and a second DELETE is told that nothing is there."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(str(error) or type(error).__name__) from error


class Transport:
    """Connections to one server. Belongs to the event loop in which it is first used."""

    def __init__(self, base_url: str, *, ca_file: str = "", timeout: float = 60.0) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"{base_url!r} is no address of a server.", "Write it as https://host:port.")
        self.base_url = base_url.rstrip("/")
        self._timeout = timeout
        self._trusted = _authorities(ca_file) if parts.scheme == "https" else None
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """The answer to one request, whatever its status; `target` is path and query.

        Raises BrokenOff when the connection fails, and Unavailable when the server is not trusted or takes too long.
        """
        try:
            return await self._exchange(method, target, headers, body)
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unavailable(
                f"The certificate of {self.base_url} is not trusted: {error.certificate_error}.",
                "Give the file of its authority (ca_file, --ca); that of a generated one is DATA_DIR/tls/ca.pem.",
            ) from None
        except TimeoutError:
            raise Unavailable(f"{self.base_url} did not answer within {self._timeout:g} s.") from None
        except aiohttp.ClientError as error:
            raise BrokenOff(
                f"{self.base_url} does not answer: {error}",
                "Is it running, and is the address right?",
                reached=not isinstance(error, aiohttp.ClientConnectorError),
            ) from None

    async def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._trusted or True, keepalive_timeout=_KEPT),
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                middlewares=(_once,),
                headers={"User-Agent": f"clarion-client/{__version__}"},
            )
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
