"""Points of interest and wait times (v2 rules 4.2, 5.12, 10.7, 14.6 and 14.7)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from clarion.accounts import venues
from clarion.accounts.model import PoiType
from clarion.api.edge import create_app
from clarion.api.v2.call import Services
from clarion.api.v2.surface import v2_surfaces
from clarion.api.v2.transport import V2Settings
from clarion.apps import service as apps
from clarion.apps.model import App, Platform
from clarion.assembly.operations import V2_HANDLERS
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.db.pool import Database
from clarion.db.sql import execute, value
from clarion.identity.clients import Caller
from clarion.identity.scopes import ScopeName
from clarion.places import service as places
from clarion.places.model import BeaconDraft, GeofenceDraft
from tests.api.v2.client import Api, Client, NoHealth, decoded, new_key
from tests.api.v2.events import recorded
from tests.api.v2.factories_of_places import a_point, a_site, a_venue, an_account
from tests.support import until

pytestmark = pytest.mark.usefixtures("subscriber")

UNKNOWN = "POI-01J8ZQ4T7M5N2V9K3XWB6CDEFG"
NEVER_REPORTED = {"state": "Closed", "isOpen": False, "waitTime": None, "updatedDate": None, "isStale": False}


@pytest.fixture
async def venue(operator: Client) -> Any:
    return await a_venue(operator, await an_account(operator))


async def wait(database: Database, span: timedelta) -> None:
    """Let time pass, on both clocks."""
    clock.shift(span)
    async with database.connection() as conn:
        await execute(conn, "UPDATE clarion.clock_offset SET shift = %s", (span,))


async def report(client: Client, venue: Any, *items: dict[str, Any]) -> Any:
    """The wait times after a report."""
    answer = await client.call("POST", f"/v2/sites/{venue['siteId']}/wait-times", {"items": list(items)})
    assert answer.status == 200, answer.body
    return decoded(answer)["data"]


async def status(client: Client, point: Any) -> Any:
    return (await client.get(f"/v2/points-of-interest/{point['poiId']}"))["data"]["status"]


async def test_v2_rule_10_1_a_point_of_interest_is_created_read_changed_and_deleted(
    operator: Client, venue: Any
) -> None:
    shows = [{"start": "2026-12-01T14:00:00.1239+01:00", "end": "2026-12-01T15:00:00+01:00"}]
    made = await a_point(operator, venue["siteId"], type="Show", categories=["Indoor", "Family"], showtimes=shows)
    path = f"/v2/points-of-interest/{made['poiId']}"
    assert made["status"] == NEVER_REPORTED
    assert made["categories"] == ["Indoor", "Family"]
    assert made["showtimes"] == [{"start": "2026-12-01T13:00:00.123Z", "end": "2026-12-01T14:00:00.000Z"}]
    assert "accountId" not in made
    assert (await operator.get(path))["data"] == made
    assert await operator.change(path, {"showtimes": shows}) == made
    changed = await operator.change(path, {"categories": [], "imageUrl": "https://img.example/1.png"})
    assert (changed["categories"], changed["imageUrl"]) == ([], "https://img.example/1.png")
    assert (await operator.call("DELETE", path)).status == 204
    assert await operator.refused("GET", path) == (404, "not_found")


async def test_only_venues_have_points_of_interest(operator: Client, api: Api, venue: Any) -> None:
    plain = await a_site(operator, venue["accountId"])
    body = {"siteId": plain["siteId"], "name": "Dipper", "type": "Ride"}
    assert await operator.findings("POST", "/v2/points-of-interest", body) == {("#/siteId", "inconsistent")}
    stranger = await api.client(account_id=await an_account(operator))
    body["siteId"] = venue["siteId"]
    found = await stranger.findings("POST", "/v2/points-of-interest", body)
    assert found == {("#/siteId", "reference_not_found")}


async def test_a_site_stays_a_venue_while_a_point_of_interest_is_made(operator: Client, api: Api, venue: Any) -> None:
    """Whoever would make it none waits, and finds the point then."""
    path = f"/v2/sites/{venue['siteId']}"

    async def waits() -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        async with api.database.connection() as other:
            return int(await value(other, query)) > 0

    async with api.database.transaction() as conn:
        caller = Caller("tests", None, frozenset())
        values = {"site_id": venue["siteId"], "name": "Dipper", "type": PoiType.RIDE}
        await venues.create_point(conn, caller, values)
        change = asyncio.create_task(operator.refused("PATCH", path, {"isVenue": False}))
        await until(waits)
    assert await change == (409, "resource_in_use")


async def test_v2_rule_10_3_an_external_reference_is_unique_among_points_of_an_account(
    operator: Client, venue: Any
) -> None:
    await a_point(operator, venue["siteId"], externalReference="E-1")
    beside = await a_venue(operator, venue["accountId"], externalReference="E-1")
    body = {"siteId": beside["siteId"], "name": "Dipper", "type": "Ride", "externalReference": "E-1"}
    assert await operator.refused("POST", "/v2/points-of-interest", body) == (409, "duplicate_external_reference")
    elsewhere = await a_venue(operator, await an_account(operator))
    await a_point(operator, elsewhere["siteId"], externalReference="E-1")


async def test_a_show_does_not_end_before_it_starts(operator: Client, venue: Any) -> None:
    shows = [{"start": "2026-12-01T14:00:00Z", "end": "2026-12-01T14:00:00+01:00"}]
    body = {"siteId": venue["siteId"], "name": "Parade", "type": "Show", "showtimes": shows}
    found = await operator.findings("POST", "/v2/points-of-interest", body)
    assert found == {("#/showtimes/0/end", "inconsistent")}


async def test_v2_rule_4_2_venue_read_sees_points_and_wait_times(operator: Client, api: Api, venue: Any) -> None:
    point = await a_point(operator, venue["siteId"])
    reader = await api.client([ScopeName.VENUE_READ], venue["accountId"])
    assert (await reader.get("/v2/points-of-interest"))["data"] == [point]
    assert len((await reader.get(f"/v2/sites/{venue['siteId']}/wait-times"))["data"]) == 1
    items = {"items": [{"poiId": point["poiId"], "state": "Down"}]}
    path = f"/v2/sites/{venue['siteId']}/wait-times"
    assert await reader.refused("POST", path, items) == (403, "insufficient_scope")


async def test_v2_rule_4_7_points_of_other_accounts_are_not_there(operator: Client, api: Api, venue: Any) -> None:
    point = await a_point(operator, venue["siteId"])
    stranger = await api.client(account_id=await an_account(operator))
    path = f"/v2/points-of-interest/{point['poiId']}"
    assert await stranger.refused("GET", path) == (404, "not_found")
    assert await stranger.refused("PATCH", path, {"name": "Mine"}) == (404, "not_found")
    assert (await stranger.get("/v2/points-of-interest"))["data"] == []
    items = {"items": [{"poiId": point["poiId"], "state": "Down"}]}
    for tail in ("points-of-interest", "wait-times"):
        assert await stranger.refused("GET", f"/v2/sites/{venue['siteId']}/{tail}") == (404, "not_found")
    assert await stranger.refused("POST", f"/v2/sites/{venue['siteId']}/wait-times", items) == (404, "not_found")


async def test_v2_rule_5_12_a_category_is_one_of_a_points_categories(operator: Client, venue: Any) -> None:
    both = await a_point(operator, venue["siteId"], categories=["Coasters", "Outdoor"])
    one = await a_point(operator, venue["siteId"], categories=["Outdoor"], type="Shop")

    async def found(query: str) -> list[str]:
        target = f"/v2/sites/{venue['siteId']}/points-of-interest?{query}"
        return [row["poiId"] for row in (await operator.get(target))["data"]]

    assert await found("filter[Category]=Outdoor") == [both["poiId"], one["poiId"]]
    assert await found("filter[category]=Coasters") == [both["poiId"]]
    assert await found("filter[Category]=outdoor") == []
    assert await found("filter[Category]=Outdoor&filter[Type]=Shop") == [one["poiId"]]
    assert await found("sort=-Type") == [one["poiId"], both["poiId"]]
    target = "/v2/points-of-interest?filter[Category][contains]=door"
    assert await operator.refused("GET", target) == (400, "unsupported_filter_operator")
    listed = (await operator.get(f"/v2/points-of-interest?filter[SiteId]={venue['siteId']}"))["data"]
    assert len(listed) == 2


async def an_app(api: Api, sealer: Sealer, partner_id: str) -> App:
    async with api.database.transaction() as conn:
        app, _ = await apps.create_app(conn, sealer, partner_id, Platform.IOS, "Park")
        return app


async def marks(api: Api, app: App) -> tuple[int, int]:
    """A beacon and a geofence of an application."""
    async with api.database.transaction() as conn:
        beacon = BeaconDraft("Gate", "0F9D2B6C-1111-4222-8333-444455556666")
        geofence = GeofenceDraft("Gate", 51.9, 4.5, 50)
        return await places.create_beacon(conn, app.id, beacon), await places.create_geofence(conn, app.id, geofence)


async def test_v2_rule_10_7_beacons_and_geofences_lie_in_an_application_of_the_account(
    operator: Client, api: Api, sealer: Sealer
) -> None:
    app, other = await an_app(api, sealer, "park-ios"), await an_app(api, sealer, "zoo-ios")
    beacon, geofence = await marks(api, app)
    foreign_beacon, foreign_geofence = await marks(api, other)
    account = await an_account(operator, partnerIds=["park-ios"])
    venue = await a_venue(operator, account)
    point = await a_point(operator, venue["siteId"], beaconIds=[beacon], geofenceIds=[geofence])
    assert (point["beaconIds"], point["geofenceIds"]) == ([beacon], [geofence])
    path = f"/v2/points-of-interest/{point['poiId']}"
    body = {"beaconIds": [beacon, foreign_beacon], "geofenceIds": [foreign_geofence, 2**53 - 1]}
    assert await operator.findings("PATCH", path, body) == {
        ("#/beaconIds/1", "reference_not_found"),
        ("#/geofenceIds/0", "reference_not_found"),
        ("#/geofenceIds/1", "reference_not_found"),
    }


async def test_v2_rule_10_7_what_the_push_platform_deletes_leaves_the_records(
    operator: Client, api: Api, sealer: Sealer
) -> None:
    app = await an_app(api, sealer, "park-ios")
    first, geofence = await marks(api, app)
    second, _ = await marks(api, app)
    third, _ = await marks(api, app)
    account = await an_account(operator, partnerIds=["park-ios"])
    venue = await a_venue(operator, account)
    point = await a_point(operator, venue["siteId"], beaconIds=[third, second, first], geofenceIds=[geofence])
    async with api.database.transaction() as conn:
        await execute(conn, "DELETE FROM clarion.beacon WHERE app_id = %s AND id = %s", (app.id, second))
    left = (await operator.get(f"/v2/points-of-interest/{point['poiId']}"))["data"]
    assert (left["beaconIds"], left["geofenceIds"]) == ([third, first], [geofence])
    async with api.database.transaction() as conn:
        await execute(conn, "DELETE FROM clarion.app WHERE id = %s", (app.id,))
    left = (await operator.get(f"/v2/points-of-interest/{point['poiId']}"))["data"]
    assert (left["beaconIds"], left["geofenceIds"]) == ([], [])


async def test_v2_rule_14_6_is_open_follows_the_state_and_waits_count_while_operating(
    operator: Client, venue: Any
) -> None:
    point = await a_point(operator, venue["siteId"])
    [row] = await report(operator, venue, {"poiId": point["poiId"], "state": "Operating", "waitTime": 35})
    assert (row["poiId"], row["name"], row["type"]) == (point["poiId"], point["name"], "Ride")
    seen = await status(operator, point)
    assert row["status"] == seen
    assert (seen["state"], seen["isOpen"], seen["waitTime"], seen["isStale"]) == ("Operating", True, 35, False)
    [row] = await report(operator, venue, {"poiId": point["poiId"], "state": "Down", "waitTime": 35})
    assert (row["status"]["isOpen"], row["status"]["waitTime"]) == (False, None)
    [row] = await report(operator, venue, {"poiId": point["poiId"], "state": "Operating"})
    assert (row["status"]["isOpen"], row["status"]["waitTime"]) == (True, None)


async def test_v2_rule_14_6_a_report_goes_stale_after_15_minutes(operator: Client, api: Api, venue: Any) -> None:
    point = await a_point(operator, venue["siteId"])
    await report(operator, venue, {"poiId": point["poiId"], "state": "Operating", "waitTime": 35})
    path = f"/v2/points-of-interest/{point['poiId']}"
    tag = (await operator.call("GET", path)).headers["etag"]
    await wait(api.database, timedelta(minutes=14))
    assert (await operator.call("GET", path, headers={"If-None-Match": tag})).status == 304
    await wait(api.database, timedelta(minutes=16))
    seen = await status(operator, point)
    assert (seen["state"], seen["isOpen"], seen["waitTime"], seen["isStale"]) == ("Operating", True, None, True)
    assert (await operator.call("GET", path, headers={"If-None-Match": tag})).status == 200
    assert (await operator.get(path))["data"]["lastModifiedDate"] == point["lastModifiedDate"]


async def test_v2_rule_14_6_how_long_a_report_is_fresh_is_a_setting(api: Api, sealer: Sealer) -> None:
    settings = V2Settings(wait_time_freshness=timedelta(minutes=45))
    app = create_app(v2_surfaces(api.contract, Services(api.database, sealer, settings), V2_HANDLERS), NoHealth())
    operator = await Api(app, api.database, api.contract, api.checker).client()
    venue = await a_venue(operator, await an_account(operator))
    point = await a_point(operator, venue["siteId"])
    await report(operator, venue, {"poiId": point["poiId"], "state": "Operating", "waitTime": 35})
    await wait(api.database, timedelta(minutes=44))
    assert (await status(operator, point))["waitTime"] == 35
    await wait(api.database, timedelta(minutes=46))
    assert (await status(operator, point))["isStale"] is True


async def test_v2_rule_14_7_reports_at_the_same_time_do_not_stand_in_each_others_way(
    operator: Client, venue: Any
) -> None:
    points = [await a_point(operator, venue["siteId"]) for _ in range(12)]
    reports = [
        [{"poiId": point["poiId"], "state": "Operating", "waitTime": number} for point in points[:: 1 - number % 2 * 2]]
        for number in range(8)
    ]
    for rows in await asyncio.gather(*(report(operator, venue, *items) for items in reports)):
        assert len({row["status"]["waitTime"] for row in rows}) == 1


async def test_v2_rule_14_7_a_report_is_all_or_nothing(operator: Client, api: Api, venue: Any) -> None:
    mine = await a_point(operator, venue["siteId"])
    beside = await a_venue(operator, venue["accountId"])
    elsewhere = await a_point(operator, beside["siteId"])
    items = [
        {"poiId": mine["poiId"], "state": "Operating", "waitTime": 5},
        {"poiId": elsewhere["poiId"], "state": "Operating"},
        {"poiId": UNKNOWN, "state": "Operating"},
    ]
    path = f"/v2/sites/{venue['siteId']}/wait-times"
    assert await operator.findings("POST", path, {"items": items}) == {
        ("#/items/1/poiId", "reference_not_found"),
        ("#/items/2/poiId", "reference_not_found"),
    }
    assert await status(operator, mine) == NEVER_REPORTED
    assert not [event for event in await recorded(api.database) if event[0] == "poi.status_changed"]


async def test_v2_rule_14_7_an_older_observation_is_skipped(operator: Client, venue: Any) -> None:
    first, second = await a_point(operator, venue["siteId"]), await a_point(operator, venue["siteId"])
    now = clock.now()
    stamps = [(now - timedelta(minutes=minutes)).isoformat() for minutes in (1, 2, 3)]

    def item(point: Any, minutes: int, waiting: int) -> dict[str, Any]:
        seen = stamps[minutes - 1]
        return {"poiId": point["poiId"], "state": "Operating", "waitTime": waiting, "observedDate": seen}

    await report(operator, venue, item(first, 2, 20))
    rows = await report(operator, venue, item(first, 3, 30), item(second, 1, 10), item(second, 2, 20))
    assert [row["status"]["waitTime"] for row in rows] == [20, 10]
    rows = await report(operator, venue, item(first, 2, 25))
    assert [row["status"]["waitTime"] for row in rows] == [25, 10]


async def test_an_observation_that_lies_ahead_is_refused(operator: Client, venue: Any) -> None:
    point = await a_point(operator, venue["siteId"])
    ahead = (clock.now() + timedelta(minutes=10)).isoformat()
    items = [{"poiId": point["poiId"], "state": "Operating", "observedDate": ahead}]
    path = f"/v2/sites/{venue['siteId']}/wait-times"
    assert await operator.findings("POST", path, {"items": items}) == {("#/items/0/observedDate", "out_of_range")}
    slightly = (clock.now() + timedelta(minutes=1)).isoformat()
    [row] = await report(operator, venue, {**items[0], "observedDate": slightly})
    assert row["status"]["updatedDate"] < slightly


async def test_a_status_that_changes_is_told_and_one_that_stays_is_not(operator: Client, api: Api, venue: Any) -> None:
    point, other = await a_point(operator, venue["siteId"]), await a_point(operator, venue["siteId"])
    item = {"poiId": point["poiId"], "state": "Operating", "waitTime": 5}
    await report(operator, venue, item, {"poiId": other["poiId"], "state": "Closed"})
    await report(operator, venue, item)
    path = f"/v2/points-of-interest/{point['poiId']}"
    event = ("poi.status_changed", point["poiId"], venue["accountId"], path, ["status"])
    assert [each for each in await recorded(api.database) if each[0] == event[0]] == [event]
    await wait(api.database, timedelta(minutes=20))
    await report(operator, venue, item)
    assert [each for each in await recorded(api.database) if each[0] == event[0]] == [event] * 2


async def test_wait_times_are_those_of_rides_shows_and_dining_by_state_and_wait(operator: Client, venue: Any) -> None:
    ride, show, dining, shop = [
        await a_point(operator, venue["siteId"], type=kind) for kind in ("Ride", "Show", "Dining", "Shop")
    ]
    await report(
        operator,
        venue,
        {"poiId": ride["poiId"], "state": "Operating", "waitTime": 40},
        {"poiId": dining["poiId"], "state": "Operating", "waitTime": 10},
        {"poiId": shop["poiId"], "state": "Operating"},
    )

    async def found(query: str) -> list[str]:
        return [row["poiId"] for row in (await operator.get(f"/v2/sites/{venue['siteId']}/wait-times?{query}"))["data"]]

    assert await found("sort=PoiId") == [ride["poiId"], show["poiId"], dining["poiId"]]
    assert await found("sort=WaitTime") == [dining["poiId"], ride["poiId"], show["poiId"]]
    assert await found("sort=-WaitTime") == [ride["poiId"], dining["poiId"], show["poiId"]]
    assert await found("filter[State]=Operating&sort=-WaitTime") == [ride["poiId"], dining["poiId"]]
    assert await found("filter[State][in]=Closed,Down") == [show["poiId"]]
    assert await found("filter[Type]=Dining") == [dining["poiId"]]
    assert (await status(operator, shop))["isOpen"] is True


async def test_v2_rule_8_6_a_repeated_report_answers_what_the_first_one_did(
    operator: Client, api: Api, venue: Any
) -> None:
    point = await a_point(operator, venue["siteId"])
    path, key = f"/v2/sites/{venue['siteId']}/wait-times", new_key()
    body = {"items": [{"poiId": point["poiId"], "state": "Operating", "waitTime": 5}]}
    first = await operator.call("POST", path, body, headers={"Idempotency-Key": key, "If-None-Match": "*"})
    await report(operator, venue, {"poiId": point["poiId"], "state": "Down"})
    again = await operator.call("POST", path, body, headers={"Idempotency-Key": key})
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert again.headers["idempotent-replayed"] == "true"
    assert (await status(operator, point))["state"] == "Down"


async def test_v2_rule_5_4_the_answer_to_a_report_links_to_the_list(operator: Client, venue: Any) -> None:
    for _ in range(26):
        point = await a_point(operator, venue["siteId"])
    path = f"/v2/sites/{venue['siteId']}/wait-times"
    answer = await operator.call("POST", path, {"items": [{"poiId": point["poiId"], "state": "Down"}]})
    body = decoded(answer)
    assert (len(body["data"]), body["metadata"]["total"], body["metadata"]["sort"]) == (25, 26, ["PoiId"])
    [last] = (await operator.get(body["links"]["next"]))["data"]
    assert last["status"]["state"] == "Down"
