"""One notification to a Web Push request (RFC 8030): fields here, the body from `encryption`."""

import re
from collections.abc import Callable

from clarion.gateways import verdicts
from clarion.gateways.seam import Notification
from clarion.gateways.webpush.encryption import MAX_PLAINTEXT
from clarion.http.h2 import Headers

MAX_PAYLOAD = MAX_PLAINTEXT
"""Bytes of plaintext."""

Fields = tuple[tuple[bytes, bytes], ...]

LONGEST_TTL = 28 * 24 * 3600
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")


_KEPT_FOR = 1.0
"""Seconds for which fields that repeat are not made anew: the grain of a time to live."""


class RequestFields:
    """The fields of requests to one push service. Those that notifications of one send share are made once a second.

    `authorization` gives the value in force (RFC 8292).
    """

    def __init__(self, authority: bytes, authorization: Callable[[], bytes]) -> None:
        self._authorization = authorization
        self._head = ((b":method", b"POST"), (b":scheme", b"https"), (b":authority", authority))
        self._shared: Fields = ()
        self._shared_by: tuple[int, bool, str | None] | None = None
        self._shared_until = 0.0

    def of(self, notification: Notification, path: bytes, now: float) -> Headers:
        """All fields; `now` is the event loop's time in seconds."""
        by = (notification.expires_at, notification.urgent, notification.collapse)
        if by != self._shared_by or now >= self._shared_until:
            self._shared = _shared(notification, self._authorization())
            self._shared_by, self._shared_until = by, now + _KEPT_FOR
        return (*self._head, (b":path", path), *self._shared)


def _shared(notification: Notification, authorization: bytes) -> Fields:
    """Time to live: until `expires_at`, at most 28 days, 0 for "now or never"."""
    fields = (
        (b"authorization", authorization),
        (b"content-encoding", b"aes128gcm"),
        (b"content-type", b"application/octet-stream"),
        (b"ttl", b"%d" % verdicts.time_to_live(notification.expires_at, LONGEST_TTL)),
        (b"urgency", b"high" if notification.urgent else b"normal"),
    )
    return (*fields, (b"topic", topic(notification.collapse))) if notification.collapse else fields


def topic(collapse: str) -> bytes:
    """The `Topic` field (RFC 8030 section 5.4): the key when it is 1 to 32 base64url characters, else a digest."""
    return (collapse if _TOPIC.fullmatch(collapse) else verdicts.digest_key(collapse)).encode()
