"""What is sent and how it is signed: Standard Webhooks 1.0.0 (v2 rules 18.1, 18.2).

The body follows from the event and from the address of the installation alone: it is the same bytes on every attempt.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from clarion.webhooks.model import Event

LARGEST: Final = 20_000
"""Bytes of a body, at most."""
_MOST_CHANGED: Final = 50
_PREFIX: Final = "whsec_"


def new_secret() -> bytes:
    """32 random bytes."""
    return os.urandom(32)


def shown(secret: bytes) -> str:
    """A secret as its holder is shown it."""
    return _PREFIX + base64.b64encode(secret).decode()


def body_of(event: Event, base_url: str) -> bytes:
    """The payload: what happened, when, and where to read it. Names of members that would make it too large are left
    out: the reader fetches the resource anyway."""
    data: dict[str, object] = {
        "id": event.resource_id,
        "accountId": event.account_id,
        "href": f"{base_url}{event.path}",
    }
    timestamp = event.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
    payload = {"type": event.event_type.value, "timestamp": timestamp, "data": data}
    if event.changed:
        data["changed"] = event.changed[:_MOST_CHANGED]
    body = msgspec.json.encode(payload)
    if len(body) >= LARGEST:
        data.pop("changed", None)
        body = msgspec.json.encode(payload)
    return body


def headers_of(message_id: str, at: datetime, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """The headers of an attempt at an instant, with a signature of each secret, in their order (v2 rule 18.5)."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets),
    }


def _signature(secret: bytes, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
