"""The rules of sites (v2 sections 4 and 10)."""

from typing import Any

from msgspec.structs import replace

from clarion.accounts import hours
from clarion.accounts.common import Values, changed_members, check_zone, find, foreign_places, no_account
from clarion.accounts.model import Account, Site
from clarion.accounts.store import points
from clarion.accounts.store.sites import SITES
from clarion.base import clock
from clarion.base.errors import Conflict, Finding, Invalid
from clarion.db.records import Scope
from clarion.db.sql import Conn
from clarion.identity.clients import Caller
from clarion.identity.scopes import ScopeName
from clarion.places.model import PlaceKind
from clarion.webhooks import service as webhooks
from clarion.webhooks.model import EventType

__all__ = ["SITES", "create_site", "delete_site", "shown", "update_site", "visible"]

_VENUES = "t.is_venue"
_MASKED = frozenset({"external_reference", "push_geogroup_id"})


def visible(caller: Caller) -> Scope:
    """The sites that a client may see, and how much of them: VenueRead shows venues (v2 rule 4.2)."""
    if ScopeName.BASIC_READ in caller.scopes:
        return caller.scope
    return Scope(caller.account_id, hiding=_VENUES, masked=_MASKED)


def shown(site: Site) -> Site:
    """A site as it is at this moment."""
    return replace(site, is_open=hours.is_open(site, clock.now()))


async def create_site(conn: Conn, caller: Caller, values: Values) -> Site:
    """A new site, in the time zone of its account unless it says another. Raises Invalid, and Conflict with code
    `duplicate_external_reference`."""
    account = await find(conn, values["account_id"], caller.scope)
    findings = [no_account()] if account is None else await _foreign_geogroup(conn, account, values)
    findings += _check(values)
    if findings or account is None:
        raise Invalid(findings)
    site = await SITES.insert(conn, {"time_zone": account.time_zone, **values})
    await _tell(conn, EventType.SITE_CREATED, site)
    return site


async def update_site(conn: Conn, _caller: Caller, site: Site, values: Values) -> Site:
    """Change a site. Raises Invalid, and Conflict: `duplicate_external_reference`; `resource_in_use` for a site with
    points of interest that would be no venue any more."""
    changed = SITES.changes(site, values)
    findings = _check(changed)
    if changed.get("push_geogroup_id") is not None:
        account = await find(conn, site.account_id)
        findings += [no_account()] if account is None else await _foreign_geogroup(conn, account, changed)
    if findings:
        raise Invalid(findings)
    if changed.get("is_venue") is False and await points.has_points(conn, site.account_id, site.site_id):
        raise Conflict(
            "The site has points of interest, which only venues have.", "Delete them first.", code="resource_in_use"
        )
    updated = await SITES.update(conn, site, changed)
    if changed:
        await _tell(conn, EventType.SITE_UPDATED, updated, changed)
    return updated


async def delete_site(conn: Conn, _caller: Caller, site: Site) -> None:
    """Delete a site that nothing refers to. Raises Conflict with code `resource_in_use` (v2 rule 4.9)."""
    await SITES.delete(conn, site)
    await _tell(conn, EventType.SITE_DELETED, site)


def _check(values: Values) -> list[Finding]:
    return [*check_zone(values), *hours.check_exceptions(values.get("opening_exceptions", ()))]


async def _foreign_geogroup(conn: Conn, account: Account, values: Values) -> list[Finding]:
    geogroup_id = values.get("push_geogroup_id")
    if geogroup_id is None or not await foreign_places(conn, account, PlaceKind.GEOGROUP, [geogroup_id]):
        return []
    text = f"No application of the account has a geogroup {geogroup_id}."
    return [Finding("/pushGeogroupId", "reference_not_found", text)]


async def _tell(conn: Conn, event: EventType, site: Site, changed: dict[str, Any] | None = None) -> None:
    await webhooks.record(
        conn,
        event,
        id=site.site_id,
        account_id=site.account_id,
        path=f"/v2/sites/{site.site_id}",
        changed=changed_members(SITES, changed or {}),
        venue=site.is_venue,
    )
