"""The SQL of `webhook_delivery`, and of events as deliveries need them."""

from datetime import timedelta

import msgspec
from psycopg import sql

from clarion.db.records import Order, Records
from clarion.db.sql import Conn, execute, tuples, value, values
from clarion.queue import Lease
from clarion.queue.store import ACKNOWLEDGING, HOLDING
from clarion.webhooks.model import Attempt, Delivery, Event, WebhookStatus, Work

DELIVERIES = Records(
    "clarion.webhook_delivery",
    Delivery,
    key="webhook_delivery_id",
    owner="",
    casts={"status": "clarion.webhook_delivery_status"},
    order=(Order("created_date", descending=True),),
)
_SETTLE = """
    , settled AS (
        UPDATE clarion.webhook_delivery SET
            attempts = attempts + 1, last_attempt_date = %(at)s, last_response_status = %(response_status)s,
            failures = CASE WHEN %(status)s::text = 'Delivered' THEN 0 ELSE failures + 1 END,
            status = CASE WHEN %(status)s::text = 'Delivered' OR status = 'Pending'
                          THEN %(status)s::text::clarion.webhook_delivery_status ELSE status END,
            next_attempt_date = CASE WHEN status = 'Pending' THEN %(next_at)s::timestamptz END, queued = %(queued)s
        WHERE webhook_delivery_id = %(delivery_id)s AND EXISTS (SELECT FROM held)
    )
    SELECT count(*) FROM held
"""
_SETTLE_AND_END = sql.SQL("WITH {held} {settled}").format(held=ACKNOWLEDGING, settled=sql.SQL(_SETTLE))
_SETTLE_AND_KEEP = sql.SQL("WITH {held} {settled}").format(held=HOLDING, settled=sql.SQL(_SETTLE))


async def fail_pending(conn: Conn, webhook_id: str) -> None:
    """What an endpoint was still to be told, it is not told."""
    await execute(
        conn,
        """
        UPDATE clarion.webhook_delivery SET status = 'Failed', next_attempt_date = NULL
        WHERE webhook_id = %s AND status = 'Pending'
        """,
        (webhook_id,),
    )


async def delete_deliveries(conn: Conn, webhook_id: str) -> None:
    """The log of an endpoint that is deleted."""
    await execute(conn, "DELETE FROM clarion.webhook_delivery WHERE webhook_id = %s", (webhook_id,))


async def work_of(conn: Conn, delivery_id: str) -> Work | None:
    """What an attempt needs; None when the delivery or its endpoint is deleted."""
    found = await tuples(
        conn,
        """
        SELECT d.status, d.failures, w.webhook_id, w.url, w.status, w.failing_since,
               ARRAY(SELECT s.sealed FROM clarion.webhook_secret AS s
                     WHERE s.webhook_id = w.webhook_id AND (s.ends_at IS NULL OR s.ends_at > clarion.now())
                     ORDER BY s.secret_no DESC LIMIT 10),
               e.event_id, e.account_id, e.event_type, e.resource_id, e.path, e.changed, e.occurred_at
        FROM clarion.webhook_delivery AS d
        JOIN clarion.webhook AS w ON w.webhook_id = d.webhook_id
        JOIN clarion.webhook_event AS e ON e.event_id = d.message_id
        WHERE d.webhook_delivery_id = %s
        """,
        (delivery_id,),
    )
    if not found:
        return None
    columns = found[0]
    event = dict(zip(Event.__struct_fields__, columns[7:], strict=True))
    return msgspec.convert(dict(zip(Work.__struct_fields__, (*columns[:7], event), strict=True)), Work)


async def settle(conn: Conn, lease: Lease, delivery_id: str, attempt: Attempt) -> None:
    """Note an attempt, and end its job unless the delivery waits in the queue. A delivery that was given up meanwhile
    stays so, but for a success. Raises LeaseLost when the job is no longer ours."""
    held = await value(
        conn,
        _SETTLE_AND_KEEP if attempt.queued else _SETTLE_AND_END,
        {
            "delivery_id": delivery_id,
            "at": attempt.at,
            "response_status": attempt.response_status,
            "status": attempt.status.value,
            "next_at": attempt.next_at,
            "queued": attempt.queued,
            **lease.bound(),
        },
    )
    lease.told(held=bool(held), acknowledged=not attempt.queued)


async def take_out(conn: Conn, delivery_id: str) -> bool:
    """A delivery that is not to be attempted leaves the queue; False when it is to be attempted after all."""
    found = await tuples(
        conn,
        """
        SELECT d.status = 'Pending' AND w.status = %s::clarion.webhook_status
        FROM clarion.webhook_delivery AS d LEFT JOIN clarion.webhook AS w ON w.webhook_id = d.webhook_id
        WHERE d.webhook_delivery_id = %s FOR UPDATE OF d
        """,
        (WebhookStatus.ENABLED.value, delivery_id),
    )
    if found and found[0][0]:
        return False
    await execute(
        conn,
        """
        UPDATE clarion.webhook_delivery
        SET queued = false, next_attempt_date = NULL, status = CASE status WHEN 'Pending' THEN 'Failed' ELSE status END
        WHERE webhook_delivery_id = %s
        """,
        (delivery_id,),
    )
    return True


async def drop_old(conn: Conn, kept: timedelta, grace: timedelta, limit: int) -> int:
    """Forget deliveries made longer ago than `kept`, up to `limit`; those that are pending still have `grace`, and the
    events as well. How many went."""
    deliveries = await values(
        conn,
        """
        DELETE FROM clarion.webhook_delivery WHERE webhook_delivery_id IN (
            SELECT webhook_delivery_id FROM clarion.webhook_delivery
            WHERE created_date < clarion.now() - %(kept)s
              AND (status <> 'Pending' OR created_date < clarion.now() - (%(kept)s + %(grace)s))
            LIMIT %(limit)s
        ) RETURNING 1
        """,
        {"kept": kept, "grace": grace, "limit": limit},
    )
    events = await values(
        conn,
        """
        DELETE FROM clarion.webhook_event WHERE event_id IN (
            SELECT event_id FROM clarion.webhook_event WHERE occurred_at < clarion.now() - %s LIMIT %s
        ) RETURNING 1
        """,
        (kept + grace, limit),
    )
    return len(deliveries) + len(events)
