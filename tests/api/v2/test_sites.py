"""Sites (v2 sections 4, 5 and 10)."""

from datetime import datetime, timedelta

import pytest

from clarion.apps import service as apps
from clarion.apps.model import Platform
from clarion.base import clock
from clarion.base.sealing import Sealer
from clarion.db.sql import execute
from clarion.identity.scopes import ScopeName
from clarion.places import service as places
from clarion.places.model import GeogroupDraft
from tests.api.v2.client import Api, Client, decoded
from tests.api.v2.events import recorded
from tests.api.v2.factories_of_places import a_point, a_service, a_site, a_venue, an_account

pytestmark = pytest.mark.usefixtures("subscriber")

EVERY_DAY = [
    {"day": day, "opens": "00:00", "closes": "00:00"}
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
]


def at(instant: str) -> None:
    """Move the clock to an instant."""
    clock.shift(timedelta(0))
    clock.shift(datetime.fromisoformat(instant) - clock.now())


async def test_v2_rule_10_1_a_site_is_created_read_changed_and_deleted(operator: Client, api: Api) -> None:
    account = await an_account(operator, timeZone="Europe/Amsterdam")
    made = await a_site(operator, account, location={"latitude": 51.9244, "longitude": 4}, geofenceRadius=600)
    path = f"/v2/sites/{made['siteId']}"
    assert (made["status"], made["isVenue"], made["timeZone"]) == ("Active", False, "Europe/Amsterdam")
    assert (made["openingHours"], made["openingExceptions"], made["isOpen"]) == ([], [], None)
    assert made["location"] == {"latitude": 51.9244, "longitude": 4.0}
    assert (await operator.get(path))["data"] == made
    changed = await operator.change(path, {"status": "Closed", "postcode": "3011 AA", "timeZone": "Asia/Tokyo"})
    assert (changed["status"], changed["postcode"], changed["timeZone"]) == ("Closed", "3011 AA", "Asia/Tokyo")
    assert (await operator.call("DELETE", path)).status == 204
    assert await operator.refused("GET", path) == (404, "not_found")
    told = [event for event in await recorded(api.database) if event[0].startswith("site.")]
    assert told == [
        ("site.created", made["siteId"], account, path, []),
        ("site.updated", made["siteId"], account, path, ["status", "postcode", "timeZone"]),
        ("site.deleted", made["siteId"], account, path, []),
    ]


async def test_v2_rule_10_2_location_is_given_whole_and_cleared_by_null(operator: Client, api: Api) -> None:
    site = await a_site(operator, await an_account(operator), location={"latitude": 1, "longitude": 2})
    path = f"/v2/sites/{site['siteId']}"
    half = {"location": {"latitude": 3}}
    assert await operator.findings("PATCH", path, half) == {("#/location/longitude", "required")}
    before = len(await recorded(api.database))
    same = await operator.change(path, {"location": {"latitude": 1.0, "longitude": 2.0}})
    assert same == site
    assert len(await recorded(api.database)) == before
    assert (await operator.change(path, {"location": None}))["location"] is None


async def test_v2_rule_10_3_an_external_reference_of_a_site_is_unique_in_its_account(operator: Client) -> None:
    account = await an_account(operator)
    await a_site(operator, account, externalReference="ERP-1")
    body = {"accountId": account, "name": "X", "city": "Delft", "country": "NL", "externalReference": "ERP-1"}
    assert await operator.refused("POST", "/v2/sites", body) == (409, "duplicate_external_reference")
    await a_site(operator, await an_account(operator), externalReference="ERP-1")
    other = await a_site(operator, account)
    path = f"/v2/sites/{other['siteId']}"
    assert await operator.refused("PATCH", path, {"externalReference": "ERP-1"}) == (
        409,
        "duplicate_external_reference",
    )


async def test_v2_rule_2_4_a_site_of_an_account_that_is_not_there_is_refused(operator: Client, api: Api) -> None:
    mine, other = await an_account(operator), await an_account(operator)
    own = await api.client(account_id=mine)
    body = {"accountId": other, "name": "X", "city": "Delft", "country": "NL", "timeZone": "Mars/Base"}
    assert await own.findings("POST", "/v2/sites", body) == {
        ("#/accountId", "reference_not_found"),
        ("#/timeZone", "invalid_value"),
    }
    await a_site(own, mine)


async def test_v2_rule_4_7_an_account_client_sees_the_sites_of_its_account(operator: Client, api: Api) -> None:
    mine, other = await an_account(operator), await an_account(operator)
    site, foreign = await a_site(operator, mine), await a_site(operator, other)
    own = await api.client(account_id=mine)
    assert [row["siteId"] for row in (await own.get("/v2/sites"))["data"]] == [site["siteId"]]
    for method, body in (("GET", None), ("PATCH", {"name": "Mine"}), ("DELETE", None)):
        assert await own.refused(method, f"/v2/sites/{foreign['siteId']}", body) == (404, "not_found")
    assert await own.refused("GET", f"/v2/accounts/{other}/sites") == (404, "not_found")
    rows = (await operator.get(f"/v2/accounts/{other}/sites"))["data"]
    assert [row["siteId"] for row in rows] == [foreign["siteId"]]


