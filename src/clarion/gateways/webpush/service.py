"""One push service (one origin of subscription endpoints): its channel, and what is known about reaching it.

Endpoints come from devices, so unless the operator allowed it a push service must be on the public network. That is
checked before anything else, and again by the channel for every address it connects to.

What one push service asks for, or that it is away, delays its own notifications only: the verdicts are about single
devices, since a pause of the whole application would hold back the wrong ones. Only where it is the one push service in
use they are about the connection. While it has not answered lately, a few notifications go ahead and the others wait
for the first answer, so that a service that is away holds no room that others could use. One that goes silent while
notifications are under way is no better: they are set aside, that is, hold no room until it answers or they are given
up. One that cannot be reached, keeps failing or asks for a pause rests, and notifications for it get their verdict at
once.

A pause that it asks for by a time holds for all processes that identify themselves by the same key (`Pauses`).
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from clarion.base.errors import Unavailable
from clarion.gateways import origins, verdicts
from clarion.gateways.pauses import AskedPause, Pauses
from clarion.gateways.seam import Done, Fate, Notification, Scope, Verdict
from clarion.gateways.webpush import answers
from clarion.gateways.webpush.auth import Vapid
from clarion.gateways.webpush.encryption import material, seal
from clarion.gateways.webpush.request import RequestFields
from clarion.gateways.webpush.room import Room
from clarion.gateways.webpush.stock import KeyStock
from clarion.http.addresses import SpecialNetwork, resolve_public
from clarion.http.h2 import Answer, Channel, Failure, Processed

PROBES = 100
"""Notifications that go to a push service which has not answered lately, before the others."""
MOST_WAITING = 1_000
"""Notifications that wait for its first answer; further ones are for later."""

SILENT = 2.0
"""Seconds without an answer, while notifications are under way, after which a push service is silent."""

_REST = 30.0  # seconds for which an unreachable push service is left alone
_FIRST_TIMEOUT = 10.0
_SOUND_FOR = 10.0  # seconds after an answer in which a failure says nothing about reaching the service
_TROUBLES = 20  # failures in a row that make a pause
_RESOLVE_TIMEOUT = 5.0
_ASK_AGAIN = 1.0  # seconds after which one asks again for the pause in force, where it could not be known
_BAD_KEYS = Verdict(Fate.DEAD_TOKEN, "InvalidKeys: the subscription's keys are not a P-256 point and 16 bytes")


class PushService:
    """Sends notifications to one `origin`, within the running event loop, and takes room for those under way.

    `screened`: only public addresses are acceptable. `alone` tells whether the application uses no other. `pauses`
    shares what the service asks for among the processes that use the same `account`; without it nothing is shared.
    """

    def __init__(
        self,
        origin: str,
        vapid: Vapid,
        tls: ssl.SSLContext,
        stock: KeyStock,
        room: Room,
        alone: Callable[[], bool],
        *,
        screened: bool,
        account: str = "",
        pauses: Pauses | None = None,
    ) -> None:
        self.name = f"{account}:{origin}"
        self._loop = asyncio.get_running_loop()
        self._origin = origin
        self._host = origins.authority_of(origin)
        self._fields = RequestFields(self._host.encode(), partial(vapid.authorization, origin))
        self._stock = stock
        self._room = room
        self._alone = alone
        self._channel = Channel(origin, tls=tls, resolve=resolve_public if screened else None)
        self._under_way = 0
        self._sound_until = float("-inf")
        self._begun_at = 0.0
        self._silent = False
        self._listening: asyncio.TimerHandle | None = None
        self._resting = Verdict(Fate.RETRY)
        self._rests_until = float("-inf")
        self._troubles = 0
        self._own_rests = 0
        self._asked = AskedPause()
        self._pauses = pauses
        self._screened = screened
        self._admitted = not screened and pauses is None
        self._admitting: asyncio.Task[None] | None = None
        self._waiting: deque[tuple[Notification, str, Done]] = deque()
        if pauses is not None:
            pauses.add(self)

    @property
    def busy(self) -> bool:
        """Whether notifications are under way or waiting."""
        return bool(self._under_way or self._waiting)

    @property
    def aside(self) -> int:
        """Notifications that hold no room because the service has gone silent."""
        return self._under_way + len(self._waiting) if self._silent else 0

    def send(self, notification: Notification, path: str, done: Done) -> None:
        """Send to `path` of this origin. `done` is called once, later."""
        now = self._loop.time()
        if now < self._rests_until:
            verdicts.later(done, self._not_now(now))
        elif self._admitted and (now < self._sound_until or self._under_way < PROBES):
            self._submit(notification, path, done, now)
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append((notification, path, done))
            if not self._admitted and self._admitting is None:
                self._admitting = self._loop.create_task(self._admit())
        else:
            verdicts.later(done, Verdict(Fate.RETRY, f"{self._host} has not answered yet"))

    async def _admit(self) -> None:
        """Before the first request find out whether the origin is on the public network, and whether others were asked
        to wait; then let the waiting notifications go or fall."""
        parts = origins.host_and_port(self._origin)
        verdict = self._closed
        try:
            if self._screened:
                async with asyncio.timeout(_RESOLVE_TIMEOUT):
                    await resolve_public(*parts)
            if self._pauses is not None:
                await self._pauses.refresh(self)
            self._admitted = True
        except SpecialNetwork as error:
            verdict = Verdict(Fate.REFUSED, f"ForbiddenAddress: {error}")
            self._rest(verdict, self._loop.time() + _REST)
        except OSError as error:
            verdict = Verdict(Fate.RETRY, f"{self._host} cannot be resolved: {error or 'no answer'}", _REST)
            self._rest(verdict, self._loop.time() + _REST)
        except Unavailable as error:
            verdict = Verdict(Fate.RETRY, f"{self._host} may have asked to wait. {error.message}", _ASK_AGAIN)
            self._rest(verdict, self._loop.time() + _ASK_AGAIN)
        finally:
            self._admitting = None
            if self._admitted:
                self._proceed(self._loop.time())
            else:
                self._settle_waiting(verdict)

    def _submit(self, notification: Notification, path: str, done: Done, now: float) -> None:
        p256dh, auth = notification.keys or (b"", b"")
        try:
            body = seal(self._stock.take(p256dh, auth) or material(p256dh, auth), notification.payload)
        except ValueError:
            verdicts.later(done, _BAD_KEYS)
            return
        if not self._under_way:
            self._begun_at = now
            if self._listening is None:
                self._listening = self._loop.call_later(SILENT, self._listen)
        self._under_way += 1
        if not self._silent:
            self._room.taken += 1
        fields = self._fields.of(notification, path.encode(), now)
        timeout = None if now < self._sound_until else _FIRST_TIMEOUT
        self._channel.submit(fields, body, partial(self._answered, done), timeout=timeout)

    def _answered(self, done: Done, outcome: Answer | Failure) -> None:
        now = self._loop.time()
        self._under_way -= 1
        if not self._silent:
            self._room.give_back()
        elif isinstance(outcome, Answer):
            self._end_silence()
        if isinstance(outcome, Answer):
            self._sound_until = now + _SOUND_FOR
            verdict = answers.of(outcome)
            if outcome.status < 500:
                self._troubles = self._own_rests = 0
            else:
                verdict = self._trouble(replace(verdict, scope=self._scope), now)
        else:
            verdict = replace(verdicts.of_failure(self._host, outcome), scope=self._scope)
            if outcome.processed is Processed.UNKNOWN:
                self._trouble(verdict, now)
            elif now < self._rests_until:
                verdict = self._not_now(now)
            elif now >= self._sound_until:  # else it is a GOAWAY that met many requests, and no lost service
                self._rest(verdict, now + _REST)
        if self._waiting:
            self._proceed(now)
        done(verdict)

    # Silence

    def _listen(self) -> None:
        """Look whether something was answered; again while notifications are under way, once every two seconds."""
        self._listening = None
        if self._silent or not self._under_way:
            return
        quiet = self._loop.time() - max(self._begun_at, self._sound_until - _SOUND_FOR)
        if quiet < SILENT:
            self._listening = self._loop.call_later(SILENT - quiet, self._listen)
        elif self._alone():  # nobody else wants the room, at least for now
            self._listening = self._loop.call_later(SILENT / 2, self._listen)
        else:
            self._silent = True
            self._sound_until = float("-inf")
            self._room.give_back(self._under_way)

    def _end_silence(self) -> None:
        self._silent = False
        self._room.taken += self._under_way
        if self._listening is None:
            self._listening = self._loop.call_later(SILENT, self._listen)

    # Rests

    def wait_along(self, no: int, seconds: float) -> None:
        """Another process was told to wait; see `Waiter`."""
        now = self._loop.time()
        news = self._asked.along(no, now + seconds)
        self._obey(Verdict(Fate.RETRY, f"ServiceUnavailable: {self._host} asked another process to wait"), news)
        if self._admitted and now < self._rests_until:
            self._settle_waiting(self._resting)

    def _trouble(self, verdict: Verdict, now: float) -> Verdict:
        """Rest when the service asked for it, or when this keeps happening: seconds, doubled from pause to pause. The
        verdict tells for how long, where it was asked for."""
        self._troubles += 1
        if verdict.retry_after > 0:
            news = self._asked.asked(now + verdict.retry_after)
            if news and self._pauses is not None:
                self._pauses.tell(self.name, verdict.retry_after)
            self._obey(verdict, news)
            return replace(verdict, retry_after=self._asked.until - now)
        if self._troubles >= _TROUBLES:
            self._rest(verdict, now + min(_REST, 2.0**self._own_rests))
            self._own_rests = min(self._own_rests + 1, 10)
            self._troubles = 0
        return verdict

    def _obey(self, verdict: Verdict, news: bool) -> None:
        """Rest as asked; what has no stream yet is not sent any more."""
        self._rest(verdict, self._asked.until)
        if news:
            self._channel.recall(verdict.reason)

    def _not_now(self, now: float) -> Verdict:
        return replace(self._resting, retry_after=self._rests_until - now, scope=self._scope)

    def _rest(self, verdict: Verdict, until: float) -> None:
        """Leave the service alone. What is not sent for that gets this verdict; nothing of it can be UNKNOWN."""
        if until > self._rests_until:
            fate = Fate.RETRY if verdict.fate is Fate.UNKNOWN else verdict.fate
            self._resting = Verdict(fate, verdict.reason, until - self._loop.time(), self._scope)
            self._rests_until = until

    def _proceed(self, now: float) -> None:
        """Let those go that wait, as far as they may by now."""
        if now < self._rests_until:
            self._settle_waiting(self._resting)
            return
        waiting, sound = self._waiting, now < self._sound_until
        while waiting and (self._under_way < PROBES or (sound and self._room.free)):
            self._submit(*waiting.popleft(), now)

    def _settle_waiting(self, verdict: Verdict) -> None:
        for _, _, done in self._waiting:
            verdicts.later(done, verdict)
        self._waiting.clear()

    @property
    def _scope(self) -> Scope:
        return Scope.CONNECTION if self._alone() else Scope.DEVICE

    @property
    def _closed(self) -> Verdict:
        return Verdict(Fate.RETRY, f"{self._host}: closed")

    @property
    def streams(self) -> tuple[int, int]:
        """(in use, allowed): streams of the connections that are open."""
        return self._channel.streams

    async def aclose(self, drain: float) -> None:
        """Let what is under way finish for up to `drain` seconds, then close; what waits gets its verdict."""
        if self._pauses is not None:
            self._pauses.remove(self)
        if self._admitting is not None:
            await asyncio.wait([self._admitting], timeout=drain)
            if self._admitting is not None:
                self._admitting.cancel()
                await asyncio.wait([self._admitting])
        self._settle_waiting(self._closed)
        await self._channel.aclose(drain)
        if self._listening is not None:
            self._listening.cancel()
