"""A pause that was asked for ends when it was asked to, for every process about the same time."""

from clarion.gateways.pauses import SPREAD, AskedPause


def test_a_pause_lasts_as_long_as_asked_and_little_longer() -> None:
    pause = AskedPause()
    assert pause.asked(100.0)
    assert 100 <= pause.until <= 100 + SPREAD


def test_of_many_answers_that_ask_for_the_same_only_the_first_is_news() -> None:
    pause = AskedPause()
    assert pause.asked(100.0)
    first = pause.until
    assert [pause.asked(100 + step / 100) for step in range(20)] == [False] * 20
    assert pause.until == max(first, 100.19)
    assert not pause.asked(50.0)
    assert pause.asked(200.0)


def test_a_pause_of_another_process_is_taken_once_by_its_number() -> None:
    """A clock that is set back leaves more of it each time one looks."""
    pause = AskedPause()
    assert pause.along(7, 100.0)
    until = pause.until
    assert not pause.along(7, 4000.0)
    assert pause.until == until
    assert pause.along(8, 4000.0)
    assert pause.until >= 4000


def test_what_one_was_asked_oneself_is_no_news_when_it_comes_back() -> None:
    pause = AskedPause()
    assert pause.asked(100.0)
    until = pause.until
    assert not pause.along(1, 99.9)
    assert pause.until == until
