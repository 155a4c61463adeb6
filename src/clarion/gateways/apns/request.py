"""One notification to an APNs request: the fields of HTTP/2; the payload goes as it is.

The fields that do not change within an application are made once; what is left per notification is the path and the
id, and the expiry when it differs from that of the notification before.
"""

from binascii import hexlify
from struct import Struct as Layout

from clarion.gateways import verdicts
from clarion.gateways.seam import Notification
from clarion.http.h2 import Headers, never_indexed

MAX_PAYLOAD = 4096
"""Bytes of JSON, by Apple's rule for everything but VoIP."""

MAX_COLLAPSE = 64
_HEXADECIMAL = b"0123456789abcdefABCDEF"
_LONGEST_TOKEN = 200
_split_uuid = Layout("8s4s4s4s12s").unpack


def device_path(token: str) -> bytes | None:
    """The path of a token's requests, or None for a token that is not hexadecimal, as every APNs token is.

    Others would only be refused, or break the path.
    """
    if not token.isascii():
        return None
    name = token.encode()
    if not 2 <= len(name) <= _LONGEST_TOKEN or name.translate(None, _HEXADECIMAL):
        return None
    return b"/3/device/" + name


class RequestHead:
    """Makes the fields for one application's notifications. `authority` is the gateway's host, `topic` the bundle id.

    What differs in every request stays out of the compression table, which would otherwise lose what repeats again
    and again. The expiry is the same for a whole send, as a rule, and costs one byte then.
    """

    def __init__(self, authority: str, topic: str) -> None:
        self._first: Headers = ((b":method", b"POST"), (b":scheme", b"https"), (b":authority", authority.encode()))
        self._kinds = (
            self._kind(topic, b"alert", b"5"),
            self._kind(topic, b"alert", b"10"),
            self._kind(topic, b"background", b"5"),
        )
        self._authorization: bytes | None = None
        self._rests: tuple[Headers, ...] = self._kinds
        self._expires_at = 0
        self._expiration = (b"apns-expiration", b"0")

    @staticmethod
    def _kind(topic: str, push_type: bytes, priority: bytes) -> Headers:
        return ((b"apns-topic", topic.encode()), (b"apns-push-type", push_type), (b"apns-priority", priority))

    def fields(self, notification: Notification, path: bytes, authorization: bytes | None) -> Headers:
        """All fields. A silent notification always has priority 5: APNs refuses background pushes with 10."""
        if authorization is not self._authorization:
            self._authorize(authorization)
        if notification.expires_at != self._expires_at:
            self._expires_at = notification.expires_at
            self._expiration = (b"apns-expiration", b"%d" % notification.expires_at)
        fields = (
            *self._first,
            (b":path", path),
            *self._rests[2 if notification.silent else notification.urgent],
            self._expiration,
            never_indexed((b"apns-id", apns_id(notification.delivery_id))),
        )
        if notification.collapse:
            return (*fields, (b"apns-collapse-id", _collapse_id(notification.collapse)))
        return fields

    def _authorize(self, authorization: bytes | None) -> None:
        self._authorization = authorization
        extra = () if authorization is None else ((b"authorization", authorization),)
        self._rests = tuple((*kind, *extra) for kind in self._kinds)


def apns_id(delivery_id: bytes) -> bytes:
    """The UUID form of 16 bytes, lower case."""
    return b"-".join(_split_uuid(hexlify(delivery_id)))


def _collapse_id(text: str) -> bytes:
    """At most 64 bytes, and only what may stand in a header field; anything else becomes a digest."""
    if text.isascii() and text.isprintable() and text == text.strip():
        return verdicts.short_key(text, MAX_COLLAPSE).encode()
    return verdicts.digest_key(text).encode()
