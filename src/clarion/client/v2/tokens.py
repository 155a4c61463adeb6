"""Access tokens: asked for when a call needs one, kept, renewed before they end (v2 section 3).

A token is asked for with the one scope that a call needs, so that a client works whatever other scopes it has; who
names the scopes gets one token with them for everything.
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote_plus, urlencode

from msgspec import Struct

from clarion.base import clock
from clarion.base.errors import ConfigurationError
from clarion.client.transport import Answer
from clarion.client.v2.errors import no_token

FAMILIES = {
    "accounts": "customerapi/basic",
    "sites": "customerapi/basic",
    "services": "customerapi/basic",
    "points-of-interest": "customerapi/basic",
    "cases": "customerapi/support",
    "invoices": "customerapi/billing",
    "api-clients": "adminapi/clients",
    "webhooks": "adminapi/webhooks",
}
"""Resources and their scopes without `.read` or `.read-write`."""
_SHORT = {
    "Basic": "customerapi/basic",
    "Support": "customerapi/support",
    "Billing": "customerapi/billing",
    "Guest": "guestapi/guests",
    "Venue": "guestapi/venues",
    "Experience": "guestapi/experiences",
    "Event": "guestapi/events",
    "Screen": "guestapi/screens",
    "Client": "adminapi/clients",
    "Webhook": "adminapi/webhooks",
}
_ENDS = {"ReadWrite": ".read-write", "Read": ".read", "Write": ".write"}
_EARLY = timedelta(seconds=60)
"""So long before its end a token is renewed; one that lives for less than twice this, at half its life."""

Send = Callable[[bytes, dict[str, str]], Awaitable[Answer]]


class _Token(Struct, frozen=True):
    text: str
    renew_at: datetime


def scope_of(method: str, target: str) -> str:
    """The scope that a call needs: by the first segment of its path after `/v2`. Raises ConfigurationError."""
    segments = target.partition("?")[0].split("/")
    family = FAMILIES.get(segments[2], "") if len(segments) > 2 else ""
    if not family:
        raise ConfigurationError(f"The scope of {method} {target} is not known.", "Name the client's scopes (scopes=).")
    return f"{family}.read" if method in ("GET", "HEAD") else f"{family}.read-write"


def oauth_scopes(names: Sequence[str]) -> list[str]:
    """Scopes by the names of the `api-clients` resource (`BasicReadWrite`) as OAuth has them; names that are none are
    left out (v2 rule 4.1)."""
    found = []
    for name in names:
        end = next((end for end in _ENDS if name.endswith(end)), "")
        short = _SHORT.get(name.removesuffix(end)) if end else None
        if short:
            found.append(short + _ENDS[end])
    return found


class Tokens:
    """The tokens of one API client. `send` posts a form to the token endpoint, with headers."""

    def __init__(self, client_id: str, client_secret: str, scopes: Sequence[str], send: Send) -> None:
        own = f"{quote_plus(client_id)}:{quote_plus(client_secret)}"
        self._basic = f"Basic {b64encode(own.encode()).decode()}"
        self._scopes = " ".join(scopes)
        self._send = send
        self._kept: dict[str, _Token] = {}
        self._fetching = asyncio.Lock()

    async def current(self, method: str, target: str, also: Sequence[str] = ()) -> str:
        """A token for a call, with further scopes where it needs them. Raises TokenError when none is given."""
        scope = self._scopes or " ".join(dict.fromkeys([scope_of(method, target), *also]))
        writing = scope.removesuffix(".read") + ".read-write"
        async with self._fetching:
            for known in (scope, writing):
                kept = self._kept.get(known)
                if kept is not None and clock.now() < kept.renew_at:
                    return kept.text
            kept = self._kept[scope] = await self._fetch(scope)
            return kept.text

    def forget(self, token: str) -> None:
        """A token that the server does not take any more."""
        self._kept = {scope: kept for scope, kept in self._kept.items() if kept.text != token}

    async def _fetch(self, scope: str) -> _Token:
        form = urlencode({"grant_type": "client_credentials", "scope": scope})
        headers = {"Authorization": self._basic, "Content-Type": "application/x-www-form-urlencoded"}
        asked_at = clock.now()
        answer = await self._send(form.encode(), headers)
        if answer.status != 200:
            raise no_token(answer)
        told = answer.json
        life = timedelta(seconds=told["expires_in"])
        return _Token(told["access_token"], asked_at + life - min(_EARLY, life / 2))
