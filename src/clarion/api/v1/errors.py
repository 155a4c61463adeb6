"""Errors on the v1 wire: `{"errors": [{"label", "message"}]}` (v1 rules 19 to 25).

Of several errors the label decides which gives the status (v1 rule 107). Capabilities raise
`clarion.base.errors`; here each gets its status and label. A handler that needs another pair raises `V1Error`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import psycopg
from msgspec import Struct

from clarion.api.exchange import BodyTooLarge, Response
from clarion.api.v1.call import json_answer
from clarion.base.errors import ClarionError, Conflict, Finding, Forbidden, Invalid, NotFound, Unavailable


class Label(StrEnum):
    """The classes of errors. Texts may change, the pair of status and label does not (v1 rule 21)."""

    FORMAT = "API_ERR_FORMAT"
    DATA = "API_ERR_DATA"
    TOKEN = "API_ERR_TOKEN"  # noqa: S105
    SIGNATURE = "API_ERR_SIGNATURE"
    FORBIDDEN = "API_ERR_FORBIDDEN"
    UNKNOWN_ROUTE = "API_ERR_UNKNOW_ROUTE"
    MESSAGE_SENDING = "API_ERR_MESSAGE_SENDING"
    MESSAGE_SENT = "API_ERR_MESSAGE_SENT"
    MESSAGE_FAILED = "API_ERR_MESSAGE_FAILED"
    DB = "API_ERR_DB"
    SERVICE = "API_ERR_SERVICE"
    UNKNOWN = "API_ERR_UNKNOWN"


class Problem(Struct, frozen=True):
    """One error of an answer."""

    status: int
    label: Label
    message: str


class V1Error(Exception):
    """A refusal with its status and label; `V1Error.several` carries more than one."""

    def __init__(self, status: int, label: Label, message: str) -> None:
        super().__init__(message)
        self.problems: list[Problem] = [Problem(status, label, message)]

    @classmethod
    def several(cls, problems: list[Problem]) -> "V1Error":
        """All of these at once, in the order of the members of the body they are about."""
        error = cls(problems[0].status, problems[0].label, problems[0].message)
        error.problems = problems
        return error


# Findings about data; every other code is about form, 400 `API_ERR_FORMAT` (v1 rules 25, 39, 44).
_STATUS_OF_DATA = {
    "unknown_campaign": 400,
    "unknown_segment": 400,
    "unknown_list": 400,
    "external_id_taken": 400,
    "list_id_taken": 409,
    "list_external_id_taken": 409,
    "unknown_list_field": 400,
    "unreadable_segment": 400,
    "no_indexed_equality": 400,
    "no_value": 400,
    "unknown_collapse_key": 404,
    "unknown_button_template": 404,
    "unknown_event": 404,
    "unknown_inapp_template": 404,
    "unknown_geolocation": 404,
    "unknown_beacon": 404,
    "unknown_view": 404,
    "unknown_state": 404,
}
# The same on routes whose contract answers 404 for anything named that does not exist (v1 rules 91, 92, 99).
_STATUS_OF_NAMED = _STATUS_OF_DATA | {"unknown_campaign": 404, "unknown_segment": 404, "unknown_list": 404}
_STATES = {"sending": Label.MESSAGE_SENDING, "sent": Label.MESSAGE_SENT, "failed": Label.MESSAGE_FAILED}
_ORDER = {Label.FORMAT: 0, Label.DATA: 1}
_MOST_ERRORS = 100


def answer(problems: Iterable[Problem]) -> Response:
    """The envelope, with at most 100 errors. Form comes before data before the rest; the first gives the status (v1
    rules 20 and 107)."""
    ordered = sorted(problems, key=lambda problem: _ORDER.get(problem.label, 2))[:_MOST_ERRORS]
    errors = [{"label": problem.label, "message": problem.message} for problem in ordered]
    return json_answer({"errors": errors}, ordered[0].status)


def format_problems(findings: Iterable[Finding]) -> list[Problem]:
    """What the contract's own checks found, as it phrased them (v1 rule 22)."""
    return [Problem(400, Label.FORMAT, finding.message) for finding in findings]


