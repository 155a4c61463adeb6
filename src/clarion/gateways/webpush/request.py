"""One notification to a Web Push request (RFC 8030): fields here, the body from `encryption`."""

import re

from clarion.gateways import verdicts
from clarion.gateways.seam import Notification
from clarion.gateways.webpush.encryption import MAX_PLAINTEXT
from clarion.http.h2 import Headers

MAX_PAYLOAD = MAX_PLAINTEXT
"""Bytes of plaintext."""

LONGEST_TTL = 28 * 24 * 3600
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")


def fields(notification: Notification, authority: bytes, path: bytes, authorization: bytes) -> Headers:
    """All fields. Time to live: until `expires_at`, at most 28 days, 0 for "now or never"."""
    fields = [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", authority),
        (b":path", path),
        (b"authorization", authorization),
        (b"content-encoding", b"aes128gcm"),
        (b"content-type", b"application/octet-stream"),
        (b"ttl", b"%d" % verdicts.time_to_live(notification.expires_at, LONGEST_TTL)),
        (b"urgency", b"high" if notification.urgent else b"normal"),
    ]
    if notification.collapse:
        fields.append((b"topic", topic(notification.collapse)))
    return fields


def topic(collapse: str) -> bytes:
    """The `Topic` field (RFC 8030 section 5.4): the key when it is 1 to 32 base64url characters, else a digest."""
    return (collapse if _TOPIC.fullmatch(collapse) else verdicts.digest_key(collapse)).encode()