async def test_v2_rule_4_2_venue_read_sees_venues_without_references(operator: Client, api: Api) -> None:
    account = await an_account(operator)
    plain = await a_site(operator, account)
    venue = await a_venue(operator, account, externalReference="SECRET-1")
    reader = await api.client([ScopeName.VENUE_READ], account)
    seen = (await reader.get("/v2/sites"))["data"]
    assert seen == [{**venue, "externalReference": None}]
    assert (await reader.get(f"/v2/sites/{venue['siteId']}"))["data"] == seen[0]
    assert await reader.refused("GET", f"/v2/sites/{plain['siteId']}") == (404, "not_found")
    assert await reader.refused("GET", f"/v2/sites/{plain['siteId']}/points-of-interest") == (404, "not_found")


async def test_v2_rule_4_2_what_is_null_cannot_be_found_by_filters(operator: Client, api: Api) -> None:
    account = await an_account(operator)
    venue = await a_venue(operator, account, externalReference="SECRET-1")
    reader = await api.client([ScopeName.VENUE_READ], account)
    for query in ("=SECRET-1", "[in]=SECRET-1", "[startsWith]=SEC", "[contains]=secret", "[exists]=true"):
        assert (await reader.get(f"/v2/sites?filter[ExternalReference]{query}"))["data"] == []
        assert len((await operator.get(f"/v2/sites?filter[ExternalReference]{query}"))["data"]) == 1
    unset = (await reader.get("/v2/sites?filter[ExternalReference][exists]=false"))["data"]
    assert [row["siteId"] for row in unset] == [venue["siteId"]]


async def test_v2_rule_4_9_a_site_with_services_or_points_of_interest_stays(operator: Client) -> None:
    account = await an_account(operator)
    served, visited = await a_site(operator, account), await a_venue(operator, account)
    await a_service(operator, served["siteId"])
    await a_point(operator, visited["siteId"])
    for site in (served, visited):
        assert await operator.refused("DELETE", f"/v2/sites/{site['siteId']}") == (409, "resource_in_use")
    assert await operator.refused("DELETE", f"/v2/accounts/{account}") == (409, "resource_in_use")
    path = f"/v2/sites/{visited['siteId']}"
    assert await operator.refused("PATCH", path, {"isVenue": False}) == (409, "resource_in_use")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23T08:59:00+01:00", False),
        ("2026-11-23T09:00:00+01:00", True),
        ("2026-11-23T17:00:00+01:00", False),
        ("2026-11-24T01:59:00+01:00", False),
        ("2026-11-27T23:30:00+01:00", True),
        ("2026-11-28T01:59:00+01:00", True),
        ("2026-11-28T02:00:00+01:00", False),
        ("2026-11-30T10:00:00+01:00", False),
        ("2026-12-01T12:30:00+01:00", True),
        ("2026-12-01T13:30:00+01:00", False),
    ],
)
async def test_is_open_follows_hours_and_exceptions_on_the_clocks_of_the_site(
    operator: Client, now: str, expected: bool
) -> None:
    """Past midnight as well (Friday), and with exceptions that take the place of a day's hours."""
    at("2026-11-20T12:00:00+01:00")
    hours = [
        {"day": "Monday", "opens": "09:00", "closes": "17:00"},
        {"day": "Friday", "opens": "18:00", "closes": "02:00"},
    ]
    exceptions = [
        {"date": "2026-11-30", "closed": True, "label": "Saint Andrew"},
        {"date": "2026-12-01", "closed": False, "opens": "12:00", "closes": "13:00"},
    ]
    account = await an_account(operator, timeZone="Europe/Amsterdam")
    site = await a_site(operator, account, openingHours=hours, openingExceptions=exceptions)
    assert site["openingExceptions"][0] == {
        "date": "2026-11-30",
        "closed": True,
        "opens": None,
        "closes": None,
        "label": "Saint Andrew",
    }
    at(now)
    assert (await operator.get(f"/v2/sites/{site['siteId']}"))["data"]["isOpen"] is expected


async def test_is_open_is_null_without_hours_and_the_whole_day_when_both_times_are_one(operator: Client) -> None:
    account = await an_account(operator)
    always = await a_site(operator, account, openingHours=EVERY_DAY)
    never = await a_site(operator, account)
    assert (always["isOpen"], never["isOpen"]) == (True, None)


