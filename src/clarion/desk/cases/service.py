"""The rules of cases and of the conversations about them (v2 section 11).

Whoever changes a case holds its row: changes of a case, its messages and its closing by the clock come one after the
other, and each leaves the entries it makes in the order in which they happened.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from clarion.accounts import service as accounts
from clarion.accounts.model import ServiceStatus
from clarion.base import clock
from clarion.base.errors import Conflict, Finding, Forbidden, Invalid
from clarion.base.ids import new_id
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.desk.cases import store
from clarion.desk.cases.model import (
    CUSTOMERS_MEMBERS,
    CUSTOMERS_MOVES,
    FINAL,
    FOR_INCIDENTS,
    MOVES,
    SUBJECTS,
    Case,
    CaseMessage,
    CaseStatus,
    CaseType,
    MessageType,
    Sender,
)
from clarion.desk.cases.store import CASES, MESSAGES
from clarion.identity import clients
from clarion.identity.clients import Caller
from clarion.webhooks import service as webhooks
from clarion.webhooks.model import EventType

__all__ = ["CASES", "CLOSES_AFTER", "MESSAGES"]

Values = dict[str, Any]

CLOSES_AFTER: Final = timedelta(days=7)
"""How long a case stays Resolved before it closes by itself (v2 rule 11.8)."""
EVERY: Final = timedelta(minutes=1)
"""How often that is looked for."""

_AT_ONCE: Final = 500
_ANSWERED: Final = "The customer answered."


# Cases


async def create_case(conn: Conn, caller: Caller, values: Values) -> Case:
    """A new case of a service, with its first message (v2 rules 11.2 to 11.4). Raises Invalid."""
    text = values.pop("message")
    service = await accounts.find_service(conn, values["service_id"], caller.scope)
    findings = _times(values.get("start_of_incident"), values.get("end_of_incident"), "/endOfIncident")
    if service is None:
        no_service = "There is no such service, or not for this client."
        findings.insert(0, Finding("/serviceId", "reference_not_found", no_service))
    elif service.status is ServiceStatus.CANCELLED:
        cancelled = "The service is cancelled: no case can be opened for it."
        findings.insert(0, Finding("/serviceId", "inconsistent", cancelled))
    if findings or service is None:
        raise Invalid(findings)
    case = await CASES.insert(conn, {**values, "account_id": service.account_id, "site_id": service.site_id})
    await webhooks.record(conn, EventType.CASE_CREATED, id=case.case_id, account_id=case.account_id, path=_path(case))
    await _write(conn, case, text, MessageType.COMMENT, _sender(caller), await _author(conn, caller))
    return case


async def update_case(conn: Conn, caller: Caller, case: Case, values: Values) -> Case:
    """Change a case. A patch that changes nothing is none, and passes even where no change would.

    Raises Forbidden for what is not an account client's (v2 rule 11.6), Invalid, and Conflict: `case_closed`,
    `invalid_state_transition`.
    """
    changed = CASES.changes(case, values)
    if not changed:
        return case
    if not caller.is_operator:
        _check_customer(case, changed)
    findings = _consistent(case, changed)
    if findings:
        raise Invalid(findings)
    _check_open(case)
    if "status" not in changed:
        return await _change(conn, case, changed)
    if changed["status"] not in MOVES[case.status]:
        allowed = ", ".join(status.value for status in CaseStatus if status in MOVES[case.status])
        raise Conflict(
            f"A case that is {case.status.value} cannot become {changed['status'].value}.",
            f"It can become: {allowed}.",
            code="invalid_state_transition",
        )
    reason = values.get("status_reason")
    author = await _author(conn, caller)
    return await _move(conn, case, changed["status"], reason, _sender(caller), author, changed)


async def close_resolved(db: Database, after: timedelta = CLOSES_AFTER) -> int:
    """Timer: close the cases that have been resolved for so long, in sets of 500; how many (v2 rule 11.8)."""
    closed = 0

    async def work(conn: Conn) -> int:
        return await _close_some(conn, after)

    while True:
        count = await retry.transact(db, work, pipelined=True)
        closed += count
        if count < _AT_ONCE:
            return closed


# Messages


async def create_message(conn: Conn, caller: Caller, values: Values) -> CaseMessage:
    """A comment on a case. A customer's answer takes up again what waits for it or was resolved (v2 rule 11.10).

    Raises Conflict with code `case_closed`.
    """
    case = await CASES.find(conn, values["case_id"], caller.scope, lock=True)
    assert case is not None, "cases are never deleted"
    _check_open(case)
    author = values.get("author") or await _author(conn, caller)
    sender = _sender(caller)
    message = await _write(conn, case, values["message"], MessageType.COMMENT, sender, author)
    if sender is Sender.CUSTOMER and case.status in (CaseStatus.PENDING_CUSTOMER, CaseStatus.RESOLVED):
        await _move(conn, case, CaseStatus.IN_PROGRESS, _ANSWERED, sender, author, {})
    return message


# What the rules above are made of


def _check_open(case: Case) -> None:
    if case.status in FINAL:
        raise Conflict(f"The case is {case.status.value} and takes no changes.", "Open a new one.", code="case_closed")


def _check_customer(case: Case, changed: Values) -> None:
    """Raises Forbidden for what only the operator's clients change. Where nobody may move a case any more, that is the
    answer: it is left to `_check_open`."""
    others = changed.keys() - CUSTOMERS_MEMBERS - ({"status_reason"} if "status" in changed else set())
    if others:
        named = ", ".join(CASES.fields[name].wire for name in sorted(others))
        raise Forbidden(f"Only operator clients may change {named} of a case.", "Leave it out.")
    move = changed.get("status")
    if move is None or move is CaseStatus.CANCELLED or (case.status, move) in CUSTOMERS_MOVES:
        return
    possible = {CaseStatus.CANCELLED} | {to for _, to in CUSTOMERS_MOVES}
    if case.status not in FINAL or move not in possible:
        raise Forbidden(
            f"A client of an account cannot move a case from {case.status.value} to {move.value}.",
            "It can cancel a case, confirm that it is resolved, or reopen it then.",
        )


def _consistent(case: Case, changed: Values) -> list[Finding]:
    """What a change would leave that does not go together (v2 rules 11.2, 11.3)."""
    findings = []
    if "subject" in changed and changed["subject"] not in SUBJECTS[case.type]:
        findings.append(
            Finding("/subject", "inconsistent", f"{changed['subject'].value} is no subject of type {case.type.value}.")
        )
    incident = case.type is CaseType.INCIDENT
    if not incident and changed.get("priority") in FOR_INCIDENTS:
        findings.append(Finding("/priority", "inconsistent", f"{changed['priority'].value} is for incidents only."))
    for name in ("start_of_incident", "end_of_incident"):
        if not incident and changed.get(name) is not None:
            wire = CASES.fields[name].wire
            findings.append(Finding(f"/{wire}", "inconsistent", f"{wire} is for incidents only."))
    start = changed.get("start_of_incident", case.start_of_incident)
    if incident and start is None:
        findings.append(Finding("/startOfIncident", "inconsistent", "An incident needs the time when it began."))
    if incident and ("start_of_incident" in changed or "end_of_incident" in changed):
        at = "/endOfIncident" if "end_of_incident" in changed else "/startOfIncident"
        findings += _times(start, changed.get("end_of_incident", case.end_of_incident), at)
    return findings


def _times(start: datetime | None, end: datetime | None, pointer: str) -> list[Finding]:
    if start is None or end is None or start <= end:
        return []
    return [Finding(pointer, "inconsistent", "An incident cannot end before it began.")]


async def _move(
    conn: Conn,
    case: Case,
    status: CaseStatus,
    reason: str | None,
    sender: Sender,
    author: str | None,
    others: Values,
) -> Case:
    """Bring a case to another status, whose reason replaces the one before, and write the entry about it."""
    at = _now()
    dates = {
        "resolved_date": at if status is CaseStatus.RESOLVED else case.resolved_date,
        "closed_date": at if status in FINAL else None,
    }
    if status not in (CaseStatus.RESOLVED, CaseStatus.CLOSED):
        dates["resolved_date"] = None
    moved = await _change(conn, case, {**others, "status": status, "status_reason": reason, **dates})
    await _write(conn, case, _told(case.status, status, reason), MessageType.STATUS_CHANGE, sender, author)
    return moved


async def _change(conn: Conn, case: Case, values: Values) -> Case:
    changed = CASES.changes(case, values)
    updated = await CASES.update(conn, case, changed)
    await _tell_updated(conn, case.case_id, case.account_id, list(changed))
    return updated


async def _tell_updated(conn: Conn, case_id: str, account_id: str, changed: list[str]) -> None:
    members = [CASES.fields[name].wire for name in changed]
    path = f"/v2/cases/{case_id}"
    await webhooks.record(conn, EventType.CASE_UPDATED, id=case_id, account_id=account_id, path=path, changed=members)


async def _write(
    conn: Conn, case: Case, text: str, kind: MessageType, sender: Sender, author: str | None
) -> CaseMessage:
    """One more entry of a conversation."""
    message = _entry(case.case_id, text, kind, sender, author)
    fields = {name: getattr(message, name) for name in CaseMessage.__struct_fields__}
    written = await MESSAGES.insert(conn, fields)
    await _tell_message(conn, case.account_id, written)
    return written


async def _tell_message(conn: Conn, account_id: str, message: CaseMessage) -> None:
    path = f"/v2/cases/{message.case_id}/case-messages/{message.case_message_id}"
    await webhooks.record(
        conn, EventType.CASE_MESSAGE_CREATED, id=message.case_message_id, account_id=account_id, path=path
    )


async def _close_some(conn: Conn, after: timedelta) -> int:
    reason = f"Resolved for {after.days} days." if after.days != 1 else "Resolved for a day."
    closed = await store.close_resolved(conn, after, reason, _now(), _AT_ONCE)
    text = _told(CaseStatus.RESOLVED, CaseStatus.CLOSED, reason)
    entries = [_entry(case.case_id, text, MessageType.STATUS_CHANGE, Sender.SYSTEM, None) for case in closed]
    if entries:
        await store.insert_messages(conn, entries)
    for case, entry in zip(closed, entries, strict=True):
        changed = ["status", "status_reason", "closed_date"] if case.reason_changed else ["status", "closed_date"]
        await _tell_updated(conn, case.case_id, case.account_id, changed)
        await _tell_message(conn, case.account_id, entry)
    return len(closed)


def _entry(case_id: str, text: str, kind: MessageType, sender: Sender, author: str | None) -> CaseMessage:
    return CaseMessage(
        case_message_id=new_id("MSG"),
        case_id=case_id,
        message=text,
        type=kind,
        sent_by=sender,
        author=author,
        timestamp=_now(),
    )


def _told(before: CaseStatus, after: CaseStatus, reason: str | None) -> str:
    """What a StatusChange entry says: both states and the reason (v2 rule 11.9)."""
    moved = f"Status changed from {before.value} to {after.value}."
    return f"{moved} Reason: {reason}" if reason else f"{moved} No reason was given."


def _sender(caller: Caller) -> Sender:
    return Sender.SUPPORT if caller.is_operator else Sender.CUSTOMER


async def _author(conn: Conn, caller: Caller) -> str:
    """Who is behind an entry that names no person: the client's name."""
    return (await clients.get(conn, caller.client_id)).api_client_name


def _path(case: Case) -> str:
    return f"/v2/cases/{case.case_id}"


def _now() -> datetime:
    """The present instant as it is kept. That of the transaction may lie before an entry of another one that this one
    waited for."""
    now = clock.now()
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
