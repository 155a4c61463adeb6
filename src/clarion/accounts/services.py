"""The rules of services: their account is their site's, and their status moves in one direction (v2 rule 11.1)."""

from collections.abc import Mapping
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from clarion.accounts.common import Values, changed_members, find_site, no_site
from clarion.accounts.model import Service, ServiceStatus
from clarion.accounts.store.sites import SERVICES, SITES
from clarion.base import clock
from clarion.base.errors import Conflict, Invalid
from clarion.db.sql import Conn
from clarion.identity.clients import Caller
from clarion.webhooks import service as webhooks
from clarion.webhooks.model import EventType

__all__ = ["MOVES", "SERVICES", "create_service", "delete_service", "update_service"]

MOVES: Final[Mapping[ServiceStatus, frozenset[ServiceStatus]]] = {
    ServiceStatus.IN_PROGRESS: frozenset({ServiceStatus.READY_FOR_SERVICE, ServiceStatus.CANCELLED}),
    ServiceStatus.READY_FOR_SERVICE: frozenset({ServiceStatus.SUSPENDED, ServiceStatus.DEACTIVATED}),
    ServiceStatus.SUSPENDED: frozenset({ServiceStatus.READY_FOR_SERVICE, ServiceStatus.DEACTIVATED}),
    ServiceStatus.DEACTIVATED: frozenset(),
    ServiceStatus.CANCELLED: frozenset(),
}
"""Where a status leads to."""
_DATES: Final = {
    ServiceStatus.READY_FOR_SERVICE: "ready_for_service_date",
    ServiceStatus.DEACTIVATED: "deactivation_date",
}


async def create_service(conn: Conn, caller: Caller, values: Values) -> Service:
    """A new service of a site. Raises Invalid, and Conflict with code `duplicate_external_reference`."""
    site = await find_site(conn, values["site_id"], caller.scope)
    if site is None:
        raise Invalid([no_site()])
    given = {"status": ServiceStatus.IN_PROGRESS, **values, "account_id": site.account_id}
    dated = _DATES.get(given["status"])
    if dated is not None and given.get(dated) is None:
        given[dated] = _today(site.time_zone)
    service = await SERVICES.insert(conn, given)
    await _tell(conn, EventType.SERVICE_CREATED, service)
    return service


async def update_service(conn: Conn, _caller: Caller, service: Service, values: Values) -> Service:
    """Change a service. Raises Conflict: `invalid_state_transition`, `duplicate_external_reference`."""
    changed = SERVICES.changes(service, values)
    if "status" in changed:
        changed |= await _moved(conn, service, changed)
        changed = SERVICES.changes(service, changed)
    updated = await SERVICES.update(conn, service, changed)
    if changed:
        await _tell(conn, EventType.SERVICE_UPDATED, updated, changed)
    return updated


async def delete_service(conn: Conn, _caller: Caller, service: Service) -> None:
    """Delete a service that nothing refers to. Raises Conflict with code `resource_in_use` (v2 rule 4.9)."""
    await SERVICES.delete(conn, service)
    await _tell(conn, EventType.SERVICE_DELETED, service)


async def _moved(conn: Conn, service: Service, changed: Values) -> Values:
    """What a move of the status changes besides: the date of its new status, unless there is one. Raises Conflict."""
    status: ServiceStatus = changed["status"]
    if status not in MOVES[service.status]:
        onward = ", ".join(each.value for each in ServiceStatus if each in MOVES[service.status])
        raise Conflict(
            f"A service that is {service.status.value} cannot become {status.value}.",
            f"It can become {onward}." if onward else "Its status is final.",
            code="invalid_state_transition",
        )
    dated = _DATES.get(status)
    if dated is None or changed.get(dated, getattr(service, dated)) is not None:
        return {}
    site = await SITES.find(conn, service.site_id)  # not locked: whoever deletes a site waits for its services
    assert site is not None
    return {dated: _today(site.time_zone)}


def _today(zone: str) -> date:
    return clock.now().astimezone(ZoneInfo(zone)).date()


async def _tell(conn: Conn, event: EventType, service: Service, changed: Values | None = None) -> None:
    await webhooks.record(
        conn,
        event,
        id=service.service_id,
        account_id=service.account_id,
        path=f"/v2/services/{service.service_id}",
        changed=changed_members(SERVICES, changed or {}),
    )
