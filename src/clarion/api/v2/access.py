"""Who calls, may they so often, and may they do this: bearer tokens, quotas and scopes (v2 sections 3, 4 and 9)."""

from math import ceil
from typing import Final

from msgspec import Struct

from clarion.api.contract.document import Operation
from clarion.api.contract.query import parse_pairs
from clarion.api.conventions import bearer_token
from clarion.api.exchange import Request, Response
from clarion.api.v2.errors import Refused
from clarion.db.sql import Conn
from clarion.identity import clients
from clarion.identity.clients import Admission, Caller

_TICKET: Final = "streamTicket"
_READING: Final = frozenset({"GET", "HEAD"})


class Admitted(Struct, frozen=True):
    """A caller whose call was counted, and what is left of their quota."""

    caller: Caller
    quota: Admission
    policy: str

    def tell(self, response: Response) -> Response:
        """The answer with the fields that tell of the quota (rule 9.5)."""
        left = self.quota
        response.headers.append(("RateLimit-Policy", f'"{self.policy}";q={left.quota};w={left.seconds}'))
        response.headers.append(("RateLimit", f'"{self.policy}";r={left.remaining};t={ceil(left.wait)}'))
        return response


async def admit(conn: Conn, request: Request, operation: Operation) -> Admitted:
    """The caller of an operation that is not open. Raises Refused with 401."""
    token = bearer_token(request)
    if token is None:
        if _carries_ticket(request, operation):
            raise _invalid("The ticket is unknown, used or expired.")
        raise Refused("unauthenticated", "The request carries no bearer token.", ("WWW-Authenticate", "Bearer"))
    writing = request.method not in _READING
    found = await clients.admit(conn, token, writing=writing)
    if found is None:
        raise _invalid("The token is unknown, expired or revoked.")
    return Admitted(*found, "write" if writing else "read")


def check_quota(admitted: Admitted) -> None:
    """Raises Refused with 429 for a call too many (rule 9.4)."""
    if not admitted.quota.granted:
        seconds = max(1, ceil(admitted.quota.wait))
        raise Refused(
            "rate_limited",
            f"The client has used up its quota; the next request is let through in {seconds} s.",
            ("Retry-After", str(seconds)),
            members={"violated-policies": [admitted.policy]},
        )


def check_rights(admitted: Admitted, operation: Operation) -> None:
    """Raises Refused with 403 unless one of the operation's alternatives is covered by the token's scopes, or when a
    client of a suspended account would write (rules 3.10, 4.8)."""
    held = {scope.oauth for scope in admitted.caller.scopes}
    alternatives = [
        scopes for requirement in operation.security for name, scopes in requirement.schemes.items() if name != _TICKET
    ]
    if not any(set(scopes) <= held for scopes in alternatives):
        needed = " ".join(alternatives[0]) if alternatives else ""
        challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
        raise Refused("insufficient_scope", f"The token lacks the scope {needed}.", ("WWW-Authenticate", challenge))
    if admitted.caller.suspended and admitted.policy == "write":
        detail = "The account is suspended: its clients may read and not write."
        raise Refused("account_suspended", detail, ("WWW-Authenticate", "Bearer"))


def _invalid(detail: str) -> Refused:
    return Refused("invalid_token", detail, ("WWW-Authenticate", 'Bearer error="invalid_token"'))


def _carries_ticket(request: Request, operation: Operation) -> bool:
    if not any(_TICKET in requirement.schemes for requirement in operation.security):
        return False
    pairs, _ = parse_pairs(request.query)
    return any(name == "ticket" for name, _ in pairs)
