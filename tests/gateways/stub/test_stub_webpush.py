"""The stub as a push service: VAPID, headers, and every body decrypted with the subscription's own keys."""

import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clarion.gateways.stub import StubServer, Subscription, derive_subscriptions
from clarion.gateways.stub.decryption import Undecryptable, decrypt
from clarion.gateways.stub.subscriptions import SubscriptionKeys
from tests.gateways.stub.sender import RawClient, encrypt, unb64, vapid, webpush_headers


@pytest.fixture
def sender(stub: StubServer) -> dict[str, Any]:
    """VAPID credentials."""
    return dict(stub.issue("webpush", "shop"))


@pytest.fixture
def subscription(stub: StubServer) -> Subscription:
    return next(derive_subscriptions(stub.seed, stub.url, 4711, 1))


def seal(subscription: Subscription, plaintext: bytes = b'{"title":"Hello"}') -> bytes:
    return encrypt(plaintext, subscription.p256dh, subscription.auth)


def path(subscription: Subscription) -> str:
    return urlsplit(subscription.endpoint).path


async def test_a_sound_message_is_decrypted_and_created(
    stub: StubServer, client: RawClient, sender: dict[str, Any], subscription: Subscription
) -> None:
    text = b'{"title":"Hello","clarion_delivery":"d-1"}'
    answer = await client.request(webpush_headers(sender, subscription.endpoint), seal(subscription, text))
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["location"].startswith(f"{stub.url}/wp/m/")
    shown = await client.request({":method": "GET", ":path": "/stub/deliveries?gateway=webpush&last=1"})
    (delivery,) = shown.json
    assert delivery["payload"] == json.loads(text)
    assert delivery["token"] == path(subscription).removeprefix("/wp/")
    assert "authorization" not in delivery["headers"]
    await client.request(webpush_headers(sender, subscription.endpoint), seal(subscription, text))
    figures = stub.stats().webpush
    assert (figures.delivered, figures.distinct, figures.doubles) == (2, 1, 1)


async def test_a_message_without_body_needs_no_encoding(
    client: RawClient, sender: dict[str, Any], subscription: Subscription
) -> None:
    headers = webpush_headers(sender, subscription.endpoint, content_encoding=None)
    assert (await client.request(headers)).status == 201


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({":method": "PUT"}, 405, "method_not_allowed"),
        ({":path": "/wp/4711"}, 404, "not_found"),
        ({":path": "/wp/4711-00000000"}, 404, "not_found"),
        ({":path": "/wp/"}, 404, "not_found"),
        ({"ttl": None}, 400, "missing_ttl"),
        ({"ttl": "-1"}, 400, "missing_ttl"),
        ({"urgency": "urgent"}, 400, "bad_urgency"),
        ({"topic": "t" * 33}, 400, "bad_topic"),
        ({"topic": "a b"}, 400, "bad_topic"),
        ({"content-encoding": "aesgcm"}, 400, "bad_encoding"),
        ({"content-encoding": None}, 400, "bad_encoding"),
        ({"authorization": None}, 401, "missing_vapid"),
        ({"authorization": "WebPush abc"}, 401, "missing_vapid"),
        ({"authorization": "vapid t=abc"}, 403, "bad_vapid"),
        ({"authorization": "vapid t=abc, k=abc"}, 403, "bad_vapid"),
    ],
)
async def test_what_a_push_service_refuses_is_refused(
    stub: StubServer,
    client: RawClient,
    sender: dict[str, Any],
    subscription: Subscription,
    changed: dict[str, str | None],
    status: int,
    reason: str,
) -> None:
    answer = await client.request(webpush_headers(sender, subscription.endpoint, **changed), seal(subscription))
    assert (answer.status, answer.json["error"]) == (status, reason)
    assert stub.stats().webpush.refused == {reason: 1}


@pytest.mark.parametrize(
    ("name", "value"), [("topic", "A-z_0" + "9" * 27), ("urgency", "very-low"), ("urgency", None), ("ttl", "0")]
)
async def test_the_edges_of_the_headers_are_accepted(
    client: RawClient, sender: dict[str, Any], subscription: Subscription, name: str, value: str | None
) -> None:
    headers = webpush_headers(sender, subscription.endpoint, **{name: value})
    assert (await client.request(headers, seal(subscription))).status == 201


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://push.example.com"},
        {"aud": None},
        {"exp": int(time.time()) - 10},
        {"exp": int(time.time()) + 90_000},
        {"exp": None},
        {"sub": None},
        {"sub": "me"},
    ],
)
async def test_the_claims_of_vapid_are_checked(
    stub: StubServer, client: RawClient, sender: dict[str, Any], subscription: Subscription, claims: dict[str, Any]
) -> None:
    headers = webpush_headers(sender, subscription.endpoint, authorization=vapid(sender, stub.url, **claims))
    answer = await client.request(headers, seal(subscription))
    assert (answer.status, answer.json["error"]) == (403, "bad_vapid")


