"""The one way into the device table and the table of push tokens.

Every writer (registration, the API, import files) comes through `upsert` and `claim_tokens`, which work on sets:
devices are locked in the order of their ids, then tokens in the order of their digests.

A source is small beside the tables it meets. `OFFSET 0` keeps the planner from turning a look-up for each of its rows
into a scan of all tokens, which it prefers for some thousand rows and which grows with the device base.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import LiteralString

from msgspec import Struct
from psycopg import sql

from clarion.db.sql import Conn, app_table, execute, rows, tuples, values
from clarion.devices.store.source import Shape, Source, settled

# Columns that always have a value, and what unset means for them.
_DEFAULTS: dict[str, LiteralString] = {
    "opencount": "0",
    "feedback": "0",
    "system_optin_notifs": "true",
    "enabled_notifs": "true",
    "enabled_inapps": "true",
    "random_id": "mod(mod(s.id, 10000) + 10000, 10000)::integer",
}
_NOW = sql.SQL("(SELECT clarion.now())")


class Locked(Struct, frozen=True):
    """Devices that nobody else writes until the transaction ends, by id; `new` are those that are not there yet."""

    ids: frozenset[int] = frozenset()
    new: frozenset[int] = frozenset()


class HeldToken(Struct, frozen=True):
    """A token that one device holds and another one claims."""

    digest: bytes
    token: str
    holder: int
    claimant: int


def _given(name: str) -> sql.Composed:
    value = sql.SQL("s.{}").format(sql.Identifier(name))
    default = _DEFAULTS.get(name)
    return value + sql.SQL("") if default is None else sql.SQL("coalesce({}, {})").format(value, sql.SQL(default))


def _inserted(shape: Shape) -> dict[str, sql.Composable]:
    """What a new device gets, by column."""
    new: dict[str, sql.Composable] = {"id": sql.SQL("s.id"), "udid": sql.SQL("s.udid"), "created_at": _NOW}
    new["random_id"] = sql.SQL(_DEFAULTS["random_id"])
    new |= {column.sql: _given(column.sql) for column in shape.columns}
    if shape.has_token:
        new["token_at"] = sql.SQL("CASE WHEN s.token IS NOT NULL THEN {} END").format(_NOW)
    if shape.keys:
        new |= {"web_p256dh": sql.SQL("s.web_p256dh"), "web_auth": sql.SQL("s.web_auth")}
    return new


def _updated(shape: Shape) -> dict[str, sql.Composable]:
    """What a known device gets. A token that differs starts afresh: its date, its feedback, its keys."""
    same: dict[str, sql.Composable] = {}
    if shape.has_token:
        other = "excluded.token IS DISTINCT FROM d.token"
        same["token_at"] = sql.SQL(f"CASE WHEN {other} THEN excluded.token_at ELSE d.token_at END")
        same["feedback"] = sql.SQL(f"CASE WHEN excluded.token IS NOT NULL AND {other} THEN 0 ELSE d.feedback END")
        for key in ("web_p256dh", "web_auth"):
            name = sql.Identifier(key)
            same[key] = sql.SQL(f"CASE WHEN {other} THEN NULL ELSE d.{{}} END").format(name)
    written = [column.sql for column in shape.columns] + (["web_p256dh", "web_auth"] if shape.keys else [])
    same |= {name: sql.SQL("excluded.{}").format(sql.Identifier(name)) for name in written}
    return same or {"udid": sql.SQL("d.udid")}


async def upsert(conn: Conn, app_id: int, source: Source) -> int:
    """Insert or update the devices of a source; how many. Fewer than its size: some ids belong to another UDID."""
    insert, update = _upsert(app_id, source.shape)
    return await execute(conn, insert + source.relation + update, source.params)


@lru_cache(maxsize=1000)
def _upsert(app_id: int, shape: Shape) -> tuple[sql.SQL, sql.SQL]:
    """The statement before and after its relation. Putting it together is a third of the work of a small source."""
    inserted, updated = _inserted(shape), _updated(shape)
    insert = sql.SQL("INSERT INTO {table} AS d ({names}) SELECT {values} FROM ").format(
        table=app_table(app_id, "device"),
        names=sql.SQL(", ").join(map(sql.Identifier, inserted)),
        values=sql.SQL(", ").join(inserted.values()),
    )
    update = sql.SQL(" ORDER BY s.id ON CONFLICT (id) DO UPDATE SET {sets} WHERE d.udid = excluded.udid").format(
        sets=sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in updated.items()
        ),
    )
    return settled(insert), settled(update)


async def known_devices(conn: Conn, app_id: int, source: Source) -> int:
    """How many devices of a source the application has."""
    query = sql.SQL(
        """
        SELECT count(*) FROM {relation} WHERE EXISTS (
            SELECT FROM {table} AS d WHERE d.id = s.id AND d.udid = s.udid OFFSET 0)
        """
    ).format(relation=source.relation, table=app_table(app_id, "device"))
    [known] = await values(conn, query, source.params)
    return int(known)


async def collisions(conn: Conn, app_id: int, source: Source) -> list[tuple[int, str]]:
    """The rows of a source, as id and UDID, whose id belongs to another UDID."""
    query = sql.SQL("SELECT s.id, s.udid FROM {} JOIN {} AS d USING (id) WHERE d.udid <> s.udid").format(
        source.relation, app_table(app_id, "device")
    )
    return [(number, udid) for number, udid in await tuples(conn, query, source.params)]


async def holders(conn: Conn, app_id: int, source: Source) -> list[int]:
    """The devices that hold a token which another device of the source claims."""
    if not source.has_token:
        return []
    query = sql.SQL(
        """
        SELECT DISTINCT held.device_id FROM {relation} CROSS JOIN LATERAL (
            SELECT p.device_id FROM clarion.push_token AS p
            WHERE p.app_id = %(app_id)s AND p.digest = s.digest OFFSET 0
        ) AS held WHERE held.device_id <> s.id
        """
    ).format(relation=source.held.relation)
    return await values(conn, query, {**source.held.params, "app_id": app_id})


async def lock_moves(conn: Conn, app_id: int) -> None:
    """Writers that move tokens of this application wait for each other until the transaction ends."""
    await execute(conn, "SELECT pg_advisory_xact_lock(hashtextextended('clarion.token_moves', %s))", (app_id,))


async def lock(conn: Conn, app_id: int, sources: Sequence[Source], others: Sequence[int]) -> Locked:
    """Lock the devices of these sources and the others, in the order of their ids, until the transaction ends."""
    ids: set[int] = set()
    for source in sources:
        ids.update(await values(conn, sql.SQL("SELECT s.id FROM {}").format(source.relation), source.params))
    query = sql.SQL("SELECT id FROM {} WHERE id = ANY(%s) ORDER BY id FOR UPDATE").format(app_table(app_id, "device"))
    found = await values(conn, query, ([*ids, *others],))
    return Locked(frozenset(ids.union(others)), frozenset(ids.difference(found)))


async def former_tokens(conn: Conn, app_id: int, source: Source) -> list[tuple[bytes, int]]:
    """What `push_token` says the devices of a source hold, and they hold no more: digest and device."""
    query = sql.SQL(
        """
        SELECT held.digest, s.id FROM {relation} CROSS JOIN LATERAL (
            SELECT p.digest FROM clarion.push_token AS p
            WHERE p.app_id = %(app_id)s AND p.device_id = s.id OFFSET 0
        ) AS held WHERE held.digest IS DISTINCT FROM s.digest
        """
    ).format(relation=source.held.relation)
    return [(digest, number) for digest, number in await tuples(conn, query, {**source.held.params, "app_id": app_id})]


async def claim_tokens(conn: Conn, app_id: int, source: Source, refused: Sequence[int]) -> list[HeldToken]:
    """Enter the tokens of a source; those that another device holds are locked, left to it, and returned."""
    query = sql.SQL(
        """
        WITH claimed AS (
            INSERT INTO clarion.push_token AS p (app_id, digest, device_id)
            SELECT %(app_id)s, s.digest, s.id FROM {relation}
            WHERE s.digest IS NOT NULL AND s.id <> ALL(%(refused)s::bigint[]) ORDER BY s.digest
            ON CONFLICT (app_id, digest) DO UPDATE SET device_id = p.device_id WHERE p.device_id <> excluded.device_id
            RETURNING p.digest, p.device_id
        )
        SELECT claimed.digest, s.token, claimed.device_id AS holder, s.id AS claimant
        FROM claimed JOIN {relation} USING (digest) WHERE claimed.device_id <> s.id
        """
    ).format(relation=source.held.relation)
    return await rows(conn, query, {**source.held.params, "app_id": app_id, "refused": list(refused)}, of=HeldToken)


async def move_tokens(conn: Conn, app_id: int, held: Sequence[HeldToken]) -> None:
    """Give tokens from their holders to their claimants; a holder that still shows the token has none afterwards."""
    await execute(
        conn,
        """
        UPDATE clarion.push_token AS p SET device_id = m.claimant
        FROM unnest(%s::bytea[], %s::bigint[]) AS m (digest, claimant) WHERE p.app_id = %s AND p.digest = m.digest
        """,
        ([token.digest for token in held], [token.claimant for token in held], app_id),
    )
    await execute(
        conn,
        sql.SQL(
            """
            WITH bare AS (
                SELECT d.id FROM {table} AS d JOIN unnest(%s::bigint[], %s::text[]) AS m (id, token)
                    ON d.id = m.id AND d.token = m.token
                ORDER BY d.id FOR UPDATE OF d
            )
            UPDATE {table} AS d SET token = NULL, token_at = NULL, web_p256dh = NULL, web_auth = NULL
            FROM bare WHERE d.id = bare.id
            """
        ).format(table=app_table(app_id, "device")),
        ([token.holder for token in held], [token.token for token in held]),
    )


async def switch_off(
    conn: Conn, app_id: int, ids: Sequence[int], tokens: Sequence[str], since: Sequence[datetime | None]
) -> list[int]:
    """Take tokens from devices that still have them, unless newer than `since`, and count the refusal; their ids."""
    query = sql.SQL(
        """
        WITH dead AS (
            SELECT d.id
            FROM {table} AS d JOIN unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS x (id, token, since)
                ON d.id = x.id AND d.token = x.token
            WHERE x.since IS NULL OR d.token_at IS NULL OR d.token_at <= x.since
            ORDER BY d.id FOR UPDATE OF d
        )
        UPDATE {table} AS d
        SET feedback = d.feedback + 1, token = NULL, token_at = NULL, web_p256dh = NULL, web_auth = NULL
        FROM dead WHERE d.id = dead.id
        RETURNING d.id
        """
    ).format(table=app_table(app_id, "device"))
    return await values(conn, query, (list(ids), list(tokens), list(since)))


async def delete_tokens(conn: Conn, app_id: int, digests: Sequence[bytes], ids: Sequence[int]) -> None:
    """Take these tokens of these devices out of `push_token`."""
    await execute(
        conn,
        """
        DELETE FROM clarion.push_token AS p USING unnest(%s::bytea[], %s::bigint[]) AS x (digest, id)
        WHERE p.app_id = %s AND p.digest = x.digest AND p.device_id = x.id
        """,
        (list(digests), list(ids), app_id),
    )
