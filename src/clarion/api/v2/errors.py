"""Refusals of v2: what is raised on the way of a request, and what errors of the capabilities become.

The status of a code stands in `api/problems.py`; `Refused` leaves nothing behind, whatever was done before it in the
transaction of the request.
"""

from collections.abc import Iterable
from typing import Any

import psycopg

from clarion.api.problems import PROBLEMS, item
from clarion.base.errors import Conflict, Finding, Forbidden, Invalid, NotFound, Unavailable
from clarion.db.retry import Overtaken

_TOO_MUCH = "54"
"""The class of SQLSTATE for what exceeds a limit of PostgreSQL: it would do so again."""


class Refused(Exception):
    """A problem answer: code, detail, further headers, items, and other members of the body."""

    def __init__(
        self,
        code: str,
        detail: str,
        *headers: tuple[str, str],
        errors: list[dict[str, str]] | None = None,
        members: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = headers
        self.errors = errors
        self.members = members or {}


def not_found() -> Refused:
    """The one answer for what does not exist and what this client may not see (v2 rule 2.3)."""
    return Refused("not_found", "There is no such resource, or not for this client.")


def invalid(findings: Iterable[Finding]) -> Refused:
    """422 with every finding about a body (rules 2.2, 6.3)."""
    items = [item(found, "pointer") for found in findings]
    return Refused("validation_failed", items[0]["detail"] if items else "The body is not valid.", errors=items)


def in_query(code: str, name: str, detail: str, *, item_code: str = "invalid_value") -> Refused:
    """400 about a query parameter."""
    return Refused(code, detail, errors=[{"code": item_code, "detail": detail, "parameter": name}])


def refusal_of(error: Exception) -> Refused | None:
    """What an error of a capability is here; None for a failure of ours."""
    match error:
        case Refused():
            return error
        case Invalid():
            return invalid(error.findings)
        case NotFound():
            return not_found()
        case Conflict():
            return Refused(error.code if error.code in PROBLEMS else "invalid_state_transition", str(error))
        case Forbidden():
            challenge = ("WWW-Authenticate", 'Bearer error="insufficient_scope"')
            return Refused("insufficient_scope", str(error), challenge)
        case Unavailable():
            return Refused("service_unavailable", error.message, ("Retry-After", "5"))
        case psycopg.OperationalError(sqlstate=state) if (state or "").startswith(_TOO_MUCH):
            return None
        case psycopg.OperationalError() | Overtaken():
            # The connection was lost, or the server has no room or was in a tangle: nothing was done, and the same
            # request can succeed a moment later.
            return Refused("service_unavailable", "The database does not answer at present.", ("Retry-After", "5"))
    return None
