"""Each row of the FCM answer table gives its verdict."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from clarion.base import clock
from clarion.gateways.fcm import answers
from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.http.h2 import Answer

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


@pytest.fixture(autouse=True)
def clock_back() -> Iterator[None]:
    yield
    clock.shift(timedelta(0))


def answer(
    status: int,
    canonical: str = "",
    code: str = "",
    *,
    message: str = "",
    violations: tuple[str, ...] = (),
    retry_after: str = "",
) -> Answer:
    details: list[dict[str, object]] = []
    if code:
        details.append({"@type": FCM_ERROR, "errorCode": code})
    if violations:
        fields = [{"field": name, "description": "wrong"} for name in violations]
        details.append({"@type": BAD_REQUEST, "fieldViolations": fields})
    error = {"code": status, "message": message, "status": canonical, "details": details}
    headers = ((b"retry-after", retry_after.encode()),) if retry_after else ()
    return Answer(status, headers, json.dumps({"error": error}).encode())


def test_200_is_delivered() -> None:
    assert answers.of(Answer(200, (), b'{"name":"projects/p/messages/1"}')) == Verdict(Fate.DELIVERED)


def test_404_unregistered_is_a_dead_token() -> None:
    assert answers.of(answer(404, "NOT_FOUND", "UNREGISTERED")) == Verdict(Fate.DEAD_TOKEN, "UNREGISTERED")


def test_404_of_a_project_that_does_not_exist_kills_no_token() -> None:
    verdict = answers.of(answer(404, "NOT_FOUND", message="Requested entity was not found."))
    assert verdict == Verdict(Fate.REFUSED, "NOT_FOUND: Requested entity was not found.")


def test_403_sender_id_mismatch_is_a_dead_token() -> None:
    verdict = answers.of(answer(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"))
    assert verdict == Verdict(Fate.DEAD_TOKEN, "SENDER_ID_MISMATCH")


def test_403_without_permission_kills_no_token() -> None:
    assert answers.of(answer(403, "PERMISSION_DENIED")).fate is Fate.REFUSED


def test_400_is_a_dead_token_when_the_token_is_the_violated_field() -> None:
    given = answer(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", violations=("message.token",))
    assert answers.of(given).fate is Fate.DEAD_TOKEN


def test_400_is_a_dead_token_when_only_the_message_says_so() -> None:
    told = "The registration token is not a valid FCM registration token"
    assert answers.of(answer(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", message=told)).fate is Fate.DEAD_TOKEN


def test_400_for_another_field_is_refused_and_kills_no_token() -> None:
    told = "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"
    verdict = answers.of(answer(400, "INVALID_ARGUMENT", message=told, violations=("message.data[0].value",)))
    assert verdict == Verdict(Fate.REFUSED, f"INVALID_ARGUMENT: {told}")


def test_429_waits_retry_after_for_the_project() -> None:
    verdict = answers.of(answer(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", retry_after="17"))
    assert verdict == Verdict(Fate.RETRY, "QUOTA_EXCEEDED", 17.0, Scope.PROJECT)


def test_429_without_retry_after_waits_60_seconds() -> None:
    assert answers.of(answer(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")).retry_after == 60.0


def test_retry_after_may_be_a_date() -> None:
    clock.shift(datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC) - clock.now())
    verdict = answers.of(answer(429, code="QUOTA_EXCEEDED", retry_after="Thu, 01 Jan 2026 12:00:30 GMT"))
    assert verdict.retry_after == pytest.approx(30, abs=1)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("999999999999", 86_400.0),
        ("soon", 60.0),
        ("-5", 60.0),
        ("1.5", 60.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 -0000", 0.0),
    ],
)
def test_a_strange_retry_after_is_bounded_or_ignored(given: str, seconds: float) -> None:
    assert answers.of(answer(429, code="QUOTA_EXCEEDED", retry_after=given)).retry_after == seconds


def test_503_waits_retry_after_for_the_project_and_else_leaves_the_delay_to_the_sender() -> None:
    told = answers.of(answer(503, "UNAVAILABLE", "UNAVAILABLE", retry_after="9"))
    assert told == Verdict(Fate.RETRY, "UNAVAILABLE", 9.0, Scope.PROJECT)
    assert answers.of(answer(503, "UNAVAILABLE", "UNAVAILABLE")).retry_after == 0.0


@pytest.mark.parametrize("status", [500, 502, 504])
def test_other_5xx_back_off_for_that_device(status: int) -> None:
    assert answers.of(answer(status, "INTERNAL", "INTERNAL")) == Verdict(Fate.RETRY, "INTERNAL", 0.0, Scope.DEVICE)


def test_401_is_cured_by_a_new_access_token_except_for_third_party_credentials() -> None:
    assert answers.calls_token_stale(answer(401, "UNAUTHENTICATED"))
    third_party = answer(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")
    assert not answers.calls_token_stale(third_party)
    assert answers.of(third_party).fate is Fate.REFUSED


def test_a_second_401_waits_with_the_project() -> None:
    verdict = answers.of(answer(401, "UNAUTHENTICATED"))
    assert (verdict.fate, verdict.scope, verdict.retry_after) == (Fate.RETRY, Scope.PROJECT, 60.0)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error":"x"}', b'{"error":{"details":[1]}}', b"\xff"])
def test_a_body_that_is_not_googles_still_gives_a_verdict(body: bytes) -> None:
    assert answers.of(Answer(404, (), body)) == Verdict(Fate.REFUSED, "HTTP 404")
    assert answers.of(Answer(503, (), body)).fate is Fate.RETRY