async def test_the_signature_of_vapid_is_verified_and_its_key_known(
    stub: StubServer, client: RawClient, sender: dict[str, Any], subscription: Subscription
) -> None:
    forged = {**sender, "private_key": stub.issue("webpush", "other")["private_key"]}
    answer = await client.request(webpush_headers(forged, subscription.endpoint), seal(subscription))
    assert (answer.status, answer.json["error"]) == (403, "bad_vapid")


async def test_a_body_for_another_subscription_does_not_open(
    stub: StubServer, client: RawClient, sender: dict[str, Any], subscription: Subscription
) -> None:
    other = next(derive_subscriptions(stub.seed, stub.url, 4712, 1))
    for body in (seal(other), b"plain text", seal(subscription)[:-1], seal(subscription)[:90]):
        answer = await client.request(webpush_headers(sender, subscription.endpoint), body)
        assert (answer.status, answer.json["error"]) == (400, "undecryptable")


async def test_the_record_must_be_the_last_and_within_its_size(
    client: RawClient, sender: dict[str, Any], subscription: Subscription
) -> None:
    for more in ({"delimiter": b"\x01"}, {"delimiter": b""}, {"record_size": 20}):
        body = encrypt(b"x" * 30, subscription.p256dh, subscription.auth, **more)
        answer = await client.request(webpush_headers(sender, subscription.endpoint), body)
        assert (answer.status, answer.json["error"]) == (400, "undecryptable")
    padded = encrypt(b"x" * 30, subscription.p256dh, subscription.auth, delimiter=b"\x02" + b"\0" * 50)
    assert (await client.request(webpush_headers(sender, subscription.endpoint), padded)).status == 201


async def test_4096_bytes_are_the_limit(client: RawClient, sender: dict[str, Any], subscription: Subscription) -> None:
    largest = seal(subscription, b"x" * (4096 - 86 - 16 - 1))
    assert len(largest) == 4096
    assert (await client.request(webpush_headers(sender, subscription.endpoint), largest)).status == 201
    too_large = encrypt(b"x" * (4097 - 103), subscription.p256dh, subscription.auth, record_size=8192)
    answer = await client.request(webpush_headers(sender, subscription.endpoint), too_large)
    assert (answer.status, answer.json["error"]) == (413, "payload_too_large")


async def test_a_dead_subscription_is_gone_by_endpoint_or_name(
    stub: StubServer, client: RawClient, sender: dict[str, Any], subscription: Subscription
) -> None:
    for name in (subscription.endpoint, path(subscription).removeprefix("/wp/")):
        stub.set_knobs({"webpush": {"dead_tokens": [name]}})
        answer = await client.request(webpush_headers(sender, subscription.endpoint), seal(subscription))
        assert (answer.status, answer.json["error"]) == (410, "gone")


def test_decryption_follows_the_example_of_rfc_8291_appendix_a() -> None:
    private = ec.derive_private_key(
        int.from_bytes(unb64("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"), "big"), ec.SECP256R1()
    )
    public = unb64("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
    body = unb64(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    auth = unb64("BTBZMqHH6r4Tts7J_aSIgg")
    assert decrypt(body, private, public, auth) == b"When I grow up, I want to be a watermelon"
    with pytest.raises(Undecryptable):
        decrypt(body, private, public, b"\0" * 16)


@pytest.mark.parametrize(("start", "count"), [(0, 1030), (1000, 30), (1023, 2), (5, 1), (2048, 1)])
def test_the_quick_way_to_public_keys_agrees_with_the_private_keys(start: int, count: int) -> None:
    keys = SubscriptionKeys(b"seed")
    publics = list(keys.public(start, count))
    assert len(publics) == count
    for number in {start, start + count // 2, start + count - 1}:
        assert keys.private(number)[1] == publics[number - start]
    assert len(set(publics)) == count


def test_subscriptions_depend_on_the_seed_alone() -> None:
    first = list(derive_subscriptions(b"seed", "https://h", 10, 3))
    assert first == list(derive_subscriptions(b"seed", "https://h", 10, 3))
    assert first[1:] == list(derive_subscriptions(b"seed", "https://h", 11, 2))
    assert first != list(derive_subscriptions(b"other", "https://h", 10, 3))
