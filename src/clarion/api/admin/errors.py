"""What goes wrong, as problem details of the one table of codes (`api.problems`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg

from clarion.api.problems import item
from clarion.base.errors import Conflict, Finding, Forbidden, Invalid, NotFound, Unavailable
from clarion.identity.sessions import TooManyAttempts, WrongCredentials

_CHALLENGE: Final = ("WWW-Authenticate", "Bearer")
_RETRY_AFTER: Final = ("Retry-After", "5")

# Codes of conflicts to codes of problems; any other is `conflict`.
_CONFLICTS: Final = {
    "email": "duplicate_value",
    "partner_id_taken": "duplicate_value",
    "column_exists": "duplicate_value",
    "segment_name_taken": "duplicate_value",
    "in_use": "resource_in_use",
    "ended": "invalid_state_transition",
    "paused": "invalid_state_transition",
    "not_paused": "invalid_state_transition",
    "inbox": "invalid_state_transition",
}


class Problem(Exception):
    """A refusal: code, what happened this time, headers that go with it, findings."""

    def __init__(self, code: str, detail: str, *headers: tuple[str, str], errors: list[dict[str, str]] | None = None):
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = headers
        self.errors = errors


def problem_of(error: Exception) -> Problem | None:
    """What an exception stands for on the wire; None for a failure of ours."""
    match error:
        case Problem():
            return error
        case Invalid():
            return invalid(error.findings)
        case NotFound():
            return Problem("not_found", error.message)
        case Conflict():
            return Problem(_CONFLICTS.get(error.code, "conflict"), str(error))
        case Forbidden():
            return Problem("forbidden", str(error))
        case WrongCredentials():
            return Problem("unauthenticated", error.message, _CHALLENGE)
        case TooManyAttempts():
            return Problem("rate_limited", str(error), ("Retry-After", str(error.seconds)))
        case Unavailable() | psycopg.OperationalError():
            return Problem("service_unavailable", "The database does not answer at present.", _RETRY_AFTER)
        case _:
            return None


def invalid(findings: list[Finding]) -> Problem:
    """422 with everything that is wrong with a body."""
    return Problem("validation_failed", findings[0].message, errors=[item(found, "pointer") for found in findings])


def no_session(*, given: bool) -> Problem:
    """401 for a call without session, or with a token that stands for none."""
    if given:
        challenge = ("WWW-Authenticate", 'Bearer error="invalid_token"')
        return Problem("invalid_token", "The session is over, or never was.", challenge)
    return Problem("unauthenticated", "Sign in with POST /admin/sessions and send the token as Bearer.", _CHALLENGE)


@contextmanager
def placed(at: str = "", names: Mapping[str, str] | None = None) -> Iterator[None]:
    """Findings raised inside are about the member at pointer `at`; `names` spells members as the wire does."""
    try:
        yield
    except Invalid as error:
        known = names or {}
        places = ["/".join(known.get(part, part) for part in found.pointer.split("/")) for found in error.findings]
        raise Invalid(
            [
                Finding(f"{at}{place}", found.code, found.message)
                for place, found in zip(places, error.findings, strict=True)
            ]
        ) from None
