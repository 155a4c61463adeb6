"""How large the database is."""

from clarion.db.sql import Conn, value


async def of_database(conn: Conn) -> int:
    """Bytes on disk, without the write-ahead log."""
    return int(await value(conn, "SELECT pg_database_size(current_database())"))
