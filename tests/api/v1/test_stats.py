"""Daily statistics on the wire (v1 rules 83 and 84)."""

from datetime import date, timedelta

import pytest

from clarion.base import clock
from clarion.db.sql import execute
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
