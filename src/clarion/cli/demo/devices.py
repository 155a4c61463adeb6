"""Simulated devices: they take what the stub gateways delivered to them, register, and report displays and clicks.

Each knows its push token only. It reads the message id and the buttons from the payload it was sent, as an SDK does,
and speaks to the server's device API over HTTPS.
"""

import asyncio
import random
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from clarion.apps.model import GATEWAY_OF, App, Platform
from clarion.base import clock
from clarion.base.errors import ClarionError
from clarion.cli.calls import Connection
from clarion.cli.demo import base
from clarion.cli.demo.company import Company, subscriptions_of
from clarion.cli.demo.stage import Notebook, Stage
from clarion.cli.stub_client import StubClient

AT_ONCE = 8
_PRESSED = 0.35
_PRESSED_BUTTON = 0.6
_SENT_TWICE = 0.05


class Received(Struct, frozen=True):
    """A notification as it reached a device."""

    token: str
    message_id: int
    buttons: tuple[str, ...]
    keys: Mapping[str, str] | None = None


class Reported(Struct, rename="camel"):
    """What the devices of one application reported, by their own count, and how often the server knew it already."""

    devices: int = 0
    displays: int = 0
    clicks: int = 0
    repeated: int = 0
    duplicates: int = 0
    new_profiles: int = 0


async def report(
    stage: Stage, stub: StubClient, company: Company, notebook: Notebook, devices: int
) -> dict[Platform, Reported]:
    """Let up to `devices` devices of each application report what they received; the sums of each application."""
    subscriptions = {
        each.endpoint.rpartition("/")[2]: each
        for each in await subscriptions_of(stub, notebook, base.split(notebook.devices)[Platform.WEB])
    }
    sums = {}
    for platform, app in company.apps.items():
        received = [
            _read(platform, delivery, subscriptions)
            for delivery in await stub.deliveries(GATEWAY_OF[platform], devices)
        ]
        key = notebook.private_keys[app.partner_id]
        parts = await asyncio.gather(
            *(asyncio.to_thread(_play, stage, app, key, received[n::AT_ONCE]) for n in range(AT_ONCE))
        )
        sums[platform] = Reported(*(sum(column) for column in zip(*map(msgspec.structs.astuple, parts), strict=True)))
    return sums


def _read(platform: Platform, delivery: Any, subscriptions: Mapping[str, base.Subscription]) -> Received:
    """What a device finds in what the gateway gave it."""
    payload, token = delivery["payload"], delivery["token"]
    if platform is Platform.ANDROID:
        data = payload["message"]["data"]
        buttons = [button["id"] for button in msgspec.json.decode(data.get("a4sb", "[]"))]
        return Received(token, int(data["a4sid"]), tuple(buttons))
    name = "bid" if platform is Platform.IOS else "id"
    buttons = [button[name] for button in payload.get("a4sb", [])]
    if platform is Platform.IOS:
        return Received(token, int(payload["a4sid"]), tuple(buttons))
    own = subscriptions[token]
    return Received(own.endpoint, int(payload["a4sid"]), tuple(buttons), {"p256dh": own.p256dh, "auth": own.auth})


def _play(stage: Stage, app: App, private_key: str, received: Sequence[Received]) -> Reported:
    """The devices of one thread, one after the other, over one connection."""
    sums = Reported()
    connection = Connection(stage.url, stage.running.ca_file)
    try:
        for notification in received:
            _Device(connection, app.partner_id, private_key, sums).receive(notification)
    finally:
        connection.close()
    return sums


class _Device:
    """One device from its registration to its reports."""

    def __init__(self, connection: Connection, partner_id: str, private_key: str, sums: Reported) -> None:
        self._connection = connection
        self._partner_id = partner_id
        self._private_key = private_key
        self._sums = sums

    def receive(self, notification: Received) -> None:
        """Register with the push token, show the notification, perhaps press it, report."""
        registration: dict[str, Any] = {"token": notification.token}
        if notification.keys:
            registration["keys"] = notification.keys
        identity = self._post("register", f"Clarion-App {self._partner_id}:{self._private_key}", registration)
        self._sums.devices += 1
        self._sums.new_profiles += identity["created"]
        reports = [self._report("displayed", notification)]
        self._sums.displays += 1
        if random.random() < _PRESSED:  # noqa: S311
            reports.append(self._report("clicked", notification))
            self._sums.clicks += 1
        secret = f"Clarion-Device {self._partner_id}:{identity['secret']}"
        receipt = self._post("reports", secret, {"reports": reports})
        if random.random() < _SENT_TWICE:  # noqa: S311 - the answer was lost on the way
            receipt = self._post("reports", secret, {"reports": reports})
            self._sums.repeated += len(reports)
            self._sums.duplicates += receipt["duplicates"]
        if receipt["rejected"]:
            raise ClarionError(f"The server rejected reports of a device: {receipt['rejected']}")

    def _report(self, kind: str, notification: Received) -> dict[str, Any]:
        found: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "type": kind,
            "at": clock.now().isoformat(),
            "messageId": notification.message_id,
        }
        if kind == "clicked" and notification.buttons and random.random() < _PRESSED_BUTTON:  # noqa: S311
            found["button"] = random.choice(notification.buttons)  # noqa: S311
        return found

    def _post(self, operation: str, authorization: str, body: dict[str, Any]) -> Any:
        headers = {"Authorization": authorization, "Content-Type": "application/json"}
        answer = self._connection.call("POST", f"/sdk/v1/{operation}", headers, msgspec.json.encode(body))
        if answer.status != 200:
            text = answer.body.decode(errors="replace")[:500]
            raise ClarionError(f"The server refused {operation} of a device with {answer.status}: {text}")
        return answer.json
