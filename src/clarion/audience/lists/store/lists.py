"""The SQL of the lists themselves, and of the counts of their members by part of the id space."""

from collections.abc import Sequence

from msgspec import Struct

from clarion.audience.lists.model import StaticList
from clarion.db.sql import Conn, execute, row, rows, value


class Size(Struct, frozen=True):
    """The counts of a list's members (see `sizes`)."""

    members: int
    counts: bytes


async def insert(
    conn: Conn, app_id: int, list_id: int | None, name: str, external_id: str | None, counts: bytes
) -> int | None:
    """The number of a new list, generated when `list_id` is None; None when its number or external id is taken."""
    found = await value(
        conn,
        """
        WITH made AS (
            INSERT INTO clarion.static_list (app_id, id, name, external_id)
            VALUES (%s, coalesce(%s::bigint, nextval('clarion.static_list_id')), %s, %s)
            ON CONFLICT DO NOTHING RETURNING app_id, id
        )
        INSERT INTO clarion.static_list_size (app_id, list_id, counts) SELECT app_id, id, %s FROM made
        RETURNING list_id
        """,
        (app_id, list_id, name, external_id, counts),
    )
    return None if found is None else int(found)


async def find(conn: Conn, app_id: int, ids: Sequence[int], external_ids: Sequence[str] = ()) -> list[StaticList]:
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


async def page(conn: Conn, app_id: int, limit: int, offset: int) -> list[StaticList]:
    """Some of the application's lists, by ascending id."""
    return await rows(
        conn,
        """
        SELECT id, name, external_id FROM clarion.static_list WHERE app_id = %s ORDER BY id LIMIT %s OFFSET %s
        """,
        (app_id, limit, offset),
        of=StaticList,
    )


async def after(conn: Conn, app_id: int, list_id: int | None, limit: int) -> list[StaticList]:
    """The application's lists with an id above one, ascending."""
    return await rows(
        conn,
        """
        SELECT id, name, external_id FROM clarion.static_list
        WHERE app_id = %(app_id)s AND (%(after)s::bigint IS NULL OR id > %(after)s) ORDER BY id LIMIT %(limit)s
        """,
        {"app_id": app_id, "after": list_id, "limit": limit},
        of=StaticList,
    )


async def size(conn: Conn, app_id: int, list_id: int) -> Size | None:
    """The counts of a list; None when there is no such list."""
    return await row(
        conn,
        "SELECT members, counts FROM clarion.static_list_size WHERE app_id = %s AND list_id = %s",
        (app_id, list_id),
        of=Size,
    )


async def lock_size(conn: Conn, app_id: int, list_id: int) -> bytes | None:
    """The counts of a list, locked: who writes members of one list waits here until the other transaction ends."""
    found = await value(
        conn,
        "SELECT counts FROM clarion.static_list_size WHERE app_id = %s AND list_id = %s FOR UPDATE",
        (app_id, list_id),
    )
    return None if found is None else bytes(found)


async def set_size(conn: Conn, app_id: int, list_id: int, members: int, counts: bytes) -> None:
    """Write the counts of a list that is locked."""
    await execute(
        conn,
        "UPDATE clarion.static_list_size SET members = %s, counts = %s WHERE app_id = %s AND list_id = %s",
        (members, counts, app_id, list_id),
    )
