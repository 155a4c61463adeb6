"""Cases and their messages as the API shows them, and which subjects, priorities and moves there are."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from clarion.db.records import Record


class CaseType(StrEnum):
    """A fault, or any other request."""

    INCIDENT = "Incident"
    NON_INCIDENT = "NonIncident"


class CaseSubject(StrEnum):
    """What a case is about."""

    RFO_REQUEST = "RfoRequest"
    SERVICE_DEGRADATION = "ServiceDegradation"
    SERVICE_INTERMITTENT = "ServiceIntermittent"
    SERVICE_DOWN = "ServiceDown"
    ACTIVATION_SUPPORT = "ActivationSupport"
    CHANGE_REQUEST = "ChangeRequest"
    ENGINEER_DISPATCH = "EngineerDispatch"
    INFORMATION_REQUEST = "InformationRequest"
    OTHER = "Other"
    SOFTWARE_UPDATE = "SoftwareUpdate"
    UTILIZATION_REPORT = "UtilizationReport"


class CasePriority(StrEnum):
    """How much a case presses."""

    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"
    P5 = "P5"


class CaseStatus(StrEnum):
    """Where a case stands."""

    NEW = "New"
    IN_PROGRESS = "InProgress"
    PENDING_CUSTOMER = "PendingCustomer"
    ON_HOLD = "OnHold"
    RESOLVED = "Resolved"
    CLOSED = "Closed"
    CANCELLED = "Cancelled"


class CaseOrigin(StrEnum):
    """Where a case came from."""

    API = "Api"
    CONSOLE = "Console"
    EMAIL = "Email"
    PHONE = "Phone"
    MONITORING = "Monitoring"
    GUEST_APP = "GuestApp"


class MessageType(StrEnum):
    """What an entry of a conversation is."""

    COMMENT = "Comment"
    STATUS_CHANGE = "StatusChange"
    SYSTEM = "System"


class Sender(StrEnum):
    """Whose act an entry tells of; System where nobody's is."""

    CUSTOMER = "Customer"
    SUPPORT = "Support"
    SYSTEM = "System"


class Case(Record, frozen=True, kw_only=True):
    """A support case. Account and site are those that its service had when it was opened."""

    case_id: str
    account_id: str
    site_id: str
    service_id: str
    type: CaseType
    subject: CaseSubject
    priority: CasePriority
    status: CaseStatus
    status_reason: str | None
    origin: CaseOrigin
    customer_reference: str | None
    start_of_incident: datetime | None
    end_of_incident: datetime | None
    expected_resolution_date: datetime | None
    resolved_date: datetime | None
    closed_date: datetime | None
    created_date: datetime
    last_modified_date: datetime


class CaseMessage(Record, frozen=True, kw_only=True):
    """An entry of the conversation about a case; it is never changed or removed."""

    case_message_id: str
    case_id: str
    message: str
    type: MessageType
    sent_by: Sender
    author: str | None
    timestamp: datetime


FINAL: Final = frozenset({CaseStatus.CLOSED, CaseStatus.CANCELLED})
"""A case that stands here takes no changes (v2 rule 11.7)."""

_WORKING: Final = frozenset({CaseStatus.IN_PROGRESS, CaseStatus.PENDING_CUSTOMER, CaseStatus.ON_HOLD})
_ENDING: Final = frozenset({CaseStatus.RESOLVED, CaseStatus.CANCELLED})
MOVES: Final[dict[CaseStatus, frozenset[CaseStatus]]] = {
    CaseStatus.NEW: _WORKING | _ENDING,
    **{status: (_WORKING - {status}) | _ENDING for status in _WORKING},
    CaseStatus.RESOLVED: frozenset({CaseStatus.IN_PROGRESS, CaseStatus.CLOSED}),
    CaseStatus.CLOSED: frozenset(),
    CaseStatus.CANCELLED: frozenset(),
}
"""Where a case may go from each status (v2 rule 11.5)."""

CUSTOMERS_MOVES: Final = frozenset(
    {(CaseStatus.RESOLVED, CaseStatus.CLOSED), (CaseStatus.RESOLVED, CaseStatus.IN_PROGRESS)}
)
"""Moves of account clients besides cancelling: they confirm and reopen (v2 rule 11.6)."""

CUSTOMERS_MEMBERS: Final = frozenset(
    {"subject", "priority", "status", "customer_reference", "start_of_incident", "end_of_incident"}
)
"""What account clients may change; the reason only together with the status (v2 rule 11.6)."""

_ABOUT_INCIDENTS: Final = frozenset(
    {
        CaseSubject.RFO_REQUEST,
        CaseSubject.SERVICE_DEGRADATION,
        CaseSubject.SERVICE_INTERMITTENT,
        CaseSubject.SERVICE_DOWN,
    }
)
SUBJECTS: Final[dict[CaseType, frozenset[CaseSubject]]] = {
    CaseType.INCIDENT: _ABOUT_INCIDENTS,
    CaseType.NON_INCIDENT: frozenset(CaseSubject) - _ABOUT_INCIDENTS,
}
"""Which subjects go with which type (v2 rule 11.2)."""

FOR_INCIDENTS: Final = frozenset({CasePriority.P1, CasePriority.P2})
"""Priorities of incidents only (v2 rule 11.2)."""
