"""The sender's handlers: planning jobs and chunk jobs, with what they share in one process."""

import asyncio
from datetime import datetime

from clarion.apps import service as apps
from clarion.apps.model import GatewayConfig
from clarion.base import clock
from clarion.base.errors import ConfigurationError
from clarion.base.sealing import Sealer
from clarion.base.telemetry import get_logger
from clarion.content.model import Guarantee
from clarion.db.pool import Database
from clarion.devices import service as devices
from clarion.queue import Handler, Lease, Retry
from clarion.results import ledger
from clarion.results.model import Outcome
from clarion.results.store import chunks
from clarion.sending import planning, store
from clarion.sending.chunk_run import ChunkRun
from clarion.sending.delivery import LONG_WAIT, Delivery, until_expiry
from clarion.sending.flow.watch import Watch
from clarion.sending.gateways_pool import GatewayPool, Lane, Opener
from clarion.sending.model import CHUNK_JOB, PLAN_JOB, Send, SendState
from clarion.sending.notifications import Notifications
from clarion.sending.prepared import Prepared, PreparedSends
from clarion.sending.pressure import Pressure
from clarion.sending.recording import Recorder
from clarion.sending.tally import NO_GATEWAY, Tally

log = get_logger(__name__)


class Sender:
    """Plans and delivers in one process. Give `handlers()` to a queue worker on queue `send`; end with `aclose`.

    `opener` opens gateways, with the permits that all senders of the installation share when it is left out.
    """

    def __init__(
        self, db: Database, sealer: Sealer, *, sizes: planning.Sizes | None = None, opener: Opener | None = None
    ) -> None:
        self._db = db
        self._sealer = sealer
        self._sizes = sizes
        self._watch = Watch(db)
        self._pool = GatewayPool(self._watch, opener)
        self._prepared = PreparedSends()

    def handlers(self) -> dict[str, Handler]:
        """By kind of job."""
        return {PLAN_JOB: self.plan, CHUNK_JOB: self.deliver}

    async def aclose(self) -> None:
        """Close the gateways."""
        await self._pool.aclose()
        await self._watch.aclose()

    async def plan(self, lease: Lease) -> None:
        """The handler of planning jobs."""
        await planning.plan(self._db, lease, self._sizes)

    async def deliver(self, lease: Lease) -> None:
        """The handler of chunk jobs.

        1. Load the send and the chunk. One that is closed already needs no work.
        2. At most once: an intent that was recorded by an earlier run is UNKNOWN from now on.
        3. A cancelled send, an application without usable gateway, a last attempt: the open devices end at once.
        4. Else read the open devices in one query and deliver them through the application's lane, under the marketing
           pressure that is on the send.
        5. Close the chunk: outcomes, counts, statistics and the end of the job in one transaction.
        """
        app_id, send_id, no = (int(lease.job.args[name]) for name in ("app", "send", "no"))
        async with self._db.connection() as conn:
            send = await store.find(conn, app_id, send_id)
            chunk = await chunks.load_chunk(conn, app_id, send_id, no)
            config = await apps.gateway_of(conn, self._sealer, app_id)
            if send is None or chunk is None or chunk.closed_at is not None:
                return
            prepared = await self._prepared.get(conn, app_id, send)
        run = ChunkRun(chunk, at_most_once=send.guarantee is Guarantee.AT_MOST_ONCE)
        tally = Tally(config.kind if config else NO_GATEWAY, chunk.outcomes, chunk.reasons)
        tally.claimed(at_most_once=run.at_most_once, begun=chunk.started_at is not None, died=lease.job.attempts > 1)
        recorder = Recorder(self._db, lease, app_id, send_id, tally)
        if send.state is SendState.CANCELLED:
            _end(run, Outcome.CANCELLED)
        elif send.state is SendState.PAUSED:
            _end_if_expired(run, send.expires_at)
        elif lease.job.attempts >= lease.job.max_attempts:
            _end(run, Outcome.REFUSED, "given up after repeated failures; see the log")
        elif config is None:
            _end(run, Outcome.REFUSED, "no_gateway")
        else:
            await self._through_gateway(app_id, send, config, prepared, run, recorder, lease)
        await recorder.close(run)

    async def _through_gateway(
        self,
        app_id: int,
        send: Send,
        config: GatewayConfig,
        prepared: Prepared,
        run: ChunkRun,
        recorder: Recorder,
        lease: Lease,
    ) -> None:
        renderer = prepared.renderer
        try:
            async with self._pool.lane(app_id, config) as lane:
                _wait_for_lane(lane, send.expires_at)
                if run.started_at is not None:
                    run.resumed((clock.now() - run.started_at).total_seconds())
                places = ledger.open_places(run.outcomes)
                ids = [run.chunk.device_ids[place] for place in places]
                async with self._db.connection() as conn:
                    pressure = await Pressure.on(conn, app_id, send)
                    columns = (*renderer.columns, *pressure.columns) if pressure else renderer.columns
                    rows = await devices.for_sending(conn, app_id, ids, columns)
                    notifications = Notifications(
                        app_id, send, renderer, await prepared.given(conn, app_id, send, run.chunk)
                    )
                with self._watch.following(app_id, send) as standing:
                    delivery = Delivery(send, notifications, run, lane, recorder, lease, standing, pressure)
                    await delivery.deliver(places, rows)
        except ConfigurationError as error:
            log.error("gateway_unusable", app=app_id, error=str(error))
            _end(run, Outcome.REFUSED, f"no_gateway: {error.message}")


def _wait_for_lane(lane: Lane, expires_at: datetime) -> None:
    """Do not even load the devices while the gateway asked for a long pause."""
    pause = lane.paused_until - asyncio.get_running_loop().time()
    left = until_expiry(expires_at)
    if pause > LONG_WAIT and left > LONG_WAIT:
        raise Retry(min(pause, left), "The gateway asked for a pause.", count=False)


def _end_if_expired(run: ChunkRun, expires_at: datetime) -> None:
    """What is paused waits, to the end of its time to live."""
    if clock.now() < expires_at:
        raise Retry(0.0, "The send is paused.", count=False)
    _end(run, Outcome.EXPIRED, "expired")


def _end(run: ChunkRun, outcome: Outcome, reason: str = "") -> None:
    for place in ledger.open_places(run.outcomes):
        run.settle(place, outcome, reason)
