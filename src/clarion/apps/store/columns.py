"""The SQL of the columns a company adds: their declarations, and the slots of the device table where they stand."""

from psycopg import sql

from clarion.apps.model import SQL_TYPES, Column, ColumnKind
from clarion.db.sql import Conn, app_schema, app_table, execute, tuples, value


def slot_column(slot: int) -> str:
    """The column of the device table that stands at a slot: `c<slot>`."""
    return f"c{slot}"


def _slot(slot: int) -> sql.Identifier:
    return sql.Identifier(slot_column(slot))


def _index_name(slot: int) -> str:
    return f"device_c{slot}"


async def lock_app(conn: Conn, app_id: int) -> None:
    """Changes of one application's scheme wait for each other until the transaction ends."""
    await execute(conn, "SELECT 1 FROM clarion.app WHERE id = %s FOR UPDATE", (app_id,))


async def own_columns(conn: Conn, app_id: int) -> list[Column]:
    """The columns the company declared, in the order of their declaration."""
    found = await tuples(
        conn,
        """
        SELECT name, slot, kind, indexed FROM clarion.app_column
        WHERE app_id = %s AND removed_at IS NULL ORDER BY created_at, slot
        """,
        (app_id,),
    )
    return [
        Column(name, slot_column(slot), ColumnKind(kind), indexed=indexed, standard=False)
        for name, slot, kind, indexed in found
    ]


async def free_slot(conn: Conn, app_id: int, kind: ColumnKind) -> int | None:
    """The lowest slot of this kind whose column was removed and has been emptied since."""
    found = await value(
        conn,
        """
        SELECT slot FROM clarion.app_column
        WHERE app_id = %s AND kind = %s AND removed_at IS NOT NULL AND emptied ORDER BY slot LIMIT 1
        """,
        (app_id, kind.value),
    )
    return None if found is None else int(found)


async def last_slot(conn: Conn, app_id: int) -> int:
    """The highest slot ever used, 0 when there is none."""
    return int(await value(conn, "SELECT coalesce(max(slot), 0) FROM clarion.app_column WHERE app_id = %s", (app_id,)))


async def put_column(conn: Conn, app_id: int, slot: int, name: str, kind: ColumnKind, indexed: bool) -> None:
    """Declare the column at a slot, new or recycled."""
    await execute(
        conn,
        """
        INSERT INTO clarion.app_column (app_id, slot, name, kind, indexed) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (app_id, slot) DO UPDATE
        SET name = excluded.name, indexed = excluded.indexed, index_ready = false,
            created_at = excluded.created_at, removed_at = NULL, emptied = false
        """,
        (app_id, slot, name, kind.value, indexed),
    )


async def remove_column(conn: Conn, app_id: int, name: str) -> int | None:
    """Mark a column as removed; its slot, or None when the company has no such column."""
    found = await value(
        conn,
        """
        UPDATE clarion.app_column SET removed_at = clarion.now()
        WHERE app_id = %s AND lower(name) = lower(%s) AND removed_at IS NULL RETURNING slot
        """,
        (app_id, name),
    )
    return None if found is None else int(found)


async def awaits_index(conn: Conn, app_id: int, slot: int) -> bool:
    """Whether the column at this slot is to be indexed and is not yet."""
    query = """
        SELECT EXISTS (SELECT FROM clarion.app_column
                       WHERE app_id = %s AND slot = %s AND indexed AND NOT index_ready AND removed_at IS NULL)
    """
    return bool(await value(conn, query, (app_id, slot)))


async def set_index_ready(conn: Conn, app_id: int, slot: int) -> None:
    """Record that the index of this slot stands."""
    await execute(
        conn,
        "UPDATE clarion.app_column SET index_ready = true WHERE app_id = %s AND slot = %s AND removed_at IS NULL",
        (app_id, slot),
    )


async def awaits_emptying(conn: Conn, app_id: int, slot: int) -> bool:
    """Whether the column at this slot was removed and still holds values."""
    query = """
        SELECT EXISTS (SELECT FROM clarion.app_column
                       WHERE app_id = %s AND slot = %s AND removed_at IS NOT NULL AND NOT emptied)
    """
    return bool(await value(conn, query, (app_id, slot)))


