"""The Web Push gateway: one application, any number of push services, a bounded number of them connected."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

from clarion.gateways import origins, verdicts
from clarion.gateways.pauses import Pauses
from clarion.gateways.seam import Done, Fate, Notification, Verdict
from clarion.gateways.webpush.auth import Vapid
from clarion.gateways.webpush.credentials import WebPushCredentials
from clarion.gateways.webpush.request import MAX_PAYLOAD
from clarion.gateways.webpush.room import Room
from clarion.gateways.webpush.service import PushService
from clarion.gateways.webpush.stock import Keys
from clarion.gateways.webpush.workshop import Workshop, of_loop
from clarion.http.h2 import client_tls

MOST_SERVICES = 64
_IN_FLIGHT = 512
_BAD_ENDPOINT = Verdict(Fate.REFUSED, "InvalidEndpoint: the subscription's endpoint is not an https address")
_NO_KEYS = Verdict(Fate.REFUSED, "MissingKeys: the subscription's keys are missing")
_TOO_LARGE = Verdict(Fate.REFUSED, f"PayloadTooLarge: more than {MAX_PAYLOAD} bytes")


class WebPushGateway:
    """`Gateway` for Web Push. `ca_file` replaces the machine's authorities. `pauses` is where what push services ask
    for is shared with others that use the same key pair.

    With `endpoint` every notification goes to that origin, at the path of its subscription, whatever origin the
    subscription names: a rehearsal with real devices then cannot reach the real push services.
    """

    def __init__(
        self,
        credentials: WebPushCredentials,
        *,
        endpoint: str | None = None,
        ca_file: str | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        self._account = f"webpush:{credentials.application_server_key}"
        self._pauses = pauses
        self._vapid = Vapid(credentials)
        self._tls = client_tls(ca_file=ca_file)
        self._origin = origins.origin_of(endpoint) if endpoint is not None else None
        self._screened = endpoint is None and not credentials.allow_private
        self._services: OrderedDict[str, PushService] = OrderedDict()
        self._workshop: Workshop | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False
        self._room = Room(_IN_FLIGHT)

    def send(self, notification: Notification, done: Done) -> None:
        """See `Gateway.send`."""
        parts = origins.split(notification.token)
        if self._closed:
            verdicts.later(done, verdicts.CLOSED)
        elif parts is None:
            verdicts.later(done, _BAD_ENDPOINT)
        elif notification.keys is None:
            verdicts.later(done, _NO_KEYS)
        elif len(notification.payload) > MAX_PAYLOAD:
            verdicts.later(done, _TOO_LARGE)
        else:
            self._service(self._origin or parts[0]).send(notification, parts[1], done)

    def prepare(self, subscriptions: Iterable[Keys]) -> None:
        """See `Preparing.prepare`."""
        if not self._closed:
            self._shared().announce(subscriptions)

    def _shared(self) -> Workshop:
        if self._workshop is None:
            self._workshop = of_loop()
            self._workshop.users += 1
        return self._workshop

    def _service(self, origin: str) -> PushService:
        service = self._services.get(origin)
        if service is None:
            if len(self._services) >= MOST_SERVICES:
                self._evict()
            stock = self._shared().stock
            service = PushService(
                origin,
                self._vapid,
                self._tls,
                stock,
                self._room,
                self._only_one,
                screened=self._screened,
                account=self._account,
                pauses=self._pauses,
            )
            self._services[origin] = service
        else:
            self._services.move_to_end(origin)
        return service

    def _only_one(self) -> bool:
        return len(self._services) == 1

    def _evict(self) -> None:
        """Close the push service that was unused for longest, if possible one with nothing under way."""
        oldest = next(iter(self._services))
        origin = next((name for name, service in self._services.items() if not service.busy), oldest)
        task = asyncio.get_running_loop().create_task(self._services.pop(origin).aclose(30.0))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    @property
    def connected(self) -> int:
        """How many push services have a channel at present."""
        return len(self._services)

    @property
    def room(self) -> int:
        """See `Gateway.room`. Bounded over all push services together, silent ones left aside; each has a queue of its
        own."""
        return self._room.free

    @property
    def aside(self) -> int:
        """See `SetsAside.aside`: what was sent to push services that have gone silent."""
        return sum(service.aside for service in self._services.values())

    @property
    def streams(self) -> tuple[int, int]:
        """(in use, allowed): streams of the connections that are open, to all push services."""
        each = [service.streams for service in self._services.values()]
        return sum(used for used, _ in each), sum(allowed for _, allowed in each)

    async def wait_room(self) -> None:
        """See `Gateway.wait_room`. Returns when the gateway is closed, too."""
        await self._room.wait()

    async def aclose(self, drain: float = 5.0) -> None:
        """See `Gateway.aclose`."""
        self._closed = True
        self._room.close()
        services = [service.aclose(drain) for service in self._services.values()]
        self._services.clear()
        await asyncio.gather(*services)
        if self._closing:
            _, late = await asyncio.wait(self._closing, timeout=drain)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        if self._workshop is not None:
            workshop, self._workshop = self._workshop, None
            workshop.users -= 1
            if not workshop.users:
                await workshop.aclose()
