"""Conditional requests: entity tags on what is read, and preconditions of what is changed (v2 section 7)."""

from typing import Final

from clarion.api.conventions import matches as matches
from clarion.api.exchange import Request, Response
from clarion.api.v2.wire import tag_of

OWN: Final = [("Cache-Control", "private, no-cache"), ("Vary", "Accept, Authorization, Origin")]
"""Fields of every resource (v2 rule 7.5)."""


def fresh(
    request: Request,
    body: bytes,
    *headers: tuple[str, str],
    tagged: bytes | None = None,
    content_type: str = "application/json",
) -> Response:
    """200 with a strong tag, or 304 for who reads and has it (rule 7.2). The tag covers the whole body, or `tagged` of
    it."""
    tag = tag_of(body if tagged is None else tagged)
    if request.method in ("GET", "HEAD") and matches(request.headers.all("if-none-match"), tag):
        return Response(304, [("ETag", tag), *OWN, *headers])
    return Response(200, [("Content-Type", content_type), ("ETag", tag), *OWN, *headers], body)


def allows(request: Request, tag: str) -> bool:
    """Whether `If-Match` lets a change through to what has this tag: strong comparison, `*` means that it exists
    (rule 7.3)."""
    values = request.headers.all("if-match")
    if not values:
        return True
    held = [part.strip() for value in values for part in value.split(",")]
    return "*" in held or tag in held
