"""How SQL finds a device by its push token, as a piece of somebody else's statement."""

from psycopg import sql

_HOLDERS = sql.SQL("SELECT p.device_id FROM clarion.push_token AS p WHERE p.app_id = {app_id} AND p.digest = {digest}")


def holders(app_id: sql.Composable, digest: sql.Composable) -> sql.Composed:
    """`SELECT` of the device that holds the token of this digest; `ANY(...)` of digests gives several."""
    return _HOLDERS.format(app_id=app_id, digest=digest)
