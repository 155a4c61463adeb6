"""One push service (one origin of subscription endpoints): its channel, and what is known about reaching it.

Endpoints come from devices, so unless the operator allowed it a push service must be on the public network. That is
checked before anything else, and again by the channel for every address it connects to. A push service that cannot be
reached answers at once for a while, so that a few dead names do not hold up the rest.
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from clarion.gateways import origins, verdicts
from clarion.gateways.seam import Done, Fate, Notification, Scope, Verdict
from clarion.gateways.webpush import answers
from clarion.gateways.webpush.auth import Vapid
from clarion.gateways.webpush.encryption import material, seal
from clarion.gateways.webpush.request import RequestFields
from clarion.gateways.webpush.stock import KeyStock
from clarion.http.addresses import SpecialNetwork, resolve_public
from clarion.http.h2 import Answer, Channel, Failure, Processed

_REST = 30.0  # seconds for which an unreachable push service is left alone
_FIRST_TIMEOUT = 10.0
_SOUND_FOR = 10.0  # seconds after an answer in which a failure says nothing about reaching the service
_RESOLVE_TIMEOUT = 5.0
_BAD_KEYS = Verdict(Fate.DEAD_TOKEN, "InvalidKeys: the subscription's keys are not a P-256 point and 16 bytes")


class PushService:
    """Sends notifications to one `origin`, within the running event loop. `screened`: only public addresses are
    acceptable. `settled` is called with each verdict, before its `done`."""

    def __init__(
        self,
        origin: str,
        vapid: Vapid,
        tls: ssl.SSLContext,
        stock: KeyStock,
        settled: Callable[[], None],
        *,
        screened: bool,
    ) -> None:
        self.in_flight = 0
        self._loop = asyncio.get_running_loop()
        self._origin = origin
        self._host = origins.authority_of(origin)
        self._fields = RequestFields(self._host.encode(), partial(vapid.authorization, origin))
        self._stock = stock
        self._tell_settled = settled
        self._channel = Channel(origin, tls=tls, resolve=resolve_public if screened else None)
        self._sound_until = float("-inf")
        self._resting = Verdict(Fate.RETRY)
        self._rests_until = float("-inf")
        self._screened = not screened
        self._screening: asyncio.Task[None] | None = None
        self._waiting: list[tuple[Notification, str, Done]] = []

    def send(self, notification: Notification, path: str, done: Done) -> None:
        """Send to `path` of this origin. `done` is called once, later."""
        self.in_flight += 1
        now = self._loop.time()
        if now < self._rests_until:
            self._settle_later(done, replace(self._resting, retry_after=self._rests_until - now))
        elif self._screened:
            self._submit(notification, path, done, now)
        else:
            self._waiting.append((notification, path, done))
            if self._screening is None:
                self._screening = self._loop.create_task(self._screen())

    def _settle(self, done: Done, verdict: Verdict) -> None:
        self.in_flight -= 1
        self._tell_settled()
        done(verdict)

    def _settle_later(self, done: Done, verdict: Verdict) -> None:
        verdicts.later(partial(self._settle, done), verdict)

    async def _screen(self) -> None:
        """Find out whether the origin is on the public network, then let the waiting notifications go or fall."""
        parts = origins.host_and_port(self._origin)
        verdict = Verdict(Fate.RETRY, f"{self._host}: closed", scope=Scope.CONNECTION)
        try:
            async with asyncio.timeout(_RESOLVE_TIMEOUT):
                await resolve_public(*parts)
            self._screened = True
        except SpecialNetwork as error:
            verdict = Verdict(Fate.REFUSED, f"ForbiddenAddress: {error}", scope=Scope.CONNECTION)
            self._rest(verdict)
        except OSError as error:
            reason = f"{self._host} cannot be resolved: {error or 'no answer'}"
            verdict = Verdict(Fate.RETRY, reason, _REST, Scope.CONNECTION)
            self._rest(verdict)
        finally:
            self._screening = None
            waiting, self._waiting = self._waiting, []
            for notification, path, done in waiting:
                if self._screened:
                    self._submit(notification, path, done, self._loop.time())
                else:
                    self._settle_later(done, verdict)

    def _submit(self, notification: Notification, path: str, done: Done, now: float) -> None:
        p256dh, auth = notification.keys or (b"", b"")
        try:
            body = seal(self._stock.take(p256dh, auth) or material(p256dh, auth), notification.payload)
        except ValueError:
            self._settle_later(done, _BAD_KEYS)
            return
        fields = self._fields.of(notification, path.encode(), now)
        timeout = None if now < self._sound_until else _FIRST_TIMEOUT
        self._channel.submit(fields, body, partial(self._answered, done), timeout=timeout)

    def _answered(self, done: Done, outcome: Answer | Failure) -> None:
        now = self._loop.time()
        if isinstance(outcome, Answer):
            self._sound_until = now + _SOUND_FOR
            verdict = answers.of(outcome)
        else:
            verdict = verdicts.of_failure(self._host, outcome)
            # A GOAWAY that meets many requests is no lost service when it answered a moment ago.
            if outcome.processed is Processed.NO and now >= self._sound_until:
                self._rest(verdict)
        self._settle(done, verdict)

    def _rest(self, verdict: Verdict) -> None:
        self._resting = verdict
        self._rests_until = self._loop.time() + _REST

    async def aclose(self, drain: float) -> None:
        """Let what is under way finish for up to `drain` seconds, then close."""
        if self._screening is not None:
            await asyncio.wait([self._screening], timeout=drain)
            if self._screening is not None:
                self._screening.cancel()
                await asyncio.wait([self._screening])
        await self._channel.aclose(drain)
