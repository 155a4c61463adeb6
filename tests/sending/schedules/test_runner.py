"""Schedules that come due: what is sent when, what becomes of the message, and what is told of what was not sent."""

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from clarion.base import clock
from clarion.content import service as content
from clarion.content.model import Content, MessageState
from clarion.db.sql import execute
from clarion.gateways.stub import StubServer
from clarion.sending.schedules import service as schedules
from clarion.sending.schedules.model import Exclusion, Recurrence
from clarion.sending.schedules.runner import Runner, run_due
from tests.sending.journey import Journey
from tests.sending.schedules.agenda import Agenda
from tests.sending.schedules.almanac import YEARS, expected
from tests.support import until


async def test_one_occurrence_is_sent_once_and_the_message_is_sent(agenda: Agenda) -> None:
    """v1 rule 63."""
    message = await agenda.schedule("2031-03-03T13:00:00+00:00", Recurrence.ONCE)
    assert await agenda.state(message) is MessageState.SCHEDULED
    await agenda.move_to("2031-03-03T12:59:59+00:00")
    assert await agenda.run() == 0
    await agenda.move_to("2031-03-03T13:00:00.5+00:00")
    assert await agenda.run() == 1
    assert await agenda.state(message) is MessageState.SENDING
    await agenda.deliver()
    assert await agenda.state(message) is MessageState.SENT
    [sent] = await agenda.sends()
    assert (sent.message_id, sent.reason) == (message, None)
    assert await agenda.run_at("2031-03-05T13:00:00+00:00") == 0
    assert await agenda.due_in() is None
    assert (await agenda.of(message)).shown_run == datetime(2031, 3, 3, 13, tzinfo=UTC)


async def test_a_scheduled_send_reaches_the_audience(journey: Journey, stub: StubServer) -> None:
    agenda = Agenda(journey)
    await journey.add_devices(5)
    message = await agenda.schedule((clock.now() + timedelta(hours=1)).isoformat(), Recurrence.ONCE)
    assert await agenda.run_at(clock.now() + timedelta(hours=1, seconds=1)) == 1
    assert await agenda.state(message) is MessageState.SENT
    assert stub.stats().apns.delivered == 5


async def test_v1_rule_63_a_recurring_message_returns_to_scheduled_after_each_run(agenda: Agenda) -> None:
    """And is sent after the last one."""
    end = datetime(2031, 3, 5, 13, tzinfo=UTC)
    message = await agenda.schedule("2031-03-03T13:00:00+00:00", end_date=end)
    for day in (3, 4, 5):
        assert await agenda.state(message) is MessageState.SCHEDULED
        assert await agenda.next_run(message) == f"2031-03-0{day}T13:00:00+00:00"
        await agenda.move_to(f"2031-03-0{day}T13:00:00.3+00:00")
        assert await agenda.run() == 1
        assert await agenda.state(message) is MessageState.SENDING
        await agenda.deliver()
    assert await agenda.state(message) is MessageState.SENT
    assert await agenda.next_run(message) is None
    assert await agenda.run_at("2031-03-06T13:00:00+00:00") == 0
    assert len(await agenda.sends(message)) == 3


async def test_v1_rule_63_the_last_run_tells_whether_the_message_failed(agenda: Agenda) -> None:
    """Without gateway every run fails: in between it waits for the next one all the same."""
    await agenda.journey.add_devices(2)
    end = datetime(2031, 3, 4, 13, tzinfo=UTC)
    message = await agenda.schedule("2031-03-03T13:00:00+00:00", end_date=end)
    await agenda.run_at("2031-03-03T13:00:01+00:00")
    assert await agenda.state(message) is MessageState.SCHEDULED
    await agenda.run_at("2031-03-04T13:00:01+00:00")
    assert await agenda.state(message) is MessageState.FAILED


async def test_an_inactive_schedule_never_fires(agenda: Agenda) -> None:
    message = await agenda.schedule("2031-03-03T13:00:00+00:00", active=False)
    assert await agenda.state(message) is MessageState.DRAFT
    assert await agenda.run_at("2031-03-09T13:00:00+00:00") == 0
    assert await agenda.sends() == []


async def test_v1_rule_63_a_scheduled_message_may_be_sent_by_hand_and_waits_again(agenda: Agenda) -> None:
    message = await agenda.schedule("2031-03-03T13:00:00+00:00", Recurrence.ONCE)
    await agenda.journey.send(message)
    assert await agenda.state(message) is MessageState.SENDING
    await agenda.deliver()
    assert await agenda.state(message) is MessageState.SCHEDULED
    await agenda.run_at("2031-03-03T13:00:01+00:00")
    assert await agenda.state(message) is MessageState.SENT
    assert len(await agenda.sends(message)) == 2


