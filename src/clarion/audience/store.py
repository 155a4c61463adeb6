"""The SQL of segments, and of reading an audience."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from clarion.audience.compile import Condition, gathered_table
from clarion.audience.model import Segment
from clarion.db.sql import Conn, app_table, execute, rows, tuples, value, values


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


async def give_room(conn: Conn, within: float | None, *, alone: bool = False) -> None:
    """For the rest of this transaction: memory for sets of devices, at most `within` seconds for a statement, and no
    parallel workers where it is to run `alone`: each of them would add up the same events anew."""
    await execute(conn, "SET LOCAL work_mem = '64MB'")
    if alone:
        await execute(conn, "SET LOCAL max_parallel_workers_per_gather = 0")
    if within is not None:
        await execute(conn, "SELECT set_config('statement_timeout', %s, true)", (f"{max(1, round(within * 1000))}ms",))


async def gather(conn: Conn, number: int, devices: Condition) -> None:
    """Put the device ids that a `SELECT` gives into a table that lives as long as this transaction, each once. Its key
    lets every piece of the devices look up its own, rather than read the whole set."""
    table = gathered_table(number)
    await execute(conn, sql.SQL("CREATE TEMPORARY TABLE {} (device_id bigint NOT NULL) ON COMMIT DROP").format(table))
    query = sql.SQL("INSERT INTO {} SELECT DISTINCT s.device_id FROM ({}) AS s ORDER BY s.device_id")
    await execute(conn, query.format(table, devices.sql), devices.params)
    await execute(conn, sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (device_id)").format(table))
    await execute(conn, sql.SQL("ANALYZE {}").format(table))


async def pages(conn: Conn, app_id: int) -> int:
    """How many pages the device table has."""
    query = "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::bigint"
    return int(await value(conn, query, (app_table(app_id, "device").as_string(conn),)))


async def count_pages(conn: Conn, app_id: int, condition: Condition, first: int, before: int) -> int:
    """How many devices on the pages from `first` to before `before` meet the condition."""
    query = sql.SQL("SELECT count(*) FROM {} AS d WHERE d.ctid >= {}::tid AND d.ctid < {}::tid AND {}").format(
        app_table(app_id, "device"), sql.Placeholder("first"), sql.Placeholder("before"), condition.sql
    )
    params = {**condition.params, "first": f"({first},0)", "before": f"({before},0)"}
    return int(await value(conn, query, params))


async def met(conn: Conn, app_id: int, condition: Condition, device_id: int) -> list[bool] | None:
    """What a `boolean[]` condition tells of one device; None when there is no such device."""
    query = sql.SQL("SELECT {} FROM {} AS d WHERE d.id = {}").format(
        condition.sql, app_table(app_id, "device"), sql.Placeholder("device_id")
    )
    found: list[bool] | None = await value(conn, query, {**condition.params, "device_id": device_id})
    return found


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


async def update_segment(conn: Conn, app_id: int, segment_id: int, name: str, predicate: Any, test: bool) -> bool:
    """Replace a segment. False when another one has the name; the transaction is then lost."""
    try:
        await execute(
            conn,
            "UPDATE clarion.segment SET name = %s, predicate = %s, test = %s WHERE app_id = %s AND id = %s",
            (name, Jsonb(predicate), test, app_id, segment_id),
        )
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def delete_segment(conn: Conn, app_id: int, segment_id: int) -> bool:
    """Delete a segment; False when there is none."""
    return await execute(conn, "DELETE FROM clarion.segment WHERE app_id = %s AND id = %s", (app_id, segment_id)) == 1


async def page_of_segments(conn: Conn, app_id: int, after: int | None, limit: int) -> list[Segment]:
    """Segments with an id above `after`, ascending."""
    return await rows(
        conn,
        """
        SELECT id, name, predicate, test FROM clarion.segment
        WHERE app_id = %(app_id)s AND (%(after)s::bigint IS NULL OR id > %(after)s) ORDER BY id LIMIT %(limit)s
        """,
        {"app_id": app_id, "after": after, "limit": limit},
        of=Segment,
    )


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


async def list_values(
    conn: Conn, app_id: int, list_ids: Sequence[int], device_ids: Sequence[int], at: datetime
) -> list[tuple[int, int, dict[str, Any]]]:
    """Device, list and personalisation values of these devices in these static lists, where they were members at `at`
    and have any."""
    query = sql.SQL(
        """
        SELECT m.device_id, m.list_id, m.data FROM {} AS m
        WHERE m.list_id = ANY(%s::bigint[]) AND m.device_id = ANY(%s::text::bigint[]) AND m.data IS NOT NULL
          AND (m.expires_at IS NULL OR m.expires_at > %s)
        """
    ).format(app_table(app_id, "list_member"))
    found = await tuples(conn, query, (list(list_ids), f"{{{','.join(map(str, device_ids))}}}", at))
    return [(device_id, list_id, data) for device_id, list_id, data in found]
