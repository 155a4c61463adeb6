"""The SQL of following an application's devices: triggers note the ids of those that change, in their transaction.

They exist while the application has a snapshot, so that others pay nothing. What they note is unlogged: a crash of the
server loses it together with the epoch beside it, by which the loss is seen.
"""

from typing import LiteralString

from psycopg import sql

from clarion.db.sql import Conn, app_schema, app_table, execute, value, values

_TRIGGERS: tuple[tuple[LiteralString, LiteralString], ...] = (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
_NOTE = """
    CREATE OR REPLACE FUNCTION {schema}.note_device_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO {schema}.device_change (id) SELECT id FROM changed;
        RETURN NULL;
    END $$
"""


async def follow(conn: Conn, app_id: int, epoch: str) -> None:
    """From the commit of this transaction on, every change is noted; what was noted before is forgotten.

    Waits for transactions that are writing devices. Raises LockNotAvailable after 4 s of it.
    """
    schema = app_schema(app_id)
    await execute(conn, "SET LOCAL lock_timeout = '4s'")
    await execute(
        conn, sql.SQL("CREATE UNLOGGED TABLE IF NOT EXISTS {}.device_change (id bigint NOT NULL)").format(schema)
    )
    await execute(
        conn,
        sql.SQL("CREATE UNLOGGED TABLE IF NOT EXISTS {}.device_change_epoch (epoch text NOT NULL)").format(schema),
    )
    await execute(conn, sql.SQL(_NOTE).format(schema=schema))
    for event, rows in _TRIGGERS:
        await execute(
            conn,
            sql.SQL(
                """
                CREATE OR REPLACE TRIGGER {name} AFTER {event} ON {device}
                REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION {schema}.note_device_change()
                """
            ).format(
                name=sql.Identifier(f"device_change_{event.lower()}"),
                event=sql.SQL(event),
                rows=sql.SQL(rows),
                device=app_table(app_id, "device"),
                schema=schema,
            ),
        )
    await execute(conn, sql.SQL("TRUNCATE {0}.device_change, {0}.device_change_epoch").format(schema))
    await execute(conn, sql.SQL("INSERT INTO {}.device_change_epoch (epoch) VALUES (%s)").format(schema), (epoch,))


async def leave(conn: Conn, app_id: int) -> None:
    """Note no more changes and forget those noted. Raises LockNotAvailable after 4 s of waiting for writers."""
    schema = app_schema(app_id)
    await execute(conn, "SET LOCAL lock_timeout = '4s'")
    await execute(conn, sql.SQL("DROP FUNCTION IF EXISTS {}.note_device_change() CASCADE").format(schema))
    await execute(
        conn, sql.SQL("DROP TABLE IF EXISTS {schema}.device_change, {schema}.device_change_epoch").format(schema=schema)
    )


async def epoch(conn: Conn, app_id: int) -> str | None:
    """Since which epoch changes are noted without a gap; None when they are not."""
    there = await value(conn, "SELECT to_regclass(%s)", (f"app_{app_id}.device_change_epoch",))
    if there is None:
        return None
    found: str | None = await value(
        conn, sql.SQL("SELECT epoch FROM {}.device_change_epoch").format(app_schema(app_id))
    )
    return found


async def noted(conn: Conn, app_id: int) -> list[int]:
    """The devices that have changed, each once."""
    return await values(conn, sql.SQL("SELECT DISTINCT id FROM {}.device_change").format(app_schema(app_id)))


async def pile(conn: Conn, app_id: int) -> int:
    """About how many changes are noted, by the size of their table."""
    size = await value(conn, "SELECT pg_relation_size(to_regclass(%s))", (f"app_{app_id}.device_change",))
    return int(size or 0) // 36


async def forget(conn: Conn, app_id: int) -> None:
    """Take away the changes that this transaction sees; at repeatable read those that `noted` gave."""
    await execute(conn, sql.SQL("DELETE FROM {}.device_change").format(app_schema(app_id)))


async def filenode(conn: Conn, app_id: int) -> int:
    """Which file the device table is in: another one after it was rewritten as a whole (VACUUM FULL, CLUSTER)."""
    name = app_table(app_id, "device").as_string(conn)
    return int(await value(conn, "SELECT pg_relation_filenode(%s::regclass)", (name,)))
