"""The SQL by which deliveries come to be and into the queue, each with its job in one statement."""

from collections.abc import Iterable
from typing import Any

from psycopg import sql

from clarion.base.ids import new_id
from clarion.db.sql import Conn, execute, tuples
from clarion.identity.scopes import ScopeName
from clarion.queue.store import ADDING, WAKING, adding
from clarion.webhooks.model import DELIVERY_JOB, QUEUE, EventType, Webhook

_MAX_ATTEMPTS = 1000
"""Runs of a job, which are not attempts of a delivery: those that ended because a process died, or a database."""
_JOBS = sql.SQL(
    """
    jobs (args, owner, strand) AS (
        SELECT jsonb_build_object('delivery', delivery_id), -line, 0::bigint FROM wanted
    )
    """
)
# The step `wanted` tells which endpoints get a delivery of the event, and under which id.
_RECORDING = """
    event AS (
        INSERT INTO clarion.webhook_event (event_id, account_id, event_type, resource_id, path, changed)
        SELECT %(event_id)s, %(account_id)s::text, %(event_type)s::text, %(resource_id)s, %(path)s, %(changed)s::text[]
        WHERE EXISTS (SELECT FROM wanted)
    ),
    delivery AS (
        INSERT INTO clarion.webhook_delivery (webhook_delivery_id, webhook_id, message_id, event_type)
        SELECT delivery_id, webhook_id, %(event_id)s, %(event_type)s::text FROM wanted
    )
"""
# How many identifiers are wanted is known to the statement alone. Of a ULID it is given the part that is the time; of
# the rest, which is random, hexadecimal digits do.
_NEW_ID = sql.SQL("%(moment)s::text || upper(right(replace(gen_random_uuid()::text, '-', ''), 16))")
_RECORD = sql.SQL(
    """
    WITH wanted AS MATERIALIZED (
        SELECT webhook_id, line, {new_id} AS delivery_id FROM clarion.webhook
        WHERE status = 'Enabled' AND event_types @> ARRAY[%(event_type)s::text] AND scopes ?| %(readers)s::text[]
          AND (account_id IS NULL OR (account_id = %(account_id)s::text AND NOT %(operators_only)s))
    ),
    {recording}, {jobs}, {adding} {waking}
    """
).format(new_id=_NEW_ID, recording=sql.SQL(_RECORDING), jobs=_JOBS, adding=ADDING, waking=WAKING)
_RECORD_FOR_ONE = sql.SQL(
    """
    WITH wanted AS MATERIALIZED (
        SELECT webhook_id, line, %(delivery_id)s::text AS delivery_id FROM clarion.webhook
        WHERE webhook_id = %(resource_id)s
    ),
    {recording}, {jobs}, {adding} {waking}
    """
).format(recording=sql.SQL(_RECORDING), jobs=_JOBS, adding=ADDING, waking=WAKING)
_QUEUE_DUE = sql.SQL(
    """
    WITH due AS (
        SELECT webhook_delivery_id FROM clarion.webhook_delivery
        WHERE status = 'Pending' AND NOT queued AND next_attempt_date <= clarion.now()
        ORDER BY next_attempt_date LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ),
    marked AS (
        UPDATE clarion.webhook_delivery AS d SET queued = true FROM due
        WHERE d.webhook_delivery_id = due.webhook_delivery_id
        RETURNING d.webhook_delivery_id AS delivery_id, d.webhook_id
    ),
    wanted AS (
        SELECT delivery_id, coalesce(line, 0) AS line FROM marked LEFT JOIN clarion.webhook USING (webhook_id)
    ),
    {jobs}, {adding}, woken AS ({waking})
    SELECT (SELECT count(*) FROM marked), (SELECT count(*) FROM woken)
    """
).format(jobs=_JOBS, adding=ADDING, waking=WAKING)
_QUEUE_AGAIN = sql.SQL(
    """
    WITH wanted AS (
        SELECT webhook_delivery_id AS delivery_id, line
        FROM clarion.webhook_delivery JOIN clarion.webhook USING (webhook_id)
        WHERE webhook_delivery_id = %(delivery_id)s AND NOT queued
    ),
    marked AS (
        UPDATE clarion.webhook_delivery
        SET status = 'Pending', failures = 0, queued = true, next_attempt_date = clarion.now()
        WHERE webhook_delivery_id = %(delivery_id)s
    ),
    {jobs}, {adding} {waking}
    """
).format(jobs=_JOBS, adding=ADDING, waking=WAKING)


async def record_event(
    conn: Conn,
    event: EventType,
    readers: Iterable[ScopeName],
    resource_id: str,
    account_id: str | None,
    path: str,
    changed: list[str],
    *,
    operators_only: bool,
) -> None:
    """Keep an event with a delivery and its job for each enabled endpoint that may and wants to know, in one statement;
    nothing is kept where there is none."""
    await execute(
        conn,
        _RECORD,
        {
            **_event(event, resource_id, account_id, path, changed),
            "moment": new_id("DLV")[:-16],
            "readers": [scope.value for scope in readers],
            "operators_only": operators_only,
        },
    )


async def record_test(conn: Conn, webhook: Webhook, path: str) -> str:
    """Keep a test event for one endpoint; the id of its delivery."""
    bound = _event(EventType.WEBHOOK_TEST, webhook.webhook_id, webhook.account_id, path, [])
    delivery_id = new_id("DLV")
    await execute(conn, _RECORD_FOR_ONE, {**bound, "delivery_id": delivery_id})
    return delivery_id


def _event(event: EventType, resource_id: str, account_id: str | None, path: str, changed: list[str]) -> dict[str, Any]:
    return {
        "event_id": new_id("msg").replace("-", "_"),
        "event_type": event.value,
        "resource_id": resource_id,
        "account_id": account_id,
        "path": path,
        "changed": changed,
        **adding(QUEUE, DELIVERY_JOB, _MAX_ATTEMPTS),
    }


async def queue_again(conn: Conn, delivery_id: str) -> None:
    """Begin the schedule of a delivery anew, now. One that is in the queue already stays there as it is."""
    await execute(conn, _QUEUE_AGAIN, {"delivery_id": delivery_id, **adding(QUEUE, DELIVERY_JOB, _MAX_ATTEMPTS)})


async def queue_due(conn: Conn, limit: int) -> int:
    """Put deliveries that are due into the queue, up to `limit`; how many there were."""
    [(queued, _)] = await tuples(conn, _QUEUE_DUE, {"limit": limit, **adding(QUEUE, DELIVERY_JOB, _MAX_ATTEMPTS)})
    return int(queued)
