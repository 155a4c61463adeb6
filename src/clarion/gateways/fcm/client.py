"""The FCM gateway: one Firebase project over one channel, within its quota."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from clarion.base.errors import ConfigurationError
from clarion.gateways import origins, verdicts
from clarion.gateways.allowance import Allowance
from clarion.gateways.fcm import answers, request
from clarion.gateways.fcm.auth import AccessToken
from clarion.gateways.fcm.credentials import GOOGLE_TOKEN_URI, FcmCredentials
from clarion.gateways.fcm.quota import allowance
from clarion.gateways.seam import Done, Fate, Notification, Scope, Verdict
from clarion.http.h2 import Answer, Channel, Failure, client_tls

_GOOGLE = "https://fcm.googleapis.com"


class FcmGateway:
    """`Gateway` for FCM. `endpoint` replaces Google's address, `ca_file` the machine's authorities.

    While the project has been told to wait (429, 503 with `Retry-After`), notifications get their verdict at once
    and nothing is sent. `permits` defaults to a project's whole quota, counted here alone; see `quota`.
    """

    def __init__(
        self,
        credentials: FcmCredentials,
        *,
        endpoint: str | None = None,
        ca_file: str | None = None,
        permits: Allowance | None = None,
    ) -> None:
        origin = origins.origin_of(_GOOGLE if endpoint is None else endpoint)
        token_origin, token_path = _token_endpoint(credentials, trusted=endpoint is not None)
        tls = client_tls(ca_file=ca_file)
        self._host = origins.authority_of(origin)
        self._fields = request.fields(self._host, credentials.project_id)
        self._channel = Channel(origin, tls=tls)
        self._token_channel = Channel(token_origin, tls=tls, connections=1)
        self._token = AccessToken(credentials, self._token_channel, token_origin, token_path)
        self._permits = permits or allowance(credentials.project_id, None)
        self._over_quota: deque[tuple[Callable[[], None], Done]] = deque()
        self._refilling: asyncio.Task[None] | None = None
        self._pause = Verdict(Fate.RETRY)
        self._paused_until = float("-inf")
        self._closed = False

    def send(self, notification: Notification, done: Done) -> None:
        """See `Gateway.send`."""
        self._permitted(partial(self._authorize, notification, done), done)

    def _permitted(self, request: Callable[[], None], done: Done) -> None:
        """Make a request now if there is a permit for it, else in its turn."""
        if not self._over_quota and self._permits.take():
            request()
        elif self._closed:
            verdicts.later(done, verdicts.CLOSED)
        else:
            self._over_quota.append((request, done))
            if self._refilling is None:
                self._refilling = asyncio.get_running_loop().create_task(self._refill())

    async def _refill(self) -> None:
        while self._over_quota:
            if not self._permits.take():
                await self._permits.wait_permit()
                continue
            request, _ = self._over_quota.popleft()
            request()
        self._refilling = None

    def _authorize(self, notification: Notification, done: Done) -> None:
        left = self._paused_until - asyncio.get_running_loop().time()
        if left > 0:
            verdicts.later(done, replace(self._pause, retry_after=left))
            return
        authorization = self._token.current()
        if authorization is None:
            self._token.obtain(partial(self._authorized, notification, done, True))
        else:
            self._submit(notification, done, authorization, True)

    def _authorized(self, notification: Notification, done: Done, may_renew: bool, outcome: bytes | Verdict) -> None:
        if isinstance(outcome, Verdict):
            done(outcome)
        else:
            self._submit(notification, done, outcome, may_renew)

    def _submit(self, notification: Notification, done: Done, authorization: bytes, may_renew: bool) -> None:
        fields = (*self._fields, (b"authorization", authorization))
        answered = partial(self._answered, notification, done, authorization if may_renew else None)
        self._channel.submit(fields, request.body(notification), answered)

    def _answered(
        self, notification: Notification, done: Done, renewable: bytes | None, outcome: Answer | Failure
    ) -> None:
        if isinstance(outcome, Failure):
            done(verdicts.of_failure(self._host, outcome))
            return
        if renewable is not None and answers.calls_token_stale(outcome):
            repeat = partial(self._authorized, notification, done, False)
            self._permitted(partial(self._token.replace, renewable, repeat), done)
            return
        verdict = answers.of(outcome)
        if verdict.fate is Fate.RETRY and verdict.scope is Scope.PROJECT and verdict.retry_after:
            self._pause = verdict
            self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + verdict.retry_after)
        done(verdict)

    @property
    def room(self) -> int:
        """See `Gateway.room`."""
        return max(0, min(self._channel.room - self._token.waiting, self._permits.available - len(self._over_quota)))

    @property
    def streams(self) -> tuple[int, int]:
        """(in use, allowed): streams of the connections that are open."""
        return self._channel.streams

    async def wait_room(self) -> None:
        """See `Gateway.wait_room`. Returns when the gateway is closed, too."""
        while self.room <= 0 and not self._closed:
            if self._channel.room <= 0:
                await self._channel.wait_room()
            elif self._permits.available <= len(self._over_quota):
                await self._permits.wait_permit()
                await asyncio.sleep(0.01 if self._over_quota else 0)  # those that wait inside go first
            else:  # a token is being obtained, which takes a moment and tells nobody
                await asyncio.sleep(0.01)

    async def aclose(self, drain: float = 5.0) -> None:
        """See `Gateway.aclose`."""
        self._closed = True
        if self._refilling is not None:
            self._refilling.cancel()
        for _, done in self._over_quota:
            verdicts.later(done, verdicts.CLOSED)
        self._over_quota.clear()
        self._permits.close()
        await self._token_channel.aclose(drain)
        await self._token.aclose()
        await self._channel.aclose(drain)


def _token_endpoint(credentials: FcmCredentials, *, trusted: bool) -> tuple[str, str]:
    """Origin and path of the token endpoint.

    A service account comes from whoever manages the application; so that it cannot point our requests at a machine of
    the operator's network, its token endpoint must be Google's unless the operator set the gateway's endpoint too.
    """
    parts = origins.split(credentials.token_uri)
    host = parts[0].removeprefix("https://") if parts else ""
    if parts is None or not (trusted or host == "accounts.google.com" or host.endswith(".googleapis.com")):
        raise ConfigurationError(
            "The FCM credentials' member token_uri is not an address of Google's.",
            f"It is {GOOGLE_TOKEN_URI} in every service account file; for another one set the gateway's endpoint too.",
        )
    return parts
