"""Daily statistics on the wire (v1 rules 83 and 84)."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from clarion.base import clock
from clarion.db.sql import execute
from clarion.devices import service as devices
from clarion.devices.model import TOKEN, DeviceRecord
from clarion.results import service as results
from clarion.tracking.model import EventKind, Report
from tests.api.v1.client import V1Client


async def fill(v1: V1Client, *days: date) -> None:
    async with v1.database.transaction() as conn:
        for number, day in enumerate(days, start=1):
            await execute(
                conn,
                """
                INSERT INTO clarion.stat_day (app_id, day, installs, opens, push_sent, push_clicks, bounces)
                VALUES (%s, %s, %s, 1, 2, 3, 4)
                """,
                (v1.android.id, day, number),
            )


async def days_of(v1: V1Client, **query: str) -> list[str]:
    answer = await v1.get(v1.path("stats"), params=query)
    assert answer.status == 200
    return [stat["date"] for stat in answer.json["data"]]


async def test_days_with_data_come_in_order_and_others_are_left_out(v1: V1Client) -> None:
    """v1 rule 83."""
    await fill(v1, date(2031, 3, 5), date(2031, 3, 2))
    answer = await v1.get(v1.path("stats"))
    assert answer.json["data"] == [
        {"date": "2031-03-02", "installs": 2, "opens": 1, "pushSent": 2, "pushClicks": 3, "bounces": 4,
         "inappDisplays": 0, "inappClicks": 0},
        {"date": "2031-03-05", "installs": 1, "opens": 1, "pushSent": 2, "pushClicks": 3, "bounces": 4,
         "inappDisplays": 0, "inappClicks": 0},
    ]  # fmt: skip
    assert answer.links == answer.json["links"]


async def test_the_snapshot_of_a_day_is_shown_when_there_is_one(v1: V1Client) -> None:
    """v1 rule 84."""
    await fill(v1, date(2031, 3, 2))
    async with v1.database.transaction() as conn:
        await execute(
            conn,
            """
            UPDATE clarion.stat_day SET registered = 5, optin = 4, optout = 1, active = 3, active_optin = 2
            WHERE app_id = %s
            """,
            (v1.android.id,),
        )
    [stat] = (await v1.get(v1.path("stats"))).json["data"]
    assert {name: stat[name] for name in ("registered", "optin", "optout", "active", "activeOptin")} == {
        "registered": 5, "optin": 4, "optout": 1, "active": 3, "activeOptin": 2
    }  # fmt: skip


async def test_a_period_is_inclusive_and_wins_over_date(v1: V1Client) -> None:
    """v1 rule 83: an end without a start is ignored; without an end the period reaches to today."""
    today = clock.now().date()
    days = [today - timedelta(days=back) for back in (9, 6, 3, 0)]
    await fill(v1, *days, today + timedelta(days=2))
    shown = [day.isoformat() for day in (*days, today + timedelta(days=2))]
    assert await days_of(v1, startDate=shown[1], endDate=shown[2]) == shown[1:3]
    assert await days_of(v1, startDate=shown[1], endDate=shown[2], date=shown[0]) == shown[1:3]
    assert await days_of(v1, startDate=shown[1]) == shown[1:4]
    assert await days_of(v1, date=shown[0]) == [shown[0]]
    assert await days_of(v1, date=shown[0], endDate=shown[1]) == [shown[0]]
    assert await days_of(v1, endDate=shown[0]) == shown
    assert await days_of(v1, startDate=shown[2], endDate=shown[0]) == []


@pytest.mark.parametrize("name", ["date", "startDate", "endDate"])
@pytest.mark.parametrize("text", ["2031-02-30", "2031-03-02 10:00:00", "today", ""])
async def test_other_forms_of_dates_are_malformed(v1: V1Client, name: str, text: str) -> None:
    """v1 rule 83."""
    answer = await v1.get(v1.path("stats"), params={name: text})
    assert answer.refused(400, "API_ERR_FORMAT")


async def test_a_hundred_days_make_a_page(v1: V1Client) -> None:
    """v1 rule 30."""
    first = date(2031, 1, 1)
    await fill(v1, *(first + timedelta(days=n) for n in range(130)))
    answer = await v1.get(v1.path("stats"))
    assert len(answer.json["data"]) == 100
    assert len((await v1.get(answer.links["next"])).json["data"]) == 30
    assert (await v1.get(v1.path("stats", v1.ios))).json["data"] == []


@pytest.mark.parametrize("token", ["-", ""])
async def test_v1_rule_84_a_dash_is_no_token(v1: V1Client, token: str) -> None:
    """As nothing is; an application without anything to tell shows no day."""
    async with v1.database.transaction() as conn:
        await devices.upsert(conn, v1.android, [DeviceRecord(udid, {TOKEN: udid}) for udid in ("d0", "d1")])
    assert (await v1.put(v1.path("devices/d0"), {"token": token})).status == 200
    await results.keep_standings(v1.database)
    [stat] = (await v1.get(v1.path("stats"))).json["data"]
    assert stat["date"] == clock.now().date().isoformat()
    assert {name: stat[name] for name in ("registered", "optin", "optout", "active", "activeOptin")} == {
        "registered": 0, "optin": 1, "optout": 1, "active": 0, "activeOptin": 0
    }  # fmt: skip
    assert (await v1.get(v1.path("stats", v1.ios))).json["data"] == []


async def test_v1_rule_84_in_apps_have_figures_of_their_own(v1: V1Client) -> None:
    push = (await v1.post(v1.path("messages"), {"name": "x", "messages": [{"text": "x"}]})).id
    body = {"name": "x", "messages": [{"template": {"type": "popup", "title": "x", "text": "x"}}]}
    inapp = (await v1.post(v1.path("inapps"), body)).id
    seen = [(push, EventKind.CLICKED), (inapp, EventKind.CLICKED)] + 3 * [(inapp, EventKind.DISPLAYED)]
    reports = [Report(1, uuid4(), kind, clock.now(), message_id=message) for message, kind in seen]
    await results.intake(v1.database).receive(v1.android.id, reports)
    [stat] = (await v1.get(v1.path("stats"))).json["data"]
    assert (stat["pushClicks"], stat["inappDisplays"], stat["inappClicks"]) == (1, 3, 1)
