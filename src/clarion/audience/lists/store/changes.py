"""The SQL of changes that wait to be applied, in the order of their sequence, list by list."""

from collections.abc import Sequence

from psycopg import sql

from clarion.audience.lists.model import Batch, Change
from clarion.audience.lists.store.members import Users
from clarion.db.sql import Conn, execute, row, tuples, value

_GATE = "hashtextextended('clarion.list_change:' || %s || ':' || %s, 0)"


async def add(conn: Conn, app_id: int, list_id: int, batches: Sequence[Batch], *, remove: bool) -> None:
    """Queue batches in this order. The gate of the list stays open until the transaction ends (see `try_shut`)."""
    await execute(conn, f"SELECT pg_advisory_xact_lock_shared({_GATE})", (app_id, list_id))
    async with conn.cursor() as cursor:
        await cursor.executemany(
            """
            INSERT INTO clarion.list_change (app_id, list_id, remove, fields, size, users)
            VALUES (%s, %s, %s, %s, %s, %s)
            """,
            [(app_id, list_id, remove, list(batch.fields), batch.size, batch.users) for batch in batches],
        )


async def try_shut(conn: Conn, app_id: int, list_id: int) -> bool:
    """Whether nobody adds changes to the list at this moment; if so, who wants to waits until the transaction ends."""
    return bool(await value(conn, f"SELECT pg_try_advisory_xact_lock({_GATE})", (app_id, list_id)))


async def oldest(conn: Conn, app_id: int, list_id: int) -> Change | None:
    """The change to be applied next."""
    return await row(
        conn,
        """
        SELECT seq, remove, fields, step, devices FROM clarion.list_change
        WHERE app_id = %s AND list_id = %s ORDER BY seq LIMIT 1
        """,
        (app_id, list_id),
        of=Change,
    )


def users_of(app_id: int, list_id: int, seq: int) -> Users:
    """The users of a change, for `members`: they stay in the database."""
    return Users(
        sql.SQL(
            "(SELECT users FROM clarion.list_change"
            " WHERE app_id = %(app_id)s AND list_id = %(list_id)s AND seq = %(seq)s)"
        ),
        {"app_id": app_id, "list_id": list_id, "seq": seq},
    )


async def advance(conn: Conn, app_id: int, list_id: int, seq: int, step: int, devices: int) -> None:
    """Note how far a change is applied."""
    await execute(
        conn,
        """
        UPDATE clarion.list_change SET step = %s, devices = %s WHERE app_id = %s AND list_id = %s AND seq = %s
        """,
        (step, devices, app_id, list_id, seq),
    )


async def delete(conn: Conn, app_id: int, list_id: int, seq: int) -> None:
    """Drop a change that is applied."""
    await execute(
        conn, "DELETE FROM clarion.list_change WHERE app_id = %s AND list_id = %s AND seq = %s", (app_id, list_id, seq)
    )


async def waiting(conn: Conn, app_id: int, list_id: int) -> int:
    """How many users the waiting changes of a list hold."""
    return int(
        await value(
            conn,
            "SELECT coalesce(sum(size), 0) FROM clarion.list_change WHERE app_id = %s AND list_id = %s",
            (app_id, list_id),
        )
    )


async def lists_concerned(conn: Conn) -> list[tuple[int, int]]:
    """Application and list of all changes that wait."""
    found = await tuples(conn, "SELECT DISTINCT app_id, list_id FROM clarion.list_change ORDER BY app_id, list_id")
    return [(app_id, list_id) for app_id, list_id in found]
