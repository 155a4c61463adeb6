"""Recording what happened, in the transaction in which it happens (v2 rule 18.7)."""

from collections.abc import Sequence

from clarion.db.sql import Conn
from clarion.webhooks import store
from clarion.webhooks.model import EventType


async def record(
    conn: Conn, event: EventType, *, id: str, account_id: str | None, path: str, changed: Sequence[str] = ()
) -> None:
    """Something happened to the resource with this id, which is read at `path`: endpoints that subscribe to it are told
    if the caller's transaction commits, and never else. `changed` are the members that an update changed."""
    await store.insert_event(conn, event, id, account_id, path, list(changed))
