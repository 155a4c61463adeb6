"""The SQL of `geofence`."""

from collections.abc import Sequence
from typing import Final

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from clarion.db.sql import Conn, execute, row, rows, value, values
from clarion.places.model import Geofence, GeofenceDraft

_GEOFENCES: Final = """
    SELECT g.id, g.name, g.external_id, g.latitude, g.longitude, g.radius, g.data,
           ARRAY(SELECT m.geogroup_id FROM clarion.geogroup_geofence AS m
                 WHERE m.app_id = g.app_id AND m.geofence_id = g.id ORDER BY m.geogroup_id) AS groups
    FROM clarion.geofence AS g WHERE g.app_id = %s
"""


class _Row(GeofenceDraft, frozen=True, kw_only=True):
    id: int
    groups: tuple[int, ...]


def _geofence(found: _Row) -> Geofence:
    return Geofence(found.id, msgspec.convert(found, GeofenceDraft, from_attributes=True), found.groups)


async def lock_number(conn: Conn, app_id: int) -> None:
    """Whoever adds geofences to this application waits for the others who do, until the transaction ends."""
    await execute(conn, "SELECT pg_advisory_xact_lock(hashtextextended('clarion.geofences', %s))", (app_id,))


async def count(conn: Conn, app_id: int) -> int:
    """How many geofences the application has."""
    return int(await value(conn, "SELECT count(*) FROM clarion.geofence WHERE app_id = %s", (app_id,)))


async def insert(conn: Conn, app_id: int, draft: GeofenceDraft) -> int | None:
    """The id, or None when the external id is taken."""
    inserted: int | None = await value(
        conn,
        """
        INSERT INTO clarion.geofence (app_id, name, external_id, latitude, longitude, radius, data)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (app_id, external_id) DO NOTHING RETURNING id
        """,
        (app_id, draft.name, draft.external_id, draft.latitude, draft.longitude, draft.radius, Jsonb(draft.data)),
    )
    return inserted


async def update(conn: Conn, app_id: int, geofence_id: int, draft: GeofenceDraft) -> bool:
    """False when another geofence has the external id; the transaction is then lost."""
    try:
        await execute(
            conn,
            """
            UPDATE clarion.geofence
               SET name = %s, external_id = %s, latitude = %s, longitude = %s, radius = %s, data = %s,
                   updated_at = clarion.now()
             WHERE app_id = %s AND id = %s
            """,
            (
                draft.name,
                draft.external_id,
                draft.latitude,
                draft.longitude,
                draft.radius,
                Jsonb(draft.data),
                app_id,
                geofence_id,
            ),
        )
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def find(conn: Conn, app_id: int, geofence_id: int) -> Geofence | None:
    """One geofence of the application."""
    found = await row(conn, _GEOFENCES + " AND g.id = %s", (app_id, geofence_id), of=_Row)
    return None if found is None else _geofence(found)


async def page(conn: Conn, app_id: int, limit: int, offset: int) -> list[Geofence]:
    """Geofences of the application by ascending id."""
    found = await rows(conn, _GEOFENCES + " ORDER BY g.id LIMIT %s OFFSET %s", (app_id, limit, offset), of=_Row)
    return [_geofence(each) for each in found]


async def merge(conn: Conn, app_id: int, drafts: Sequence[GeofenceDraft]) -> list[bool]:
    """Insert geofences, or replace those with the same external id, of which each stands here once.

    One entry for each that was new (True) or became different (False).
    """
    return await values(
        conn,
        """
        INSERT INTO clarion.geofence AS g (app_id, name, external_id, latitude, longitude, radius, data)
        SELECT %s, s.name, s.external_id, s.latitude, s.longitude, s.radius, s.data::jsonb
        FROM unnest(%s::text[], %s::text[], %s::float8[], %s::float8[], %s::bigint[], %s::text[])
            AS s (name, external_id, latitude, longitude, radius, data)
        ON CONFLICT (app_id, external_id) DO UPDATE
        SET name = excluded.name, latitude = excluded.latitude, longitude = excluded.longitude,
            radius = excluded.radius, data = excluded.data, updated_at = clarion.now()
        WHERE (g.name, g.latitude, g.longitude, g.radius, g.data)
            IS DISTINCT FROM (excluded.name, excluded.latitude, excluded.longitude, excluded.radius, excluded.data)
        RETURNING xmax = 0
        """,
        (
            app_id,
            [draft.name for draft in drafts],
            [draft.external_id for draft in drafts],
            [draft.latitude for draft in drafts],
            [draft.longitude for draft in drafts],
            [draft.radius for draft in drafts],
            [msgspec.json.encode(draft.data).decode() for draft in drafts],
        ),
    )
