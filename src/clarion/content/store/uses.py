"""The SQL of what names a segment: messages still to be sent, in-apps and alarms, inbox messages still to be given."""

from clarion.db.sql import Conn, tuples


async def of_segment(conn: Conn, app_id: int, segment_id: int) -> list[tuple[str, int]]:
    """(kind, id) of everything that can still be sent or shown and names the segment, by id."""
    found = await tuples(
        conn,
        """
        SELECT 'message' AS kind, id FROM clarion.message
        WHERE app_id = %(app_id)s AND state IN ('draft', 'scheduled', 'sending')
          AND %(segment_id)s::bigint = ANY(test_segments || campaign_segments)
        UNION ALL
        SELECT kind, id FROM clarion.triggered_message
        WHERE app_id = %(app_id)s AND %(segment_id)s::bigint = ANY(test_segments || campaign_segments)
        UNION ALL
        SELECT 'inbox', id FROM clarion.inbox_message
        WHERE app_id = %(app_id)s AND send_id IS NULL
          AND %(segment_id)s::bigint = ANY(test_segments || campaign_segments)
        ORDER BY id
        """,
        {"app_id": app_id, "segment_id": segment_id},
    )
    return [(kind, message_id) for kind, message_id in found]