async def test_a_cancelled_run_of_a_recurring_message_waits_for_the_next_one(agenda: Agenda) -> None:
    message = await agenda.schedule("2031-03-03T13:00:00+00:00")
    await agenda.move_to("2031-03-03T13:00:01+00:00")
    await agenda.run()
    [sent] = await agenda.sends()
    await agenda.journey.cancel(sent.id)
    await agenda.deliver()
    assert await agenda.state(message) is MessageState.SCHEDULED


async def test_a_server_that_was_down_sends_once_late_and_says_so(agenda: Agenda) -> None:
    """The occurrences missed after the first are skipped, the wall clock of the next one stays."""
    message = await agenda.schedule("2031-03-03T13:00:00+00:00")
    once = await agenda.schedule("2031-03-03T14:00:00+00:00", Recurrence.ONCE)
    await agenda.move_to("2031-03-06T15:30:00+00:00")
    assert await agenda.run(runners=2) == 2
    await agenda.deliver()
    assert [sent.reason for sent in await agenda.sends(message)] == [
        "late by 3 days, 2:30:00, 3 further occurrences skipped"
    ]
    assert [sent.reason for sent in await agenda.sends(once)] == ["late by 3 days, 1:30:00"]
    assert await agenda.next_run(message) == "2031-03-07T13:00:00+00:00"
    progress = await agenda.journey.progress((await agenda.sends(message))[0].id)
    assert progress.reason == "late by 3 days, 2:30:00, 3 further occurrences skipped", "the end of the send keeps it"


async def test_v1_rule_61_what_is_late_on_an_excluded_day_moves_to_the_next_allowed_one(agenda: Agenda) -> None:
    tuesdays = Exclusion(days=(2,))
    daily = await agenda.schedule("2031-03-03T13:00:00+00:00", Recurrence.DAILY, tuesdays)
    once = await agenda.schedule("2031-03-03T13:00:00+00:00", Recurrence.ONCE, tuesdays)
    await agenda.run_at("2031-03-04T09:00:00+00:00")
    assert await agenda.sends() == []
    for message in (daily, once):
        assert await agenda.next_run(message) == "2031-03-05T13:00:00+00:00"
        assert await agenda.state(message) is MessageState.SCHEDULED
    await agenda.run_at("2031-03-05T13:00:01+00:00")
    assert [sent.reason for sent in await agenda.sends()] == [None, None]


async def test_v1_rule_61_what_is_late_and_has_no_allowed_day_left_has_failed(agenda: Agenda) -> None:
    tuesdays, end = Exclusion(days=(2,)), datetime(2031, 3, 4, 23, tzinfo=UTC)
    message = await agenda.schedule("2031-03-03T13:00:00+00:00", Recurrence.ONCE, tuesdays, end_date=end)
    await agenda.run_at("2031-03-04T09:00:00+00:00")
    assert await agenda.sends() == []
    assert await agenda.state(message) is MessageState.FAILED
    assert await agenda.due_in() is None


async def test_an_occurrence_is_skipped_while_the_one_before_is_being_sent(agenda: Agenda) -> None:
    """Never two at once."""
    message = await agenda.schedule("2031-03-03T13:00:00+00:00")
    await agenda.move_to("2031-03-03T13:00:01+00:00")
    assert await agenda.run() == 1
    await agenda.move_to("2031-03-04T13:00:01+00:00")
    assert await agenda.run() == 1
    assert len(await agenda.sends()) == 1
    assert await agenda.next_run(message) == "2031-03-05T13:00:00+00:00"
    await agenda.deliver()
    assert await agenda.state(message) is MessageState.SCHEDULED
    await agenda.run_at("2031-03-05T13:00:01+00:00")
    assert len(await agenda.sends()) == 2


async def test_a_message_that_cannot_be_sent_loses_the_occurrence_and_holds_nobody_up(agenda: Agenda) -> None:
    wrong = await agenda.journey.message(version=Content(text="${modl}"))
    await agenda.schedule("2031-03-03T13:00:00+00:00", message=wrong)
    final = await agenda.journey.message(version=Content(text="${modl}"))
    await agenda.schedule("2031-03-03T13:00:00+00:00", Recurrence.ONCE, message=final)
    sound = await agenda.schedule("2031-03-03T13:00:00+00:00")
    assert await agenda.run_at("2031-03-03T13:00:01+00:00") == 3
    assert [sent.message_id for sent in await agenda.sends()] == [sound]
    assert await agenda.next_run(wrong) == "2031-03-04T13:00:00+00:00"
    assert await agenda.state(wrong) is MessageState.SCHEDULED
    assert await agenda.state(final) is MessageState.FAILED


