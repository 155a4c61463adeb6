"""The SQL of proving who a device is: by UDID, by push token, by the digest of its secret."""

from msgspec import Struct
from psycopg import sql

from clarion.db.sql import Conn, app_table, execute, row, value
from clarion.devices.model import device_id, token_digest


class Identity(Struct, frozen=True):
    """A profile on record and the digest of its secret, None when it never got one."""

    id: int
    udid: str
    secret_digest: bytes | None


async def by_udid(conn: Conn, app_id: int, udid: str) -> Identity | None:
    """The profile of this UDID."""
    query = sql.SQL("SELECT id, udid, secret_digest FROM {} WHERE id = %s AND udid = %s").format(
        app_table(app_id, "device")
    )
    return await row(conn, query, (device_id(app_id, udid), udid), of=Identity)


async def by_token(conn: Conn, app_id: int, token: str) -> Identity | None:
    """The profile that holds this token."""
    query = sql.SQL(
        """
        SELECT id, udid, secret_digest FROM {}
        WHERE id = (SELECT device_id FROM clarion.push_token WHERE app_id = %s AND digest = %s) AND token = %s
        """
    ).format(app_table(app_id, "device"))
    return await row(conn, query, (app_id, token_digest(token), token), of=Identity)


async def lock_registrations(conn: Conn, app_id: int, udid: str | None, token: str | None) -> None:
    """Registrations with the same UDID or token wait for each other until the transaction ends."""
    named = [f"{app_id}:{kind}:{name}" for kind, name in (("udid", udid), ("token", token)) if name is not None]
    keys = sorted(int.from_bytes(token_digest(name)[:8], "big", signed=True) for name in named)
    for key in keys:
        await execute(conn, "SELECT pg_advisory_xact_lock(%s)", (key,))


async def set_secret(conn: Conn, app_id: int, number: int, digest: bytes) -> None:
    """Replace the secret of a device."""
    query = sql.SQL("UPDATE {} SET secret_digest = %s WHERE id = %s").format(app_table(app_id, "device"))
    await execute(conn, query, (digest, number))


async def secret_digest(conn: Conn, app_id: int, number: int) -> bytes | None:
    """The digest of a device's secret; None when there is no such device or it has none."""
    query = sql.SQL("SELECT secret_digest FROM {} WHERE id = %s").format(app_table(app_id, "device"))
    found = await value(conn, query, (number,))
    return None if found is None else bytes(found)
