"""The sums of all sends by kind, over every application (each row carries its `app_id`): the operator's view.

To be read in one snapshot with the open chunks (`results.store.figures`): a chunk that closes between the two would
be counted twice or not at all.
"""

from msgspec import Struct

from clarion.db.sql import Conn, rows
from clarion.results.model import Counts
from clarion.sending.model import SendKind


class Sums(Struct, frozen=True):
    """Sends of one kind in one application. `audience` counts those that are frozen; outcomes are of closed chunks."""

    app_id: int
    kind: SendKind
    sends: int
    open: int
    audience: int
    delivered: int
    refused: int
    suppressed: int
    expired: int
    cancelled: int
    unknown: int

    @property
    def counts(self) -> Counts:
        return Counts(self.delivered, self.refused, self.suppressed, self.expired, self.cancelled, self.unknown)


class OpenSend(Struct, frozen=True):
    """A send that has not ended."""

    app_id: int
    id: int
    kind: SendKind
    frozen: bool


async def sums(conn: Conn) -> list[Sums]:
    """Every application's sends by kind: however many have ended, only those that have not are read one by one."""
    return await rows(
        conn,
        """
        WITH told AS (
            SELECT app_id, kind, sends, 0 AS open, audience, delivered, refused, suppressed, expired, cancelled, unknown
            FROM clarion.ended_sends
            UNION ALL
            SELECT app_id, kind, 1, 1, coalesce(audience, 0), delivered, refused, suppressed, expired, cancelled,
                   unknown
            FROM clarion.send WHERE closed_at IS NULL
        )
        SELECT app_id, kind, sum(sends)::bigint AS sends, sum(open)::bigint AS open,
               sum(audience)::bigint AS audience, sum(delivered)::bigint AS delivered, sum(refused)::bigint AS refused,
               sum(suppressed)::bigint AS suppressed, sum(expired)::bigint AS expired,
               sum(cancelled)::bigint AS cancelled, sum(unknown)::bigint AS unknown
        FROM told GROUP BY app_id, kind
        """,
        of=Sums,
    )


async def open_sends(conn: Conn) -> list[OpenSend]:
    """The sends that have not ended, of every application."""
    return await rows(
        conn,
        "SELECT app_id, id, kind, frozen_at IS NOT NULL AS frozen FROM clarion.send WHERE closed_at IS NULL",
        of=OpenSend,
    )
