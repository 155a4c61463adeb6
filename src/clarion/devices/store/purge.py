"""The SQL of taking profiles away: which nobody uses any more, and what the device package itself keeps of them."""

from collections.abc import Sequence

from psycopg import sql

from clarion.db.sql import Conn, app_table, execute, value, values
from clarion.devices.model import PurgeRule

# A profile that was never opened is as old as itself.
_UNUSED = sql.SQL(
    """
    d.feedback > %(bounces)s AND coalesce(d.lastopen, d.firstopen, d.created_at)
        <= (SELECT clarion.now()) - make_interval(days => %(days)s)
    """
)


async def unused(conn: Conn, app_id: int, rule: PurgeRule, limit: int) -> list[int]:
    """Up to `limit` devices that the rule means, in no order. Reads the table until it has found so many."""
    query = sql.SQL("SELECT d.id FROM {} AS d WHERE {} LIMIT %(limit)s").format(app_table(app_id, "device"), _UNUSED)
    return await values(conn, query, {"days": rule.days, "bounces": rule.bounces, "limit": limit})


async def count(conn: Conn, app_id: int, rule: PurgeRule) -> int:
    """How many devices the rule means. Reads the whole table."""
    query = sql.SQL("SELECT count(*) FROM {} AS d WHERE {}").format(app_table(app_id, "device"), _UNUSED)
    return int(await value(conn, query, {"days": rule.days, "bounces": rule.bounces}))


async def delete(conn: Conn, app_id: int, rule: PurgeRule, ids: Sequence[int]) -> list[int]:
    """Delete those of these devices that the rule means now and that nobody else is writing; their ids."""
    query = sql.SQL(
        """
        WITH purged AS (
            SELECT d.id FROM {device} AS d WHERE d.id = ANY(%(ids)s) AND {unused}
            ORDER BY d.id FOR UPDATE SKIP LOCKED
        )
        DELETE FROM {device} AS d USING purged WHERE d.id = purged.id RETURNING d.id
        """
    ).format(device=app_table(app_id, "device"), unused=_UNUSED)
    return await values(conn, query, {"ids": list(ids), "days": rule.days, "bounces": rule.bounces})


async def delete_tokens(conn: Conn, app_id: int, ids: Sequence[int]) -> None:
    """Take the tokens of devices that are gone out of `push_token`."""
    await execute(conn, "DELETE FROM clarion.push_token WHERE app_id = %s AND device_id = ANY(%s)", (app_id, list(ids)))
