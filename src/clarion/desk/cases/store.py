"""The tables of cases and of their messages.

A case's account is the owner. Messages have none of their own: whoever reads them has been found to see their case.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from clarion.db.records import Order, Records
from clarion.db.sql import Conn, execute, rows
from clarion.desk.cases.model import Case, CaseMessage

CASES = Records(
    "clarion.support_case",
    Case,
    key="case_id",
    casts={
        "type": "clarion.case_type",
        "subject": "clarion.case_subject",
        "priority": "clarion.case_priority",
        "status": "clarion.case_status",
        "origin": "clarion.case_origin",
    },
    branching=("status", "priority"),
    spanned=("created_date", "last_modified_date"),
)
MESSAGES = Records(
    "clarion.case_message",
    CaseMessage,
    key="case_message_id",
    owner="",
    casts={"type": "clarion.case_message_type", "sent_by": "clarion.case_sender"},
    order=(Order("timestamp"),),
)


class Closed(Struct, frozen=True):
    """A case that has been closed because its time was over."""

    case_id: str
    account_id: str
    reason_changed: bool


async def close_resolved(conn: Conn, after: timedelta, reason: str, at: datetime, most: int) -> list[Closed]:
    """Close cases that have been resolved for so long, the oldest first, at most so many; others that work on some of
    them are not waited for."""
    return await rows(
        conn,
        """
        WITH due AS MATERIALIZED (
            SELECT case_id, status_reason FROM clarion.support_case
            WHERE status = 'Resolved' AND resolved_date <= clarion.now() - %(after)s::interval
            ORDER BY resolved_date LIMIT %(most)s FOR UPDATE SKIP LOCKED
        )
        UPDATE clarion.support_case AS t
        SET status = 'Closed', status_reason = %(reason)s, closed_date = %(at)s, last_modified_date = %(at)s
        FROM due WHERE t.case_id = due.case_id
        RETURNING t.case_id, t.account_id, due.status_reason IS DISTINCT FROM %(reason)s AS reason_changed
        """,
        {"after": after, "reason": reason, "at": at, "most": most},
        of=Closed,
    )


async def insert_messages(conn: Conn, messages: Sequence[CaseMessage]) -> None:
    """Keep entries of many conversations, in one statement."""
    await execute(
        conn,
        """
        INSERT INTO clarion.case_message (case_message_id, case_id, message, type, sent_by, author, timestamp)
        SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::clarion.case_message_type[],
                             %s::clarion.case_sender[], %s::text[], %s::timestamptz[])
        """,
        (
            [each.case_message_id for each in messages],
            [each.case_id for each in messages],
            [each.message for each in messages],
            [each.type.value for each in messages],
            [each.sent_by.value for each in messages],
            [each.author for each in messages],
            [each.timestamp for each in messages],
        ),
    )
