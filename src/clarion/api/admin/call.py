"""What a handler of the administration surface receives and gives back.

A `Call` is a request that passed every check of `surface.py`: the role of its caller suffices, the application is
theirs, its parameters are typed, its body is valid against the contract.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from clarion.api.conventions import base_url
from clarion.api.exchange import Response
from clarion.api.person_call import PersonCall
from clarion.base.sealing import Sealer
from clarion.db.pool import Database


class AdminSettings(Struct, frozen=True):
    """What the operator sets of the surface: the address callers know (None: that of the request), bytes of a body, the
    folder of the snapshots that large counts come from (None: all are counted by SQL), and the seconds after which the
    answer to a count is where to look for it."""

    public_url: str = ""
    body_limit: int = 256 * 1024
    snapshots: Path | None = None
    count_within: float = 2.0


class Services(Struct, frozen=True):
    """What handlers work with."""

    db: Database
    sealer: Sealer
    settings: AdminSettings = AdminSettings()


class Call(PersonCall, frozen=True, kw_only=True):
    """One checked request of a person who is signed in."""

    services: Services

    @property
    def base_url(self) -> str:
        """Scheme and host of the installation as the caller knows it."""
        return base_url(self.request, self.services.settings.public_url)


Handler = Callable[[Call], Awaitable[Response]]


def json_answer(value: Any, status: int = 200, *headers: tuple[str, str]) -> Response:
    """An answer with a JSON body, which is for this caller alone."""
    content = [("Content-Type", "application/json"), ("Cache-Control", "no-store"), *headers]
    return Response(status, content, msgspec.json.encode(value))


def created(call: Call, value: Any, name: str) -> Response:
    """201 with the address of what was created: `name`, percent-encoded, below the path of the request."""
    return json_answer(value, 201, ("Location", f"{call.base_url}{call.request.path}/{name}"))


def empty_answer() -> Response:
    """204: done."""
    return Response(204)