def problems_of(error: Exception, body: Any = None) -> list[Problem] | None:
    """The errors an exception stands for on the wire, in the order of the members of `body`; None for a failure."""
    match error:
        case V1Error():
            return error.problems
        case Invalid():
            statuses = _STATUS_OF_NAMED if isinstance(error, _NamedMissing) else _STATUS_OF_DATA
            return [_problem_of(finding, statuses) for finding in in_order(error.findings, body)]
        case NotFound():
            return [Problem(404, Label.DATA, str(error))]
        case Conflict():
            return [Problem(400, _STATES.get(error.code, Label.DATA), str(error))]
        case Forbidden():
            return [Problem(403, Label.FORBIDDEN, str(error))]
        case BodyTooLarge():
            return [Problem(400, Label.FORMAT, f"The body is larger than {error.limit} bytes")]
        case _:
            return None


def in_order(findings: Iterable[Finding], body: Any) -> list[Finding]:
    """Findings in the order of the members of the body they are about (v1 rule 107)."""
    return sorted(findings, key=_Places(body).key)


def failure(error: Exception, reference: str) -> Problem:
    """The answer to an exception nobody expected: which kind of part failed, and a reference to the log."""
    if isinstance(error, Unavailable | psycopg.Error):
        return Problem(500, Label.DB, f"The database failed or refused the input (reference {reference})")
    label = Label.SERVICE if isinstance(error, ClarionError) else Label.UNKNOWN
    return Problem(500, label, f"Something failed here (reference {reference})")


class _NamedMissing(Invalid):
    """Findings of a route on which everything named that does not exist is 404."""


@contextmanager
def spelled(names: Mapping[str, str], *, named_is_404: bool = False) -> Iterator[None]:
    """Findings raised inside come out in the spelling of the wire: `names` maps members of the model to places below
    the same parent (`collapse_key` to `collapseKey`), and every sentence gets the place it is about.

    `named_is_404`: an unknown segment, list or campaign is 404 as anything else named (v1 rules 91, 92, 99), not 400 as
    in push messages (v1 rule 39)."""
    try:
        yield
    except Invalid as error:
        of = _NamedMissing if named_is_404 else Invalid
        raise of([respell(finding, names) for finding in error.findings]) from None


def respell(finding: Finding, names: Mapping[str, str]) -> Finding:
    """One finding of a capability in the spelling of the wire."""
    place = "/".join(names.get(part, part) for part in finding.pointer.split("/")[1:])
    what = "Unacceptable" if finding.code in _STATUS_OF_DATA else "Malformed"
    return Finding(f"/{place}", finding.code, f"{what} field `{place or 'body'}`: {finding.message}")


def _problem_of(finding: Finding, statuses: Mapping[str, int]) -> Problem:
    status = statuses.get(finding.code)
    if status is None:
        return Problem(400, Label.FORMAT, finding.message)
    return Problem(status, Label.DATA, finding.message)


class _Places:
    """Where in the text of the body the pointers of findings lead; a member that is not there comes after those that
    are."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._orders: dict[int, dict[str, int]] = {}

    def key(self, finding: Finding) -> tuple[int, ...]:
        """What to sort a finding by."""
        here = self._body
        steps = []
        for part in finding.pointer.split("/")[1:]:
            if isinstance(here, dict):
                name = part.replace("~1", "/").replace("~0", "~")
                steps.append(self._order(here).get(name, len(here)))
                here = here.get(name)
            elif isinstance(here, list) and part.isdecimal():
                steps.append(int(part))
                here = here[int(part)] if int(part) < len(here) else None
            else:
                break
        return tuple(steps)

    def _order(self, members: dict[str, Any]) -> dict[str, int]:
        order = self._orders.get(id(members))
        if order is None:
            order = self._orders[id(members)] = {name: at for at, name in enumerate(members)}
        return order
