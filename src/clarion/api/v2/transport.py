"""What holds for every v2 exchange and nowhere else: HTTPS only, and which origins may call.

Rules 1.1, 1.3, 1.4, 1.10 and 1.11 of v2. Proxies are the edge's matter (`api/proxies.py`, rule 1.2); what v2 shares
with the device surface stands in `api/conventions.py`.
"""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from clarion.api.conventions import HSTS
from clarion.api.exchange import Request, Response
from clarion.api.proxies import is_loopback
from clarion.http.addresses import Targets
from clarion.identity.clients import TOKEN_LIFE
from clarion.identity.replies import LIFE

_EXPOSED: Final = "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, Idempotent-Replayed"
_TAKEN: Final = "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id"


class V2Settings(Struct, frozen=True):
    """Settings of the surface.

    `public_url` is the address callers know, such as `https://push.example`; without it the Host of each request
    stands in. `insecure_loopback` switches rule 1.1 off for direct loopback connections and nothing else (rule 1.3).
    `cors_origins` are the origins whose pages may call (rule 1.11). Tokens live for `token_life` (rule 3.6), answers
    under idempotency keys for `reply_life` (rule 8.9), and reports of wait times are stale after `wait_time_freshness`
    (rule 14.6). Webhooks lead to `targets` (rule 18.6).
    """

    public_url: str = ""
    insecure_loopback: bool = False
    cors_origins: frozenset[str] = frozenset()
    token_life: timedelta = TOKEN_LIFE
    reply_life: timedelta = LIFE
    wait_time_freshness: timedelta = timedelta(minutes=15)
    targets: Targets = Targets()


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


def finish(request: Request, response: Response, settings: V2Settings) -> Response:
    """Add the headers every response carries."""
    response.headers.append(("X-Request-Id", request.reference))
    if request.scheme == "https":
        response.headers.append(HSTS)
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
