"""Telling of invoices that have become overdue: once for each due date, on the day after it in the zone of the account
(v2 rules 17.1, 18.7).

That an invoice is overdue follows from the clock whenever it is read; only the event needs somebody to look. A due date
that is put off and passes again is told again.
"""

from datetime import timedelta
from typing import Final

from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.desk.invoices import store
from clarion.webhooks import service as webhooks
from clarion.webhooks.model import EventType

EVERY: Final = timedelta(minutes=1)
_AT_ONCE: Final = 500


async def tell(db: Database, at_once: int = _AT_ONCE) -> int:
    """Record an event for every invoice that has become overdue; how many there were. `at_once` share a transaction."""
    told = 0
    while True:
        taken = await retry.transact(db, lambda conn: _tell_some(conn, at_once), pipelined=True)
        told += taken
        if taken < at_once:
            return told


async def _tell_some(conn: Conn, at_once: int) -> int:
    taken = await store.take_overdue(conn, at_once)
    for invoice_id, account_id in taken:
        await webhooks.record(
            conn,
            EventType.INVOICE_OVERDUE,
            id=invoice_id,
            account_id=account_id,
            path=f"/v2/invoices/{invoice_id}",
            changed=["isOverdue"],
        )
    return len(taken)