async def test_v2_rule_7_1_is_open_is_part_of_the_entity_tag(operator: Client) -> None:
    at("2026-11-23T12:00:00+00:00")
    hours = [{"day": "Monday", "opens": "09:00", "closes": "17:00"}]
    site = await a_site(operator, await an_account(operator), openingHours=hours)
    path = f"/v2/sites/{site['siteId']}"
    tag = (await operator.call("GET", path)).headers["etag"]
    assert (await operator.call("GET", path, headers={"If-None-Match": tag})).status == 304
    at("2026-11-23T17:30:00+00:00")
    answer = await operator.call("GET", path, headers={"If-None-Match": tag})
    assert (answer.status, decoded(answer)["data"]["isOpen"]) == (200, False)
    refused = await operator.call("PATCH", path, {"name": "X"}, headers={"If-Match": tag})
    assert (refused.status, refused.headers["etag"]) == (412, answer.headers["etag"])
    at("2026-11-23T12:00:00+00:00")
    assert (await operator.call("PATCH", path, {"name": "X"}, headers={"If-Match": tag})).status == 200


async def test_contradictory_exceptions_are_refused(operator: Client) -> None:
    exceptions = [
        {"date": "2026-12-25", "closed": True, "opens": "10:00", "closes": "11:00"},
        {"date": "2026-12-26", "closed": False, "opens": "10:00"},
        {"date": "2026-12-27", "closed": True},
        {"date": "2026-12-27", "closed": False, "opens": "10:00", "closes": "11:00"},
    ]
    body = {"accountId": await an_account(operator), "name": "X", "city": "Delft", "country": "NL"}
    found = await operator.findings("POST", "/v2/sites", {**body, "openingExceptions": exceptions})
    assert found == {(f"#/openingExceptions/{index}", "inconsistent") for index in (0, 1, 3)}


async def test_v2_rule_10_7_a_geogroup_lies_in_an_application_of_the_account(
    operator: Client, api: Api, sealer: Sealer
) -> None:
    async with api.database.transaction() as conn:
        mine, _ = await apps.create_app(conn, sealer, "park-ios", Platform.IOS, "Park")
        foreign, _ = await apps.create_app(conn, sealer, "zoo-ios", Platform.IOS, "Zoo")
        group = await places.create_geogroup(conn, mine.id, GeogroupDraft("Park"))
        other = await places.create_geogroup(conn, foreign.id, GeogroupDraft("Zoo"))
    account = await an_account(operator, partnerIds=["park-ios"])
    site = await a_site(operator, account, pushGeogroupId=group)
    path = f"/v2/sites/{site['siteId']}"
    for wrong in (other, 999_999_999):
        expected = {("#/pushGeogroupId", "reference_not_found")}
        assert await operator.findings("PATCH", path, {"pushGeogroupId": wrong}) == expected
    body = {"accountId": await an_account(operator), "name": "X", "city": "Delft", "country": "NL"}
    assert await operator.findings("POST", "/v2/sites", {**body, "pushGeogroupId": group}) == expected
    before = (await operator.call("GET", path)).headers["etag"]
    async with api.database.transaction() as conn:
        await execute(conn, "DELETE FROM clarion.geogroup WHERE app_id = %s AND id = %s", (mine.id, group))
    answer = await operator.call("GET", path)
    assert decoded(answer)["data"]["pushGeogroupId"] is None
    assert answer.headers["etag"] != before


async def test_v2_rules_5_9_to_5_11_sites_are_sorted_and_filtered(operator: Client) -> None:
    account = await an_account(operator)
    for name, city, country, status in (
        ("beta", "Delft", "NL", "Closed"),
        ("Alpha", "Antwerp", "BE", "Planned"),
        ("alpha", "Delft", "NL", "Active"),
    ):
        await a_site(operator, account, name=name, city=city, country=country, status=status)

    async def names(query: str) -> list[str]:
        return [row["name"] for row in (await operator.get(f"/v2/sites?{query}"))["data"]]

    assert await names("sort=Name") == ["Alpha", "alpha", "beta"]
    assert await names("sort=-Name") == ["beta", "alpha", "Alpha"]
    assert await names("sort=Status") == ["Alpha", "alpha", "beta"]
    assert await names("sort=Country,-City,Name") == ["Alpha", "alpha", "beta"]
    assert await names("filter[Name]=alpha") == ["alpha"]
    assert await names("filter[Name][startsWith]=ALPHA&sort=Name") == ["Alpha", "alpha"]
    assert await names("filter[City][contains]=elf&sort=Name") == ["alpha", "beta"]
    assert await names("filter[Country][in]=BE,FR") == ["Alpha"]
    assert await names("filter[Status]=Closed") == ["beta"]
    assert await names("filter[IsVenue]=true") == []
    assert await names(f"filter[AccountId]={account}&filter[LastModifiedDate][gte]=2000-01-01T00:00:00Z&sort=Name") == [
        "Alpha",
        "alpha",
        "beta",
    ]
