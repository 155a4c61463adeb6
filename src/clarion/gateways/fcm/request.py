"""One notification to an FCM HTTP v1 request.

`Notification.payload` is the JSON object of the message's `data` map, text to text, as the device SDK reads it. The
message around it is assembled here by joining bytes, so that a payload rendered once serves many tokens:
`{"message":{"token":...,"android":{"priority":...,"ttl":...,"collapse_key":...},"data":<payload>}}`.
"""

from json.encoder import encode_basestring_ascii

import msgspec

from clarion.gateways import verdicts
from clarion.gateways.seam import Notification
from clarion.http.h2 import Headers

MAX_PAYLOAD = 4096
"""Bytes of the `data` map's JSON. FCM counts keys and values only, so this is on the safe side."""

LONGEST_TTL = 28 * 24 * 3600
_MAX_COLLAPSE = 64
_encode = msgspec.json.Encoder().encode


def fields(authority: str, project_id: str) -> Headers:
    """The fields that are the same for every notification of a project; `authorization` is added per request."""
    return (
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", authority.encode()),
        (b":path", f"/v1/projects/{project_id}/messages:send".encode()),
        (b"content-type", b"application/json"),
    )


def body(notification: Notification) -> bytes:
    """The message. Time to live: until `expires_at`, at most 28 days, 0 for "now or never"."""
    collapse = b""
    if notification.collapse:
        key = verdicts.short_key(notification.collapse, _MAX_COLLAPSE)
        collapse = b',"collapse_key":' + _as_json(key)
    return b'{"message":{"token":%b,"android":{"priority":"%b","ttl":"%ds"%b},"data":%b}}' % (
        _as_json(notification.token),
        b"HIGH" if notification.urgent else b"NORMAL",
        verdicts.time_to_live(notification.expires_at, LONGEST_TTL),
        collapse,
        notification.payload,
    )


def _as_json(text: str) -> bytes:
    """A JSON string; what has no form in UTF-8 (a lone surrogate) is escaped, for FCM to refuse."""
    try:
        return _encode(text)
    except UnicodeEncodeError:
        return encode_basestring_ascii(text).encode()
