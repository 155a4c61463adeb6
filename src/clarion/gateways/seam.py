"""The seam between the sender and the push gateways: what is handed over and what comes back.

A gateway takes one notification at a time, never blocks, and gives exactly one verdict for each. It judges, it does
not decide: whether a retry happens, a token is switched off or a doubtful delivery is repeated is the sender's policy.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import Protocol, runtime_checkable

from msgspec import Struct


class Notification(Struct, frozen=True, gc=False):
    """One push for one device.

    `token`: APNs device token in hexadecimal, FCM registration token, or Web Push endpoint address.
    `payload`: for APNs the whole JSON body (`{"aps": ...}`); for FCM the JSON object of the message's `data` map
    (text to text; the gateway assembles the message around it); for Web Push the plaintext.
    `delivery_id`: 16 bytes that stay the same over retries. Only APNs has a header for it (`apns-id`), so a payload
    for FCM or Web Push carries it inside when the device shall recognise doubles.
    `expires_at`: epoch seconds after which the gateway drops the notification; 0 is "now or never".
    `collapse`: notifications of one collapse key replace each other on the device. `silent` wakes the app unseen.
    `keys`: Web Push only: the subscription's `p256dh` (65 bytes, uncompressed point) and `auth` (16 bytes).
    """

    token: str
    payload: bytes
    delivery_id: bytes
    expires_at: int
    urgent: bool = True
    collapse: str | None = None
    silent: bool = False
    keys: tuple[bytes, bytes] | None = None


class Fate(Enum):
    """What became of a notification."""

    DELIVERED = "delivered"  # the gateway took it
    DEAD_TOKEN = "dead_token"  # noqa: S105 - a state, not a secret. The device cannot be reached by this token any more
    REFUSED = "refused"  # refused for good; the same notification would be refused again
    RETRY = "retry"  # certainly not delivered; may be sent again after the delay
    UNKNOWN = "unknown"  # perhaps delivered: the connection was lost after the request had left


class Scope(Enum):
    """What a RETRY delays: this device only, what goes over this connection, or the whole application."""

    DEVICE = "device"
    CONNECTION = "connection"
    PROJECT = "project"


class Verdict(Struct, frozen=True, gc=False):
    """The gateway's last word on one notification.

    `reason` begins with the gateway's own word for it (`BadDeviceToken`, `UNREGISTERED`) where there is one.
    `retry_after`: seconds, as the gateway asked; 0 leaves the delay to the sender's own backing off.
    `dead_since`: the instant from which the token was known to be dead, where the gateway tells (APNs 410): a device
    that registered the same token later is alive.
    """

    fate: Fate
    reason: str = ""
    retry_after: float = 0.0
    scope: Scope = Scope.DEVICE
    dead_since: datetime | None = None


Done = Callable[[Verdict], None]


class Gateway(Protocol):
    """One application's way to one push service, within the running event loop."""

    def send(self, notification: Notification, done: Done) -> None:
        """Hand over one notification. Never blocks and never raises for trouble of the notification or the network.

        `done` is called exactly once, later, from the event loop and never from inside `send`.
        """

    @property
    def room(self) -> int:
        """How many further notifications would go out at once. More may be sent; they wait inside."""

    async def wait_room(self) -> None:
        """Return when `room` is above zero: flow control for producers."""

    async def aclose(self, drain: float = 5.0) -> None:
        """Let what is under way finish for up to `drain` seconds, then close; what is left gets its verdict."""


@runtime_checkable
class Preparing(Protocol):
    """A gateway that can do part of its work before it has the notification (Web Push: the keys of its encryption)."""

    def prepare(self, subscriptions: Iterable[tuple[bytes, bytes]]) -> None:
        """Notifications to these subscriptions (`Notification.keys`) will follow within a minute or so, in this order.

        A hint: nothing has to follow, and what was not announced costs more but is sent all the same. Never blocks.
        Worth it from a few hundred on, as early as they are known.
        """


@runtime_checkable
class SetsAside(Protocol):
    """A gateway behind which several push services stand (Web Push), one of which may go silent alone."""

    @property
    def aside(self) -> int:
        """Notifications handed over to push services that have gone silent: they hold no room, and their silence says
        nothing about the others."""
