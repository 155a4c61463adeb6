"""The FCM gateway: one Firebase project over one channel, within its quota."""

import asyncio
from collections import deque
from functools import partial

from msgspec.structs import replace

from clarion.base.errors import ConfigurationError
from clarion.gateways import origins, verdicts
from clarion.gateways.fcm import answers, request
from clarion.gateways.fcm.auth import AccessToken
from clarion.gateways.fcm.credentials import GOOGLE_TOKEN_URI, FcmCredentials
from clarion.gateways.fcm.quota import Quota
from clarion.gateways.seam import Done, Fate, Notification, Scope, Verdict
from clarion.http.h2 import Answer, Channel, Failure, client_tls

_GOOGLE = "https://fcm.googleapis.com"


class FcmGateway:
    """`Gateway` for FCM. `endpoint` replaces Google's address, `ca_file` the machine's authorities.

    While the project has been told to wait (429, 503 with `Retry-After`), notifications get their verdict at once
    and nothing is sent. `quota` defaults to the whole of a project's; see `Quota`.
    """

    def __init__(
        self,
        credentials: FcmCredentials,
        *,
        endpoint: str | None = None,
        ca_file: str | None = None,
        quota: Quota | None = None,
    ) -> None:
        origin = origins.origin_of(_GOOGLE if endpoint is None else endpoint)
        token_origin, token_path = _token_endpoint(credentials, trusted=endpoint is not None)
        tls = client_tls(ca_file=ca_file)
        self._host = origins.authority_of(origin)
        self._fields = request.fields(self._host, credentials.project_id)
        self._channel = Channel(origin, tls=tls)
        self._token_channel = Channel(token_origin, tls=tls, connections=1)
        self._token = AccessToken(credentials, self._token_channel, token_origin, token_path)
        self._quota = quota or Quota()
        self._over_quota: deque[tuple[Notification, Done]] = deque()
        self._pause = Verdict(Fate.RETRY)
        self._paused_until = float("-inf")
        self._closed = False

    def send(self, notification: Notification, done: Done) -> None:
        """See `Gateway.send`."""
        if self._over_quota or not self._quota.take():
            if not self._over_quota:
                self._resume_later()
            self._over_quota.append((notification, done))
            return
        self._authorize(notification, done)

    def _resume_later(self) -> None:
        asyncio.get_running_loop().call_later(max(self._quota.wait, 0.005), self._resume)

    def _resume(self) -> None:
        while self._over_quota and self._quota.take():
            self._authorize(*self._over_quota.popleft())
        if self._over_quota:
            self._resume_later()

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
            self._quota.charge()
            self._token.replace(renewable, partial(self._authorized, notification, done, False))
            return
        verdict = answers.of(outcome)
        if verdict.fate is Fate.RETRY and verdict.scope is Scope.PROJECT and verdict.retry_after:
            self._pause = verdict
            self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + verdict.retry_after)
        done(verdict)

    @property
    def room(self) -> int:
        """See `Gateway.room`."""
        return max(0, min(self._channel.room - self._token.waiting, self._quota.available - len(self._over_quota)))

    async def wait_room(self) -> None:
        """See `Gateway.wait_room`. Returns when the gateway is closed, too."""
        while self.room <= 0 and not self._closed:
            if self._channel.room <= 0:
                await self._channel.wait_room()
            else:  # a token is being obtained, or the quota fills up again: both take moments and tell nobody
                await asyncio.sleep(max(0.01, self._quota.wait))

    async def aclose(self, drain: float = 5.0) -> None:
        """See `Gateway.aclose`."""
        self._closed = True
        for _, done in self._over_quota:
            verdicts.later(done, verdicts.CLOSED)
        self._over_quota.clear()
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
