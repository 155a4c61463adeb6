"""Job kinds and timers, bound to the functions that do them."""

from datetime import timedelta

from clarion.apps import columns
from clarion.assembly.erasure import FORGET
from clarion.audience.lists import service as lists
from clarion.audience.lists import worker as lists_worker
from clarion.audience.long_counts import service as long_counts
from clarion.audience.long_counts import worker as long_counts_worker
from clarion.audience.snapshot import worker as snapshots
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.content.inbox import service as inbox
from clarion.db.pool import Database
from clarion.desk.cases import service as cases
from clarion.desk.invoices import overdue
from clarion.devices import purging
from clarion.devices.model import PurgeRule
from clarion.http.addresses import Targets
from clarion.http.outbound import Outbound
from clarion.identity import clients, replies, sessions
from clarion.identity import service as identity
from clarion.queue import Handler, Timer
from clarion.results import service as results
from clarion.sending import inbox as inbox_sending
from clarion.sending.schedules.runner import Runner
from clarion.sending.worker import Sender
from clarion.tracking import service as tracking
from clarion.webhooks import service as webhooks
from clarion.webhooks import worker as webhooks_worker
from clarion.webhooks.worker import Deliverer


def sender(db: Database, sealer: Sealer) -> Sender:
    """The handlers of queue `send`, with the gateways they share."""
    return Sender(db, sealer)


def deliverer(db: Database, sealer: Sealer, settings: Settings) -> Deliverer:
    """The handlers of queue `webhooks`, with the client they share. Raises ConfigurationError as `outbound`."""
    return Deliverer(db, sealer, outbound(settings), settings.address)


def outbound(settings: Settings) -> Outbound:
    """The client of webhooks. Raises ConfigurationError for settings of theirs that cannot be used."""
    targets = Targets(settings.webhook_networks)
    return Outbound(targets, timeout=webhooks_worker.TIMEOUT, authority=settings.webhook_ca)


def scheduler(db: Database) -> Runner:
    """Sends scheduled messages when they are due; every process may run one."""
    return Runner(db)


def handlers(db: Database, settings: Settings) -> dict[str, Handler]:
    """The handlers of queue `default`, by kind of job."""
    return {
        columns.BUILD_INDEX: columns.index_builder(db),
        columns.EMPTY_COLUMN: columns.column_emptier(db),
        long_counts.COUNT: long_counts_worker.counter(db),
        lists.TEND: lists_worker.tender(db),
        purging.PURGE: purging.purger(db, FORGET),
        snapshots.SNAPSHOT: snapshots.maker(db, settings.snapshots),
    }


def timers(db: Database, settings: Settings) -> list[Timer]:
    """What comes again by the clock, in one process of the installation each time."""

    async def partitions() -> None:
        await tracking.prepare_partitions(db)

    async def tokens() -> None:
        async with db.transaction() as conn:
            await identity.purge_tokens(conn)
            await sessions.purge(conn)

    async def clients_tokens() -> None:
        async with db.transaction() as conn:
            await clients.purge(conn)

    async def saved_replies() -> None:
        await replies.purge(db, timedelta(seconds=settings.reply_life))

    async def standings() -> None:
        await results.keep_standings(db)

    async def ledger() -> None:
        await results.drop_old(db)

    async def concerned_lists() -> None:
        await lists_worker.sweep(db)

    async def due_inboxes() -> None:
        await inbox_sending.give_due(db)

    async def old_inboxes() -> None:
        await inbox.drop_old(db)

    async def unused_devices() -> None:
        await purging.order(db, PurgeRule(settings.purge_days, settings.purge_bounces))

    async def unwanted_snapshots() -> None:
        await snapshots.drop_unwanted(db, settings.snapshots)

    async def old_counts() -> None:
        await long_counts_worker.drop_old(db)

    async def resolved_cases() -> None:
        if settings.case_closes_after_days:
            await cases.close_resolved(db, timedelta(days=settings.case_closes_after_days))

    async def overdue_invoices() -> None:
        await overdue.tell(db)

    async def due_deliveries() -> None:
        await webhooks.queue_due(db)

    async def old_deliveries() -> None:
        await webhooks.drop_old(db)

    return [
        Timer("audience.counts", long_counts_worker.EVERY, old_counts),
        Timer("audience.snapshots", snapshots.EVERY, unwanted_snapshots),
        Timer("desk.cases", cases.EVERY, resolved_cases),
        Timer("desk.overdue_invoices", overdue.EVERY, overdue_invoices),
        Timer("devices.purge", timedelta(days=1), unused_devices),
        Timer("lists.sweep", lists_worker.EVERY, concerned_lists),
        Timer("sending.inboxes", timedelta(seconds=5), due_inboxes),
        Timer("content.inboxes", timedelta(days=1), old_inboxes),
        Timer("results.drop_old", timedelta(days=1), ledger),
        Timer("results.keep_standings", timedelta(hours=4), standings),
        Timer("tracking.partitions", timedelta(hours=6), partitions),
        Timer("identity.tokens", timedelta(hours=1), tokens),
        Timer("identity.clients", timedelta(hours=1), clients_tokens),
        Timer("identity.replies", timedelta(hours=1), saved_replies),
        Timer("webhooks.due", webhooks_worker.EVERY, due_deliveries),
        Timer("webhooks.drop_old", timedelta(hours=4), old_deliveries),
    ]
