"""The stub as Google: the token endpoint's assertion, the project, and a message of exactly the documented shape."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest

from clarion.base import clock
from clarion.gateways.stub import StubServer
from tests.gateways.stub.sender import RawClient, assertion, token_form

SEND = "/v1/projects/stub-shop/messages:send"
FORM = {":method": "POST", ":path": "/oauth2/token", "content-type": "application/x-www-form-urlencoded"}
TARGET = {"token": "device:one"}
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


@pytest.fixture
def account(stub: StubServer) -> dict[str, Any]:
    return dict(stub.issue("fcm", "shop"))


@pytest.fixture
async def access(client: RawClient, account: dict[str, Any]) -> str:
    """A sound access token."""
    answer = await client.request(FORM, token_form(assertion(account)))
    assert answer.status == 200
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3600)
    return str(answer.json["access_token"])


def send_headers(access: str, **changed: str | None) -> dict[str, str]:
    headers: dict[str, str | None] = {
        ":method": "POST",
        ":path": SEND,
        "authorization": f"Bearer {access}",
        "content-type": "application/json",
        **changed,
    }
    return {name: value for name, value in headers.items() if value is not None}


def body(**message: Any) -> bytes:
    return json.dumps({"message": {**TARGET, **message}}).encode()


async def test_a_sound_message_is_delivered_and_named(stub: StubServer, client: RawClient, access: str) -> None:
    message = body(
        data={"clarion_delivery": "d-1", "x": "1"},
        notification={"title": "Hello"},
        android={"priority": "HIGH", "ttl": "3600s", "collapse_key": "c", "notification": {"channel_id": "news"}},
        apns={"headers": {"apns-priority": "10"}, "payload": {"aps": {"badge": 1}}},
        webpush={"headers": {"Urgency": "high"}},
    )
    answer = await client.request(send_headers(access), message)
    assert answer.status == 200
    assert answer.json["name"].startswith("projects/stub-shop/messages/0:")
    again = await client.request(send_headers(access), message)
    assert again.json["name"] != answer.json["name"]
    figures = stub.stats().fcm
    assert (figures.delivered, figures.distinct, figures.doubles) == (2, 1, 1)


async def test_a_dry_run_is_validated_and_not_delivered(stub: StubServer, client: RawClient, access: str) -> None:
    answer = await client.request(send_headers(access), b'{"message":{"token":"t"},"validate_only":true}')
    assert answer.json == {"name": "projects/stub-shop/messages/fake_message_id"}
    figures = stub.stats().fcm
    assert (figures.requests, figures.validated, figures.delivered) == (1, 1, 0)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (b"{", "message"),
        (b"[]", "message"),
        (b"{}", "message"),
        (b'{"message":{"token":"t"},"dry_run":true}', "message"),
        (b'{"message":{}}', "message"),
        (b'{"message":{"token":"t","topic":"news"}}', "message"),
        (b'{"message":{"topic":"news"}}', "message"),
        (body(data={"n": 1}), "message.data[...]"),
        (body(data={"from": "x"}), "message.data[from]"),
        (body(data={"google.x": "x"}), "message.data[google.x]"),
        (body(data={"x": "x" * 4096}), "message.data"),
        (body(priority="HIGH"), "message"),
        (body(android={"priority": "URGENT"}), "message.android.priority"),
        (body(android={"ttl": "1h"}), "message.android.ttl"),
        (body(android={"ttl": 3600}), "message.android.ttl"),
        (body(android={"ttl": "2419201s"}), "message.android.ttl"),
        (body(android={"collapseKey": "c"}), "message.android"),
        (body(android={"notification": {"titel": "x"}}), "message.android.notification"),
        (body(token=5), "message.token"),
    ],
)
async def test_a_message_of_another_shape_is_an_invalid_argument(
    stub: StubServer, client: RawClient, access: str, message: bytes, field: str
) -> None:
    answer = await client.request(send_headers(access), message)
    error = answer.json["error"]
    assert (answer.status, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    (detail,) = error["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert [violation["field"] for violation in detail["fieldViolations"]] == [field]
    assert stub.stats().fcm.refused == {"INVALID_ARGUMENT": 1}


@pytest.mark.parametrize("ttl", ["0s", "3.5s", "2419200s"])
async def test_a_time_to_live_is_a_duration_of_four_weeks_at_most(client: RawClient, access: str, ttl: str) -> None:
    assert (await client.request(send_headers(access), body(android={"ttl": ttl}))).status == 200


async def test_a_malformed_token_is_told_apart_from_a_malformed_message(client: RawClient, access: str) -> None:
    answer = await client.request(send_headers(access), body(token="two words"))
    error = answer.json["error"]
    assert (answer.status, error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["details"] == [{"@type": FCM_ERROR, "errorCode": "INVALID_ARGUMENT"}]
    assert "not a valid FCM registration token" in error["message"]


async def test_a_body_must_say_that_it_is_json(client: RawClient, access: str) -> None:
    answer = await client.request(send_headers(access, **{"content-type": "text/plain"}), body())
    assert answer.json["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("authorization", [None, "Bearer", "Basic abc", "Bearer abc", "Bearer ya29.stub.W10.AAAA"])
async def test_without_an_access_token_of_the_endpoint_nothing_is_sent(
    stub: StubServer, client: RawClient, authorization: str | None
) -> None:
    answer = await client.request(send_headers("", authorization=authorization), body())
    assert (answer.status, answer.json["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert "www-authenticate" in answer.headers
    assert stub.stats().fcm.delivered == 0


async def test_an_access_token_expires(stub: StubServer, client: RawClient, account: dict[str, Any]) -> None:
    stub.set_knobs({"fcm": {"access_token_seconds": 60}})
    answer = await client.request(FORM, token_form(assertion(account)))
    assert answer.json["expires_in"] == 60
    access = answer.json["access_token"]
    assert (await client.request(send_headers(access), body())).status == 200
    clock.shift(timedelta(seconds=61))
    try:
        answer = await client.request(send_headers(access), body())
    finally:
        clock.shift(timedelta(0))
    assert (answer.status, answer.json["error"]["status"]) == (401, "UNAUTHENTICATED")


async def test_an_access_token_is_for_one_project(client: RawClient, access: str) -> None:
    path = "/v1/projects/stub-other/messages:send"
    answer = await client.request(send_headers(access, **{":path": path}), body())
    assert (answer.status, answer.json["error"]["status"]) == (403, "PERMISSION_DENIED")


async def test_other_paths_and_methods_are_not_found(client: RawClient, access: str) -> None:
    for changed in ({":method": "GET"}, {":path": "/v1/projects/stub-shop/messages"}):
        answer = await client.request(send_headers(access, **changed), body())
        assert (answer.status, answer.json["error"]["status"]) == (404, "NOT_FOUND")


NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "nobody@example.com"}, "invalid_grant"),
        ({"aud": "https://oauth2.googleapis.com/token"}, "invalid_grant"),
        ({"iat": NOW, "exp": NOW + 3601}, "invalid_grant"),
        ({"iat": NOW - 4000, "exp": NOW - 400}, "invalid_grant"),
        ({"iat": NOW + 1000, "exp": NOW + 2000}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/cloud-platform.read-only"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
    ],
)
async def test_the_claims_of_the_assertion_are_checked(
    client: RawClient, account: dict[str, Any], claims: dict[str, Any], error: str
) -> None:
    answer = await client.request(FORM, token_form(assertion(account, **claims)))
    assert (answer.status, answer.json["error"]) == (400, error)


async def test_the_signature_of_the_assertion_is_verified(
    stub: StubServer, client: RawClient, account: dict[str, Any]
) -> None:
    forged = {**account, "private_key": stub.issue("fcm", "shop")["private_key"]}
    answer = await client.request(FORM, token_form(assertion(forged)))
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
    answer = await client.request(FORM, token_form(assertion(account, {"kid": "other"})))
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant")
    assert stub.stats().connections.access_tokens == 0


async def test_the_token_request_is_a_form_with_the_jwt_grant(client: RawClient, account: dict[str, Any]) -> None:
    sound = token_form(assertion(account))
    assert (await client.request({**FORM, "content-type": "application/json"}, sound)).status == 400
    assert (await client.request({**FORM, ":method": "PUT"}, sound)).status == 405
    answer = await client.request(FORM, sound.replace(b"jwt-bearer", b"password"))
    assert answer.json["error"] == "unsupported_grant_type"
    answer = await client.request(FORM, sound.partition(b"&")[0])
    assert answer.json["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("reason", "status", "code"),
    [
        ("SENDER_ID_MISMATCH", 403, "SENDER_ID_MISMATCH"),
        ("UNREGISTERED", 404, "UNREGISTERED"),
        ("QUOTA_EXCEEDED", 429, "QUOTA_EXCEEDED"),
        ("INTERNAL", 500, "INTERNAL"),
        ("UNAVAILABLE", 503, "UNAVAILABLE"),
        ("INVALID_TOKEN", 400, "INVALID_ARGUMENT"),
    ],
)
async def test_refusals_have_the_form_of_google(
    stub: StubServer, client: RawClient, access: str, reason: str, status: int, code: str
) -> None:
    stub.set_knobs({"retry_after": 7, "fcm": {"refuse": {reason: 1}}})
    answer = await client.request(send_headers(access), body())
    assert (answer.status, answer.json["error"]["code"]) == (status, status)
    assert answer.json["error"]["details"] == [{"@type": FCM_ERROR, "errorCode": code}]
    assert answer.headers.get("retry-after") == ("7" if status in (429, 503) else None)
    assert stub.stats().fcm.refused == {reason: 1}


async def test_a_dead_registration_is_unregistered(stub: StubServer, client: RawClient, access: str) -> None:
    stub.set_knobs({"dead_tokens": ["device:one"]})
    answer = await client.request(send_headers(access), body())
    assert (answer.status, answer.json["error"]["details"][0]["errorCode"]) == (404, "UNREGISTERED")
