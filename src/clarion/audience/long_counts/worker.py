"""Does long counts: the handler of `audience.count` jobs, and a timer.

1. Read what is to be counted. A count that was cancelled, or that nobody watches, is deleted and done with.
2. Count in pieces, all of one moment, and write down after each how far it is.
3. Meanwhile look twice a second whether somebody still wants it; if not, PostgreSQL is told to stop at once.
4. Write down the number and acknowledge the job, in one transaction. A process that dies or stops before leaves the
   count to another one, which begins anew.
"""

import asyncio
from datetime import timedelta

from clarion.apps import service as apps
from clarion.audience import predicate as predicates
from clarion.audience.long_counts import store
from clarion.audience.long_counts.service import KEPT, UNWATCHED
from clarion.audience.model import Predicate
from clarion.audience.snapshot import service as counting
from clarion.audience.snapshot.service import Counted
from clarion.base.errors import Invalid
from clarion.base.telemetry import get_logger
from clarion.db.pool import Database
from clarion.queue import Handler, Lease, Retry

log = get_logger(__name__)

EVERY = timedelta(minutes=10)
_LOOK = 0.5


def counter(db: Database) -> Handler:
    """The handler of `audience.count` jobs."""

    async def run(lease: Lease) -> None:
        app_id, count_id = int(lease.job.args["app"]), int(lease.job.args["count"])
        lease.idle = True  # PostgreSQL works, this process waits
        async with db.connection() as conn:
            order = await store.order(conn, app_id, count_id)
            scheme = await apps.load_scheme(conn, app_id)
        counted, reason = None, None
        if order is not None:
            try:
                counted = await _watched(db, app_id, count_id, predicates.parse(order.predicate, scheme), lease)
            except Invalid as error:
                reason = f"The predicate does not fit the application any more: {error}"
            except Retry:
                raise
            except Exception:
                if lease.job.attempts < lease.job.max_attempts:
                    raise
                log.exception("count_failed", app_id=app_id, count=count_id)
                reason = "The server failed; its log tells why."
        async with db.transaction() as conn:
            await lease.acknowledge(conn)
            if counted is not None:
                await store.finish(conn, app_id, count_id, counted.count, counted.as_of)
            elif reason is not None:
                await store.fail(conn, app_id, count_id, reason)
            else:
                await store.delete(conn, app_id, count_id)

    return run


async def drop_old(db: Database) -> int:
    """Timer: delete the counts nobody has looked at for an hour; how many."""
    async with db.transaction() as conn:
        return await store.drop_old(conn, KEPT)


async def _watched(db: Database, app_id: int, count_id: int, predicate: Predicate, lease: Lease) -> Counted | None:
    """The count; None when nobody wants it any more. Retry when this process is to stop."""

    async def tell(done: int, total: int) -> None:
        async with db.connection() as conn:
            await store.advance(conn, app_id, count_id, min(1.0, done / max(1, total)))

    work = asyncio.create_task(counting.count(db, None, app_id, predicate, exact=True, least=0, progress=tell))
    try:
        while not work.done():
            if lease.lost or lease.stopping.is_set():
                raise Retry(0, "The process is stopping.", count=False)
            async with db.connection() as conn:
                if not await store.watched(conn, app_id, count_id, UNWATCHED):
                    log.info("count_given_up", app_id=app_id, count=count_id)
                    return None
            await asyncio.wait({work}, timeout=_LOOK)
        return work.result()
    finally:
        work.cancel()  # which cancels the statement
        await asyncio.gather(work, return_exceptions=True)
