"""What clients were answered under their idempotency keys, so that a request that is repeated acts once (v2 section 8).

An answer is saved in the transaction of its effect: both are there, or neither. While one transaction works under a key
no other does, on whichever process.
"""

from datetime import timedelta
from typing import Final

from clarion.db.pool import Database
from clarion.db.sql import Conn
from clarion.identity.store import clients as store
from clarion.identity.store.clients import SavedReply

__all__ = ["LIFE", "SavedReply", "claim", "find", "purge", "save"]

LIFE: Final = timedelta(hours=24)
"""How long an answer is kept at the least, from the first request on (rule 8.9)."""
_PIECE: Final = 5_000


async def find(conn: Conn, key: bytes, life: timedelta = LIFE) -> SavedReply | None:
    """The answer saved under a key."""
    return await store.reply(conn, key, int(life.total_seconds()))


async def claim(conn: Conn, key: bytes) -> bool:
    """Whether this transaction may work under the key; False while another one does."""
    return await store.claim_key(conn, key)


async def save(conn: Conn, key: bytes, client_id: str, reply: SavedReply) -> None:
    """Save an answer in the transaction of its effect."""
    await store.save_reply(conn, key, client_id, reply)


async def purge(db: Database, life: timedelta = LIFE) -> None:
    """Timer: forget answers that are too old."""
    while True:
        async with db.transaction() as conn:
            if await store.delete_old_replies(conn, int(life.total_seconds()), _PIECE) < _PIECE:
                return