async def set_emptied(conn: Conn, app_id: int, slot: int) -> None:
    """Record that a removed column holds no value any more: its slot may be used again."""
    await execute(
        conn,
        """
        UPDATE clarion.app_column SET emptied = true, index_ready = false
        WHERE app_id = %s AND slot = %s AND removed_at IS NOT NULL
        """,
        (app_id, slot),
    )


async def add_device_column(conn: Conn, app_id: int, slot: int, kind: ColumnKind) -> None:
    """Add the column of a slot to the device table. Raises LockNotAvailable after 4 s of waiting for the table."""
    before = await value(conn, "SELECT current_setting('lock_timeout')")
    await execute(conn, "SET LOCAL lock_timeout = '4s'")
    await execute(
        conn,
        sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(app_table(app_id, "device"), _slot(slot), SQL_TYPES[kind]),
    )
    await execute(conn, "SELECT set_config('lock_timeout', %s, true)", (before,))


async def empty_device_column(conn: Conn, app_id: int, slot: int, after: int | None, size: int) -> int | None:
    """Unset a removed column on the next `size` devices above `after`; the last id touched, None at the end."""
    found = await value(
        conn,
        sql.SQL(
            """
            WITH piece AS (
                SELECT id FROM {device} WHERE {column} IS NOT NULL AND (%(after)s::bigint IS NULL OR id > %(after)s)
                ORDER BY id LIMIT %(size)s FOR UPDATE
            ), emptied AS (
                UPDATE {device} AS d SET {column} = NULL FROM piece WHERE d.id = piece.id RETURNING d.id
            )
            SELECT max(id) FROM emptied
            """
        ).format(device=app_table(app_id, "device"), column=_slot(slot)),
        {"after": after, "size": size},
    )
    return None if found is None else int(found)


async def index_is_valid(conn: Conn, app_id: int, slot: int) -> bool | None:
    """True when the slot's index stands, False for the INVALID leftover of a broken build, None when there is none."""
    found = await value(
        conn,
        """
        SELECT i.indisvalid FROM pg_index AS i
        JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'app_' || %s::integer AND c.relname = %s
        """,
        (app_id, _index_name(slot)),
    )
    return None if found is None else bool(found)


async def create_index(conn: Conn, app_id: int, slot: int) -> None:
    """Build the slot's index without blocking writers. Outside any transaction."""
    await execute(
        conn,
        sql.SQL("CREATE INDEX CONCURRENTLY {} ON {} ({})").format(
            sql.Identifier(_index_name(slot)), app_table(app_id, "device"), _slot(slot)
        ),
    )


async def drop_index(conn: Conn, app_id: int, slot: int) -> None:
    """Drop the slot's index, if any, without blocking writers. Outside any transaction."""
    await execute(
        conn,
        sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}.{}").format(
            app_schema(app_id), sql.Identifier(_index_name(slot))
        ),
    )


async def try_lock_slot(conn: Conn, app_id: int, slot: int) -> bool:
    """Take the session lock under which a slot's index is built or dropped; False when another process has it."""
    query = "SELECT pg_try_advisory_lock(hashtextextended('clarion.slot', %s::bigint * 65536 + %s))"
    return bool(await value(conn, query, (app_id, slot)))


async def unlock_slot(conn: Conn, app_id: int, slot: int) -> None:
    """Give the session lock back."""
    await execute(
        conn, "SELECT pg_advisory_unlock(hashtextextended('clarion.slot', %s::bigint * 65536 + %s))", (app_id, slot)
    )


async def try_lock_indexes(conn: Conn, app_id: int) -> bool:
    """Take the session lock under which indexes of an application come and go; False when another process has it.

    Two such statements on one table would wait for each other until PostgreSQL ends one of them.
    """
    query = "SELECT pg_try_advisory_lock(hashtextextended('clarion.indexes', %s::bigint))"
    return bool(await value(conn, query, (app_id,)))


async def unlock_indexes(conn: Conn, app_id: int) -> None:
    """Give the session lock back."""
    await execute(conn, "SELECT pg_advisory_unlock(hashtextextended('clarion.indexes', %s::bigint))", (app_id,))
