"""One push service (one origin of subscription endpoints): its channel, and what is known about reaching it.

Endpoints come from devices, so unless the operator allowed it a push service must be on the public network. That is
checked before anything else, and again by the channel for every address it connects to. A push service that cannot be
reached answers at once for a while, so that a few dead names do not hold up the rest.
"""

import asyncio
import ssl
from functools import partial

from msgspec.structs import replace

from clarion.gateways import origins, verdicts
from clarion.gateways.seam import Done, Fate, Notification, Scope, Verdict
from clarion.gateways.webpush import answers, request
from clarion.gateways.webpush.auth import Vapid
from clarion.gateways.webpush.encryption import encrypt
from clarion.http.addresses import SpecialNetwork, resolve_public
from clarion.http.h2 import Answer, Channel, Failure, Processed

_REST = 30.0  # seconds for which an unreachable push service is left alone
_FIRST_TIMEOUT = 10.0
_SOUND_FOR = 10.0  # seconds after an answer in which a failure says nothing about reaching the service
_RESOLVE_TIMEOUT = 5.0
_BAD_KEYS = Verdict(Fate.DEAD_TOKEN, "InvalidKeys: the subscription's keys are not a P-256 point and 16 bytes")


class PushService:
    """Sends notifications to one `origin`. `screened`: only public addresses are acceptable."""

    def __init__(self, origin: str, vapid: Vapid, tls: ssl.SSLContext, *, screened: bool) -> None:
        self.in_flight = 0
        self._origin = origin
        self._host = origins.authority_of(origin)
        self._authority = self._host.encode()
        self._vapid = vapid
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
        settled = partial(self._settled, done)
        left = self._rests_until - asyncio.get_running_loop().time()
        if left > 0:
            verdicts.later(settled, replace(self._resting, retry_after=left))
        elif self._screened:
            self._submit(notification, path, settled)
        else:
            self._waiting.append((notification, path, settled))
            if self._screening is None:
                self._screening = asyncio.get_running_loop().create_task(self._screen())

    def _settled(self, done: Done, verdict: Verdict) -> None:
        self.in_flight -= 1
        done(verdict)

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
            for notification, path, settled in waiting:
                if self._screened:
                    self._submit(notification, path, settled)
                else:
                    verdicts.later(settled, verdict)

    def _submit(self, notification: Notification, path: str, settled: Done) -> None:
        p256dh, auth = notification.keys or (b"", b"")
        try:
            if len(auth) != 16:
                raise ValueError("auth")
            body = encrypt(notification.payload, p256dh, auth)
        except ValueError:
            verdicts.later(settled, _BAD_KEYS)
            return
        authorization = self._vapid.authorization(self._origin)
        fields = request.fields(notification, self._authority, path.encode(), authorization)
        timeout = None if self._sound() else _FIRST_TIMEOUT
        self._channel.submit(fields, body, partial(self._answered, settled), timeout=timeout)

    def _answered(self, settled: Done, outcome: Answer | Failure) -> None:
        if isinstance(outcome, Failure):
            verdict = verdicts.of_failure(self._host, outcome)
            if outcome.processed is Processed.NO and not self._sound():
                self._rest(verdict)
        else:
            self._sound_until = asyncio.get_running_loop().time() + _SOUND_FOR
            verdict = answers.of(outcome)
        settled(verdict)

    def _sound(self) -> bool:
        """Whether the push service answered a moment ago: a GOAWAY that meets many requests is no lost service."""
        return asyncio.get_running_loop().time() < self._sound_until

    def _rest(self, verdict: Verdict) -> None:
        self._resting = verdict
        self._rests_until = asyncio.get_running_loop().time() + _REST

    async def aclose(self, drain: float) -> None:
        """Let what is under way finish for up to `drain` seconds, then close."""
        if self._screening is not None:
            await asyncio.wait([self._screening], timeout=drain)
            if self._screening is not None:
                self._screening.cancel()
                await asyncio.wait([self._screening])
        await self._channel.aclose(drain)
