"""`Idempotency-Key`: what a request is recognised by when it is sent again (v2 section 8)."""

import hashlib
import re
from typing import Any, Final

import msgspec
from msgspec import Struct

from clarion.api.exchange import Response
from clarion.api.v2.call import Call
from clarion.api.v2.errors import Refused
from clarion.base.sealing import Sealer
from clarion.identity.replies import SavedReply

_KEY: Final = re.compile(r'"([!#-\[\]-~]{1,255})"|([!#-\[\]-~]{1,255})')
_KEPT: Final = ("content-type", "location", "etag", "cache-control", "vary")
_METHODS: Final = frozenset({"POST", "PATCH"})


class Key(Struct, frozen=True):
    """A key as it is kept, with the client's own part in it, and the fingerprint of the request that brought it."""

    digest: bytes
    fingerprint: bytes


def key_of(call: Call) -> Key | None:
    """The key of a request, None for one without; PUT and DELETE have none (rule 8.1). Raises Refused with 400."""
    text = call.request.headers.as_dict().get("idempotency-key")
    takes = any(parameter.name == "Idempotency-Key" for parameter in call.operation.header_parameters)
    if text is None or call.request.method not in _METHODS or not takes:
        return None
    found = _KEY.fullmatch(text)
    if found is None:
        detail = "Idempotency-Key is 1 to 255 visible ASCII characters, quoted or bare."
        raise Refused("invalid_idempotency_key", detail, errors=[
            {"code": "invalid_format", "detail": detail, "header": "Idempotency-Key"}
        ])  # fmt: skip
    own = f"{call.caller.partition}\n{found[1] or found[2]}"
    told = b"\n".join([
        call.request.method.encode(), call.request.path.encode(), call.request.query,
        msgspec.json.encode(call.body, order="deterministic"),
    ])  # fmt: skip
    return Key(hashlib.sha256(own.encode()).digest(), hashlib.sha256(told).digest())


def saved(key: Key, response: Response, sealer: Sealer) -> SavedReply:
    """What is kept of an answer (rule 8.5). Its body is sealed: it may show a secret, and to those alone who had it
    before (rules 3.7, 4.4)."""
    headers = [(name, value) for name, value in response.headers if name.lower() in _KEPT]
    return SavedReply(key.fingerprint, response.status, headers, sealer.seal(response.body, _context(key)))


def replayed(key: Key, reply: SavedReply, sealer: Sealer) -> Response:
    """The same answer again (rule 8.6). Raises Refused with 422 for another request under the same key (rule 8.7)."""
    if reply.fingerprint != key.fingerprint:
        raise Refused("idempotency_key_reused", "The Idempotency-Key was used with another request.")
    headers: list[Any] = [tuple(each) for each in reply.headers]
    body = sealer.open(reply.body, _context(key))
    return Response(reply.status, [*headers, ("Idempotent-Replayed", "true")], body)


def _context(key: Key) -> bytes:
    return b"reply:" + key.digest


def in_progress() -> Refused:
    """409 while the first request with the key runs (rule 8.8)."""
    detail = "The first request with this Idempotency-Key still runs."
    return Refused("idempotency_request_in_progress", detail, ("Retry-After", "1"))
