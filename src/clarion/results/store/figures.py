"""Sums over the chunks of sends that have not ended, for those who watch the installation."""

from collections.abc import Sequence

from msgspec import Struct

from clarion.db.sql import Conn, rows
from clarion.results.model import Counts


class OpenSums(Struct, frozen=True):
    """One send: devices planned in all its chunks, and the outcomes recorded in those that are still open."""

    app_id: int
    send_id: int
    planned: int
    delivered: int
    refused: int
    suppressed: int
    expired: int
    cancelled: int
    unknown: int

    @property
    def counts(self) -> Counts:
        return Counts(self.delivered, self.refused, self.suppressed, self.expired, self.cancelled, self.unknown)


async def open_sums(conn: Conn, sends: Sequence[tuple[int, int]]) -> list[OpenSums]:
    """By (application, send)."""
    return await rows(
        conn,
        """
        SELECT c.app_id, c.send_id, sum(c.size)::bigint AS planned,
               coalesce(sum(c.delivered) FILTER (WHERE c.closed_at IS NULL), 0)::bigint AS delivered,
               coalesce(sum(c.refused) FILTER (WHERE c.closed_at IS NULL), 0)::bigint AS refused,
               coalesce(sum(c.suppressed) FILTER (WHERE c.closed_at IS NULL), 0)::bigint AS suppressed,
               coalesce(sum(c.expired) FILTER (WHERE c.closed_at IS NULL), 0)::bigint AS expired,
               coalesce(sum(c.cancelled) FILTER (WHERE c.closed_at IS NULL), 0)::bigint AS cancelled,
               coalesce(sum(c.unknown) FILTER (WHERE c.closed_at IS NULL), 0)::bigint AS unknown
        FROM unnest(%s::integer[], %s::bigint[]) AS s (app_id, send_id)
        JOIN clarion.send_chunk AS c ON c.app_id = s.app_id AND c.send_id = s.send_id
        GROUP BY c.app_id, c.send_id
        """,
        ([app_id for app_id, _ in sends], [send_id for _, send_id in sends]),
        of=OpenSums,
    )
