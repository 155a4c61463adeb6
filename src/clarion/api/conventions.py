"""What v2, the device surface and administration have in common: request ids, base address, bearer tokens, acceptable
media types, allowed methods.

The rules are numbered in v2 and hold for the others too. What v2 alone asks for (HTTPS, origins) stands in
`v2/transport.py`, the problem details in `problems.py`.
"""

import re
from typing import Final

from clarion.api.contract.router import OtherMethod
from clarion.api.exchange import Request

HSTS: Final = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
"""Goes with every answer over HTTPS (v2 rule 1.4)."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_WEIGHT: Final = re.compile(r"(?:^|;)\s*[qQ]\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)")
_HOST: Final = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


def request_id(request: Request) -> str:
    """The caller's `X-Request-Id` when it is well formed, else a new one (v2 rule 1.12)."""
    own = request.headers.get("x-request-id")
    return own if own is not None and _REQUEST_ID.fullmatch(own) else request.reference


def base_url(request: Request, public_url: str) -> str:
    """Scheme and host of the installation as the caller knows it, without trailing slash; `public_url` when set."""
    if public_url:
        return public_url.rstrip("/")
    host = request.headers.get("host") or ""
    return f"{request.scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"


def bearer_token(request: Request) -> str | None:
    """The token of the one `Authorization` header; other schemes and other places count as absent (v2 rules 3.8,
    3.9)."""
    values = request.headers.all("authorization")
    if len(values) != 1:
        return None
    scheme, _, token = values[0].partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_plain_json(request: Request) -> bool:
    """Whether the body is said to be JSON without content coding."""
    media, _, _ = (request.headers.get("content-type") or "").partition(";")
    coding = request.headers.get("content-encoding") or "identity"
    return media.strip().lower() == "application/json" and coding.lower() == "identity"


def allowed_methods(match: OtherMethod) -> str:
    """The value of `Allow` for a path that lacks the method: GET answers HEAD too."""
    return ", ".join(name for method in match.allowed for name in (("GET", "HEAD") if method == "GET" else (method,)))


def accepts(request: Request, produced: tuple[str, ...]) -> bool:
    """Whether the `Accept` header takes one of the media types an operation produces (v2 rule 1.8)."""
    return not produced or preferred(request, produced) is not None


def preferred(request: Request, produced: tuple[str, ...]) -> str | None:
    """The media type that the `Accept` header likes best; among equals, and without the header, the first that the
    operation names. None when it takes none of them (RFC 9110 section 12.5.1)."""
    values = request.headers.all("accept")
    if not any(value for value in values):
        return produced[0] if produced else None
    ranges: dict[str, float] = {}
    for part in ",".join(values).split(","):
        media, _, parameters = part.strip().partition(";")
        weight = _WEIGHT.search(parameters)
        ranges[media.strip().lower()] = float(weight[1]) if weight else 1.0
    best, most = None, 0.0
    for media in produced:
        patterns = (media, media.split("/")[0] + "/*", "*/*")
        liked = next((ranges[pattern] for pattern in patterns if pattern in ranges), 0.0)
        if liked > most:
            best, most = media, liked
    return best


def matches(values: list[str], tag: str) -> bool:
    """Weak comparison of `If-None-Match` with an entity tag (RFC 9110 section 13.1.2)."""
    held = [part.strip() for value in values for part in value.split(",")]
    return "*" in held or any(part.removeprefix("W/") == tag for part in held)
