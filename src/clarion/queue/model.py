"""A job, the lease under which a worker holds it, and what a handler may say about it."""

import asyncio
import time
from typing import Any

from msgspec import Struct

from clarion.db.sql import Conn
from clarion.queue import store


class Job(Struct, frozen=True):
    """One piece of durable work. `args` is small JSON; `attempts` counts this run; `lease` names this claim of it."""

    id: int
    queue: str
    kind: str
    args: dict[str, Any]
    attempts: int
    max_attempts: int
    lease: int
    key: str | None = None
    owner: int = 0
    strand: int = 0


class Retry(Exception):
    """Raised by a handler: run the job again after `delay` seconds. With `count=False` no attempt is used up."""

    def __init__(self, delay: float, reason: str, *, count: bool = True) -> None:
        super().__init__(reason)
        self.delay = delay
        self.reason = reason
        self.count = count


class LeaseLost(Exception):
    """Another process may hold the job by now: whatever this one was about to record must be rolled back."""


class Lease:
    """A worker's hold on one job, for `seconds` at a time. The worker extends it while the handler runs.

    `lost` turns true when the job was taken by another process: stop at once and record nothing.
    `stopping` is set when the process drains: come to an end soon, or raise `Retry(0, ..., count=False)`.
    `wanted_back` turns true when others have waited long for the slot: begin nothing new, and raise the same once
    nothing is under way.
    `idle` is the handler's to set, while all it does is wait for somebody else: the worker may begin another job.
    """

    def __init__(self, job: Job, stopping: asyncio.Event, seconds: float = 30.0) -> None:
        self.job = job
        self.seconds = seconds
        self.stopping = stopping
        self.lost = False
        self.wanted_back = False
        self.idle = False
        self.began = time.monotonic()
        self.acknowledged = False

    async def acknowledge(self, conn: Conn) -> None:
        """Delete the job in the transaction of its effect. Raises LeaseLost when it is no longer ours."""
        self.told(held=await store.delete(conn, self.job.id, self.job.lease), acknowledged=True)

    def bound(self) -> dict[str, Any]:
        """The parameters of `HOLDING` and `ACKNOWLEDGING`, the steps by which a statement of another store confirms or
        acknowledges this lease in the same round trip; it tells the outcome to `told`."""
        return {"job_id": self.job.id, "job_lease": self.job.lease, "lease_seconds": self.seconds}

    def told(self, *, held: bool, acknowledged: bool = False) -> None:
        """What such a statement found. Raises LeaseLost when the job is no longer ours."""
        if not held:
            self.lost = True
            raise LeaseLost(f"job {self.job.id} ({self.job.kind})")
        self.acknowledged = self.acknowledged or acknowledged

    async def confirm(self, conn: Conn) -> None:
        """Extend the lease inside the caller's transaction, which locks the job until it ends: what is recorded in
        it is recorded by the holder. Raises LeaseLost when the job is no longer ours."""
        self.told(held=bool(await store.extend(conn, [self.job.id], [self.job.lease], self.seconds)))
