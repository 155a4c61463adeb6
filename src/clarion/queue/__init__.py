"""Durable work in PostgreSQL: jobs under leases, retries, dead letters, leaderless timers.

A job is inserted in the transaction of its cause and deleted in the transaction of its effect; between the two, any
process may take it, and a process that dies gives it back when its lease ends.
"""

from clarion.queue.lines import Line
from clarion.queue.model import Job, Lease, LeaseLost, Retry
from clarion.queue.service import hold, put, put_many, release
from clarion.queue.timers import Timer, Timers
from clarion.queue.worker import Handler, Worker

__all__ = [
    "Handler",
    "Job",
    "Lease",
    "LeaseLost",
    "Line",
    "Retry",
    "Timer",
    "Timers",
    "Worker",
    "hold",
    "put",
    "put_many",
    "release",
]
