"""The nouns of the stub: a request as it arrived, what was found in it, and the reply it gets."""

import hashlib
from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct, field

Headers = list[tuple[bytes, bytes]]


class Peer(Struct):
    """What is known about one connection's other end: `topic` of its client certificate (APNs), and the provider
    token it showed last for each signing key, with the instant (epoch seconds)."""

    topic: str | None = None
    providers: dict[str, tuple[bytes, float]] = field(default_factory=dict)


class Request(Struct, gc=False):
    """One complete request. `fields` holds the last value of each name of `headers`; `at` is epoch seconds.

    A body longer than the limit of its path is cut there: it is only ever measured then.
    """

    method: bytes
    path: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    fields: dict[bytes, bytes]
    body: bytes
    at: float
    peer: Peer

    @property
    def authority(self) -> bytes:
        """Host and port the client addressed, lower case."""
        return self.fields.get(b":authority", b"").lower()


class Reply(Struct, frozen=True, gc=False):
    """Headers (`:status` first) and body to answer with."""

    headers: Headers
    body: bytes = b""


class Delivery(Struct, gc=False):
    """A request that passed every check: `token` names the device, `payload` is what the device would be shown.

    `delivery_id` (16 bytes) is None when the sender gave none; `dry` marks a rehearsal that no device sees.
    """

    token: bytes
    delivery_id: bytes | None
    payload: bytes
    request: Request
    dry: bool = False


class Refused(Exception):
    """A check failed: `reason` is the gateway's word for it, the text explains to a person what was wrong."""

    def __init__(self, reason: str, explanation: str, token: bytes = b"", field: str = "") -> None:
        super().__init__(explanation)
        self.reason = reason
        self.explanation = explanation
        self.token = token
        self.field = field


class StrictGateway(Protocol):
    """What the three gateways of the stub have in common.

    `reasons` maps the gateway's words for a refusal to the HTTP status; `dead` and `too_many` are the words for a
    dead token and for too much traffic.
    """

    kind: str
    reasons: Mapping[str, int]
    dead: str
    too_many: str

    def check(self, request: Request) -> Delivery:
        """Everything the real service checks. Raises Refused."""

    def accepted(self, delivery: Delivery) -> Reply:
        """The answer to a notification taken."""

    def refused(self, request: Request, refusal: Refused, dead_since: float) -> Reply:
        """The answer to a refusal; `dead_since` (epoch seconds) is told where the protocol has a place for it."""

    def scope(self, delivery: Delivery) -> bytes:
        """What a `Retry-After` of this gateway holds back: the key of a device or of a project."""


def named_id(name: str | None) -> bytes | None:
    """16 bytes that stand for a delivery id written as text; None for none."""
    return None if not name else hashlib.blake2b(name.encode(), digest_size=16).digest()
