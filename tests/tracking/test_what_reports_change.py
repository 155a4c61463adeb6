"""What a report leaves behind: its event, the profile's openings, the counters of the day."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from clarion.tracking.model import EventKind, EventValue
from clarion.tracking.service import OLDEST
from tests.tracking.installation import Installation

SOON = timedelta(seconds=5)


async def test_every_kind_leaves_an_event_with_its_particulars(installation: Installation) -> None:
    report = installation.report
    await installation.receive(
        [
            report(EventKind.OPEN, message_id=7),
            report(EventKind.DISPLAYED, message_id=7),
            report(EventKind.CLICKED, message_id=7, button="2"),
            report(EventKind.CUSTOM, code=1001, value={"basket": 3}),
        ]
    )
    assert await installation.events() == [
        (EventKind.OPEN, 0, 7, None, None),
        (EventKind.DISPLAYED, 0, 7, None, None),
        (EventKind.CLICKED, 0, 7, "2", None),
        (EventKind.CUSTOM, 1001, None, None, {"basket": 3}),
    ]


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "",
        'a "quoted"\ttext \\N é 😀',
        0,
        -(2**63),
        2**63 - 1,
        0.1,
        True,
        False,
        {},
        {"a\\": "\n", "b": 1.5},
    ],
)
async def test_a_value_is_kept_as_it_is(installation: Installation, value: EventValue) -> None:
    await installation.receive([installation.report(EventKind.CUSTOM, code=1001, value=value)])
    [(_, _, _, _, kept)] = await installation.events()
    assert kept == value
    assert type(kept) is type(value)


async def test_openings_change_the_profile(installation: Installation) -> None:
    now = await installation.now()
    times = [now - timedelta(hours=hours) for hours in (5, 1, 3)]
    await installation.receive([installation.report(at=at) for at in times])
    assert await installation.openings() == (3, times[0], times[1])
    late = now - timedelta(days=2)
    await installation.receive([installation.report(at=late)])
    assert await installation.openings() == (4, late, times[1])
    assert await installation.openings("d1") == (0, None, None)


async def test_other_reports_leave_the_profile_alone(installation: Installation) -> None:
    await installation.receive([installation.report(EventKind.CLICKED, message_id=7)])
    assert await installation.openings() == (0, None, None)


async def test_the_first_opening_of_a_profile_is_an_installation(installation: Installation) -> None:
    await installation.receive([installation.report(), installation.report(), installation.report(device="d1")])
    await installation.receive([installation.report(), installation.report(device="d2")])
    [day] = await installation.stats()
    assert (day.installs, day.opens) == (3, 5)


async def test_openings_at_the_same_time_are_all_counted(installation: Installation) -> None:
    await asyncio.gather(*(installation.receive([installation.report()]) for _ in range(25)))
    assert (await installation.openings())[0] == 25
    [day] = await installation.stats()
    assert (day.installs, day.opens) == (1, 25)


async def test_a_counter_at_its_end_stays_there(installation: Installation) -> None:
    await installation.set_openings(2**31 - 1)
    await installation.receive([installation.report()])
    assert (await installation.openings())[0] == 2**31 - 1


async def test_reports_of_a_profile_that_is_gone_are_kept(installation: Installation) -> None:
    await installation.receive([installation.report(device="gone")])
    assert len(await installation.events()) == 1
    [day] = await installation.stats()
    assert (day.installs, day.opens) == (0, 1)


async def test_a_time_the_device_can_be_right_about_is_kept(installation: Installation) -> None:
    at = await installation.now() - OLDEST + timedelta(minutes=1)
    await installation.receive([installation.report(at=at)])
    [(received, occurred)] = await installation.occurred()
    assert occurred == at
    assert received > at


@pytest.mark.parametrize("off", [timedelta(seconds=30), timedelta(days=9000), -OLDEST - timedelta(minutes=1)])
async def test_a_wrong_clock_is_replaced_by_the_time_of_receipt(installation: Installation, off: timedelta) -> None:
    await installation.receive([installation.report(at=await installation.now() + off)])
    [(received, occurred)] = await installation.occurred()
    assert occurred == received
    assert await installation.openings() == (1, received, received)


@pytest.mark.parametrize("at", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
async def test_the_ends_of_the_calendar_are_wrong_clocks(installation: Installation, at: datetime) -> None:
    await installation.receive([installation.report(at=at)])
    assert abs((await installation.openings())[2] - await installation.now()) < SOON


async def test_v1_rule_84_the_day_counts_by_kind(installation: Installation) -> None:
    report = installation.report
    await installation.receive(
        [report(), report()]
        + [report(EventKind.DISPLAYED, message_id=7) for _ in range(3)]
        + [report(EventKind.CLICKED, message_id=7) for _ in range(4)]
        + [report(EventKind.CUSTOM, code=1001)]
    )
    [day] = await installation.stats()
    assert (day.opens, day.push_displays, day.push_clicks, day.installs) == (2, 3, 4, 1)
    assert (day.push_sent, day.bounces, day.registered) == (0, 0, None)
    assert await installation.stats(installation.other) == []


async def test_v1_rule_83_a_day_without_anything_to_count_has_no_row(installation: Installation) -> None:
    await installation.receive([installation.report(EventKind.CUSTOM, code=1001)])
    assert await installation.stats() == []


async def test_days_are_those_of_receipt(installation: Installation) -> None:
    await installation.receive([installation.report(at=await installation.now() - timedelta(days=3))])
    await installation.move_clock(timedelta(days=1))
    await installation.receive([installation.report()])
    days = [day.day for day in await installation.stats()]
    today = (await installation.now()).date()
    assert days == [today - timedelta(days=1), today]
