"""The SQL of marketing pressure."""

from psycopg.types.json import Jsonb

from clarion.apps.model import PressureRules
from clarion.db.sql import Conn, execute, row


async def find(conn: Conn, app_id: int) -> PressureRules | None:
    """The rules of an application; None when none were set."""
    query = "SELECT ceiling, quiet, zone FROM clarion.app_pressure WHERE app_id = %s"
    return await row(conn, query, (app_id,), of=PressureRules)


async def put(conn: Conn, app_id: int, rules: PressureRules) -> None:
    """Set or replace the rules."""
    await execute(
        conn,
        """
        INSERT INTO clarion.app_pressure (app_id, ceiling, quiet, zone) VALUES (%s, %s, %s, %s)
        ON CONFLICT (app_id) DO UPDATE
        SET ceiling = excluded.ceiling, quiet = excluded.quiet, zone = excluded.zone, updated_at = clarion.now()
        """,
        (app_id, rules.ceiling and Jsonb(rules.ceiling), Jsonb(rules.quiet), rules.zone),
    )
