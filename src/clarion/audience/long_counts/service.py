"""Rules of long counts: who waits gets the number at once where it takes a moment, else a count to look at.

A count that nobody has looked at for a minute is given up; one that is done is kept for an hour after the last look.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from clarion.apps.model import Scheme
from clarion.audience import predicate as predicates
from clarion.audience.long_counts import store
from clarion.audience.long_counts.model import LongCount
from clarion.audience.snapshot import service as counting
from clarion.audience.snapshot.service import Counted
from clarion.base.errors import NotFound
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.queue import put
from clarion.queue.lines import Line

COUNT = "audience.count"
UNWATCHED = timedelta(minutes=1)
KEPT = timedelta(hours=1)

_PRIORITY = 50
"""Somebody watches."""
_ATTEMPTS = 5


async def count(
    db: Database, folder: Path | None, app_id: int, scheme: Scheme, document: Any, *, exact: bool, within: float
) -> Counted | int:
    """How many devices a predicate, in its JSON form, holds for; the id of a long count when SQL does not tell that
    `within` seconds. Arguments otherwise as of `counting.count`. Raises Invalid for a predicate that reads wrong."""
    predicate = predicates.parse(document, scheme)
    try:
        return await counting.count(db, folder, app_id, predicate, exact=exact, within=within)
    except counting.TooSlow:
        async with db.transaction() as conn:
            return await begin(conn, app_id, document)


async def begin(conn: Conn, app_id: int, document: Any) -> int:
    """Have a predicate counted by a job, once the caller's transaction commits; the id of the count."""
    count_id = await store.insert(conn, app_id, document)
    job = {"app": app_id, "count": count_id}
    await put(conn, COUNT, job, priority=_PRIORITY, max_attempts=_ATTEMPTS, line=Line(app_id))
    return count_id


async def look(conn: Conn, app_id: int, count_id: int) -> LongCount:
    """How a count stands. Looking keeps it going. Raises NotFound, also for one that was given up."""
    found = await store.look(conn, app_id, count_id)
    if found is None:
        raise NotFound(f"This application has no count {count_id} any more; ask anew.")
    return found


async def cancel(conn: Conn, app_id: int, count_id: int) -> None:
    """Give a count up, or forget its number. Raises NotFound."""
    if not await store.delete(conn, app_id, count_id):
        raise NotFound(f"This application has no count {count_id} any more.")