async def test_what_fails_without_being_foreseen_is_put_off_for_longer_and_longer(agenda: Agenda) -> None:
    """The others go on; once the trouble is over the occurrence is sent, late."""
    broken = await agenda.schedule("2031-03-03T13:00:00+00:00", Recurrence.ONCE)
    sound = await agenda.schedule("2031-03-03T13:00:01+00:00", Recurrence.ONCE)
    async with agenda.journey.database.transaction() as conn:
        await execute(
            conn,
            """
            CREATE FUNCTION clarion.refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'out of order'; END $$
            """,
        )
        await execute(
            conn,
            f"""
            CREATE TRIGGER refuse BEFORE INSERT ON clarion.send FOR EACH ROW WHEN (NEW.message_id = {broken})
            EXECUTE FUNCTION clarion.refuse()
            """,
        )
    start = datetime(2031, 3, 3, 13, 0, 2, tzinfo=UTC)
    assert await agenda.run_at(start) == 2
    assert [sent.message_id for sent in await agenda.sends()] == [sound]
    tries = [seconds for seconds in range(0, 300, 5) if await agenda.run_at(start + timedelta(seconds=seconds))]
    assert 2 <= len(tries) <= 4, "after half a minute, a minute, two minutes"
    assert (await agenda.state(broken), await agenda.next_run(broken)) == (
        MessageState.SCHEDULED,
        "2031-03-03T13:00:00+00:00",
    )
    async with agenda.journey.database.transaction() as conn:
        await execute(conn, "DROP TRIGGER refuse ON clarion.send")
    await agenda.run_at("2031-03-03T13:30:00+00:00")
    assert [sent.reason for sent in await agenda.sends(broken)] == ["late by 0:30:00"]


async def test_a_deleted_message_takes_its_schedule_with_it(agenda: Agenda) -> None:
    message = await agenda.schedule("2031-03-03T13:00:00+00:00")
    async with agenda.journey.database.transaction() as conn:
        await content.delete_message(conn, agenda.app_id, message)
    assert await agenda.due_in() is None
    assert await agenda.run_at("2031-03-04T13:00:00+00:00") == 0


async def test_runners_that_race_send_each_occurrence_once(agenda: Agenda) -> None:
    messages = [await agenda.schedule("2031-03-03T13:00:00+00:00") for _ in range(30)]
    await agenda.move_to("2031-03-03T13:00:01+00:00")
    assert await agenda.run(runners=4) == 30
    assert sorted(sent.message_id for sent in await agenda.sends()) == messages


@pytest.mark.parametrize("seed", range(3))
async def test_runners_killed_at_any_point_leave_each_occurrence_to_be_sent_once(agenda: Agenda, seed: int) -> None:
    """A run is one transaction: killed in it, the occurrence is as it was."""
    chance = random.Random(seed)
    messages = [await agenda.schedule("2031-03-03T13:00:00+00:00") for _ in range(12)]
    for day in (3, 4):
        await agenda.move_to(f"2031-03-0{day}T13:00:01+00:00")
        kills = 0
        while (due := await agenda.due_in()) is not None and due <= 0:
            running = [asyncio.create_task(run_due(agenda.journey.database)) for _ in range(2)]
            await asyncio.wait(running, timeout=chance.uniform(0.001, 0.04))
            kills += sum(task.cancel() for task in running)
            await asyncio.gather(*running, return_exceptions=True)
        assert kills > 1
        await agenda.deliver()
        assert len(await agenda.sends()) == 12 * (day - 2)
        for message in messages:
            assert await agenda.next_run(message) == f"2031-03-0{day + 1}T13:00:00+00:00"
    for message in messages:
        assert len(await agenda.sends(message)) == 2


async def test_a_message_that_somebody_holds_is_passed_over_and_run_afterwards(agenda: Agenda) -> None:
    held = await agenda.schedule("2031-03-03T13:00:00+00:00")
    free = await agenda.schedule("2031-03-03T13:00:00+00:00")
    await agenda.move_to("2031-03-03T13:00:01+00:00")
    async with agenda.journey.database.transaction() as conn:
        await content.lock_message(conn, agenda.app_id, held)
        assert await agenda.run() == 1
        assert [sent.message_id for sent in await agenda.sends()] == [free]
    assert await agenda.run() == 1


