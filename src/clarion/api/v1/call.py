"""What a handler of v1 receives and gives back.

A `Call` is a request that passed every check of `surface.py`: its caller is known and may do this on this application,
its parameters are typed, its body is valid against the contract.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct

from clarion.api import trail
from clarion.api.contract.engine import Contract
from clarion.api.exchange import Response
from clarion.api.person_call import PersonCall
from clarion.base.sealing import Sealer
from clarion.db.pool import Database

_MEBIBYTE = 1024 * 1024


class V1Settings(Struct, frozen=True):
    """What the operator sets of v1.

    `base_url` is the root of the links in answers (None: scheme and host of the request). Bodies are bounded by
    `body_limit` bytes, those of lists and group updates by `large_body_limit` (v1 rule 106). `signature_window` comes
    from `identity.signature.time_window` (v1 rule 10).
    """

    base_url: str | None = None
    body_limit: int = _MEBIBYTE
    large_body_limit: int = 5 * _MEBIBYTE
    signature_window: timedelta | None = None


class Services(Struct, frozen=True):
    """What handlers work with."""

    db: Database
    sealer: Sealer
    settings: V1Settings = V1Settings()


class Call(PersonCall, frozen=True, kw_only=True):
    """One checked request, valid against the contract; `page` is the page asked for, 1 when none is. `line` is what a
    write leaves in the audit trail."""

    services: Services
    contract: Contract
    page: int = 1
    line: trail.Line | None = None


Handler = Callable[[Call], Awaitable[Response]]


def json_answer(value: Any, status: int = 200, headers: list[tuple[str, str]] | None = None) -> Response:
    """An answer with a JSON body; `value` is anything msgspec encodes."""
    return Response(status, [("Content-Type", "application/json"), *(headers or [])], msgspec.json.encode(value))


def empty_answer(status: int = 200) -> Response:
    """Success of a write without documented model (v1 rule 28)."""
    return Response(status)


def id_answer(created: int) -> Response:
    """The technical id of what was created or updated (v1 rule 28)."""
    return json_answer({"id": created})
