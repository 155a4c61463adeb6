"""Points of interest and wait times on the wire."""

import msgspec

from clarion.accounts import venues
from clarion.accounts.model import Observation, Site
from clarion.api.exchange import Response
from clarion.api.v2.call import Call
from clarion.api.v2.change import Change
from clarion.api.v2.resource import Resource, handlers
from clarion.api.v2.sites import SITES
from clarion.db.sql import Conn

POINTS = Resource(
    venues.POINTS,
    "/v2/points-of-interest/{poiId}",
    creating=venues.create_point,
    updating=venues.update_point,
    deleting=venues.delete_point,
)
WAIT_TIMES = Resource(
    venues.WAIT_TIMES, "/v2/sites/{siteId}/wait-times/{poiId}", scope=venues.with_wait_times, within=SITES
)


async def report_wait_times(call: Call, conn: Conn, site: Site) -> Response:
    """Take a report in; the answer is the first page of the wait times after it."""
    observations = msgspec.convert(call.body["items"], list[Observation])
    await venues.report(conn, site, observations, call.services.settings.wait_time_freshness)
    return await WAIT_TIMES.list(call, conn)


HANDLERS = {
    **handlers(
        POINTS,
        list="listPointsOfInterest",
        create="createPointOfInterest",
        get="getPointOfInterest",
        update="updatePointOfInterest",
        delete="deletePointOfInterest",
    ),
    "listSitePointsOfInterest": POINTS.below(SITES),
    "listWaitTimes": WAIT_TIMES.list,
    "reportWaitTimes": Change(SITES.find, report_wait_times),
}
