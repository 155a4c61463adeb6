"""Each row of the Web Push answer table gives its verdict."""

from datetime import UTC, datetime, timedelta

import pytest

from clarion.base import clock
from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.gateways.webpush import answers
from clarion.http.h2 import Answer


def answer(status: int, retry_after: str = "") -> Answer:
    return Answer(status, ((b"retry-after", retry_after.encode()),) if retry_after else (), b"")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_delivered(status: int) -> None:
    assert answers.of(answer(status)) == Verdict(Fate.DELIVERED)


@pytest.mark.parametrize("status", [404, 410])
def test_404_and_410_are_a_dead_subscription(status: int) -> None:
    assert answers.of(answer(status)).fate is Fate.DEAD_TOKEN


def test_413_is_never_sent_again() -> None:
    assert answers.of(answer(413)) == Verdict(Fate.REFUSED, "PayloadTooLarge: HTTP 413")


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 405, 411, 415])
def test_other_4xx_and_redirects_are_refused_for_good(status: int) -> None:
    assert answers.of(answer(status)).fate is Fate.REFUSED


def test_429_delays_that_device_by_retry_after() -> None:
    assert answers.of(answer(429, "12")) == Verdict(Fate.RETRY, "TooManyRequests: HTTP 429", 12.0, Scope.DEVICE)


def test_408_is_the_same() -> None:
    verdict = answers.of(answer(408))
    assert (verdict.fate, verdict.retry_after, verdict.scope) == (Fate.RETRY, 0.0, Scope.DEVICE)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_may_be_a_date(status: int) -> None:
    clock.shift(datetime(2026, 1, 1, 12, tzinfo=UTC) - clock.now())
    try:
        told = answers.of(answer(status, "Thu, 01 Jan 2026 12:00:30 GMT")).retry_after
    finally:
        clock.shift(timedelta(0))
    assert told == pytest.approx(30, abs=5)


@pytest.mark.parametrize(("status", "word"), [(401, "Unauthorized"), (403, "Forbidden")])
def test_a_refused_identification_is_told_in_words(status: int, word: str) -> None:
    assert answers.of(answer(status)) == Verdict(Fate.REFUSED, f"{word}: HTTP {status}")


def test_503_delays_the_push_service_by_retry_after() -> None:
    verdict = answers.of(answer(503, "12"))
    assert verdict == Verdict(Fate.RETRY, "ServiceUnavailable: HTTP 503", 12.0, Scope.CONNECTION)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_without_retry_after_leave_the_delay_to_the_sender(status: int) -> None:
    verdict = answers.of(answer(status))
    assert (verdict.fate, verdict.retry_after, verdict.scope) == (Fate.RETRY, 0.0, Scope.CONNECTION)
