"""The SQL of `beacon`."""

from collections.abc import Sequence
from typing import Final

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from clarion.db.sql import Conn, execute, row, rows, value, values
from clarion.places.model import Beacon, BeaconDraft

_BEACONS: Final = """
    SELECT b.id, b.name, b.external_id, b.uuid, b.major, b.minor, b.data,
           ARRAY(SELECT m.geogroup_id FROM clarion.geogroup_beacon AS m
                 WHERE m.app_id = b.app_id AND m.beacon_id = b.id ORDER BY m.geogroup_id) AS groups
    FROM clarion.beacon AS b WHERE b.app_id = %s
"""


class _Row(BeaconDraft, frozen=True, kw_only=True):
    id: int
    groups: tuple[int, ...]


def _beacon(found: _Row) -> Beacon:
    return Beacon(found.id, msgspec.convert(found, BeaconDraft, from_attributes=True), found.groups)


async def insert(conn: Conn, app_id: int, draft: BeaconDraft) -> int | None:
    """The id, or None when the external id is taken."""
    inserted: int | None = await value(
        conn,
        """
        INSERT INTO clarion.beacon (app_id, name, external_id, uuid, major, minor, data)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (app_id, external_id) DO NOTHING RETURNING id
        """,
        (app_id, draft.name, draft.external_id, draft.uuid, draft.major, draft.minor, Jsonb(draft.data)),
    )
    return inserted


async def update(conn: Conn, app_id: int, beacon_id: int, draft: BeaconDraft) -> bool:
    """False when another beacon has the external id; the transaction is then lost."""
    try:
        await execute(
            conn,
            """
            UPDATE clarion.beacon
               SET name = %s, external_id = %s, uuid = %s, major = %s, minor = %s, data = %s,
                   updated_at = clarion.now()
             WHERE app_id = %s AND id = %s
            """,
            (
                draft.name,
                draft.external_id,
                draft.uuid,
                draft.major,
                draft.minor,
                Jsonb(draft.data),
                app_id,
                beacon_id,
            ),
        )
    except psycopg.errors.UniqueViolation:
        return False
    return True


async def find(conn: Conn, app_id: int, beacon_id: int) -> Beacon | None:
    """One beacon of the application."""
    found = await row(conn, _BEACONS + " AND b.id = %s", (app_id, beacon_id), of=_Row)
    return None if found is None else _beacon(found)


async def page(conn: Conn, app_id: int, limit: int, offset: int) -> list[Beacon]:
    """Beacons of the application by ascending id."""
    found = await rows(conn, _BEACONS + " ORDER BY b.id LIMIT %s OFFSET %s", (app_id, limit, offset), of=_Row)
    return [_beacon(each) for each in found]


async def merge(conn: Conn, app_id: int, drafts: Sequence[BeaconDraft]) -> list[bool]:
    """Insert beacons, or replace those with the same external id, of which each stands here once.

    One entry for each that was new (True) or became different (False).
    """
    return await values(
        conn,
        """
        INSERT INTO clarion.beacon AS b (app_id, name, external_id, uuid, major, minor, data)
        SELECT %s, s.name, s.external_id, s.uuid, s.major, s.minor, s.data::jsonb
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::integer[], %s::integer[], %s::text[])
            AS s (name, external_id, uuid, major, minor, data)
        ON CONFLICT (app_id, external_id) DO UPDATE
        SET name = excluded.name, uuid = excluded.uuid, major = excluded.major, minor = excluded.minor,
            data = excluded.data, updated_at = clarion.now()
        WHERE (b.name, b.uuid, b.major, b.minor, b.data)
            IS DISTINCT FROM (excluded.name, excluded.uuid, excluded.major, excluded.minor, excluded.data)
        RETURNING xmax = 0
        """,
        (
            app_id,
            [draft.name for draft in drafts],
            [draft.external_id for draft in drafts],
            [draft.uuid for draft in drafts],
            [draft.major for draft in drafts],
            [draft.minor for draft in drafts],
            [msgspec.json.encode(draft.data).decode() for draft in drafts],
        ),
    )
