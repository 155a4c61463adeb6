"""Durable work in PostgreSQL: jobs under leases, retries, dead letters, leaderless timers.

A job is inserted in the transaction of its cause and deleted in the transaction of its effect; between the two, any
process may take it, and a process that dies gives it back when its lease ends.
"""

from clarion.queue.model import Job, Lease, LeaseLost, Retry
from clarion.queue.service import put, put_many
from clarion.queue.timers import Timer, Timers
from clarion.queue.worker import Handler, Worker

__all__ = ["Handler", "Job", "Lease", "LeaseLost", "Retry", "Timer", "Timers", "Worker", "put", "put_many"]
