"""Permits drawn in portions: no minute holds more than the cap, whoever draws and however they use them."""

import asyncio
from bisect import bisect_left
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarion.gateways.allowance import VALID, Allowance, Bucket, Grant, Rate
from clarion.gateways.fcm import quota
from tests.support import until


class HandClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def run(work: Callable[[], object]) -> None:
    asyncio.run(work())  # type: ignore[arg-type]


def most_in_a_minute(used: list[float]) -> int:
    return max((bisect_left(used, moment + 60) - no for no, moment in enumerate(used)), default=0)


def test_the_quota_of_a_project_is_googles_with_the_second_a_permit_is_good() -> None:
    assert quota.RATE.burst + quota.RATE.per_second * (60 + VALID) == pytest.approx(quota.PER_MINUTE)
    assert quota.RATE.per_second * 60 > 0.93 * quota.PER_MINUTE


@given(
    pauses=st.lists(st.floats(0, 70), min_size=1, max_size=60),
    takers=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 50)), min_size=1, max_size=20),
)
def test_no_minute_holds_more_than_the_cap_however_many_draw(
    pauses: list[float], takers: list[tuple[int, int]]
) -> None:
    """Never over 600,000 in any minute, here scaled down to 600: three processes that draw when they like, and use
    what they drew as late as they may."""

    async def work() -> None:
        hand = HandClock()
        bucket = Bucket(Rate.within(600, burst=30), hand)
        allowances = [Allowance(bucket.draw, hand) for _ in range(3)]
        used: list[float] = []
        for pause in pauses:
            hand.seconds += pause
            for who, wanted in takers:
                used += [hand.seconds] * allowances[who].take(wanted)
                await asyncio.sleep(0)
        assert most_in_a_minute(used) <= 600

    run(work)


async def test_one_greedy_process_gets_nearly_all_of_the_rate() -> None:
    hand = HandClock()
    allowance = Allowance(Bucket(Rate.within(600, burst=30), hand).draw, hand)
    taken = 0
    for _ in range(6000):
        hand.seconds += 0.1
        taken += allowance.take(100)
        await asyncio.sleep(0)
    assert taken >= 0.9 * 6000


async def test_a_permit_is_good_for_a_second_from_the_asking() -> None:
    hand = HandClock()
    answer: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()

    async def draw(_wanted: int) -> Grant:
        return await answer

    allowance = Allowance(draw, hand)
    assert allowance.take() == 0
    await asyncio.sleep(0)
    hand.seconds += 0.6
    answer.set_result(Grant(10))
    await allowance.wait_permit()
    assert allowance.take(3) == 3
    hand.seconds += 0.5
    assert allowance.take(3) == 0, "the rest was granted more than a second ago"
    allowance.close()


async def test_an_answer_that_came_too_late_grants_nothing() -> None:
    hand = HandClock()

    async def draw(_wanted: int) -> Grant:
        hand.seconds += 2
        return Grant(10)

    allowance = Allowance(draw, hand)
    assert allowance.available == 0
    await allowance.wait_permit()
    assert allowance.take(1) == 0
    allowance.close()


async def test_nobody_draws_before_the_time_the_source_named() -> None:
    hand, draws = HandClock(), []

    async def draw(wanted: int) -> Grant:
        draws.append(wanted)
        return Grant(0, 5.0)

    allowance = Allowance(draw, hand)
    assert allowance.take() == 0
    await allowance.wait_permit()
    assert allowance.wait == pytest.approx(5.0)
    for _ in range(10):
        assert allowance.take() == 0
        await asyncio.sleep(0)
    assert len(draws) == 1
    hand.seconds += 5.0

    async def drew() -> bool:
        return allowance.take() == 0 and len(draws) == 2

    await until(drew)
