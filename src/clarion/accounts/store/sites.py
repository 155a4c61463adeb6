"""The tables of sites and services."""

from collections.abc import Collection

from clarion.accounts.model import Service, Site
from clarion.db.records import Records
from clarion.db.sql import Conn, values

SITES = Records(
    "clarion.site",
    Site,
    key="site_id",
    casts={"status": "clarion.site_status"},
    computed={"is_open": "NULL::boolean"},
)
SERVICES = Records("clarion.service", Service, key="service_id", casts={"status": "clarion.service_status"})


async def known_services(conn: Conn, account_id: str, ids: Collection[str]) -> set[str]:
    """Those of the ids that are services of an account; they stay until the transaction ends."""
    if not ids:
        return set()
    text = """
        SELECT service_id FROM clarion.service WHERE account_id = %s AND service_id = ANY(%s)
        ORDER BY service_id FOR KEY SHARE
    """
    return set(await values(conn, text, (account_id, list(ids))))


async def known_sites(conn: Conn, account_id: str, ids: Collection[str]) -> set[str]:
    """Those of the ids that are sites of an account; they stay until the transaction ends."""
    if not ids:
        return set()
    text = """
        SELECT site_id FROM clarion.site WHERE account_id = %s AND site_id = ANY(%s)
        ORDER BY site_id FOR KEY SHARE
    """
    return set(await values(conn, text, (account_id, list(ids))))
