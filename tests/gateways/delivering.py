"""Helpers of the gateway tests that run against the stub: sending many notifications, reading the stub's book."""

import asyncio
import json
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from clarion.gateways.registry import open_gateway
from clarion.gateways.seam import Gateway, Notification, Verdict
from clarion.gateways.stub import StubServer, derive_subscriptions
from clarion.gateways.webpush.credentials import decode64
from clarion.http.h2 import Answer, Channel, client_tls


class Delivery(msgspec.Struct):
    """A line of the stub's book."""

    token: str
    delivery_id: str | None
    headers: dict[str, str]
    payload: object


def gateway_to(stub: StubServer, kind: str, **wanted: str) -> Gateway:
    """A gateway with credentials fresh from the stub."""
    secret = json.dumps(stub.issue(kind, **wanted)).encode()
    return open_gateway(kind, secret, stub.url, str(stub.ca_file))


def notifications(stub: StubServer, kind: str, count: int) -> list[Notification]:
    """Notifications of the plain sort for a gateway of this kind, each for a device of its own."""
    if kind == "webpush":
        return web_notifications(stub, count)
    payload = b'{"aps":{"alert":"hello"}}' if kind == "apns" else b'{"a4scontent":"hello"}'
    return [Notification(f"{number:064x}", payload, number.to_bytes(16, "big"), 0) for number in range(count)]


def web_notifications(stub: StubServer, count: int, *, collapse: str | None = None) -> list[Notification]:
    """Notifications for subscriptions of the stub, their delivery ids inside."""
    made = []
    for number, subscription in enumerate(derive_subscriptions(stub.seed, stub.url, 0, count)):
        p256dh, auth = decode64(subscription.p256dh), decode64(subscription.auth)
        assert p256dh is not None
        assert auth is not None
        payload = json.dumps({"title": "hello", "clarion_delivery": str(number)}).encode()
        identity = number.to_bytes(16, "big")
        made.append(Notification(subscription.endpoint, payload, identity, 0, collapse=collapse, keys=(p256dh, auth)))
    return made


def at_two_services(stub: StubServer, count: int) -> tuple[list[Notification], list[Notification]]:
    """Notifications for two push services, both of them the stub, under names of their own."""
    here = web_notifications(stub, count)
    elsewhere = stub.url.replace("127.0.0.1", "localhost")
    return here, [replace(each, token=each.token.replace(stub.url, elsewhere)) for each in here]


async def deliver(gateway: Gateway, notifications: Iterable[Notification], seconds: float = 20.0) -> list[Verdict]:
    """Send all, with flow control; the verdicts in order. Fails when a `done` is called twice or from inside `send`."""
    loop = asyncio.get_running_loop()
    futures: list[asyncio.Future[Verdict]] = []
    async with asyncio.timeout(seconds):
        for notification in notifications:
            if gateway.room <= 0:
                await gateway.wait_room()
            future: asyncio.Future[Verdict] = loop.create_future()
            futures.append(future)
            gateway.send(notification, future.set_result)
            assert not future.done(), "done was called from inside send"
        return list(await asyncio.gather(*futures))


async def book(stub: StubServer, kind: str) -> list[Delivery]:
    """The notifications the stub took for `kind`, oldest first, at most 1000."""
    channel = Channel(stub.url, tls=client_tls(ca_file=str(stub.ca_file)))
    try:
        path = f"/stub/deliveries?gateway={kind}&last=1000".encode()
        authority = stub.url.removeprefix("https://").encode()
        answer = await channel.request(
            [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", authority), (b":path", path)]
        )
    finally:
        await channel.aclose()
    assert isinstance(answer, Answer)
    return msgspec.json.decode(answer.body, type=list[Delivery])
