"""Services (v2 rules 10 and 11.1)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from clarion.accounts import service as accounts
from clarion.accounts.model import ServiceStatus
from clarion.base import clock
from clarion.db.records import Scope
from clarion.db.sql import value
from tests.api.v2.client import Api, Client
from tests.api.v2.events import recorded
from tests.api.v2.factories_of_places import a_service, a_site, an_account
from tests.support import until

pytestmark = pytest.mark.usefixtures("subscriber")

ALLOWED = {
    "InProgress": {"ReadyForService", "Cancelled"},
    "ReadyForService": {"Suspended", "Deactivated"},
    "Suspended": {"ReadyForService", "Deactivated"},
    "Deactivated": set(),
    "Cancelled": set(),
}


@pytest.fixture
async def site(operator: Client) -> Any:
    """A site nine hours ahead of UTC."""
    return await a_site(operator, await an_account(operator), timeZone="Asia/Tokyo")


async def test_v2_rule_10_1_a_service_is_created_read_changed_and_deleted(
    operator: Client, api: Api, site: Any
) -> None:
    facts = [{"name": "bandwidth", "value": "1 Gbit/s"}]
    made = await a_service(operator, site["siteId"], characteristics=facts, plannedDeliveryDate="2026-12-01")
    path = f"/v2/services/{made['serviceId']}"
    assert (made["status"], made["accountId"], made["characteristics"]) == ("InProgress", site["accountId"], facts)
    assert (made["plannedDeliveryDate"], made["readyForServiceDate"]) == ("2026-12-01", None)
    assert (await operator.get(path))["data"] == made
    changed = await operator.change(path, {"characteristics": [], "technicalNote": "Rack 4", "customerReference": "7"})
    assert (changed["characteristics"], changed["technicalNote"]) == ([], "Rack 4")
    assert await operator.change(path, {"technicalNote": "Rack 4"}) == changed
    assert await operator.findings("PATCH", path, {"siteId": site["siteId"]}) == {("#/siteId", "unknown_field")}
    assert (await operator.call("DELETE", path)).status == 204
    assert await operator.refused("DELETE", path) == (404, "not_found")
    told = [event for event in await recorded(api.database) if event[0].startswith("service.")]
    assert told == [
        ("service.created", made["serviceId"], site["accountId"], path, []),
        (
            "service.updated",
            made["serviceId"],
            site["accountId"],
            path,
            ["characteristics", "technicalNote", "customerReference"],
        ),
        ("service.deleted", made["serviceId"], site["accountId"], path, []),
    ]


@pytest.mark.parametrize("before", list(ALLOWED))
@pytest.mark.parametrize("after", list(ALLOWED))
async def test_v2_rule_11_1_a_status_moves_as_the_states_allow(
    operator: Client, site: Any, before: str, after: str
) -> None:
    service = await a_service(operator, site["siteId"], status=before)
    path = f"/v2/services/{service['serviceId']}"
    if after in ALLOWED[before] or after == before:
        assert (await operator.change(path, {"status": after}))["status"] == after
    else:
        assert await operator.refused("PATCH", path, {"status": after}) == (409, "invalid_state_transition")
        assert (await operator.get(path))["data"] == service


async def test_v2_rule_11_1_dates_are_filled_with_today_in_the_zone_of_the_site(operator: Client, site: Any) -> None:
    clock.shift(datetime.fromisoformat("2026-11-28T20:00:00+00:00") - clock.now())
    service = await a_service(operator, site["siteId"])
    path = f"/v2/services/{service['serviceId']}"
    ready = await operator.change(path, {"status": "ReadyForService"})
    assert (ready["readyForServiceDate"], ready["deactivationDate"]) == ("2026-11-29", None)
    await operator.change(path, {"status": "Suspended"})
    clock.shift(timedelta(0))
    clock.shift(datetime.fromisoformat("2026-12-03T20:00:00+00:00") - clock.now())
    again = await operator.change(path, {"status": "ReadyForService"})
    assert again["readyForServiceDate"] == "2026-11-29"
    ended = await operator.change(path, {"status": "Deactivated", "deactivationDate": "2026-12-31"})
    assert ended["deactivationDate"] == "2026-12-31"
    at_once = await a_service(operator, site["siteId"], status="ReadyForService")
    assert at_once["readyForServiceDate"] == "2026-12-04"


async def test_v2_rule_11_1_a_date_is_filled_when_the_same_patch_clears_it(operator: Client, site: Any) -> None:
    clock.shift(datetime.fromisoformat("2026-11-28T12:00:00+00:00") - clock.now())
    service = await a_service(operator, site["siteId"], readyForServiceDate="2026-01-01")
    path = f"/v2/services/{service['serviceId']}"
    ready = await operator.change(path, {"status": "ReadyForService", "readyForServiceDate": None})
    assert ready["readyForServiceDate"] == "2026-11-28"


async def test_v2_rule_2_4_a_service_of_a_foreign_site_is_refused(operator: Client, api: Api, site: Any) -> None:
    own = await api.client(account_id=await an_account(operator))
    body = {"siteId": site["siteId"], "serviceName": "X", "serviceType": "Internet"}
    assert await own.findings("POST", "/v2/services", body) == {("#/siteId", "reference_not_found")}


async def test_v2_rule_4_7_services_are_seen_by_their_account(operator: Client, api: Api, site: Any) -> None:
    service = await a_service(operator, site["siteId"])
    own = await api.client(account_id=site["accountId"])
    other = await api.client(account_id=await an_account(operator))
    assert [row["serviceId"] for row in (await own.get("/v2/services"))["data"]] == [service["serviceId"]]
    assert (await other.get("/v2/services"))["data"] == []
    assert await other.refused("GET", f"/v2/services/{service['serviceId']}") == (404, "not_found")


async def test_v2_rule_5_13_lists_of_services_stand_below_their_site_and_account(
    operator: Client, api: Api, site: Any
) -> None:
    mine = await a_service(operator, site["siteId"], serviceName="Wi-Fi")
    beside = await a_site(operator, site["accountId"])
    other = await a_service(operator, beside["siteId"])
    rows = (await operator.get(f"/v2/sites/{site['siteId']}/services?sort=-ServiceName"))["data"]
    assert rows == [mine]
    rows = (await operator.get(f"/v2/accounts/{site['accountId']}/services?filter[SiteId]={beside['siteId']}"))["data"]
    assert rows == [other]
    stranger = await api.client(account_id=await an_account(operator))
    for parent in (f"sites/{site['siteId']}", f"accounts/{site['accountId']}", "sites/SIT-99999999"):
        assert await stranger.refused("GET", f"/v2/{parent}/services") == (404, "not_found")


async def test_v2_rule_5_11_services_are_filtered_by_what_people_look_for(operator: Client, site: Any) -> None:
    first = await a_service(operator, site["siteId"], customerReference="PO-7", readyForServiceDate="2026-02-01")
    second = await a_service(operator, site["siteId"], serviceType="Voice", externalReference="ERP-2")
    third = await a_service(operator, site["siteId"], serviceType="voice", readyForServiceDate="2026-03-01")

    async def found(query: str) -> list[str]:
        return [row["serviceId"] for row in (await operator.get(f"/v2/services?{query}"))["data"]]

    ids = [each["serviceId"] for each in (first, second, third)]
    assert await found("filter[ServiceType]=Voice") == [ids[1]]
    assert await found("filter[CustomerReference]=PO-7") == [ids[0]]
    assert await found("filter[ExternalReference]=ERP-2") == [ids[1]]
    assert await found("filter[ReadyForServiceDate][lt]=2026-02-15") == [ids[0]]
    assert await found("filter[ReadyForServiceDate][exists]=false") == [ids[1]]
    assert await found("sort=-ReadyForServiceDate") == [ids[2], ids[0], ids[1]]
    assert await found("sort=ReadyForServiceDate") == [ids[0], ids[2], ids[1]]
    assert await found(f"filter[ServiceId][in]={ids[2]},{ids[1]}") == [ids[1], ids[2]]


async def test_a_service_that_is_found_stays_as_it_is_for_whoever_refers_to_it(
    operator: Client, api: Api, site: Any
) -> None:
    """A change waits, so that nothing begins on a service that is cancelled meanwhile."""
    service = await a_service(operator, site["siteId"])
    path = f"/v2/services/{service['serviceId']}"
    async with api.database.transaction() as conn:
        found = await accounts.find_service(conn, service["serviceId"])
        assert found is not None
        assert found.status is ServiceStatus.IN_PROGRESS
        assert await accounts.find_service(conn, service["serviceId"], Scope("ACC-1")) is None
        assert await accounts.find_site(conn, site["siteId"], Scope(site["accountId"])) is not None

        async def waits() -> bool:
            query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            async with api.database.connection() as other:
                return int(await value(other, query)) > 0

        change = asyncio.create_task(operator.change(path, {"status": "Cancelled"}))
        await until(waits)
        assert not change.done()
    assert (await change)["status"] == "Cancelled"
