"""What was recorded for webhooks, as tests look at it."""

from clarion.db.pool import Database
from clarion.db.sql import tuples


async def recorded(database: Database) -> list[tuple[str, str, str | None, str, list[str]]]:
    """(type, id, account, path, changed members) of every event, in the order of their recording."""
    query = "SELECT event_type, resource_id, account_id, path, changed FROM clarion.webhook_event ORDER BY event_id"
    async with database.connection() as conn:
        return [tuple(found) for found in await tuples(conn, query)]
