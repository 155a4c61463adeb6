"""The SQL of `webhook_event`."""

from clarion.base.ids import new_id
from clarion.db.sql import Conn, execute
from clarion.webhooks.model import EventType


async def insert_event(
    conn: Conn, event: EventType, resource_id: str, account_id: str | None, path: str, changed: list[str]
) -> None:
    """Keep an event."""
    await execute(
        conn,
        """
        INSERT INTO clarion.webhook_event (event_id, account_id, event_type, resource_id, path, changed)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (new_id("msg").replace("-", "_"), account_id, event.value, resource_id, path, changed),
    )
