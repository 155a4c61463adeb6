"""What the rules of accounts, sites, services and points of interest share, and what other capabilities find them by.

Whatever is found here stays as it is until the caller's transaction ends: changes and deletions of it wait.
"""

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from clarion.accounts.model import Account, Service, Site
from clarion.accounts.store.accounts import ACCOUNTS
from clarion.accounts.store.sites import SERVICES, SITES, known_services, known_sites
from clarion.apps import service as apps
from clarion.base.errors import Finding
from clarion.db.records import EVERYBODY, Records, Scope
from clarion.db.sql import Conn
from clarion.places import service as places
from clarion.places.model import PlaceKind

__all__ = [
    "Values",
    "changed_members",
    "check_zone",
    "find",
    "find_service",
    "find_site",
    "foreign_places",
    "is_zone",
    "known_services",
    "known_sites",
    "no_account",
    "no_site",
]

Values = dict[str, Any]


async def find(conn: Conn, account_id: str, scope: Scope = EVERYBODY) -> Account | None:
    """An account in scope; it stays until the caller's transaction ends."""
    return await ACCOUNTS.find(conn, account_id, scope, keep=True)


async def find_site(conn: Conn, site_id: str, scope: Scope = EVERYBODY) -> Site | None:
    """A site in scope; it stays until the caller's transaction ends."""
    return await SITES.find(conn, site_id, scope, keep=True)


async def find_service(conn: Conn, service_id: str, scope: Scope = EVERYBODY) -> Service | None:
    """A service in scope; it stays, with its status, until the caller's transaction ends."""
    return await SERVICES.find(conn, service_id, scope, keep=True)


def no_account() -> Finding:
    """A body names an account that is not there, or not for this client (v2 rule 2.4)."""
    return Finding("/accountId", "reference_not_found", "There is no such account, or not for this client.")


def no_site() -> Finding:
    """A body names a site that is not there, or not for this client (v2 rule 2.4)."""
    return Finding("/siteId", "reference_not_found", "There is no such site, or not for this client.")


async def foreign_places(conn: Conn, account: Account, kind: PlaceKind, ids: Iterable[int]) -> set[int]:
    """Those of these ids of the push platform that lie in no application of the account (v2 rule 10.7)."""
    wanted = set(ids)
    if not wanted:
        return wanted
    return wanted - await places.held(conn, await apps.ids_of(conn, account.partner_ids), kind, wanted)


def is_zone(name: str) -> bool:
    """Whether a name is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True


def check_zone(values: Values) -> list[Finding]:
    """The finding about a time zone that there is not."""
    name = values.get("time_zone")
    if name is None or is_zone(name):
        return []
    return [Finding("/timeZone", "invalid_value", f"{name!r} is no IANA time zone.")]


def changed_members(records: Records[Any], changed: Values) -> list[str]:
    """The members of the wire that these fields are."""
    return [records.fields[name].wire for name in changed if name in records.fields]
