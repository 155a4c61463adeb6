"""The SQL of what applications declare."""

from collections.abc import Collection
from typing import Any

from psycopg.types.json import Jsonb

from clarion.apps.model import Declaration, DeclarationKind
from clarion.db.sql import Conn, execute, rows


async def put(conn: Conn, app_id: int, declaration: Declaration) -> None:
    """Insert a declaration, or replace the one of the same kind and value."""
    bound: tuple[Any, ...] = (
        app_id,
        declaration.kind.value,
        declaration.value,
        declaration.name,
        Jsonb(declaration.details),
    )
    await execute(
        conn,
        """
        INSERT INTO clarion.declaration (app_id, kind, value, name, details) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (app_id, kind, value) DO UPDATE SET name = excluded.name, details = excluded.details
        """,
        bound,
    )


async def delete(conn: Conn, app_id: int, kind: DeclarationKind, value: str) -> bool:
    """Take a declaration away; False when there was none."""
    return (
        await execute(
            conn,
            "DELETE FROM clarion.declaration WHERE app_id = %s AND kind = %s AND value = %s",
            (app_id, kind.value, value),
        )
        == 1
    )


async def listed(conn: Conn, app_id: int, kind: DeclarationKind) -> list[Declaration]:
    """All declarations of a kind, by value."""
    return await rows(
        conn,
        "SELECT kind, value, name, details FROM clarion.declaration WHERE app_id = %s AND kind = %s ORDER BY value",
        (app_id, kind.value),
        of=Declaration,
    )


async def find(conn: Conn, app_id: int, kind: DeclarationKind, wanted: Collection[str]) -> list[Declaration]:
    """Those of `wanted` that are declared, by value."""
    return await rows(
        conn,
        """
        SELECT kind, value, name, details FROM clarion.declaration
        WHERE app_id = %s AND kind = %s AND value = ANY(%s::text[]) ORDER BY value
        """,
        (app_id, kind.value, sorted(wanted)),
        of=Declaration,
    )
