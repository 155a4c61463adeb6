"""Voluntary application server identification, VAPID (RFC 8292): one signed token per push service, cached."""

from collections import OrderedDict

from clarion.base import clock
from clarion.gateways import jwt
from clarion.gateways.webpush.credentials import WebPushCredentials

LIFETIME = 12 * 3600
_RENEW_BEFORE = 3600
_MOST_ORIGINS = 256


class Vapid:
    """The `authorization` values for one application's key pair."""

    def __init__(self, credentials: WebPushCredentials) -> None:
        self._credentials = credentials
        self._key = credentials.application_server_key.encode()
        self._values: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def authorization(self, origin: str) -> bytes:
        """The value for requests to `origin` (`https://host` or `https://host:port`): valid for 1 to 12 hours."""
        now = clock.now().timestamp()
        cached = self._values.get(origin)
        if cached is not None and 0 <= now - cached[0] < LIFETIME - _RENEW_BEFORE:
            return cached[1]
        claims: jwt.Claims = {"aud": origin, "exp": int(now) + LIFETIME, "sub": self._credentials.subject}
        value = b"vapid t=" + jwt.es256(self._credentials.private_key, {}, claims) + b", k=" + self._key
        self._values[origin] = (now, value)
        self._values.move_to_end(origin)
        if len(self._values) > _MOST_ORIGINS:
            self._values.popitem(last=False)
        return value
