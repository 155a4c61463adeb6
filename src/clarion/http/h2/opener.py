"""Opening connections to one origin, one attempt at a time, with exponential backoff and jitter after failures."""

import asyncio
import random
import ssl
from collections.abc import Callable
from time import monotonic
from urllib.parse import urlsplit

from msgspec import Struct

from clarion.base.errors import ConfigurationError
from clarion.base.telemetry import get_logger
from clarion.http.addresses import Resolve
from clarion.http.h2.connection import Connection
from clarion.http.h2.model import Tuning

log = get_logger(__name__)

_TLS_GOODBYE = 2.0
_MOST_ADDRESSES = 4


class Origin(Struct, frozen=True):
    """Where to connect: `name` is as given, for messages."""

    name: str
    host: str
    port: int
    secure: bool

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Read `https://host[:port]` (or `http://`, HTTP/2 without TLS). Raises ConfigurationError."""
        hint = "Write it like https://api.push.apple.com:443."
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigurationError(f"The origin {text!r} is no URL: {error}.", hint) from error
        if parts.scheme not in ("https", "http") or not host or parts.path.strip("/") or parts.query or parts.username:
            raise ConfigurationError(f"The origin {text!r} is not a scheme, a host and a port.", hint)
        secure = parts.scheme == "https"
        return cls(text.rstrip("/"), host, port or (443 if secure else 80), secure)


class Opener:
    """Keeps trying for a new connection as long as `needed()`; hands over the opened one with `adopt`.

    `connect` makes the protocol object of an attempt. `reason` says why the origin cannot be used at present, "" while
    nothing is known against it.
    """

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext | None,
        tuning: Tuning,
        *,
        connect: Callable[[], Connection],
        needed: Callable[[], bool],
        adopt: Callable[[Connection], None],
        resolve: Resolve,
    ) -> None:
        self.reason = ""
        self._origin = origin
        self._tls = tls
        self._tuning = tuning
        self._connect = connect
        self._needed = needed
        self._adopt = adopt
        self._resolve = resolve
        self._failures = 0
        self._not_before = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Make at least one attempt, in the background; does nothing while one is under way."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Cancel what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def failed(self, reason: str) -> None:
        """Count a failure: the next attempt waits longer."""
        tuning = self._tuning
        pause = min(tuning.backoff_most, tuning.backoff_first * 2 ** min(self._failures, 30))
        self._failures += 1
        self._not_before = monotonic() + pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        if reason != self.reason:
            log.warning("connection_failed", origin=self._origin.name, reason=reason, failures=self._failures)
        self.reason = reason

    def proven(self) -> None:
        """An answer came: forget the failures."""
        self._failures = 0
        self._not_before = 0.0
        self.reason = ""

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(max(0.0, self._not_before - monotonic()))
            reason = await self._attempt()
            if reason:
                self.failed(reason)
            if not self._needed():
                return

    async def _attempt(self) -> str:
        """Try the origin's addresses one after the other: "" when a connection is open, else why there is none.

        Successive attempts begin at different addresses, so that one that swallows everything is not the only one.
        """
        seconds = self._tuning.connect_timeout
        try:
            async with asyncio.timeout(seconds):
                addresses = list(await self._resolve(self._origin.host, self._origin.port))
        except TimeoutError:
            return f"its name was not resolved within {seconds:g} s"
        except OSError as error:
            return f"its name cannot be resolved: {error}"
        reason = "its name has no address"
        first = self._failures % max(1, len(addresses))
        addresses = (addresses[first:] + addresses[:first])[:_MOST_ADDRESSES]
        for address in addresses:
            connection = self._connect()
            reason = await self._dial(connection, address, seconds / len(addresses))
            if not reason:
                self._adopt(connection)
                return ""
        return reason

    async def _dial(self, connection: Connection, address: str, seconds: float) -> str:
        """Connect to one address, TLS and the peer's SETTINGS included: "" or why it failed.

        The certificate is checked against the host's name.
        """
        origin = self._origin
        reason = "the attempt was cancelled"
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection,
                    address,
                    origin.port,
                    ssl=self._tls if origin.secure else None,
                    server_hostname=origin.host if origin.secure else None,
                    ssl_shutdown_timeout=_TLS_GOODBYE if origin.secure else None,
                )
                reason = await connection.opened
        except TimeoutError:
            reason = f"no HTTP/2 connection within {seconds:g} s"
        except ssl.SSLCertVerificationError as error:
            reason = f"its certificate is not accepted: {error.verify_message}"
        except OSError as error:
            reason = f"{type(error).__name__}: {error}"
        finally:
            if reason:
                connection.abort(reason)
        return reason
