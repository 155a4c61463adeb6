"""The stub as APNs: every header, the provider token, the client certificate and the payload are checked."""

import asyncio
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from clarion.base import clock
from clarion.gateways.stub import StubServer
from tests.gateways.stub.conftest import Connect
from tests.gateways.stub.sender import TOKEN, RawClient, apns_headers, b64, provider_token

ALERT = b'{"aps":{"alert":{"title":"Hello","body":"World"}}}'


async def test_a_sound_notification_is_delivered_and_its_id_comes_back(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    apns_id = str(uuid.uuid4())
    answer = await client.request(apns_headers(apns, apns_id=apns_id), ALERT)
    assert (answer.status, answer.headers["apns-id"], answer.body) == (200, apns_id, b"")
    figures = stub.stats().apns
    assert (figures.requests, figures.delivered, figures.distinct, figures.doubles) == (1, 1, 1, 0)


async def test_without_an_id_the_service_makes_one(stub: StubServer, client: RawClient, apns: dict[str, Any]) -> None:
    answer = await client.request(apns_headers(apns, apns_id=None), ALERT)
    assert answer.status == 200
    assert uuid.UUID(answer.headers["apns-id"])
    assert stub.stats().apns.unidentified == 1


async def test_a_background_push_has_priority_five(client: RawClient, apns: dict[str, Any]) -> None:
    silent = b'{"aps":{"content-available":1}}'
    headers = apns_headers(apns, apns_push_type="background", apns_priority="5")
    assert (await client.request(headers, silent)).status == 200


@pytest.mark.parametrize(
    ("changed", "body", "status", "reason"),
    [
        ({":method": "GET"}, ALERT, 405, "MethodNotAllowed"),
        ({":path": "/3/devices/" + TOKEN}, ALERT, 404, "BadPath"),
        ({":path": "/3/device/"}, ALERT, 400, "MissingDeviceToken"),
        ({":path": "/3/device/" + "ab" * 31}, ALERT, 400, "BadDeviceToken"),
        ({":path": "/3/device/" + "ab" * 101}, ALERT, 400, "BadDeviceToken"),
        ({":path": "/3/device/" + "a" * 65}, ALERT, 400, "BadDeviceToken"),
        ({":path": "/3/device/" + "zz" * 32}, ALERT, 400, "BadDeviceToken"),
        ({"authorization": None}, ALERT, 403, "MissingProviderToken"),
        ({"authorization": "basic abc"}, ALERT, 403, "MissingProviderToken"),
        ({"authorization": "bearer abc"}, ALERT, 403, "InvalidProviderToken"),
        ({"authorization": "bearer a.b.c"}, ALERT, 403, "InvalidProviderToken"),
        ({"apns-topic": None}, ALERT, 400, "MissingTopic"),
        ({"apns-topic": "com.example.other"}, ALERT, 400, "TopicDisallowed"),
        ({"apns-topic": "stub.shop.voip"}, ALERT, 400, "BadTopic"),
        ({"apns-push-type": None}, ALERT, 400, "InvalidPushType"),
        ({"apns-push-type": "banner"}, ALERT, 400, "InvalidPushType"),
        ({"apns-push-type": "background"}, ALERT, 400, "BadPriority"),
        ({"apns-priority": "7"}, ALERT, 400, "BadPriority"),
        ({"apns-expiration": "tomorrow"}, ALERT, 400, "BadExpirationDate"),
        ({"apns-expiration": "-1"}, ALERT, 400, "BadExpirationDate"),
        ({"apns-collapse-id": "c" * 65}, ALERT, 400, "BadCollapseId"),
        ({"apns-id": "7"}, ALERT, 400, "BadMessageId"),
        ({}, b"", 400, "PayloadEmpty"),
        ({}, b"{", 400, "PayloadEmpty"),
        ({}, b"[]", 400, "PayloadEmpty"),
        ({}, b'{"alert":"no aps"}', 400, "PayloadEmpty"),
        ({}, b'{"aps":"text"}', 400, "PayloadEmpty"),
        ({}, b'{"aps":{},"x":"%s"}' % (b"x" * 4096), 413, "PayloadTooLarge"),
        ({}, b"x" * 300_000, 413, "PayloadTooLarge"),
    ],
)
async def test_what_apple_refuses_is_refused(
    stub: StubServer,
    client: RawClient,
    apns: dict[str, Any],
    changed: dict[str, str | None],
    body: bytes,
    status: int,
    reason: str,
) -> None:
    answer = await client.request(apns_headers(apns, TOKEN, **changed), body)
    assert (answer.status, answer.json) == (status, {"reason": reason})
    assert "apns-id" in answer.headers
    figures = stub.stats().apns
    assert (figures.requests, figures.delivered, figures.refused) == (1, 0, {reason: 1})


@pytest.mark.parametrize("size", [64, 200])
async def test_device_tokens_have_64_to_200_hex_digits(client: RawClient, apns: dict[str, Any], size: int) -> None:
    assert (await client.request(apns_headers(apns, "aB" * (size // 2)), ALERT)).status == 200


async def test_a_payload_of_4096_bytes_is_accepted(client: RawClient, apns: dict[str, Any]) -> None:
    body = b'{"aps":{},"x":""}'
    body = body[:-2] + b"x" * (4096 - len(body)) + body[-2:]
    assert len(body) == 4096
    assert (await client.request(apns_headers(apns), body)).status == 200


async def test_a_collapse_id_of_64_bytes_is_accepted(client: RawClient, apns: dict[str, Any]) -> None:
    assert (await client.request(apns_headers(apns, apns_collapse_id="c" * 64), ALERT)).status == 200


async def test_a_repeated_header_is_refused(client: RawClient, apns: dict[str, Any]) -> None:
    answer = await client.request(apns_headers(apns), ALERT, extra=[("apns-priority", "5")])
    assert (answer.status, answer.json["reason"]) == (400, "DuplicateHeaders")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "OTHERTEAM1"}, "InvalidProviderToken"),
        ({"iss": None}, "InvalidProviderToken"),
        ({"iat": None}, "InvalidProviderToken"),
        ({"iat": "now"}, "InvalidProviderToken"),
        ({"iat": int(time.time()) + 86_400}, "InvalidProviderToken"),
        ({"iat": int(time.time()) - 86_400}, "ExpiredProviderToken"),
    ],
)
async def test_the_claims_of_the_provider_token_are_checked(
    client: RawClient, apns: dict[str, Any], claims: dict[str, Any], reason: str
) -> None:
    headers = apns_headers(apns, authorization=f"bearer {provider_token(apns, **claims)}")
    answer = await client.request(headers, ALERT)
    assert (answer.status, answer.json["reason"]) == (403, reason)


async def test_a_token_once_accepted_expires_an_hour_after_its_issue(client: RawClient, apns: dict[str, Any]) -> None:
    authorization = f"bearer {provider_token(apns)}"
    assert (await client.request(apns_headers(apns, authorization=authorization), ALERT)).status == 200
    clock.shift(timedelta(seconds=3601))
    try:
        answer = await client.request(apns_headers(apns, authorization=authorization), ALERT)
    finally:
        clock.shift(timedelta(0))
    assert (answer.status, answer.json["reason"]) == (403, "ExpiredProviderToken")


async def test_the_signature_of_the_provider_token_is_verified(
    stub: StubServer, client: RawClient, apns: dict[str, Any]
) -> None:
    other = stub.issue("apns", "shop")
    forged = {**apns, "private_key": other["private_key"]}
    answer = await client.request(apns_headers(forged), ALERT)
    assert (answer.status, answer.json["reason"]) == (403, "InvalidProviderToken")
    unknown = {**apns, "key_id": "AAAAAAAAAA"}
    answer = await client.request(apns_headers(unknown), ALERT)
    assert (answer.status, answer.json["reason"]) == (403, "InvalidProviderToken")


async def test_an_unsigned_provider_token_is_refused(client: RawClient, apns: dict[str, Any]) -> None:
    header = b64(b'{"alg":"none","kid":"%s"}' % apns["key_id"].encode())
    claims = provider_token(apns).split(".")[1]
    answer = await client.request(apns_headers(apns, authorization=f"bearer {header}.{claims}."), ALERT)
    assert (answer.status, answer.json["reason"]) == (403, "InvalidProviderToken")


async def test_a_client_certificate_stands_for_its_topic(stub: StubServer, connect: Connect, tmp_path: Path) -> None:
    credentials = stub.issue("apns", "shop", authentication="certificate")
    file = tmp_path / "client.pem"
    await asyncio.to_thread(file.write_text, f"{credentials['certificate']}{credentials['private_key']}")
    client = await connect(file)
    assert (await client.request(apns_headers(credentials), ALERT)).status == 200
    assert (await client.request(apns_headers(credentials, apns_topic=None), ALERT)).status == 200
    answer = await client.request(apns_headers(credentials, apns_topic="com.example.other"), ALERT)
    assert (answer.status, answer.json["reason"]) == (400, "TopicDisallowed")


async def test_a_client_certificate_of_another_authority_does_not_connect(
    stub: StubServer, connect: Connect, tmp_path: Path
) -> None:
    stranger = StubServer(tmp_path / "stranger")
    await stranger.start()
    credentials = stranger.issue("apns", "shop", authentication="certificate")
    await stranger.stop()
    file = tmp_path / "client.pem"
    await asyncio.to_thread(file.write_text, f"{credentials['certificate']}{credentials['private_key']}")
    client = await connect(file)
    await client.until(lambda: client.closed)
    assert stub.stats().connections.opened == 0


async def test_a_dead_token_is_gone_since_an_instant(stub: StubServer, client: RawClient, apns: dict[str, Any]) -> None:
    stub.set_knobs({"apns": {"dead_tokens": [TOKEN], "dead_since": 1_700_000_000}})
    answer = await client.request(apns_headers(apns, TOKEN.upper()), ALERT)
    assert (answer.status, answer.json) == (410, {"reason": "Unregistered", "timestamp": 1_700_000_000_000})


async def test_a_connection_may_not_change_its_provider_token_too_often(
    stub: StubServer, connect: Connect, apns: dict[str, Any]
) -> None:
    stub.set_knobs({"apns": {"provider_token_seconds": 1200}})
    client = await connect()
    first = apns_headers(apns)
    second = apns_headers(apns, authorization=f"bearer {provider_token(apns, iat=int(time.time()) - 5)}")
    assert (await client.request(first, ALERT)).status == 200
    assert (await client.request(first, ALERT)).status == 200
    answer = await client.request(second, ALERT)
    assert (answer.status, answer.json["reason"]) == (429, "TooManyProviderTokenUpdates")
    assert (await (await connect()).request(second, ALERT)).status == 200
