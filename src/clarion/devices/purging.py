"""Profiles that nobody uses any more are taken away: long not opened, and unreachable for the gateway (v1 rule 71).

Once a day each application gets a job, so that no timer waits for a large one. A job works in bounded parts, each found
in one look and deleted in small transactions, together with what other packages keep of the devices: they lend a
`Forget`, bound in `assembly`. What reports say of the past (targets, clicks, statistics) stays; a send under way counts
a purged device as gone.
"""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from clarion.apps import service as apps
from clarion.base.telemetry import get_logger
from clarion.db import retry
from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.devices.model import PurgeRule
from clarion.devices.store import purge as store
from clarion.queue import Handler, Lease, Retry, put_many

log = get_logger(__name__)

PURGE = "devices.purge"

Forget = Callable[[Conn, int, Sequence[int]], Awaitable[None]]
"""Deletes what a package keeps of devices (application, ids), in the transaction that deletes them."""

_PRIORITY = 200
_PART = 20_000
_PIECE = 1000


class Purged(Struct, frozen=True):
    """How many profiles a part took away, and whether there may be more."""

    devices: int
    more: bool


async def order(db: Database, rule: PurgeRule) -> None:
    """Timer: a job for every application that has none waiting. Nothing for a rule of 0 days."""
    if rule.days == 0:
        return
    async with db.transaction() as conn:
        found = await apps.list_apps(conn)
        await put_many(
            conn,
            PURGE,
            [{"app": app.id, "days": rule.days, "bounces": rule.bounces} for app in found],
            priority=_PRIORITY,
            keys=[f"{PURGE}:{app.id}" for app in found],
        )


def purger(db: Database, forget: Sequence[Forget]) -> Handler:
    """The handler of `devices.purge` jobs: one part, then the end of the queue again while there is more."""

    async def run(lease: Lease) -> None:
        args = lease.job.args
        rule = PurgeRule(int(args["days"]), int(args["bounces"]))
        purged = await purge_part(
            db, int(args["app"]), rule, forget, stop=lambda: lease.lost or lease.stopping.is_set()
        )
        if purged.devices:
            log.info("devices_purged", app_id=int(args["app"]), devices=purged.devices)
        if purged.more:
            raise Retry(0, "More profiles are to be purged.", count=False)

    return run


async def purge_part(
    db: Database,
    app_id: int,
    rule: PurgeRule,
    forget: Sequence[Forget],
    *,
    stop: Callable[[], bool] = lambda: False,
    report: Callable[[int], object] = lambda _: None,
) -> Purged:
    """Take away up to 20,000 profiles, 1,000 in a transaction, until `stop` says so; `report` hears of each thousand.

    Profiles that somebody writes at this moment are left for another day.
    """
    async with db.connection() as conn:
        found = await store.unused(conn, app_id, rule, _PART)
    purged = 0
    for start in range(0, len(found), _PIECE):
        if stop():
            return Purged(purged, more=True)
        piece = found[start : start + _PIECE]

        async def work(conn: Conn, piece: Sequence[int] = piece) -> int:
            gone = await store.delete(conn, app_id, rule, piece)
            if gone:
                await store.delete_tokens(conn, app_id, gone)
                for each in forget:
                    await each(conn, app_id, gone)
            return len(gone)

        gone = await retry.transact(db, work)
        purged += gone
        report(gone)
    return Purged(purged, more=len(found) == _PART and purged > 0)


async def count_unused(conn: Conn, app_id: int, rule: PurgeRule) -> int:
    """How many profiles the rule would take away now."""
    return await store.count(conn, app_id, rule)
