"""Cases and their messages on the wire."""

from typing import Any

from clarion.api.v2.resource import Resource, handlers
from clarion.desk.cases import service as cases
from clarion.desk.cases.model import CaseType

_TYPES = frozenset(CaseType)


def _case(body: Any) -> str:
    """The form of a new case is that of its type; with another type the contract tells which there are."""
    kind = body.get("type") if isinstance(body, dict) else None
    return kind if isinstance(kind, str) and kind in _TYPES else ""


CASES = Resource(cases.CASES, "/v2/cases/{caseId}", creating=cases.create_case, updating=cases.update_case, case=_case)
MESSAGES = Resource(
    cases.MESSAGES,
    "/v2/cases/{caseId}/case-messages/{caseMessageId}",
    within=CASES,
    creating=cases.create_message,
)

HANDLERS = {
    **handlers(CASES, list="listCases", create="createCase", get="getCase", update="updateCase"),
    **handlers(MESSAGES, list="listCaseMessages", create="createCaseMessage", get="getCaseMessage"),
}
