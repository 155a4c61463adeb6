"""Speaking to the control endpoints of the stub gateways, over the one HTTP/2 client."""

from pathlib import Path
from typing import Any

import msgspec

from clarion.base.errors import ConfigurationError, Unavailable
from clarion.gateways.origins import authority_of, origin_of
from clarion.http.h2 import Channel, Failure, client_tls

_TIMEOUT = 30.0
_FIRST_TIMEOUT = 5.0


class StubClient:
    """`async with StubClient(url, ca_file) as stub`. Raises Unavailable when the stub does not answer as it should."""

    def __init__(self, url: str, ca_file: Path) -> None:
        if not ca_file.is_file():
            raise ConfigurationError(
                f"The stub's CA file {ca_file} does not exist.",
                "`clarion stub` prints the path of its CA file; give it with --stub-ca.",
            )
        self.origin = origin_of(url)
        self._authority = authority_of(self.origin).encode()
        self._tls = client_tls(ca_file=str(ca_file))
        self._reached = False

    async def __aenter__(self) -> "StubClient":
        self._channel = Channel(self.origin, tls=self._tls, connections=1, timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.aclose(1.0)

    async def credentials(self, kind: str, name: str) -> bytes:
        """New credentials of a gateway, as JSON that `clarion.gateways` reads."""
        return msgspec.json.encode(await self._call("POST", "/stub/credentials", {"kind": kind, "name": name}))

    async def subscriptions(self, start: int, count: int) -> Any:
        """Web Push subscriptions number `start` to `start + count - 1`: endpoint, p256dh, auth."""
        return await self._call("POST", "/stub/subscriptions", {"start": start, "count": count})

    async def set_knobs(self, knobs: dict[str, Any]) -> None:
        """Replace the knobs: what goes wrong on purpose."""
        await self._call("PUT", "/stub/knobs", knobs)

    async def reset(self) -> None:
        """Begin the books anew; knobs stay."""
        await self._call("POST", "/stub/reset", {"keep_knobs": True})

    async def stats(self) -> Any:
        """What the stub has counted, by gateway."""
        return await self._call("GET", "/stub/stats")

    async def deliveries(self, kind: str, last: int) -> Any:
        """The last notifications a gateway took: token, delivery id, headers, payload."""
        return await self._call("GET", f"/stub/deliveries?gateway={kind}&last={last}")

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        fields = [
            (b":method", method.encode()),
            (b":scheme", b"https"),
            (b":authority", self._authority),
            (b":path", path.encode()),
        ]
        raw = b"" if body is None else msgspec.json.encode(body)
        answer = await self._channel.request(fields, raw, timeout=None if self._reached else _FIRST_TIMEOUT)
        self._reached = True
        if isinstance(answer, Failure):
            raise Unavailable(
                f"The stub gateways at {self.origin} do not answer: {answer.reason}",
                "Start them with `clarion stub`, and give the address and the CA file it prints.",
            )
        if answer.status != 200:
            raise Unavailable(f"The stub refused {method} {path}: {answer.body.decode(errors='replace').strip()}")
        return msgspec.json.decode(answer.body)
