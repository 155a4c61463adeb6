"""Drives an ASGI application in process: one request in, one response out, with the messages a server would send."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from clarion.api.edge import App


class Answer(Struct, frozen=True):
    """What the application sent. Header names are lower case; repeated headers are joined by a comma."""

    status: int
    headers: dict[str, str]
    body: bytes


class NoAnswer(Exception):
    """The application ended without a response."""


async def call(
    app: App,
    method: str,
    target: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes | None] = b"",
    scheme: str = "https",
    client: str = "203.0.113.9",
    server: str = "192.0.2.1",
) -> Answer:
    """Send one request; raises `NoAnswer` when the application sent nothing. A piece None in `body` is a disconnect."""
    path, _, query = target.partition("?")
    pieces: list[bytes | None] = [body] if isinstance(body, bytes) else list(body)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not pieces:
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    if isinstance(body, bytes) and body:
        raw.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": raw,
        "scheme": scheme,
        "client": (client, 50000),
        "server": (server, 443),
    }
    await app(scope, receive, send)
    if not sent:
        raise NoAnswer
    joined: dict[str, str] = {}
    for raw_name, raw_value in sent[0]["headers"]:
        name, value = raw_name.decode(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return Answer(sent[0]["status"], joined, sent[1]["body"])
