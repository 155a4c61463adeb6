"""Schedules and exclusions on the wire: what is accepted, what is shown, what is refused with which status."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from clarion.base import clock
from clarion.db.sql import execute
from clarion.identity import service as identity
from clarion.sending.schedules.runner import run_due
from tests.api.v1.client import Answer, V1Client
from tests.sending.journey import Journey
from tests.sending.schedules.agenda import Agenda

DAILY = {
    "type": "DAILY",
    "nextSendingDate": "2031-03-02T09:00:00+01:00",
    "timezone": "Europe/Paris",
    "startDate": "2031-03-02T00:00:00+01:00",
    "endDate": "2031-04-30T23:59:59+02:00",
}
DATES = {"type": "DATES", "startDate": "2031-03-04T00:00:00+01:00", "endDate": "2031-03-05T23:59:59+01:00"}


async def a_message(v1: V1Client) -> int:
    return (await v1.post(v1.path("messages"), {"name": "Spring", "messages": [{"text": "Hello"}]})).id


async def scheduled(v1: V1Client, **members: Any) -> int:
    """A message with a schedule: the daily one, with other members."""
    message = await a_message(v1)
    answer = await v1.post(v1.path(f"messages/{message}/schedules"), {**DAILY, **members})
    assert (answer.status, answer.body) == (200, b""), answer.body
    return message


async def shown(v1: V1Client, message: int) -> Any:
    answer = await v1.get(v1.path(f"messages/{message}/schedules"))
    assert answer.status == 200, answer.body
    return answer.json


async def state(v1: V1Client, message: int) -> str:
    return str((await v1.get(v1.path(f"messages/{message}"))).json["state"])


async def set_state(v1: V1Client, message: int, state: str) -> None:
    async with v1.database.transaction() as conn:
        query = "UPDATE clarion.message SET state = %s WHERE app_id = %s AND id = %s"
        await execute(conn, query, (state, v1.android.id, message))


async def at(v1: V1Client, text: str) -> None:
    """Move the clock, and give the client a token of that time."""
    agenda = Agenda(Journey(v1.database, v1.sealer, v1.android))
    await agenda.move_to(text)
    async with v1.database.transaction() as conn:
        v1.token = await identity.issue_token(conn, v1.person)


async def run(v1: V1Client, text: str) -> None:
    """Move the clock, run what is due, end the sends (which have nobody to reach)."""
    await at(v1, text)
    agenda = Agenda(Journey(v1.database, v1.sealer, v1.android))
    await agenda.run()
    await agenda.deliver()


async def test_v1_rules_28_and_58_a_schedule_is_created_with_an_empty_body_and_shown_as_given(v1: V1Client) -> None:
    """v1 section L: ISO 8601 with offset."""
    message = await scheduled(v1)
    assert await shown(v1, message) == {**DAILY, "status": "ACTIVE"}
    assert await state(v1, message) == "scheduled"


async def test_v1_rule_59_members_left_out_have_their_defaults(v1: V1Client) -> None:
    """A date without offset is UTC, in all the forms that v1 takes."""
    for text in ("2031-03-02T09:00:00", "2031-03-02 09:00:00", "2031-03-02T09:00:00Z", "2031-03-02T11:00:00+0200"):
        message = await a_message(v1)
        answer = await v1.post(v1.path(f"messages/{message}/schedules"), {"nextSendingDate": text})
        assert answer.status == 200
        found = await shown(v1, message)
        assert datetime.fromisoformat(found.pop("nextSendingDate")) == datetime.fromisoformat("2031-03-02T09:00:00Z")
        assert found == {"type": "ONCE", "timezone": "UTC", "status": "ACTIVE"}


async def test_v1_rule_59_the_offset_decides_whatever_the_zone_is_called(v1: V1Client) -> None:
    message = await scheduled(v1, nextSendingDate="2031-03-02T09:00:00+05:30", startDate=None, endDate=None)
    found = await shown(v1, message)
    assert (found["nextSendingDate"], found["timezone"]) == ("2031-03-02T09:00:00+05:30", "Europe/Paris")


@pytest.mark.parametrize("name", ["Europe/Pari", "europe/paris", "", "localtime", "../UTC", "x" * 10_000, "CEST+2"])
async def test_v1_rule_59_an_unknown_zone_is_malformed(v1: V1Client, name: str) -> None:
    message = await a_message(v1)
    answer = await v1.post(v1.path(f"messages/{message}/schedules"), {**DAILY, "timezone": name})
    assert answer.refused(400, "API_ERR_FORMAT")
    assert "`timezone`" in answer.errors[0][1]
    assert await state(v1, message) == "draft"


async def test_v1_rules_58_and_103_a_second_schedule_is_403(v1: V1Client) -> None:
    message = await scheduled(v1)
    path = v1.path(f"messages/{message}/schedules")
    assert (await v1.post(path, DAILY)).refused(403, "API_ERR_DATA")
    assert (await v1.post(path, {**DAILY, "nextSendingDate": "2001-03-02T09:00:00Z"})).status == 400


async def test_v1_rules_58_and_103_a_date_in_the_past_is_400_on_create_and_403_on_update(v1: V1Client) -> None:
    past = {"nextSendingDate": (clock.now() - timedelta(minutes=1)).isoformat()}
    message = await a_message(v1)
    path = v1.path(f"messages/{message}/schedules")
    assert (await v1.post(path, past)).refused(400, "API_ERR_DATA")
    assert (await v1.post(path, DAILY)).status == 200
    assert (await v1.put(path, past)).refused(403, "API_ERR_DATA")
    assert (await shown(v1, message))["nextSendingDate"] == DAILY["nextSendingDate"]


async def test_v1_rule_58_without_schedule_reading_updating_and_deleting_are_404(v1: V1Client) -> None:
    message = await a_message(v1)
    path = v1.path(f"messages/{message}/schedules")
    assert (await v1.get(path)).refused(404, "API_ERR_DATA")
    assert (await v1.put(path, DAILY)).refused(404, "API_ERR_DATA")
    assert (await v1.put(path, {**DAILY, "timezone": "Mars"})).refused(404, "API_ERR_DATA")
    assert (await v1.delete(path)).refused(404, "API_ERR_DATA")


async def test_v1_rules_26_and_27_an_unknown_message_is_404_and_an_id_that_is_no_number_400(v1: V1Client) -> None:
    message = await scheduled(v1)
    for number, app, status in (("99999", v1.android, 404), (str(message), v1.ios, 404), ("x", v1.android, 400)):
        path = v1.path(f"messages/{number}/schedules", app)
        answers = [
            await v1.get(path),
            await v1.post(path, DAILY),
            await v1.put(path, DAILY),
            await v1.delete(path),
            await v1.get(f"{path}/exclusions"),
            await v1.post(f"{path}/exclusions", {"type": "DAYS", "days": "[1]"}),
            await v1.delete(f"{path}/exclusions"),
        ]
        label = "API_ERR_DATA" if status == 404 else "API_ERR_FORMAT"
        assert all(answer.refused(status, label) for answer in answers)


@pytest.mark.parametrize(
    ("members", "named"),
    [
        (
            {"endDate": "2031-03-01T00:00:00+01:00", "startDate": "2031-03-02T00:00:00+01:00"},
            ["nextSendingDate", "endDate"],
        ),
        ({"startDate": "2031-03-02T09:00:01+01:00"}, ["nextSendingDate"]),
        ({"endDate": "2031-03-02T08:59:59+01:00"}, ["nextSendingDate"]),
        ({"endDate": "2031-03-02T07:59:59Z", "timezone": "Mars"}, ["nextSendingDate", "timezone"]),
        ({"nextSendingDate": "2031-03-02"}, ["nextSendingDate"]),
        ({"nextSendingDate": "2031-02-30T09:00:00Z"}, ["nextSendingDate"]),
        ({"nextSendingDate": 7, "type": "daily", "status": "active"}, ["type", "nextSendingDate", "status"]),
        ({"timezone": "\x00"}, ["timezone"]),
        ({"startDate": "0001-01-01T00:00:00+01:00"}, ["startDate"]),
    ],
)
async def test_v1_rules_20_and_59_everything_malformed_is_named_at_once(
    v1: V1Client, members: dict[str, Any], named: list[str]
) -> None:
    message = await scheduled(v1)
    fresh = await a_message(v1)
    body = {**DAILY, **members}
    for answer in (
        await v1.post(v1.path(f"messages/{fresh}/schedules"), body),
        await v1.put(v1.path(f"messages/{message}/schedules"), body),
    ):
        assert answer.status == 400
        assert set(answer.labels) == {"API_ERR_FORMAT"}
        assert [message.split("`")[1] for _, message in answer.errors] == named


async def test_dates_at_both_ends_of_the_schedule_and_of_the_calendar_are_taken(v1: V1Client) -> None:
    date = DAILY["nextSendingDate"]
    await scheduled(v1, startDate=date, endDate=date)
    message = await scheduled(
        v1,
        nextSendingDate="9999-12-31T12:00:00Z",
        timezone="Pacific/Auckland",
        startDate="0001-01-01T00:00:00Z",
        endDate="9999-12-31T23:59:59Z",
    )
    assert (await shown(v1, message))["nextSendingDate"] == "9999-12-31T12:00:00Z"


async def test_v1_rule_63_a_schedule_makes_a_draft_scheduled_and_its_end_a_draft(v1: V1Client) -> None:
    message = await scheduled(v1)
    path = v1.path(f"messages/{message}/schedules")
    assert await state(v1, message) == "scheduled"
    assert (await v1.put(path, {**DAILY, "status": "INACTIVE"})).status == 200
    assert (await state(v1, message), (await shown(v1, message))["status"]) == ("draft", "INACTIVE")
    assert (await v1.put(path, DAILY)).status == 200
    assert await state(v1, message) == "scheduled"
    answer = await v1.delete(path)
    assert (answer.status, answer.body) == (200, b"")
    assert await state(v1, message) == "draft"
    assert (await v1.delete(path)).refused(404, "API_ERR_DATA")


async def test_v1_rule_63_a_scheduled_message_can_be_changed_and_sent_and_deleted(v1: V1Client) -> None:
    message = await scheduled(v1)
    path = v1.path(f"messages/{message}")
    assert (await v1.put(path, {"name": "Autumn", "messages": [{"text": "Hi"}]})).status == 200
    assert await state(v1, message) == "scheduled"
    assert (await v1.post(f"{path}/send")).status == 200
    assert await state(v1, message) == "sending"
    assert (await v1.put(f"{path}/schedules", {**DAILY, "type": "WEEKLY"})).status == 200
    await Agenda(Journey(v1.database, v1.sealer, v1.android)).deliver()
    assert await state(v1, message) == "scheduled"
    assert (await v1.delete(path)).status == 200
    assert (await v1.get(f"{path}/schedules")).refused(404, "API_ERR_DATA")


@pytest.mark.parametrize("found", ["sending", "sent", "failed"])
async def test_v1_rule_63_a_message_that_was_sent_cannot_be_scheduled(v1: V1Client, found: str) -> None:
    message = await a_message(v1)
    await set_state(v1, message, found)
    answer = await v1.post(v1.path(f"messages/{message}/schedules"), DAILY)
    assert answer.refused(400, "API_ERR_DATA")
    assert await state(v1, message) == found


async def test_the_next_sending_date_moves_on_after_each_run(v1: V1Client) -> None:
    """v1 rules 59 and 63: in the zone of the schedule, over a change of its clocks."""
    message = await scheduled(v1, type="WEEKLY", nextSendingDate="2031-03-23T09:00:00+01:00")
    await run(v1, "2031-03-23T08:00:01Z")
    assert (await shown(v1, message))["nextSendingDate"] == "2031-03-30T09:00:00+02:00"
    assert await state(v1, message) == "scheduled"
    for text in ("2031-03-30T07:00:01Z", "2031-04-06T07:00:01Z", "2031-04-13T07:00:01Z", "2031-04-20T07:00:01Z"):
        await run(v1, text)
    assert (await shown(v1, message))["nextSendingDate"] == "2031-04-27T09:00:00+02:00"
    await run(v1, "2031-04-27T07:00:01Z")
    assert await state(v1, message) == "sent"
    assert (await shown(v1, message))["nextSendingDate"] == "2031-04-27T09:00:00+02:00", "the last one, once it is over"


async def test_a_schedule_that_has_ended_is_begun_again_by_an_update(v1: V1Client) -> None:
    message = await scheduled(v1, type="ONCE", endDate=None)
    path = v1.path(f"messages/{message}/schedules")
    await run(v1, "2031-03-02T08:00:01Z")
    assert await state(v1, message) == "sent"
    assert (await v1.post(f"{path}/exclusions", {"type": "DAYS", "days": "[1]"})).status == 200
    assert (await v1.delete(f"{path}/exclusions")).status == 200
    assert await state(v1, message) == "sent", "what has been sent is not called back"
    assert (await v1.delete(path)).status == 200
    assert await state(v1, message) == "sent"
    again = await scheduled(v1, type="ONCE", nextSendingDate="2031-03-03T08:00:00Z")
    await run(v1, "2031-03-03T08:00:01Z")
    path = v1.path(f"messages/{again}/schedules")
    assert (await v1.put(path, {"nextSendingDate": "2031-03-04T08:00:00Z"})).status == 200
    assert await state(v1, again) == "scheduled"
    await run(v1, "2031-03-04T08:00:01Z")
    assert await state(v1, again) == "sent"


async def test_a_schedule_that_is_read_and_written_back_goes_on_as_before(v1: V1Client) -> None:
    """The 31st, shown as the 30th in April, is the 31st again in May."""
    message = await scheduled(v1, type="MONTHLY", nextSendingDate="2031-03-31T09:00:00+02:00", endDate=None)
    await run(v1, "2031-03-31T07:00:01Z")
    path = v1.path(f"messages/{message}/schedules")
    present = await shown(v1, message)
    assert present["nextSendingDate"] == "2031-04-30T09:00:00+02:00"
    assert (await v1.put(path, {**present, "endDate": "2032-12-31T00:00:00Z"})).status == 200
    await run(v1, "2031-04-30T07:00:01Z")
    assert (await shown(v1, message))["nextSendingDate"] == "2031-05-31T09:00:00+02:00"
    assert (await v1.put(path, {**present, "nextSendingDate": "2031-05-30T09:00:00+02:00"})).status == 200
    await run(v1, "2031-05-30T07:00:01Z")
    assert (await shown(v1, message))["nextSendingDate"] == "2031-06-30T09:00:00+02:00"
    await run(v1, "2031-06-30T07:00:01Z")
    assert (await shown(v1, message))["nextSendingDate"] == "2031-07-30T09:00:00+02:00", "another date was given"


async def exclusions(v1: V1Client, message: int) -> Any:
    answer = await v1.get(v1.path(f"messages/{message}/schedules/exclusions"))
    assert answer.status == 200, answer.body
    return answer.json["data"]


async def test_v1_rule_60_exclusions_are_added_listed_and_removed_all_at_once(v1: V1Client) -> None:
    """v1 rule 103: days are a string."""
    message = await scheduled(v1)
    path = v1.path(f"messages/{message}/schedules/exclusions")
    assert await exclusions(v1, message) == []
    for body in ({"type": "DAYS", "days": "[3, 1,1]"}, DATES):
        answer = await v1.post(path, body)
        assert (answer.status, answer.body) == (200, b"")
    assert await exclusions(v1, message) == [{"type": "DAYS", "days": "[1,3]"}, DATES]
    answer = await v1.delete(path)
    assert (answer.status, answer.body) == (200, b"")
    assert await exclusions(v1, message) == []
    assert (await v1.delete(path)).status == 200


async def test_v1_rule_60_days_are_excluded_once(v1: V1Client) -> None:
    """They may be for a time only."""
    message = await scheduled(v1)
    path = v1.path(f"messages/{message}/schedules/exclusions")
    days = {"type": "DAYS", "days": "[1]", "endDate": "2031-03-15T00:00:00+01:00"}
    assert (await v1.post(path, days)).status == 200
    assert (await v1.post(path, {"type": "DAYS", "days": "[2]"})).refused(400, "API_ERR_DATA")
    for _ in range(2):
        assert (await v1.post(path, DATES)).status == 200
    assert [each["type"] for each in await exclusions(v1, message)] == ["DAYS", "DATES", "DATES"]
    assert (await exclusions(v1, message))[0] == days


async def test_v1_rule_60_without_schedule_there_are_no_exclusions(v1: V1Client) -> None:
    message = await a_message(v1)
    path = v1.path(f"messages/{message}/schedules/exclusions")
    assert (await v1.get(path)).refused(404, "API_ERR_DATA")
    assert (await v1.post(path, DATES)).refused(404, "API_ERR_DATA")
    assert (await v1.delete(path)).refused(404, "API_ERR_DATA")


@pytest.mark.parametrize(
    "body",
    [
        {"type": "DAYS"},
        {"type": "DAYS", "days": "[]"},
        {"type": "DAYS", "days": "[0]"},
        {"type": "DAYS", "days": "[8]"},
        {"type": "DAYS", "days": [1, 3]},
        {"type": "DAYS", "days": "1,3"},
        {"type": "DAYS", "days": "[1]\n"},
        {"type": "HOURS", "days": "[1]"},
        {"days": "[1]"},
        {"type": "DATES"},
        {"type": "DATES", "startDate": DATES["startDate"]},
        {**DATES, "startDate": None},
        {**DATES, "startDate": DATES["endDate"], "endDate": DATES["startDate"]},
        {**DATES, "startDate": "2031-03-01T23:59:59+01:00"},
        {**DATES, "endDate": "2031-05-01T00:00:00+02:00"},
        {"type": "DAYS", "days": "[1]", "endDate": "2031-05-01T00:00:00+02:00"},
    ],
)
async def test_v1_rule_60_malformed_exclusions_and_dates_outside_the_schedule(
    v1: V1Client, body: dict[str, Any]
) -> None:
    message = await scheduled(v1)
    answer = await v1.post(v1.path(f"messages/{message}/schedules/exclusions"), body)
    assert (answer.status, set(answer.labels)) == (400, {"API_ERR_FORMAT"})
    assert await exclusions(v1, message) == []


async def test_a_schedule_has_a_hundred_exclusions_at_most(v1: V1Client) -> None:
    message = await scheduled(v1)
    path = v1.path(f"messages/{message}/schedules/exclusions")
    answers = [await v1.post(path, DATES) for _ in range(101)]
    assert [answer.status for answer in answers[:100]] == [200] * 100
    assert answers[100].refused(400, "API_ERR_DATA")


async def test_v1_rule_61_the_date_shown_moves_to_the_next_allowed_occurrence(v1: V1Client) -> None:
    """2 March 2031 is a Sunday. Days are those of the zone."""
    message = await scheduled(v1)
    path = v1.path(f"messages/{message}/schedules")
    assert (await v1.post(f"{path}/exclusions", {"type": "DAYS", "days": "[7,1]"})).status == 200
    assert (await shown(v1, message))["nextSendingDate"] == "2031-03-04T09:00:00+01:00"
    assert (await v1.post(f"{path}/exclusions", DATES)).status == 200
    assert (await shown(v1, message))["nextSendingDate"] == "2031-03-06T09:00:00+01:00"
    assert (await v1.put(path, {**DAILY, "type": "ONCE"})).status == 200
    assert (await shown(v1, message))["nextSendingDate"] == "2031-03-06T09:00:00+01:00", "once moves as well"
    assert (await v1.delete(f"{path}/exclusions")).status == 200
    assert (await shown(v1, message))["nextSendingDate"] == DAILY["nextSendingDate"]


async def test_v1_rule_61_when_every_day_is_excluded_the_message_waits_for_nothing(v1: V1Client) -> None:
    message = await scheduled(v1)
    path = v1.path(f"messages/{message}/schedules/exclusions")
    assert (await v1.post(path, {"type": "DAYS", "days": "[1,2,3,4,5,6,7]"})).status == 200
    assert await state(v1, message) == "draft"
    await run(v1, "2031-03-09T00:00:00Z")
    assert await state(v1, message) == "draft"
    assert (await v1.delete(path)).status == 200
    assert (await shown(v1, message))["nextSendingDate"] == "2031-03-09T09:00:00+01:00", (
        "what is past is not called back"
    )
    assert await state(v1, message) == "scheduled"


async def test_v1_rule_58_of_schedules_created_at_once_one_is_accepted(v1: V1Client) -> None:
    message = await a_message(v1)
    answers = await asyncio.gather(*(v1.post(v1.path(f"messages/{message}/schedules"), DAILY) for _ in range(8)))
    assert counted(answers) == {(200, ""): 1, (403, "API_ERR_DATA"): 7}
    path = v1.path(f"messages/{message}/schedules/exclusions")
    answers = await asyncio.gather(*(v1.post(path, {"type": "DAYS", "days": "[1]"}) for _ in range(8)))
    assert counted(answers) == {(200, ""): 1, (400, "API_ERR_DATA"): 7}


async def test_changes_and_runs_that_meet_leave_message_and_schedule_in_agreement(v1: V1Client) -> None:
    """Nobody waits for the other the wrong way round, no answer is a failure of ours."""
    await at(v1, "2031-03-02T07:59:00Z")
    for _ in range(5):
        message = await scheduled(v1)
        path = v1.path(f"messages/{message}")
        await at(v1, "2031-03-02T08:00:01Z")
        later = {**DAILY, "nextSendingDate": "2031-03-08T09:00:00+01:00"}
        running = [asyncio.create_task(run_due(v1.database)) for _ in range(2)]
        answers = await asyncio.gather(
            v1.put(f"{path}/schedules", later),
            v1.post(f"{path}/schedules/exclusions", {"type": "DAYS", "days": "[1]"}),
            v1.delete(f"{path}/schedules"),
            v1.put(path, {"name": "x", "messages": [{"text": "x"}]}),
            v1.post(f"{path}/send"),
        )
        await asyncio.gather(*running)
        assert all(answer.status in (200, 400, 404) for answer in answers), [answer.body for answer in answers]
        await Agenda(Journey(v1.database, v1.sealer, v1.android)).deliver()
        assert (await v1.get(f"{path}/schedules")).status == 404
        assert await state(v1, message) in ("draft", "sent")
        await at(v1, "2031-03-02T07:59:00Z")


def counted(answers: list[Answer]) -> Counter[tuple[int, str]]:
    """How often each status came with each label."""
    return Counter((answer.status, answer.labels[0] if answer.status >= 400 else "") for answer in answers)
