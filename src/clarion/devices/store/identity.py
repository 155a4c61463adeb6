"""The SQL of proving who devices are: by UDID, by push token, by the digest of their secret. All of it in sets."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from psycopg import sql

from clarion.db.arrays import array_text
from clarion.db.sql import Conn, app_table, execute, tuples
from clarion.devices.model import device_id, token_digest


class Identity(Struct, frozen=True):
    """A profile on record and the digest of its secret, None when it never got one."""

    id: int
    udid: str
    secret_digest: bytes | None


async def by_ids(conn: Conn, app_id: int, ids: Sequence[int]) -> dict[int, Identity]:
    """The profiles that exist of these ids."""
    if not ids:
        return {}
    query = sql.SQL("SELECT id, udid, secret_digest FROM {} WHERE id = ANY(%s::text::bigint[])").format(
        app_table(app_id, "device")
    )
    found = await tuples(conn, query, (array_text(ids),))
    return {number: Identity(number, udid, digest) for number, udid, digest in found}


async def by_udids(conn: Conn, app_id: int, udids: Sequence[str]) -> dict[str, Identity]:
    """The profiles that exist of these UDIDs, by UDID."""
    found = await by_ids(conn, app_id, [device_id(app_id, udid) for udid in udids])
    wanted = set(udids)
    return {each.udid: each for each in found.values() if each.udid in wanted}


async def by_tokens(conn: Conn, app_id: int, tokens: Sequence[str]) -> dict[str, Identity]:
    """The profiles that hold these tokens, by token."""
    if not tokens:
        return {}
    query = sql.SQL(
        """
        SELECT d.token, d.id, d.udid, d.secret_digest
        FROM unnest(%(digests)s::text::bytea[], %(tokens)s::text::text[]) AS s (digest, token)
        CROSS JOIN LATERAL (
            SELECT p.device_id FROM clarion.push_token AS p
            WHERE p.app_id = %(app_id)s AND p.digest = s.digest OFFSET 0
        ) AS held JOIN {} AS d ON d.id = held.device_id AND d.token = s.token
        """
    ).format(app_table(app_id, "device"))
    distinct = sorted(set(tokens))
    digests = [token_digest(token) for token in distinct]
    bound = {"app_id": app_id, "tokens": array_text(distinct), "digests": array_text(digests)}
    return {token: Identity(*profile) for token, *profile in await tuples(conn, query, bound)}


async def lock_registrations(conn: Conn, app_id: int, udids: Sequence[str], tokens: Sequence[str]) -> None:
    """Registrations with the same UDID or token wait for each other until the transaction ends."""
    named = {f"{app_id}:udid:{udid}" for udid in udids} | {f"{app_id}:token:{token}" for token in tokens}
    keys = sorted(int.from_bytes(token_digest(name)[:8], "big", signed=True) for name in named)
    if keys:
        query = "SELECT pg_advisory_xact_lock(key) FROM unnest(%s::text::bigint[]) AS k (key)"
        await execute(conn, query, (array_text(keys),))


async def set_secrets(conn: Conn, app_id: int, digests: Mapping[int, bytes]) -> None:
    """Replace the secrets of devices, by id; the caller has locked the devices."""
    query = sql.SQL(
        """
        UPDATE {} AS d SET secret_digest = s.digest FROM unnest(%s::text::bigint[], %s::text::bytea[]) AS s (id, digest)
        WHERE d.id = s.id
        """
    ).format(app_table(app_id, "device"))
    await execute(conn, query, (array_text(digests), array_text(digests.values())))
