"""Devices as CSV lines, quoted by PostgreSQL itself so that the process that asks stays free for others.

Every value stands between double quotes, inner quotes doubled, unset values empty (v1 rule 64).
"""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from clarion.apps.model import Column, ColumnKind
from clarion.db.sql import Conn, app_table, tuples
from clarion.devices.model import AUTH, P256DH, TOKEN, OpeningPeriod

# A function takes 100 arguments; a column is two of them.
_GROUP = 45


def _text(column: Column) -> sql.Composed:
    """The column as text, its quotes doubled; NULL when unset."""
    name: sql.Composable = sql.Identifier("d", column.sql)
    if column in (P256DH, AUTH):
        return sql.SQL(r"translate(encode({}, 'base64'), E'+/=\n', '-_')").format(name)
    if column == TOKEN:
        name = sql.SQL("coalesce({}, '-')").format(name)
    if column.kind is ColumnKind.TEXT:
        return sql.SQL("replace({}, '\"', '\"\"')").format(name)
    if column.kind is ColumnKind.DATE:
        return sql.SQL("to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')").format(name)
    if column.switch:
        return sql.SQL("CASE WHEN {name} THEN 'Y' WHEN NOT {name} THEN 'N' END").format(name=name)
    return sql.SQL("{}::text").format(name)


def _line(columns: Sequence[Column]) -> sql.Composed:
    groups = [columns[start : start + _GROUP] for start in range(0, len(columns), _GROUP)]
    between = sql.SQL(", '\";\"', ")
    joined = [sql.SQL("concat({})").format(between.join(map(_text, group))) for group in groups]
    return sql.SQL("'\"' || {} || '\"'").format(sql.SQL(" || '\";\"' || ").join(joined))


async def lines(
    conn: Conn, app_id: int, columns: Sequence[Column], period: OpeningPeriod, after: int | None, skip: int, size: int
) -> list[tuple[int, str]]:
    """Id and CSV line, without its end, of up to `size` devices above id `after` within the period, by ascending id."""
    conditions: list[sql.Composable] = [sql.SQL("true")]
    params: dict[str, Any] = {"skip": skip, "size": size}
    bounds = {
        "after": (sql.SQL("d.id > %(after)s"), after),
        "first_from": (sql.SQL("d.firstopen >= %(first_from)s"), period.first_from),
        "first_before": (sql.SQL("d.firstopen < %(first_before)s"), period.first_before),
        "last_from": (sql.SQL("d.lastopen >= %(last_from)s"), period.last_from),
    }
    for name, (condition, bound) in bounds.items():
        if bound is not None:
            conditions.append(condition)
            params[name] = bound
    query = sql.SQL("SELECT d.id, {} FROM {} AS d WHERE {} ORDER BY d.id OFFSET %(skip)s LIMIT %(size)s").format(
        _line(columns), app_table(app_id, "device"), sql.SQL(" AND ").join(conditions)
    )
    return [(number, line) for number, line in await tuples(conn, query, params)]
