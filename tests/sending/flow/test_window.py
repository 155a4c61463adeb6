"""How much a gateway in trouble is trusted with: never nothing, never more than the window, and all of it again."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clarion.sending.flow.window import RESUMED, SILENT, SLOW, Window

STEP = 0.01


class Course:
    """A sender that always fills the room, up to what the gateway itself has room for, and a gateway."""

    def __init__(self, streams: int = 500) -> None:
        self.window = Window()
        self.streams = streams
        self.now = 0.0

    def fill(self) -> int:
        room = min(self.streams - self.window.in_flight, self.window.room(self.now))
        number = max(0, int(room))
        if number:
            self.window.handed(number, self.now)
        return number

    def answer(self, number: int, *, troubled: bool = False) -> None:
        for _ in range(min(number, self.window.in_flight)):
            self.window.answered()
            if troubled:
                self.window.trouble()

    def turns(self, number: int, *, troubled: bool = False) -> None:
        for _ in range(number):
            self.fill()
            self.now += STEP
            self.answer(self.streams, troubled=troubled)


steps = st.lists(
    st.tuples(st.floats(0, 10), st.integers(0, 600), st.booleans(), st.booleans()), min_size=1, max_size=60
)


@given(steps=steps)
def test_the_window_is_never_below_one_and_never_overfilled(steps: list[tuple[float, int, bool, bool]]) -> None:
    course = Course()
    for seconds, answers, troubled, paused in steps:
        if paused:
            course.window.restart(course.now)
        if course.fill():
            assert course.window.in_flight <= course.window.limit
        course.now += seconds
        course.answer(answers, troubled=troubled)
        assert course.window.limit >= 1
        assert course.window.in_flight >= 0


@settings(max_examples=25)
@given(steps=steps)
def test_whatever_happened_a_sound_gateway_gets_all_of_its_room_back(
    steps: list[tuple[float, int, bool, bool]],
) -> None:
    course = Course(streams=60)
    for seconds, answers, troubled, _ in steps:
        course.fill()
        course.now += seconds
        course.answer(answers, troubled=troubled)
    course.turns(120)
    assert course.window.limit == inf


def test_a_gateway_without_trouble_is_bounded_by_its_own_room_alone() -> None:
    course = Course()
    course.turns(50)
    assert course.window.limit == inf


def test_trouble_halves_what_is_under_way_down_to_one() -> None:
    course = Course()
    course.turns(1, troubled=True)
    course.fill()
    assert course.window.limit == 250
    course.turns(20, troubled=True)
    course.fill()
    assert course.window.limit == 1


def test_a_few_troubles_among_many_answers_change_nothing() -> None:
    course = Course()
    for _ in range(20):
        course.fill()
        course.now += STEP
        course.window.trouble()
        course.answer(course.streams)
    course.fill()
    assert course.window.limit == inf


def test_silence_shrinks_the_window_although_nothing_is_answered() -> None:
    course = Course()
    course.fill()
    limits = []
    for _ in range(12):
        course.now += SILENT
        course.fill()
        limits.append(course.window.limit)
    assert limits == sorted(limits, reverse=True)
    assert limits[-1] < 500


def test_answers_that_take_long_shrink_the_window() -> None:
    course = Course()
    for _ in range(4):
        course.fill()
        for _ in range(5):
            course.now += SLOW / 2
            course.answer(100)
            course.fill()
    assert course.window.limit < 500


def test_after_a_pause_one_begins_small_and_grows_fast() -> None:
    course = Course()
    course.turns(3)
    course.window.restart(course.now)
    assert course.fill() == RESUMED
    course.turns(12)
    assert course.window.limit == inf


@pytest.mark.parametrize(("aside", "open_still"), [(0, False), (500, True)])
def test_what_is_set_aside_bounds_nothing(aside: int, open_still: bool) -> None:
    """500 hang at a push service that has gone silent; the others are answered, a hundred a second."""
    window, now = Window(), 0.0
    window.handed(500, now)
    for _ in range(100):
        now += 0.1
        if window.room(now, aside) >= 10:
            window.handed(10, now)
            for _ in range(10):
                window.answered()
    assert (window.limit == inf) is open_still
    assert (window.room(now, aside) >= 10) is open_still
    assert window.in_flight == 500
