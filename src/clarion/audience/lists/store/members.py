"""The SQL of list members: finding the devices users stand for, putting them on a list, taking them off, pages.

Whoever changes members holds the lock of the list (`lists.lock_size`) and adds what comes back to its counts: how many
members more or less there are, by part of the id space (`sizes`).

Users come as JSON, from a waiting change or from a file, and become a relation inside the statement. PostgreSQL takes
it for a hundred rows, so that it looks each of them up by its index and never hashes the device base.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg import sql

from clarion.apps.model import SQL_TYPES, Column
from clarion.audience.lists.model import Matches
from clarion.audience.lists.sizes import HIGHEST, LOWEST, PART_BITS, PARTS
from clarion.db.sql import Conn, app_table, execute, row, rows, tuples, value, values
from clarion.devices.model import TOKEN
from clarion.devices.store.read import token_holders

EVERYWHERE = (LOWEST, HIGHEST)

_ONLY_ORDERED = ["enable_sort", "enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"]
_NOW = sql.SQL("(SELECT clarion.now())")
_PART = sql.SQL("(device_id >> {}) + {}").format(sql.Literal(PART_BITS), sql.Literal(PARTS // 2))
_USERS = sql.SQL("json_to_recordset({}) AS u (n integer, v text, w integer, i bigint, f text, e timestamptz, d jsonb)")


class Users(Struct, frozen=True):
    """An SQL expression of type json that holds users, and the named parameters it binds."""

    json: sql.Composable
    params: Mapping[str, Any]


def users_given(users: str) -> Users:
    """Users that are at hand."""
    return Users(sql.SQL("%(users)s::json"), {"users": users})


def _matched(app_id: int, users: Users, fields: Sequence[Column], ids: tuple[int, int]) -> sql.Composed:
    """`users` and `matched (n, w, e, d, id)`, one row for each device of each user, as parts of a WITH clause."""
    device = app_table(app_id, "device")
    # Written out, not bound: a plan that serves every range would be a bad one for the whole of it.
    within = (
        sql.SQL("true")
        if ids == EVERYWHERE
        else sql.SQL("d.id BETWEEN {} AND {}").format(sql.Literal(ids[0]), sql.Literal(ids[1]))
    )
    by_udid = sql.SQL("JOIN {} AS d ON d.id = u.i AND d.udid = u.v WHERE u.f IS NULL AND {}").format(device, within)
    ways = [by_udid, *(_way(app_id, column, within) for column in fields)]
    return sql.SQL("users AS MATERIALIZED (SELECT * FROM {}), matched AS ({})").format(
        _USERS.format(users.json),
        sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT u.n, u.w, u.e, u.d, d.id FROM users AS u {}").format(way) for way in ways
        ),
    )


def _way(app_id: int, column: Column, within: sql.Composable) -> sql.Composed:
    """From users who are named by a column to their devices."""
    device, field = app_table(app_id, "device"), sql.Literal(column.name)
    if column == TOKEN:
        return sql.SQL(
            "JOIN {holders} AS p ON p.digest = decode(u.v, 'hex') JOIN {device} AS d ON d.id = p.device_id"
            " WHERE u.f = {field} AND {within}"
        ).format(holders=token_holders(app_id), device=device, field=field, within=within)
    # Only values of this column are fit to be read as its kind.
    typed = sql.SQL("CASE WHEN u.f = {} THEN u.v::{} END").format(field, SQL_TYPES[column.kind])
    return sql.SQL("JOIN {} AS d ON {} = {} WHERE u.f = {} AND {}").format(
        device, sql.Identifier("d", column.sql), typed, field, within
    )


async def matches(conn: Conn, app_id: int, users: Users, fields: Sequence[Column]) -> Matches:
    """How many of the users name a device, and how many devices they name."""
    query = sql.SQL(
        """
        WITH {} SELECT coalesce(sum(times), 0)::bigint AS entries, coalesce(sum(devices), 0)::bigint AS devices
        FROM (SELECT coalesce(min(w), 1) AS times, count(*) AS devices FROM matched GROUP BY n) AS named
        """
    ).format(_matched(app_id, users, fields, EVERYWHERE))
    found = await row(conn, query, users.params, of=Matches)
    assert found is not None
    return found


async def put(
    conn: Conn, app_id: int, list_id: int, users: Users, fields: Sequence[Column], ids: tuple[int, int] = EVERYWHERE
) -> dict[int, int]:
    """Put the devices that users stand for, among these ids, on a list, or refresh them there; the last user of a
    device counts. Whose expiry is past is no member any more, and is for `expire` to delete."""
    query = sql.SQL(
        """
        WITH {matched}, kept AS (
            INSERT INTO {member} AS m (list_id, device_id, expires_at, data)
            SELECT DISTINCT ON (id) %(list)s, id, e, d FROM matched ORDER BY id, n DESC
            ON CONFLICT (list_id, device_id) DO UPDATE
            SET expires_at = excluded.expires_at, data = coalesce(excluded.data, m.data)
            WHERE m.expires_at IS DISTINCT FROM excluded.expires_at
               OR m.data IS DISTINCT FROM coalesce(excluded.data, m.data)
            RETURNING device_id, xmax = 0 AS added
        )
        SELECT {part} AS part, count(*) FROM kept WHERE added GROUP BY part
        """
    ).format(matched=_matched(app_id, users, fields, ids), member=app_table(app_id, "list_member"), part=_PART)
    return dict(await tuples(conn, query, {**users.params, "list": list_id}))


async def take(
    conn: Conn, app_id: int, list_id: int, users: Users, fields: Sequence[Column], ids: tuple[int, int] = EVERYWHERE
) -> dict[int, int]:
    """Take the devices that users stand for, among these ids, off a list."""
    query = sql.SQL(
        """
        WITH {matched}, gone AS (
            DELETE FROM {member} AS m USING matched CROSS JOIN LATERAL (
                SELECT ctid FROM {member} WHERE list_id = %(list)s AND device_id = matched.id OFFSET 0
            ) AS place
            WHERE m.ctid = place.ctid RETURNING m.device_id
        )
        SELECT {part} AS part, -count(*) FROM gone GROUP BY part
        """
    ).format(matched=_matched(app_id, users, fields, ids), member=app_table(app_id, "list_member"), part=_PART)
    return dict(await tuples(conn, query, {**users.params, "list": list_id}))


async def expire(conn: Conn, app_id: int, list_id: int, size: int) -> dict[int, int]:
    """Delete up to `size` members whose time is over."""
    query = sql.SQL(
        """
        WITH piece AS (
            SELECT ctid FROM {member} WHERE list_id = %(list)s AND expires_at <= {now}
            ORDER BY expires_at LIMIT %(size)s
        ), gone AS (
            DELETE FROM {member} AS m USING piece WHERE m.ctid = piece.ctid RETURNING m.device_id
        )
        SELECT {part} AS part, -count(*) FROM gone GROUP BY part
        """
    ).format(member=app_table(app_id, "list_member"), now=_NOW, part=_PART)
    return dict(await tuples(conn, query, {"list": list_id, "size": size}))


async def lists_of(conn: Conn, app_id: int, ids: Sequence[int]) -> list[int]:
    """The lists that any of these devices is on, ascending."""
    query = sql.SQL("SELECT DISTINCT list_id FROM {} WHERE device_id = ANY(%s) ORDER BY list_id").format(
        app_table(app_id, "list_member")
    )
    return await values(conn, query, (list(ids),))


async def forget(conn: Conn, app_id: int, list_id: int, ids: Sequence[int]) -> dict[int, int]:
    """Take these devices off a list, whether or not they exist any more."""
    query = sql.SQL(
        """
        WITH gone AS (DELETE FROM {member} WHERE list_id = %s AND device_id = ANY(%s) RETURNING device_id)
        SELECT {part} AS part, -count(*) FROM gone GROUP BY part
        """
    ).format(member=app_table(app_id, "list_member"), part=_PART)
    return dict(await tuples(conn, query, (list_id, list(ids))))


async def has_expired(conn: Conn, app_id: int, list_id: int) -> bool:
    """Whether a list holds members whose time is over and who are not deleted yet.

    The earliest expiry stands first in its index. Whether there is one gone by would be looked for in the whole list.
    """
    query = sql.SQL("SELECT coalesce(min(expires_at) <= {}, false) FROM {} WHERE list_id = %s").format(
        _NOW, app_table(app_id, "list_member")
    )
    return bool(await value(conn, query, (list_id,)))


async def lists_with_expired(conn: Conn, app_id: int) -> list[int]:
    """The lists that hold members whose time is over, ascending."""
    query = sql.SQL(
        """
        SELECT l.id FROM clarion.static_list AS l
        WHERE l.app_id = %s AND (SELECT min(m.expires_at) FROM {} AS m WHERE m.list_id = l.id) <= {} ORDER BY l.id
        """
    ).format(app_table(app_id, "list_member"), _NOW)
    return await values(conn, query, (app_id,))


class Place(Struct, frozen=True):
    """A member as the table has it; `udid` is None when the device is gone."""

    device_id: int
    udid: str | None
    expires_at: datetime | None
    data: dict[str, str] | None


async def page(conn: Conn, app_id: int, list_id: int, first: int, limit: int, offset: int) -> list[Place]:
    """Members whose time is not over, by ascending id from `first` on.

    They are read along the primary key, whatever statistics of a list that was just filled or emptied may say: sorting
    is ruled out, and the bounds are rows, which no other index can serve.
    """
    query = sql.SQL(
        """
        SELECT m.device_id, d.udid, m.expires_at, m.data
        FROM (SELECT device_id, expires_at, data FROM {member}
              WHERE (list_id, device_id) >= (%(list)s, %(first)s) AND (list_id, device_id) <= (%(list)s, %(last)s)
                AND (expires_at IS NULL OR expires_at > {now})
              ORDER BY list_id, device_id LIMIT %(limit)s OFFSET %(offset)s) AS m
        LEFT JOIN {device} AS d ON d.id = m.device_id
        """
    ).format(member=app_table(app_id, "list_member"), device=app_table(app_id, "device"), now=_NOW)
    params = {"list": list_id, "first": first, "last": HIGHEST, "limit": limit, "offset": offset}
    async with conn.transaction():
        await execute(conn, "SELECT set_config(name, 'off', true) FROM unnest(%s::text[]) AS name", (_ONLY_ORDERED,))
        return sorted(await rows(conn, query, params, of=Place), key=lambda place: place.device_id)


async def census(conn: Conn, app_id: int, list_id: int) -> tuple[int, int]:
    """The members whose time is not over, and those of them that leave by themselves one day. Looks at all of them."""
    query = sql.SQL(
        """
        SELECT count(*), count(expires_at) FROM {}
        WHERE list_id = %s AND (expires_at IS NULL OR expires_at > {})
        """
    ).format(app_table(app_id, "list_member"), _NOW)
    [(members, expiring)] = await tuples(conn, query, (list_id,))
    return members, expiring


async def analyze(conn: Conn, app_id: int) -> None:
    """Tell the planner what the lists of an application hold now; sends plan by it."""
    await execute(conn, sql.SQL("ANALYZE {}").format(app_table(app_id, "list_member")))