async def test_the_runner_sends_within_moments_of_the_time(agenda: Agenda) -> None:
    """It is told of nothing: schedules written meanwhile are seen, and so is a clock that is moved."""
    stop = asyncio.Event()
    running = asyncio.create_task(Runner(agenda.journey.database).run(stop))
    first = clock.now() + timedelta(seconds=1.5)
    message = await agenda.schedule(first.isoformat(), Recurrence.ONCE)

    async def begun() -> bool:
        return bool(await agenda.sends(message))

    await until(begun)
    [sent] = await agenda.sends(message)
    assert timedelta(0) <= sent.created_at - first < timedelta(seconds=2)
    later = await agenda.schedule((first + timedelta(days=1)).isoformat(), Recurrence.ONCE)
    await agenda.move_to(first + timedelta(days=1, seconds=1))
    await until(lambda: _any(agenda, later))
    stop.set()
    await asyncio.wait_for(running, 5)


async def _any(agenda: Agenda, message: int) -> bool:
    return bool(await agenda.sends(message))


async def test_a_schedule_deleted_while_its_message_is_being_sent_leaves_it_sent(agenda: Agenda) -> None:
    message = await agenda.schedule("2031-03-03T13:00:00+00:00")
    await agenda.move_to("2031-03-03T13:00:01+00:00")
    await agenda.run()
    async with agenda.journey.database.transaction() as conn:
        await schedules.delete(conn, agenda.app_id, message)
    await agenda.deliver()
    assert await agenda.state(message) is MessageState.SENT


def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The first instants, to the hour, at which the clocks of a zone show another offset."""
    hours = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(366 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]


class Between(Struct, frozen=True):
    """A schedule in its zone, and the occurrences that the calendar has for it."""

    zone: ZoneInfo
    start: datetime
    end: datetime
    left_out: Exclusion
    awaited: list[datetime]


def two_changes(name: str, year: int, hour: int, minute: int) -> Between:
    """Daily from two days before the first change of the year to two days after the second, the time between them
    excluded but for two days at each end."""
    zone, days = ZoneInfo(name), timedelta(days=2)
    spring, autumn = changes(zone, year)[:2]
    wall = (spring - days).astimezone(zone).replace(tzinfo=None, hour=hour, minute=minute)
    instants = dict.fromkeys(expected(wall + timedelta(days=n), zone) for n in range(360))
    awaited = [each for each in instants if each < spring + days or autumn - days < each <= autumn + days]
    left_out = Exclusion(start=spring + days, end=autumn - days)
    return Between(zone, spring - timedelta(days=4), autumn + days, left_out, awaited)


@settings(max_examples=2, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hour=st.integers(0, 23),
    minute=st.sampled_from([0, 15, 45]),
    steps=st.lists(st.integers(1, 20), min_size=40, max_size=40),
)
async def test_v1_rules_59_61_63_each_occurrence_is_sent_once_over_two_changes_of_the_clocks(
    agenda: Agenda, hour: int, minute: int, steps: list[int]
) -> None:
    """In eight zones. The clock is moved on by hours, two runners look at once, and what was sent is what the calendar
    says."""
    for name, year in YEARS.items():
        case = two_changes(name, year, hour, minute)
        await agenda.move_to(case.start)
        first = case.awaited[0].astimezone(case.zone).isoformat()
        message = await agenda.schedule(first, Recurrence.DAILY, case.left_out, timezone=name, end_date=case.end)
        runs = []
        for now in instants_to_look(case, steps):
            await agenda.move_to(now)
            if await agenda.run(runners=2):
                runs.append((await agenda.of(message)).last_run)
                await agenda.deliver()
        assert runs == case.awaited, name
        assert len(await agenda.sends(message)) == len(case.awaited), name
        assert await agenda.state(message) is MessageState.SENT


def instants_to_look(case: Between, steps: list[int]) -> Iterator[datetime]:
    """Every few hours, just before the time left out, and not in it."""
    start, end = case.left_out.start, case.left_out.end
    assert start is not None
    assert end is not None
    now, steps_in_turn = case.start, cycle(steps)
    while now < case.end + timedelta(days=1):
        yield now
        step = timedelta(hours=next(steps_in_turn))
        before = start - timedelta(minutes=1)
        now = min(before, now + step) if now < before else max(now, end) + step
