"""The one clock."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from clarion.base import clock


@pytest.fixture(autouse=True)
def clock_back() -> Iterator[None]:
    yield
    clock.shift(timedelta(0))


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(days=-400), timedelta(seconds=90, milliseconds=250)])
def test_both_readings_are_of_one_clock_wherever_it_is_moved(offset: timedelta) -> None:
    clock.shift(offset)
    before = clock.now().timestamp()
    between = clock.timestamp()
    after = clock.now().timestamp()
    assert before - 0.001 <= between <= after + 0.001
