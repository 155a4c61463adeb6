"""Requests and responses as the surfaces see them: raw, small, and free of any framework.

A body is read when a surface asks for it, with the limit that surface has for the operation: too much is noticed from
`Content-Length` before a byte is read, else while reading (v1 rule 106, v2 rule 1.7).
"""

import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from msgspec import Struct

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyTooLarge(Exception):
    """The body is over `limit` bytes. Each surface phrases it."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is over {limit} bytes.")
        self.limit = limit


class ClientGone(Exception):
    """The client went away before its request was complete: there is nobody to answer."""


class Headers:
    """Request headers; names are given in lower case, values decoded as Latin-1 with the outer blanks removed."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._raw = [(name.lower(), value) for name, value in raw]

    def get(self, name: str) -> str | None:
        """The first value of a header."""
        wanted = name.encode("ascii")
        for header, value in self._raw:
            if header == wanted:
                return value.decode("latin-1").strip()
        return None

    def all(self, name: str) -> list[str]:
        """Every value of a header in the order given."""
        wanted = name.encode("ascii")
        return [value.decode("latin-1").strip() for header, value in self._raw if header == wanted]

    def as_dict(self) -> dict[str, str]:
        """All headers by lower-case name, repeated ones joined by a comma."""
        joined: dict[str, str] = {}
        for raw_name, raw_value in self._raw:
            name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip()
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined


class Request(Struct, kw_only=True):
    """One request. `path` and `query` are raw (percent-encoded); `client` and `scheme` are those behind proxies."""

    method: str
    path: str
    query: bytes = b""
    headers: Headers
    client: str = ""
    """Address of the client, without port."""
    peer: str = ""
    """Address at the other end of the connection: the client, or a proxy."""
    scheme: str = "https"
    server: str = ""
    """Local address the connection came in on."""
    body: bytes | None = None
    """The body once read; None before."""
    receive: Receive | None = None
    reference_id: str = ""

    @property
    def reference(self) -> str:
        """An id for this exchange, made when first asked for: the link between an answer and the log."""
        if not self.reference_id:
            self.reference_id = secrets.token_hex(12)
        return self.reference_id

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises `BodyTooLarge` over `limit` bytes, `ClientGone` when the client leaves."""
        if self.body is None:
            self.body = await self._receive_body(limit)
        if len(self.body) > limit:
            raise BodyTooLarge(limit)
        return self.body

    async def _receive_body(self, limit: int) -> bytes:
        announced = self.headers.get("content-length")
        if announced is not None and announced.isdecimal() and int(announced[:19]) > limit:
            raise BodyTooLarge(limit)
        if self.receive is None:
            return b""
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(limit)
            if not message.get("more_body", False):
                return piece if not pieces else b"".join([*pieces, piece])
            pieces.append(piece)


class Response(Struct):
    """One answer; `Content-Length` is added when it is sent. Header names in any case."""

    status: int
    headers: list[tuple[str, str]] = []
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, by name in any case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


async def send_response(send: Send, response: Response, *, head: bool) -> None:
    """Send a response over ASGI. A HEAD answer has the headers of its GET and no body (RFC 9110 section 9.3.2)."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    if response.status >= 200 and response.status not in (204, 304):
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else response.body})
