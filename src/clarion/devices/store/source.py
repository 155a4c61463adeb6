"""Rows on their way into the device table: a relation `s` that the statements of `write` read from.

It holds `id`, `udid` and one column per device column to be written, under its SQL name; with the token column also
`digest`, with keys also `web_p256dh` and `web_auth`. `id` and `digest` are distinct within one source.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct
from psycopg import sql

from clarion.apps.model import SQL_TYPES, Column
from clarion.devices.model import DeviceRecord, device_id, token_digest


class Shape(Struct, frozen=True):
    """Which columns a source writes, and whether it brings the keys of web subscriptions."""

    columns: tuple[Column, ...]
    keys: bool = False

    @property
    def has_token(self) -> bool:
        """Whether the token column is among those written."""
        return any(column.sql == "token" for column in self.columns)


class Source(Struct, frozen=True):
    """`relation` stands behind FROM and is called `s`; `size` is its number of rows."""

    relation: sql.Composable
    params: Mapping[str, Any]
    shape: Shape
    size: int

    @property
    def has_token(self) -> bool:
        """Whether the token column is among those written."""
        return self.shape.has_token


def settled(query: sql.Composed) -> sql.SQL:
    """A statement or piece of one that is put together once and used often, as its text."""
    return sql.SQL(query.as_string())


def layout(columns: Sequence[Column], *, keys: bool) -> list[tuple[str, sql.SQL]]:
    """Names and types of the columns of a source, in order."""
    names = [("id", sql.SQL("bigint")), ("udid", sql.SQL("text"))]
    names += [(column.sql, SQL_TYPES[column.kind]) for column in columns]
    if any(column.sql == "token" for column in columns):
        names.append(("digest", sql.SQL("bytea")))
    if keys:
        names += [("web_p256dh", sql.SQL("bytea")), ("web_auth", sql.SQL("bytea"))]
    return names


def from_records(app_id: int, columns: Sequence[Column], records: Sequence[DeviceRecord], *, keys: bool) -> Source:
    """A source made of arrays. Every record has exactly these columns; ids and tokens are distinct."""
    arrays: list[list[Any]] = [
        [device_id(app_id, record.udid) for record in records],
        [record.udid for record in records],
        *([record.fields[column] for record in records] for column in columns),
    ]
    for column in columns:
        if column.sql == "token":
            tokens = (record.fields[column] for record in records)
            arrays.append([token_digest(token) if isinstance(token, str) else None for token in tokens])
    if keys:
        arrays.append([record.keys and record.keys.p256dh for record in records])
        arrays.append([record.keys and record.keys.auth for record in records])
    params = {f"r{n}": array for n, array in enumerate(arrays)}
    shape = Shape(tuple(columns), keys)
    return Source(_arrays(shape), params, shape, len(records))


@lru_cache(maxsize=1000)
def _arrays(shape: Shape) -> sql.SQL:
    names = layout(shape.columns, keys=shape.keys)
    relation = sql.SQL("unnest({}) AS s ({})").format(
        sql.SQL(", ").join(
            sql.SQL("{}::{}[]").format(sql.Placeholder(f"r{n}"), kind) for n, (_, kind) in enumerate(names)
        ),
        sql.SQL(", ").join(sql.Identifier(name) for name, _ in names),
    )
    return settled(relation)


def from_udids(ids: Sequence[int], udids: Sequence[str]) -> Source:
    """A source that says nothing but which devices are meant; ids are distinct."""
    relation = sql.SQL("unnest(%(ids)s::bigint[], %(udids)s::text[]) AS s (id, udid)")
    return Source(relation, {"ids": list(ids), "udids": list(udids)}, Shape(()), len(ids))
