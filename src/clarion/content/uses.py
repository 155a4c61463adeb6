"""What messages of all kinds make use of, so that nothing is deleted from under one that can still go out."""

from clarion.audience import service as audience
from clarion.base.errors import Conflict
from clarion.content.store import uses as store
from clarion.db.sql import Conn

_WORDS = {"message": "message", "inapp": "in-app", "alarm": "alarm", "inbox": "inbox message"}
_NAMED = 10


async def delete_segment(conn: Conn, app_id: int, segment_id: int) -> None:
    """Delete a segment that nothing names which can still be sent or shown.

    What was sent keeps its number without the segment. Raises NotFound, and Conflict with code `in_use`, which tells
    what names it.
    """
    segment = await audience.get_segment(conn, app_id, segment_id)
    using = await store.of_segment(conn, app_id, segment_id)
    if using:
        names = ", ".join(f"{_WORDS[kind]} {message_id}" for kind, message_id in using[:_NAMED])
        more = f" and {len(using) - _NAMED} more" if len(using) > _NAMED else ""
        raise Conflict(
            f"Segment {segment_id} ({segment.name}) is used by {names}{more}.",
            "Give them another audience, or delete them, first.",
            code="in_use",
        )
    await audience.delete_segment(conn, app_id, segment_id)
