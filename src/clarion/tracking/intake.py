"""The way in for reports of many devices: batches of an application that arrive together share a transaction."""

from collections.abc import Sequence

from clarion.db.batching import Batcher
from clarion.db.pool import Database
from clarion.tracking import service
from clarion.tracking.model import ChannelsOf, Recorded, Report

_TOGETHER = 2_000
"""Most reports of a transaction: it is short enough for others to wait for."""
_IN_HAND = 20_000
"""Most reports that a process holds unacknowledged; about 20 MB."""


class Intake:
    """Records batches of reports; one of these serves a process. `channels_of` as in `service.record`."""

    def __init__(self, db: Database, channels_of: ChannelsOf | None = None) -> None:
        self._db = db
        self._channels_of = channels_of
        self._batches: Batcher[int, Sequence[Report], Recorded] = Batcher(
            self._receive, most=_TOGETHER, in_hand=_IN_HAND, weigh=len
        )

    async def receive(self, app_id: int, reports: Sequence[Report]) -> Recorded:
        """Record a batch. When this returns, it is durable and may be acknowledged.

        Raises Busy when the process has more in hand than it should hold: the device keeps the batch.
        """
        if not reports:
            return Recorded(0, 0)
        return await self._batches.submit(app_id, reports)

    async def _receive(self, app_id: int, batches: Sequence[Sequence[Report]]) -> Sequence[Recorded]:
        return await service.receive(self._db, app_id, batches, self._channels_of)
