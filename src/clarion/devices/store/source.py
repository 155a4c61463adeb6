"""Rows on their way into the device table: a relation `s` that the statements of `write` read from.

It holds `id`, `udid` and one column per device column to be written, under its SQL name; with the token column also
`digest`, with keys also `web_p256dh` and `web_auth`. `id` and `digest` are distinct within one source.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct
from psycopg import sql

from clarion.apps.model import SQL_TYPES, Column
from clarion.db.arrays import array_text
from clarion.devices.model import TOKEN, DeviceRecord, Value, device_id, token_digest


class Shape(Struct, frozen=True):
    """Which columns a source writes, and whether it brings the keys of web subscriptions."""

    columns: tuple[Column, ...]
    keys: bool = False

    @property
    def has_token(self) -> bool:
        """Whether the token column is among those written."""
        return any(column.sql == "token" for column in self.columns)


class Source(Struct, frozen=True):
    """`relation` stands behind FROM and is called `s`; `size` is its number of rows. `tokens` is a relation of the same
    rows that has at least `id`, `token` and `digest`, for a source with tokens."""

    relation: sql.Composable
    params: Mapping[str, Any]
    shape: Shape
    size: int
    tokens: "Relation | None" = None

    @property
    def has_token(self) -> bool:
        """Whether the token column is among those written."""
        return self.shape.has_token

    @property
    def held(self) -> "Relation":
        """What the statements about tokens read from: no more than they need."""
        return self.tokens or Relation(self.relation, self.params)


class Relation(Struct, frozen=True):
    """What stands behind FROM, called `s`, and its parameters."""

    relation: sql.Composable
    params: Mapping[str, Any]


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
    shape = Shape(tuple(columns), keys)
    arrays: dict[str, Iterable[Value]] = {
        "id": [device_id(app_id, record.udid) for record in records],
        "udid": [record.udid for record in records],
    }
    arrays |= {column.sql: [record.fields[column] for record in records] for column in columns}
    if shape.has_token:
        arrays["digest"] = [token_digest(token) if isinstance(token, str) else None for token in arrays["token"]]
    if keys:
        arrays["web_p256dh"] = [record.keys.p256dh if record.keys else None for record in records]
        arrays["web_auth"] = [record.keys.auth if record.keys else None for record in records]
    params = {name: array_text(values) for name, values in arrays.items()}
    tokens = Relation(_TOKENS, {name: params[name] for name in _OF_TOKENS}) if shape.has_token else None
    return Source(_arrays(shape), params, shape, len(records), tokens)


def _unnested(names: Sequence[tuple[str, sql.SQL]]) -> sql.SQL:
    relation = sql.SQL("unnest({}) AS s ({})").format(
        sql.SQL(", ").join(sql.SQL("{}::text::{}[]").format(sql.Placeholder(name), kind) for name, kind in names),
        sql.SQL(", ").join(sql.Identifier(name) for name, _ in names),
    )
    return settled(relation)


@lru_cache(maxsize=1000)
def _arrays(shape: Shape) -> sql.SQL:
    return _unnested(layout(shape.columns, keys=shape.keys))


_OF_TOKENS = ("id", "token", "digest")
_TOKENS = _unnested([each for each in layout([TOKEN], keys=False) if each[0] in _OF_TOKENS])


def from_udids(ids: Sequence[int], udids: Sequence[str]) -> Source:
    """A source that says nothing but which devices are meant; ids are distinct."""
    relation = sql.SQL("unnest(%(ids)s::bigint[], %(udids)s::text[]) AS s (id, udid)")
    return Source(relation, {"ids": list(ids), "udids": list(udids)}, Shape(()), len(ids))
