"""The one HTTP/1.1 client, for addresses that strangers name: webhook targets.

Every request has a connection of its own. The host's name is resolved for it, addresses that are not allowed are
dropped, and the address that the socket is made for is looked at once more right before it connects, so that neither
a name that changes between two looks nor an address written in the URL leads into the operator's own network. Names
are resolved in threads of the client's own: a name server that does not answer holds up nobody else in the process.

Certificates must be valid. Redirects are not followed, bodies of answers are not read, and proxies of the environment
do not count. What the requests mean is left to the caller.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct
from yarl import URL

from clarion import __version__
from clarion.base.errors import ConfigurationError
from clarion.http.addresses import SpecialNetwork, Targets

_RESOLVING: Final = 64
"""Names that are resolved at the same time."""
_HELD: Final = 4096
"""About so many bytes of an answer's body are taken from the network before the connection is closed."""


class Reply(Struct, frozen=True):
    """The status of an answer, and its `Retry-After`."""

    status: int
    retry_after: str | None = None


class Unreached(Exception):
    """No answer came; the text says why, for the log."""


class Outbound:
    """Requests to hosts that strangers name, each within `timeout` seconds from resolving to the head of the answer.

    `authority` (PEM file) is trusted besides the machine's authorities. Belongs to one event loop; end with `aclose`.
    Raises ConfigurationError for a file that cannot be used.
    """

    def __init__(self, targets: Targets, *, timeout: float, authority: str = "") -> None:
        self._targets = targets
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._tls = _tls(authority)
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close whatever is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST these bytes as they are. Raises Unreached when no answer came."""
        try:
            async with self._opened().post(
                URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
            ) as answer:
                return Reply(answer.status, answer.headers.get("Retry-After"))
        except TimeoutError:
            raise Unreached("no answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            raise Unreached(f"{type(cause).__name__}: {cause}") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                resolver=_Resolver(self._targets),
                use_dns_cache=False,
                force_close=True,
                limit=0,
                ssl=self._tls,
                socket_factory=self._socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                headers={"User-Agent": f"Clarion/{__version__}"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=_HELD,
            )
        return self._session

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if not self._targets.allow(str(address[0])):
            raise SpecialNetwork(f"{address[0]} belongs to a special network, which is not allowed")
        return socket.socket(family, kind, protocol)


class _Resolver(AbstractResolver):
    """The allowed addresses of a host."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._threads = ThreadPoolExecutor(_RESOLVING, "resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        def ask() -> list[ResolveResult]:
            return [
                ResolveResult(
                    hostname=host,
                    host=str(address[0]),
                    port=port,
                    family=found,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
                for found, _, protocol, _, address in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
            ]

        try:
            every = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        except UnicodeError as error:
            raise OSError(f"{host} is not a host name: {error}") from error
        allowed = [each for each in every if self._targets.allow(each["host"])]
        if not allowed:
            shown = ", ".join(each["host"] for each in every[:3])
            raise SpecialNetwork(f"{host} leads to a special network ({shown}), which is not allowed")
        return allowed

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _tls(authority: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authority:
        try:
            context.load_verify_locations(authority)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"The certificate authority file {authority} cannot be used: {error}.", "Give a readable PEM file."
            ) from error
    return context
