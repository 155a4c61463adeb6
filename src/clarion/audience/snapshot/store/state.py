"""The SQL of `audience_snapshot`, and of evaluating text conditions on the words of a snapshot."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from psycopg import sql

from clarion.audience.compile import compile_predicate
from clarion.audience.model import Compare
from clarion.audience.snapshot.model import State
from clarion.db.sql import Conn, app_table, execute, row, value, values

_DEVICE_BYTES = 540


async def look(conn: Conn, app_id: int) -> State:
    """How an application stands. The number of devices is taken from the size of their table."""
    found = await row(
        conn,
        """
        SELECT pg_relation_size(%s::regclass) / %s AS devices, clarion.now() AS now,
               s.asked_at, s.place, s.epoch, s.generation, s.as_of
        FROM (SELECT %s::integer AS app_id) AS a LEFT JOIN clarion.audience_snapshot AS s ON s.app_id = a.app_id
        """,
        (app_table(app_id, "device").as_string(conn), _DEVICE_BYTES, app_id),
        of=State,
    )
    assert found is not None
    return found


async def moment(conn: Conn) -> datetime:
    """The moment of this transaction."""
    found: datetime = await value(conn, "SELECT clarion.now()")
    return found


async def ask(conn: Conn, app_id: int) -> None:
    """Somebody wants a snapshot of this application now."""
    await execute(
        conn,
        """
        INSERT INTO clarion.audience_snapshot (app_id, asked_at) VALUES (%s, clarion.now())
        ON CONFLICT (app_id) DO UPDATE SET asked_at = excluded.asked_at
        """,
        (app_id,),
    )


async def put(conn: Conn, app_id: int, place: str, epoch: str, generation: str) -> bool:
    """A generation stands for how things are in this transaction. False when nobody wants it any more."""
    return (
        await execute(
            conn,
            """
            UPDATE clarion.audience_snapshot SET place = %s, epoch = %s, generation = %s, as_of = clarion.now()
            WHERE app_id = %s
            """,
            (place, epoch, generation, app_id),
        )
        == 1
    )


async def remove(conn: Conn, app_id: int) -> None:
    """The application has no snapshot any more."""
    await execute(conn, "DELETE FROM clarion.audience_snapshot WHERE app_id = %s", (app_id,))


async def unwanted(conn: Conn, since: timedelta) -> list[int]:
    """The applications whose snapshot nobody asked for since then; all of them with a time of 0."""
    return await values(
        conn,
        "SELECT app_id FROM clarion.audience_snapshot WHERE asked_at <= clarion.now() - %s ORDER BY app_id",
        (since,),
    )


async def matching(conn: Conn, app_id: int, compare: Compare, words: Sequence[str]) -> list[int]:
    """The numbers, from 1 on, of the words for which a comparison of a text column holds: the very SQL that would judge
    the devices, so that case, order and patterns are the same."""
    condition = compile_predicate(app_id, compare)
    query = sql.SQL('SELECT d."no" FROM unnest(%(words)s::text[]) WITH ORDINALITY AS d ({}, "no") WHERE {}').format(
        sql.Identifier(compare.column.sql), condition.sql
    )
    return await values(conn, query, {**condition.params, "words": list(words)})
