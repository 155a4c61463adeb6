"""What holds for every v2 exchange: HTTPS, request ids, acceptable media types, cross-origin headers.

Rules 1.1 to 1.4, 1.8, 1.10 to 1.12 of v2. Proxies are the edge's matter (`api/proxies.py`, rule 1.2).
"""

import re
from typing import Final

from msgspec import Struct

from clarion.api.exchange import Request, Response
from clarion.api.proxies import is_loopback

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HOST: Final = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_HSTS: Final = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
_EXPOSED: Final = "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Idempotent-Replayed"
_TAKEN: Final = "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id"


class V2Settings(Struct, frozen=True):
    """Settings of the surface.

    `public_url` is the address callers know, such as `https://push.example`; without it the Host of each request
    stands in. `insecure_loopback` switches rule 1.1 off for direct loopback connections and nothing else (rule 1.3).
    `cors_origins` are the origins whose pages may call (rule 1.11).
    """

    public_url: str = ""
    insecure_loopback: bool = False
    cors_origins: frozenset[str] = frozenset()


def request_id(request: Request) -> str:
    """The caller's `X-Request-Id` when it is well formed, else a new one (rule 1.12)."""
    own = request.headers.get("x-request-id")
    return own if own is not None and _REQUEST_ID.fullmatch(own) else request.reference


def is_secure(request: Request, settings: V2Settings) -> bool:
    """Whether the request may be answered at all (rules 1.1, 1.3).

    The exception for tests needs both ends of the connection on this machine and no proxy between them.
    """
    if request.scheme == "https":
        return True
    direct = request.client == request.peer and is_loopback(request.peer) and is_loopback(request.server)
    return settings.insecure_loopback and direct and not _was_forwarded(request)


def _was_forwarded(request: Request) -> bool:
    names = ("forwarded", "x-forwarded-for", "x-forwarded-proto")
    return any(request.headers.get(name) is not None for name in names)


def base_url(request: Request, settings: V2Settings) -> str:
    """Scheme and host of the installation as the caller knows it, without trailing slash."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = request.headers.get("host") or ""
    return f"{request.scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"


def accepts(request: Request, produced: tuple[str, ...]) -> bool:
    """Whether the `Accept` header takes one of the media types an operation produces (rule 1.8)."""
    values = request.headers.all("accept")
    if not produced or not any(value for value in values):
        return True
    ranges: dict[str, bool] = {}
    for part in ",".join(values).split(","):
        media, _, parameters = part.strip().partition(";")
        ranges[media.strip().lower()] = not re.search(r"(?:^|;)\s*q\s*=\s*0(?:\.0{0,3})?\s*(?:;|$)", parameters)
    for media in produced:
        for pattern in (media, media.split("/")[0] + "/*", "*/*"):
            if pattern in ranges:
                if ranges[pattern]:
                    return True
                break
    return False


def finish(request: Request, response: Response, settings: V2Settings) -> Response:
    """Add the headers every response carries."""
    response.headers.append(("X-Request-Id", request.reference))
    if request.scheme == "https":
        response.headers.append(_HSTS)
    if settings.cors_origins:
        response.headers.append(("Vary", "Origin"))
        origin = request.headers.get("origin")
        if origin is not None and origin in settings.cors_origins:
            response.headers.append(("Access-Control-Allow-Origin", origin))
            response.headers.append(("Access-Control-Expose-Headers", _EXPOSED))
            allow = response.header("allow")
            if request.method == "OPTIONS" and allow is not None:
                response.headers.append(("Access-Control-Allow-Methods", allow))
                response.headers.append(("Access-Control-Allow-Headers", _TAKEN))
    return response
