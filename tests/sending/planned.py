"""Planning jobs run to their end in the test itself, one after the other."""

import asyncio

from clarion.db.pool import Database
from clarion.queue import Job, Lease
from clarion.queue.store import claim
from clarion.sending import planning
from clarion.sending.model import QUEUE
from clarion.sending.planning import Sizes


async def plan_all(database: Database, sizes: Sizes | None = None) -> int:
    """Plan every send that waits for it; how many."""
    planned = 0
    while True:
        async with database.connection() as conn:
            claimed = await claim(conn, [QUEUE], 1, 30.0)
        if not claimed:
            return planned
        lease = Lease(Job(*claimed[0]), asyncio.Event())
        assert lease.job.kind == "sending.plan"
        await planning.plan(database, lease, sizes)
        planned += 1
