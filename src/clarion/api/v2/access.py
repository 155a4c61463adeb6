"""Who calls, and may they: bearer tokens and scopes (v2 rules 3.8 to 3.10, 4.2).

Looking a token up is the identity capability's business; the surface gets a function for it. As long as there are no
API clients every token is unknown.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from clarion.api.contract.document import Operation
from clarion.api.contract.query import parse_pairs
from clarion.api.conventions import bearer_token
from clarion.api.exchange import Request

_TICKET: Final = "streamTicket"


class Caller(Struct, frozen=True):
    """An authenticated API client with the scopes of its token."""

    client_id: str
    scopes: frozenset[str]


Authenticate = Callable[[str], Awaitable[Caller | None]]
"""The caller a token belongs to; None for one that is unknown, expired or revoked."""


class Refusal(Struct, frozen=True):
    """A problem code, its detail, and the challenge that goes with it."""

    code: str
    detail: str
    challenge: str


async def no_clients(_token: str) -> Caller | None:
    """An installation without API clients."""
    return None


async def authenticate(request: Request, operation: Operation, look_up: Authenticate) -> Caller | Refusal:
    """The caller of an operation that is not open, or why not."""
    token = bearer_token(request)
    if token is None:
        if _carries_ticket(request, operation):
            return Refusal("invalid_token", "The ticket is unknown, used or expired.", 'Bearer error="invalid_token"')
        return Refusal("unauthenticated", "The request carries no bearer token.", "Bearer")
    caller = await look_up(token)
    if caller is None:
        return Refusal("invalid_token", "The token is unknown, expired or revoked.", 'Bearer error="invalid_token"')
    return caller


def authorize(caller: Caller, operation: Operation) -> Refusal | None:
    """Whether one of the operation's alternatives is covered by the caller's scopes; each names its scopes in full."""
    alternatives = [
        scopes for requirement in operation.security for name, scopes in requirement.schemes.items() if name != _TICKET
    ]
    if any(set(scopes) <= caller.scopes for scopes in alternatives):
        return None
    needed = " ".join(alternatives[0]) if alternatives else ""
    return Refusal(
        "insufficient_scope",
        f"The token lacks the scope {needed}.",
        f'Bearer error="insufficient_scope", scope="{needed}"',
    )


def _carries_ticket(request: Request, operation: Operation) -> bool:
    if not any(_TICKET in requirement.schemes for requirement in operation.security):
        return False
    pairs, _ = parse_pairs(request.query)
    return any(name == "ticket" for name, _ in pairs)
