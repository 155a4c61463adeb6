"""The SQL of segments and static lists, and of reading an audience."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.audience.compile import Condition
from clarion.audience.model import Segment, StaticList
from clarion.db.sql import Conn, app_table, rows, value, values


def selection(app_id: int, condition: Condition) -> Condition:
    """`SELECT d.id ...` of the devices that meet the condition, unordered."""
    return Condition(
        sql.SQL("SELECT d.id FROM {} AS d WHERE {}").format(app_table(app_id, "device"), condition.sql),
        condition.params,
    )


async def count(conn: Conn, app_id: int, condition: Condition) -> int:
    """How many devices meet the condition now."""
    query = sql.SQL("SELECT count(*) FROM {} AS d WHERE {}").format(app_table(app_id, "device"), condition.sql)
    return int(await value(conn, query, condition.params))


async def piece(conn: Conn, app_id: int, condition: Condition, after: int, size: int) -> list[int]:
    """The next `size` device ids above `after` that meet the condition, ascending."""
    query = sql.SQL("SELECT d.id FROM {} AS d WHERE d.id > {} AND {} ORDER BY d.id LIMIT {}").format(
        app_table(app_id, "device"), sql.Placeholder("after"), condition.sql, sql.Placeholder("size")
    )
    return await values(conn, query, {**condition.params, "after": after, "size": size})


async def insert_segment(conn: Conn, app_id: int, name: str, predicate: Any, test: bool) -> int | None:
    """The id of the new segment; None when the name is taken."""
    found = await value(
        conn,
        """
        INSERT INTO clarion.segment (app_id, name, predicate, test) VALUES (%s, %s, %s, %s)
        ON CONFLICT (app_id, lower(name)) DO NOTHING RETURNING id
        """,
        (app_id, name, Jsonb(predicate), test),
    )
    return None if found is None else int(found)


async def segments(conn: Conn, app_id: int, ids: Sequence[int] | None) -> list[Segment]:
    """The segments with these ids, or all of the application, by ascending id."""
    return await rows(
        conn,
        """
        SELECT id, name, predicate, test FROM clarion.segment
        WHERE app_id = %s AND (%s::bigint[] IS NULL OR id = ANY(%s::bigint[])) ORDER BY id
        """,
        (app_id, None if ids is None else list(ids), None if ids is None else list(ids)),
        of=Segment,
    )


async def insert_list(conn: Conn, app_id: int, name: str, external_id: str | None) -> int:
    """The id of a new static list."""
    return int(
        await value(
            conn,
            "INSERT INTO clarion.static_list (app_id, name, external_id) VALUES (%s, %s, %s) RETURNING id",
            (app_id, name, external_id),
        )
    )


async def static_lists(
    conn: Conn, app_id: int, ids: Sequence[int], external_ids: Sequence[str] = ()
) -> list[StaticList]:
    """The static lists with these ids, or that integrators know by these texts, by ascending id."""
    return await rows(
        conn,
        """
        SELECT id, name, external_id FROM clarion.static_list
        WHERE app_id = %s AND (id = ANY(%s::bigint[]) OR external_id = ANY(%s::text[])) ORDER BY id
        """,
        (app_id, list(ids), list(external_ids)),
        of=StaticList,
    )
