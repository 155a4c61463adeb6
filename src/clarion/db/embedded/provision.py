"""What a running cluster needs before Clarion uses it: the role that owns the database, and the database.

Everyday work runs under the role `clarion`, which is no superuser: it owns its database and may read statistics.
"""

from pathlib import Path

from psycopg import sql

from clarion.base.errors import ConfigurationError, Unavailable
from clarion.db.embedded.cluster import DATABASE, ROLE, SUPERUSER, conninfo_for, read_password
from clarion.db.embedded.folder import DataFolder
from clarion.db.pool import connect
from clarion.db.sql import Conn, execute, value


async def provision(folder: DataFolder, socket_folder: Path) -> None:
    """Make sure that role and database exist and that the passfile opens them. Safe to repeat, however it was ended."""
    try:
        conn = await connect(conninfo_for(folder, socket_folder, role=ROLE, database=DATABASE))
    except Unavailable:
        await _complete(folder, socket_folder)
    else:
        await conn.close()


async def _complete(folder: DataFolder, socket_folder: Path) -> None:
    try:
        conn = await connect(conninfo_for(folder, socket_folder, role=SUPERUSER, database="postgres"))
    except Unavailable as error:
        if "authentication failed" not in str(error):
            raise
        raise ConfigurationError(
            f"The password in {folder.passfile} is not the one this database was given.",
            "Restore the file that belongs to it, or delete it: the next start makes a new password.",
        ) from error
    try:
        await _create_missing(conn, read_password(folder) or "")
    finally:
        await conn.close()


async def _create_missing(conn: Conn, password: str) -> None:
    role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
    known = await value(conn, "SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,))
    verb = sql.SQL("ALTER" if known else "CREATE")
    await execute(conn, sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, role, sql.Literal(password)))
    await execute(conn, sql.SQL("GRANT pg_monitor TO {}").format(role))
    if not await value(conn, "SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)):
        await execute(conn, sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
