"""Looking devices up: one by indexed columns, many by id."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import sql

from clarion.apps.model import SQL_TYPES, Column
from clarion.db.sql import Conn, app_table, rows, tuples, value
from clarion.devices.model import Standing, Value, device_id, token_digest

SENDING: tuple[LiteralString, ...] = (
    "id",
    "token",
    "web_p256dh",
    "web_auth",
    "language",
    "system_optin_notifs",
    "feedback",
)
"""What a sender needs of every device, in the order of `SendRow`, before the columns its texts use."""


async def exists(conn: Conn, app_id: int, udid: str) -> bool:
    """Whether the application has a device of this UDID."""
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE id = %s AND udid = %s)").format(app_table(app_id, "device"))
    return bool(await value(conn, query, (device_id(app_id, udid), udid)))


async def first(
    conn: Conn, app_id: int, columns: Sequence[Column], filters: Sequence[tuple[Column, Value]]
) -> tuple[Any, ...] | None:
    """These columns of the device of lowest id whose columns equal all the filters."""
    conditions: list[sql.Composable] = []
    params: dict[str, Any] = {"app_id": app_id}
    for number, (column, wanted) in enumerate(filters):
        name = f"v{number}"
        conditions.append(sql.SQL("d.{} = {}").format(sql.Identifier(column.sql), sql.Placeholder(name)))
        params[name] = wanted
        if column.sql == "udid":
            conditions.append(sql.SQL("d.id = {}").format(sql.Placeholder(f"{name}_id")))
            params[f"{name}_id"] = device_id(app_id, str(wanted))
        if column.sql == "token":
            conditions.append(
                sql.SQL(
                    "d.id = (SELECT device_id FROM clarion.push_token WHERE app_id = %(app_id)s AND digest = {})"
                ).format(sql.Placeholder(f"{name}_digest"))
            )
            params[f"{name}_digest"] = token_digest(str(wanted))
    query = sql.SQL("SELECT {} FROM {} AS d WHERE {} ORDER BY d.id LIMIT 1").format(
        _names(columns), app_table(app_id, "device"), sql.SQL(" AND ").join(conditions)
    )
    found = await tuples(conn, query, params)
    return found[0] if found else None


async def matching(
    conn: Conn, app_id: int, columns: Sequence[Column], wanted: Sequence[Sequence[Value]], limit: int
) -> list[tuple[int, str]]:
    """The devices whose columns equal one of the rows of `wanted`, as index of the row and UDID, by row and id; any
    `limit` of them when they are more."""
    arrays: dict[str, tuple[sql.SQL, Sequence[Any]]] = {"n": (sql.SQL("integer"), range(len(wanted)))}
    conditions: list[sql.Composable] = []
    held = sql.SQL("")
    for number, (column, given) in enumerate(zip(columns, zip(*wanted, strict=True), strict=True)):
        name = f"v{number}"
        arrays[name] = (SQL_TYPES[column.kind], given)
        conditions.append(sql.SQL("d.{} = s.{}").format(sql.Identifier(column.sql), sql.Identifier(name)))
        if column.sql == "udid":
            arrays["id"] = (sql.SQL("bigint"), [device_id(app_id, str(udid)) for udid in given])
            conditions.append(sql.SQL("d.id = s.id"))
        if column.sql == "token":
            arrays["digest"] = (sql.SQL("bytea"), [token_digest(str(token)) for token in given])
            held = sql.SQL("JOIN clarion.push_token AS p ON p.app_id = %(app_id)s AND p.digest = s.digest")
            conditions.append(sql.SQL("d.id = p.device_id"))
    query = sql.SQL(
        """
        SELECT n, udid FROM (
            SELECT s.n, d.id, d.udid FROM unnest({arrays}) AS s ({names}) {held}
            JOIN {device} AS d ON {conditions} LIMIT %(limit)s
        ) AS found ORDER BY n, id
        """
    ).format(
        arrays=sql.SQL(", ").join(
            sql.SQL("{}::{}[]").format(sql.Placeholder(name), kind) for name, (kind, _) in arrays.items()
        ),
        names=sql.SQL(", ").join(map(sql.Identifier, arrays)),
        held=held,
        device=app_table(app_id, "device"),
        conditions=sql.SQL(" AND ").join(conditions),
    )
    bound = {name: list(given) for name, (_, given) in arrays.items()}
    found = await tuples(conn, query, {**bound, "app_id": app_id, "limit": limit})
    return [(number, udid) for number, udid in found]


def token_holders(app_id: int) -> sql.Composed:
    """`digest` and `device_id` of the push tokens of an application, as a relation for statements of floors above."""
    return sql.SQL("(SELECT digest, device_id FROM clarion.push_token WHERE app_id = {})").format(sql.Literal(app_id))


async def by_ids(conn: Conn, app_id: int, ids: Sequence[int], columns: Sequence[Column]) -> list[tuple[Any, ...]]:
    """Id and these columns of the devices that exist among `ids`, by ascending id."""
    query = sql.SQL("SELECT d.id{} FROM {} AS d WHERE d.id = ANY(%s) ORDER BY d.id").format(
        _further(columns), app_table(app_id, "device")
    )
    return await tuples(conn, query, (list(ids),))


async def for_sending(conn: Conn, app_id: int, ids: Sequence[int], columns: Sequence[Column]) -> list[tuple[Any, ...]]:
    """What a sender needs of these devices, followed by these columns, by ascending id."""
    query = sql.SQL("SELECT {}{} FROM {} AS d WHERE d.id = ANY(%s::text::bigint[]) ORDER BY d.id").format(
        sql.SQL(", ").join(sql.Identifier("d", name) for name in SENDING),
        _further(columns),
        app_table(app_id, "device"),
    )
    # As text of our own making: the driver's way with lists costs 2.4 us an id, more than all else in this query.
    return await tuples(conn, query, (f"{{{','.join(map(str, ids))}}}",))


async def count(conn: Conn, app_id: int) -> int:
    """How many devices the application has."""
    return int(await value(conn, sql.SQL("SELECT count(*) FROM {}").format(app_table(app_id, "device"))))


async def standing(conn: Conn, app_id: int) -> Standing:
    """Count the devices by how they stand, in one pass."""
    query = sql.SQL(
        """
        SELECT count(*) FILTER (WHERE d.opencount > 0 OR d.firstopen IS NOT NULL) AS registered,
               count(*) FILTER (WHERE s.optin) AS optin,
               count(*) FILTER (WHERE d.feedback = 0 AND NOT s.optin) AS optout,
               count(*) FILTER (WHERE s.active) AS active,
               count(*) FILTER (WHERE s.active AND s.optin) AS active_optin
        FROM {} AS d CROSS JOIN LATERAL (
            SELECT d.system_optin_notifs AND d.feedback = 0 AND d.token IS NOT NULL AS optin,
                   d.lastopen > (SELECT clarion.now()) - interval '30 days' AS active
        ) AS s
        """
    ).format(app_table(app_id, "device"))
    [found] = await rows(conn, query, of=Standing)
    return found


def _names(columns: Sequence[Column]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier("d", column.sql) for column in columns)


def _further(columns: Sequence[Column]) -> sql.Composable:
    return sql.SQL(", ") + _names(columns) if columns else sql.SQL("")
