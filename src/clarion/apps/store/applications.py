"""The SQL of applications: their rows, managers, gateway credentials."""

from collections.abc import Collection

from clarion.apps.model import App, GatewayConfig, GatewayStatus, Platform
from clarion.db.sql import Conn, execute, row, rows, tuples, value, values


async def next_app_id(conn: Conn) -> int:
    """A fresh application id; what is sealed for the application is bound to it before its row exists."""
    return int(await value(conn, "SELECT nextval(pg_get_serial_sequence('clarion.app', 'id'))"))


async def insert_app(
    conn: Conn, app_id: int, partner_id: str, platform: Platform, name: str, private_key: bytes
) -> bool:
    """Insert an application; False when the partner id is taken."""
    return (
        await execute(
            conn,
            """
            INSERT INTO clarion.app (id, partner_id, platform, name, private_key) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT (partner_id) DO NOTHING
            """,
            (app_id, partner_id, platform.value, name, private_key),
        )
        == 1
    )


async def app_by_partner(conn: Conn, partner_id: str) -> App | None:
    """The application with this partner id."""
    query = "SELECT id, partner_id, name, platform, click_address FROM clarion.app WHERE partner_id = %s"
    return await row(conn, query, (partner_id,), of=App)


async def granted_app(conn: Conn, partner_id: str, person_id: int) -> App | None:
    """The application with this partner id, if this person may manage it."""
    query = """
        SELECT id, partner_id, name, platform, click_address FROM clarion.app AS a
        WHERE partner_id = %s
          AND EXISTS (SELECT FROM clarion.app_manager WHERE app_id = a.id AND person_id = %s)
    """
    return await row(conn, query, (partner_id, person_id), of=App)


async def app_by_id(conn: Conn, app_id: int) -> App | None:
    """The application with this id."""
    query = "SELECT id, partner_id, name, platform, click_address FROM clarion.app WHERE id = %s"
    return await row(conn, query, (app_id,), of=App)


async def apps(conn: Conn) -> list[App]:
    """All applications, by ascending partner id."""
    query = "SELECT id, partner_id, name, platform, click_address FROM clarion.app ORDER BY partner_id"
    return await rows(conn, query, of=App)


async def page(conn: Conn, after: str | None, limit: int | None, person_id: int | None) -> list[App]:
    """Applications with a partner id above `after`, ascending; only those granted to a person unless that is None."""
    return await rows(
        conn,
        """
        SELECT id, partner_id, name, platform, click_address FROM clarion.app AS a
        WHERE (%(after)s::text IS NULL OR partner_id > %(after)s)
          AND (%(person_id)s::bigint IS NULL
               OR EXISTS (SELECT FROM clarion.app_manager WHERE app_id = a.id AND person_id = %(person_id)s))
        ORDER BY partner_id LIMIT %(limit)s
        """,
        {"after": after, "person_id": person_id, "limit": limit},
        of=App,
    )


async def ids_of(conn: Conn, partner_ids: Collection[str]) -> list[int]:
    """The ids of the applications with these partner ids, ascending."""
    query = "SELECT id FROM clarion.app WHERE partner_id = ANY(%s::text[]) ORDER BY id"
    return [int(app_id) for app_id in await values(conn, query, (sorted(partner_ids),))]


async def partner_ids(conn: Conn, app_ids: Collection[int]) -> list[tuple[int, str]]:
    """(id, partner id) of these applications."""
    query = "SELECT id, partner_id FROM clarion.app WHERE id = ANY(%s::integer[])"
    return [(app_id, partner_id) for app_id, partner_id in await tuples(conn, query, (sorted(app_ids),))]


async def update_app(conn: Conn, app_id: int, name: str, click_address: str | None) -> None:
    """Replace the name and the address a click opens by default."""
    await execute(
        conn, "UPDATE clarion.app SET name = %s, click_address = %s WHERE id = %s", (name, click_address, app_id)
    )


async def private_key(conn: Conn, app_id: int) -> bytes | None:
    """The sealed private key."""
    found = await value(conn, "SELECT private_key FROM clarion.app WHERE id = %s", (app_id,))
    return None if found is None else bytes(found)


async def is_manager(conn: Conn, app_id: int, person_id: int) -> bool:
    """Whether this person may manage the application."""
    query = "SELECT EXISTS (SELECT FROM clarion.app_manager WHERE app_id = %s AND person_id = %s)"
    return bool(await value(conn, query, (app_id, person_id)))


async def insert_manager(conn: Conn, app_id: int, person_id: int) -> None:
    """Give a person the application; nothing happens when they have it."""
    await execute(
        conn,
        "INSERT INTO clarion.app_manager (app_id, person_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (app_id, person_id),
    )


async def delete_manager(conn: Conn, app_id: int, person_id: int) -> None:
    """Take the application from a person."""
    await execute(conn, "DELETE FROM clarion.app_manager WHERE app_id = %s AND person_id = %s", (app_id, person_id))


async def grants_of(conn: Conn, person_ids: Collection[int]) -> list[tuple[int, str]]:
    """(person id, partner id) of what was granted to these people, ascending."""
    found = await tuples(
        conn,
        """
        SELECT m.person_id, a.partner_id FROM clarion.app_manager AS m JOIN clarion.app AS a ON a.id = m.app_id
        WHERE m.person_id = ANY(%s::bigint[]) ORDER BY 1, 2
        """,
        (sorted(person_ids),),
    )
    return [(person_id, partner_id) for person_id, partner_id in found]


async def put_gateway(conn: Conn, app_id: int, kind: str, secret: bytes, endpoint: str | None, ca: str | None) -> None:
    """Set or replace the sealed credentials of an application's gateway."""
    await execute(
        conn,
        """
        INSERT INTO clarion.gateway_credential AS g (app_id, kind, secret, endpoint, ca) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (app_id) DO UPDATE
        SET kind = excluded.kind, secret = excluded.secret, endpoint = excluded.endpoint, ca = excluded.ca,
            revision = g.revision + 1, updated_at = clarion.now()
        """,
        (app_id, kind, secret, endpoint, ca),
    )


async def gateway(conn: Conn, app_id: int) -> GatewayConfig | None:
    """The gateway of an application, `secret` still sealed."""
    return await row(
        conn,
        "SELECT kind, secret, endpoint, ca, revision FROM clarion.gateway_credential WHERE app_id = %s",
        (app_id,),
        of=GatewayConfig,
    )


async def gateway_status(conn: Conn, app_id: int) -> GatewayStatus | None:
    """The gateway of an application without its credentials."""
    return await row(
        conn,
        """
        SELECT kind, endpoint, ca IS NOT NULL AS authority, revision, updated_at
        FROM clarion.gateway_credential WHERE app_id = %s
        """,
        (app_id,),
        of=GatewayStatus,
    )
