"""Job kinds and timers, bound to the functions that do them."""

from datetime import timedelta
from functools import partial

from clarion.apps import columns
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db.pool import Database
from clarion.identity import service as identity
from clarion.queue import Handler, Timer
from clarion.results import service as results
from clarion.sending.gateways_pool import open_from
from clarion.sending.worker import Sender
from clarion.tracking import service as tracking


def sender(db: Database, sealer: Sealer, settings: Settings) -> Sender:
    """The handlers of queue `send`, with the gateways they share; the senders of an installation share FCM's quota."""
    return Sender(db, sealer, opener=partial(open_from, share=1 / max(1, settings.senders)))


def handlers(db: Database) -> dict[str, Handler]:
    """The handlers of queue `default`, by kind of job."""
    return {
        columns.BUILD_INDEX: columns.index_builder(db),
        columns.EMPTY_COLUMN: columns.column_emptier(db),
    }


def timers(db: Database) -> list[Timer]:
    """What comes again by the clock, in one process of the installation each time."""

    async def partitions() -> None:
        await tracking.prepare_partitions(db)

    async def tokens() -> None:
        async with db.transaction() as conn:
            await identity.purge_tokens(conn)

    async def standings() -> None:
        await results.keep_standings(db)

    async def ledger() -> None:
        await results.drop_old(db)

    return [
        Timer("results.drop_old", timedelta(days=1), ledger),
        Timer("results.keep_standings", timedelta(hours=4), standings),
        Timer("tracking.partitions", timedelta(hours=6), partitions),
        Timer("identity.tokens", timedelta(hours=1), tokens),
    ]
