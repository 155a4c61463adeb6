"""One notification to an APNs request: the fields of HTTP/2; the payload goes as it is.

The fields that do not change within an application are encoded once; what is left per notification is the path, the
expiry and the id.
"""

import re

from clarion.gateways import verdicts
from clarion.gateways.seam import Notification
from clarion.http.h2 import Headers, never_indexed

MAX_PAYLOAD = 4096
"""Bytes of JSON, by Apple's rule for everything but VoIP."""

MAX_COLLAPSE = 64
_TOKEN = re.compile(r"[0-9A-Fa-f]{2,200}")


def token_is_sound(token: str) -> bool:
    """Is it hexadecimal, as every APNs token is? Others would only be refused, or break the path."""
    return _TOKEN.fullmatch(token) is not None


class RequestHead:
    """Makes the fields for one application's notifications. `authority` is the gateway's host, `topic` the bundle id.

    What differs in every request stays out of the compression table, which would otherwise lose the long
    `authorization` again and again.
    """

    def __init__(self, authority: str, topic: str) -> None:
        fixed = ((b":method", b"POST"), (b":scheme", b"https"), (b":authority", authority.encode()))
        self._first = fixed
        self._alert_high = self._kind(topic, b"alert", b"10")
        self._alert_low = self._kind(topic, b"alert", b"5")
        self._silent = self._kind(topic, b"background", b"5")

    @staticmethod
    def _kind(topic: str, push_type: bytes, priority: bytes) -> Headers:
        return ((b"apns-topic", topic.encode()), (b"apns-push-type", push_type), (b"apns-priority", priority))

    def fields(self, notification: Notification, authorization: bytes | None) -> Headers:
        """All fields. A silent notification always has priority 5: APNs refuses background pushes with 10."""
        kind = self._alert_high if notification.urgent else self._alert_low
        if notification.silent:
            kind = self._silent
        fields = [
            *self._first,
            (b":path", b"/3/device/" + notification.token.encode()),
            *kind,
            never_indexed(b"apns-id", apns_id(notification.delivery_id)),
            never_indexed(b"apns-expiration", b"%d" % notification.expires_at),
        ]
        if authorization is not None:
            fields.append((b"authorization", authorization))
        if notification.collapse:
            fields.append((b"apns-collapse-id", _collapse_id(notification.collapse)))
        return fields


def apns_id(delivery_id: bytes) -> bytes:
    """The UUID form of 16 bytes, lower case."""
    text = delivery_id.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()


def _collapse_id(text: str) -> bytes:
    """At most 64 bytes, and only what may stand in a header field; anything else becomes a digest."""
    if text.isascii() and text.isprintable() and text == text.strip():
        return verdicts.short_key(text, MAX_COLLAPSE).encode()
    return verdicts.digest_key(text).encode()
