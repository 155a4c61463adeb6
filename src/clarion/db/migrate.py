"""Migrations: Alembic over plain SQL, then the per-application schemas one by one.

The embedded database is migrated at start; a database given by URL by `clarion db migrate`. Two processes that
migrate at once wait for each other on an advisory lock. Rules for a migration are in CONTRIBUTING.md.
"""

import asyncio
from importlib import resources
from typing import TYPE_CHECKING, Any

import psycopg

from clarion.base.errors import ConfigurationError, Unavailable
from clarion.db import app_schema
from clarion.db.pool import connect
from clarion.db.sql import Conn, value

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 0x436C6172696F6E  # the advisory lock every migrating process takes
_BOUNDS = "-c timezone=UTC -c lock_timeout=4s -c statement_timeout=5s"
MINIMUM_SERVER = 150000


async def upgrade(conninfo: str) -> None:
    """Bring the database at `conninfo` to the newest revision, application schemas included. Safe to repeat.

    Raises ConfigurationError for a PostgreSQL that is too old and for a database that a newer release has migrated,
    Unavailable when a table stays locked or a statement takes too long: what was done until then stays done.
    """
    conn = await connect(conninfo)
    try:
        if conn.info.server_version < MINIMUM_SERVER:
            raise ConfigurationError(
                f"PostgreSQL {conn.info.server_version // 10000} is too old.", "Clarion needs PostgreSQL 15 or newer."
            )
        await conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        at = await _revision(conn)
        _refuse_newer(at)
        if at != newest():
            await asyncio.to_thread(_upgrade, conninfo)
        await app_schema.upgrade_all(conn)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled) as error:
        raise Unavailable(
            f"The migration was given up: {error.diag.message_primary or error}.",
            "Something else holds the tables, or they are busy. Try again in a quiet moment; it goes on where it was.",
        ) from error
    finally:
        await conn.close()


async def current(conninfo: str) -> str | None:
    """The revision the database is at; None for an empty one."""
    conn = await connect(conninfo)
    try:
        return await _revision(conn)
    finally:
        await conn.close()


def newest() -> str:
    """The revision this release wants: migrations are numbered, and the number leads the name of the file."""
    names = (each.name for each in (resources.files("clarion.db") / "migrations" / "versions").iterdir())
    return max(number for number in (name.partition("_")[0] for name in names) if number.isdecimal())


async def require_current(conninfo: str) -> None:
    """Raise ConfigurationError unless the database and its application schemas are at this release's revision."""
    remedy = "Run: clarion db migrate --database-url URL"
    conn = await connect(conninfo)
    try:
        at = await _revision(conn)
        _refuse_newer(at)
        if at != newest():
            raise ConfigurationError(
                f"The database is at revision {at or 'none'}, this release needs {newest()}.", remedy
            )
        behind = len(await app_schema.behind(conn))
    finally:
        await conn.close()
    if behind:
        raise ConfigurationError(f"The tables of {behind} applications wait for their migration.", remedy)


def _refuse_newer(at: str | None) -> None:
    if at is not None and at > newest():
        raise ConfigurationError(
            f"The database is at revision {at}, which this release (revision {newest()}) does not know.",
            "Start the newer release that migrated it.",
        )


async def _revision(conn: Conn) -> str | None:
    if await value(conn, "SELECT to_regclass('clarion.alembic_version') IS NULL"):
        return None
    found = await value(conn, "SELECT version_num FROM clarion.alembic_version")
    return None if found is None else str(found)


def _config(connection: Any) -> "Config":
    from alembic.config import Config

    config = Config()
    folder = str(resources.files("clarion.db") / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(conninfo: str) -> None:
    # Half a second of imports and 20 MB: only the process that migrates pays for them.
    import sqlalchemy
    import sqlalchemy.exc
    from alembic import command
    from sqlalchemy.pool import NullPool

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo, options=_BOUNDS), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("CREATE SCHEMA IF NOT EXISTS clarion"))
            connection.commit()
            command.upgrade(_config(connection), "head")
    except sqlalchemy.exc.DBAPIError as error:
        raise (error.orig or error) from None  # the driver's own error, as everywhere else in the house
    finally:
        engine.dispose()
