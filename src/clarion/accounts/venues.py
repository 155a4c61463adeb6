"""The rules of points of interest and of their live state (v2 rules 10.7, 14.6 and 14.7)."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from clarion.accounts.common import Values, find, find_site, foreign_places, no_site
from clarion.accounts.model import Observation, PointOfInterest, PoiState, Showtime, Site
from clarion.accounts.store import points as store
from clarion.accounts.store.points import POINTS, WAIT_TIMES, Live
from clarion.base import clock
from clarion.base.errors import Finding, Invalid
from clarion.base.ids import new_id
from clarion.db.records import Scope
from clarion.db.sql import Conn
from clarion.identity.clients import Caller
from clarion.places.model import PlaceKind
from clarion.webhooks import service as webhooks
from clarion.webhooks.model import EventType

__all__ = [
    "POINTS",
    "WAIT_TIMES",
    "create_point",
    "delete_point",
    "report",
    "update_point",
    "with_wait_times",
]

AHEAD: Final = timedelta(minutes=5)
"""How far the clock of whoever observes may be ahead of ours."""

_QUEUES: Final = "t.type IN ('Ride', 'Show', 'Dining')"
_MARKS: Final = {
    "beacon_ids": (PlaceKind.BEACON, "/beaconIds"),
    "geofence_ids": (PlaceKind.GEOFENCE, "/geofenceIds"),
}


def with_wait_times(caller: Caller) -> Scope:
    """The points of interest whose wait times are listed."""
    return Scope(caller.account_id, hiding=_QUEUES)


async def create_point(conn: Conn, caller: Caller, values: Values) -> PointOfInterest:
    """A new point of interest of a venue, closed until something else is reported. Raises Invalid, and Conflict with
    code `duplicate_external_reference`."""
    site = await find_site(conn, values["site_id"], caller.scope)
    if site is None:
        raise Invalid([no_site()])
    given = _with_plain_showtimes(values)
    findings = await _check(conn, site, given)
    if not site.is_venue:
        findings.insert(0, Finding("/siteId", "inconsistent", "Only a venue has points of interest: set its isVenue."))
    if findings:
        raise Invalid(findings)
    return await POINTS.insert(conn, {"poi_id": new_id("POI"), **given, "account_id": site.account_id})


async def update_point(conn: Conn, _caller: Caller, point: PointOfInterest, values: Values) -> PointOfInterest:
    """Change a point of interest. Raises Invalid, and Conflict with code `duplicate_external_reference`."""
    changed = POINTS.changes(point, _with_plain_showtimes(values))
    site = await find_site(conn, point.site_id)
    assert site is not None
    findings = await _check(conn, site, changed)
    if findings:
        raise Invalid(findings)
    return await POINTS.update(conn, point, changed)


async def delete_point(conn: Conn, _caller: Caller, point: PointOfInterest) -> None:
    """Delete a point of interest that nothing refers to. Raises Conflict with code `resource_in_use`."""
    await POINTS.delete(conn, point)


async def report(conn: Conn, site: Site, observations: Sequence[Observation], freshness: timedelta) -> None:
    """What was observed at points of interest of a site: all of it counts, or nothing. Each observation stays fresh for
    `freshness`; one that is older than what is known is passed over (v2 rule 14.7). Raises Invalid."""
    now = _milliseconds(clock.now())
    known = await store.lock_live(conn, site.account_id, site.site_id, {each.poi_id for each in observations})
    findings = list(_wrong(observations, known, now))
    if findings:
        raise Invalid(findings)
    latest = dict(known)
    for each in observations:
        observed = now if each.observed_date is None else min(now, _milliseconds(each.observed_date))
        before = latest[each.poi_id].observed_date
        if before is None or observed >= before:
            wait = each.wait_time if each.state is PoiState.OPERATING else None
            latest[each.poi_id] = Live(each.poi_id, each.state, wait, observed, observed + freshness)
    changed = [live for poi_id, live in latest.items() if live is not known[poi_id]]
    if changed:
        await store.set_live(conn, site.account_id, changed)
    for live in changed:
        if _holding(live, now) != (known[live.poi_id].state, known[live.poi_id].wait_time):
            await webhooks.record(
                conn,
                EventType.POI_STATUS_CHANGED,
                id=live.poi_id,
                account_id=site.account_id,
                path=f"/v2/points-of-interest/{live.poi_id}",
                changed=["status"],
            )


def _wrong(observations: Sequence[Observation], known: dict[str, Live], now: datetime) -> Iterator[Finding]:
    for at, each in enumerate(observations):
        if each.poi_id not in known:
            text = "The site has no such point of interest."
            yield Finding(f"/items/{at}/poiId", "reference_not_found", text)
        if each.observed_date is not None and each.observed_date > now + AHEAD:
            text = "What is observed cannot lie ahead: check your clock."
            yield Finding(f"/items/{at}/observedDate", "out_of_range", text)


def _holding(live: Live, now: datetime) -> tuple[PoiState, int | None]:
    """State and wait as clients see them now."""
    fresh = live.fresh_until is not None and live.fresh_until >= now
    return live.state, live.wait_time if fresh else None


async def _check(conn: Conn, site: Site, values: Values) -> list[Finding]:
    findings = [
        Finding(f"/showtimes/{at}/end", "inconsistent", "A show does not end before it starts.")
        for at, each in enumerate(values.get("showtimes", ()))
        if each.end < each.start
    ]
    marks = [name for name in _MARKS if values.get(name)]
    account = await find(conn, site.account_id) if marks else None
    for name in marks:
        assert account is not None
        kind, pointer = _MARKS[name]
        foreign = await foreign_places(conn, account, kind, values[name])
        findings += [
            Finding(f"{pointer}/{at}", "reference_not_found", f"No application of the account has a {kind.value} {id}.")
            for at, id in enumerate(values[name])
            if id in foreign
        ]
    return findings


def _with_plain_showtimes(values: Values) -> Values:
    if "showtimes" not in values:
        return values
    plain = tuple(Showtime(_milliseconds(each.start), _milliseconds(each.end)) for each in values["showtimes"])
    return {**values, "showtimes": plain}


def _milliseconds(moment: datetime) -> datetime:
    """In UTC, cut to milliseconds (v2 rule 1.13)."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)
