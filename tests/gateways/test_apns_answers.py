"""Each row of the APNs answer table gives its verdict."""

import json
from datetime import UTC, datetime

import pytest

from clarion.gateways.apns import answers
from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.http.h2 import Answer


def answer(status: int, reason: str = "", *, retry_after: str = "", **members: object) -> Answer:
    headers = ((b"retry-after", retry_after.encode()),) if retry_after else ()
    body = json.dumps({"reason": reason, **members}).encode() if reason else b""
    return Answer(status, headers, body)


def test_200_is_delivered() -> None:
    assert answers.of(answer(200)) == Verdict(Fate.DELIVERED)


def test_400_bad_device_token_is_a_dead_token_of_unknown_age() -> None:
    assert answers.of(answer(400, "BadDeviceToken")) == Verdict(Fate.DEAD_TOKEN, "BadDeviceToken")


@pytest.mark.parametrize("reason", ["Unregistered", "ExpiredToken"])
def test_410_is_a_dead_token_and_tells_since_when(reason: str) -> None:
    verdict = answers.of(answer(410, reason, timestamp=1_700_000_000_500))
    since = datetime(2023, 11, 14, 22, 13, 20, 500_000, UTC)
    assert verdict == Verdict(Fate.DEAD_TOKEN, reason, dead_since=since)


@pytest.mark.parametrize("timestamp", [None, 1e300, -1e300])
def test_410_without_a_usable_instant_is_a_dead_token_all_the_same(timestamp: float | None) -> None:
    assert answers.of(answer(410, "Unregistered", timestamp=timestamp)).dead_since is None


def test_429_too_many_requests_delays_that_device_only() -> None:
    verdict = answers.of(answer(429, "TooManyRequests", retry_after="7"))
    assert verdict == Verdict(Fate.RETRY, "TooManyRequests", 7.0, Scope.DEVICE)


def test_429_too_many_provider_token_updates_delays_the_application() -> None:
    verdict = answers.of(answer(429, "TooManyProviderTokenUpdates"))
    assert (verdict.fate, verdict.scope, verdict.retry_after) == (Fate.RETRY, Scope.PROJECT, 60.0)


@pytest.mark.parametrize(
    ("status", "reason"), [(500, "InternalServerError"), (503, "ServiceUnavailable"), (503, "Shutdown"), (502, "")]
)
def test_5xx_backs_off_on_this_connection(status: int, reason: str) -> None:
    assert answers.of(answer(status, reason)) == Verdict(Fate.RETRY, reason or f"HTTP {status}", 0.0, Scope.CONNECTION)


def test_400_idle_timeout_is_the_connections_fault() -> None:
    assert answers.of(answer(400, "IdleTimeout")).fate is Fate.RETRY


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "BadTopic"),
        (400, "DeviceTokenNotForTopic"),
        (400, "PayloadEmpty"),
        (403, "InvalidProviderToken"),
        (403, "MissingProviderToken"),
        (404, "BadPath"),
        (405, "MethodNotAllowed"),
        (413, "PayloadTooLarge"),
    ],
)
def test_the_rest_is_refused_for_good_with_apples_word(status: int, reason: str) -> None:
    assert answers.of(answer(status, reason)) == Verdict(Fate.REFUSED, reason)


def test_a_second_expired_provider_token_waits_with_the_application_and_names_the_clock() -> None:
    expired = answer(403, "ExpiredProviderToken")
    assert answers.calls_token_expired(expired)
    verdict = answers.of(expired)
    assert (verdict.fate, verdict.scope, verdict.retry_after) == (Fate.RETRY, Scope.PROJECT, 60.0)
    assert "clock" in verdict.reason


def test_only_403_expired_provider_token_renews_the_token() -> None:
    assert not answers.calls_token_expired(answer(403, "InvalidProviderToken"))
    assert not answers.calls_token_expired(answer(400, "ExpiredProviderToken"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"reason": 5}', b"\xff"])
def test_a_body_that_is_not_apples_still_gives_a_verdict(body: bytes) -> None:
    assert answers.of(Answer(400, (), body)) == Verdict(Fate.REFUSED, "HTTP 400")
    assert answers.of(Answer(410, (), body)) == Verdict(Fate.DEAD_TOKEN, "HTTP 410")
