"""FCM authentication: an OAuth 2 access token for the service account (RFC 7523), cached and shared.

One request to the token endpoint at a time, however many notifications wait for it. A token is replaced in the
background before it runs out; one that FCM refuses is replaced at most once a minute. When the token endpoint refuses
an assertion while its `Date` shows another time than this machine, assertions are dated by its clock from then on.
"""

import asyncio
import re
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from clarion.base import clock
from clarion.base.telemetry import get_logger
from clarion.gateways import jwt, verdicts
from clarion.gateways.fcm.credentials import FcmCredentials
from clarion.gateways.origins import authority_of
from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.http.h2 import Answer, Channel, Failure, Headers

log = get_logger(__name__)

Ready = Callable[[bytes | Verdict], None]
"""Called with the `authorization` value, or with the verdict of a notification that cannot have one."""

_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EARLY = 300.0  # seconds before its end at which a token is replaced in the background
_MARGIN = 30.0  # seconds before its end at which a token is used no more
_FORCED_SPACING = 60.0
_LONGEST_PAUSE = 60.0
_SKEW = 30.0  # seconds by which clocks must differ for that to be why an assertion is refused
_SOUND = re.compile(r"[\x21-\x7e]+")


class _Granted(Struct):
    access_token: str
    expires_in: float = 3600.0


class _Denied(Struct):
    error: str = ""
    error_description: str = ""


class AccessToken:
    """The token of one service account. `origin` and `path` are its token endpoint, `channel` leads there."""

    def __init__(self, credentials: FcmCredentials, channel: Channel, origin: str, path: str) -> None:
        self._credentials = credentials
        self._channel = channel
        self._host = authority_of(origin)
        self._fields: Headers = (
            (b":method", b"POST"),
            (b":scheme", b"https"),
            (b":authority", self._host.encode()),
            (b":path", path.encode()),
            (b"content-type", b"application/x-www-form-urlencoded"),
        )
        self._value = b""
        self._usable_until = self._replace_at = float("-inf")
        self._forced_at = float("-inf")
        self._trouble: Verdict | None = None
        self._trouble_until = float("-inf")
        self._pause = 1.0
        self._clock_behind = 0.0
        self._waiting: list[Ready] = []
        self._fetching: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many notifications wait for a token."""
        return len(self._waiting)

    def current(self) -> bytes | None:
        """The `authorization` value in force, or None when one must be obtained first."""
        now = asyncio.get_running_loop().time()
        if now >= self._usable_until:
            return None
        if now >= self._replace_at and now >= self._trouble_until:
            self._fetch()
        return self._value

    def obtain(self, ready: Ready) -> None:
        """Call `ready` as soon as there is a token, or with the verdict that there is none for now."""
        loop = asyncio.get_running_loop()
        if self._trouble is not None and loop.time() < self._trouble_until:
            loop.call_soon(ready, self._present_trouble(self._trouble))
            return
        self._waiting.append(ready)
        self._fetch()

    def replace(self, refused: bytes, ready: Ready) -> None:
        """Call `ready` with another token than `refused`, to which FCM answered 401.

        Of many requests refused together only the first leads to a new token; when that was a short time ago the
        verdict is to try again later.
        """
        loop = asyncio.get_running_loop()
        if self._value != refused:
            value = self.current()
            if value is None:
                self.obtain(ready)
            else:
                loop.call_soon(ready, value)
            return
        if self._fetching is None:
            left = self._forced_at + _FORCED_SPACING - loop.time()
            if left > 0:
                reason = "UNAUTHENTICATED: FCM refuses a fresh access token too; check the service account"
                loop.call_soon(ready, Verdict(Fate.RETRY, reason, left, Scope.PROJECT))
                return
            self._forced_at = loop.time()
        self._usable_until = float("-inf")
        self.obtain(ready)

    async def aclose(self) -> None:
        """Wait for a request to the token endpoint that is under way."""
        if self._fetching is not None:
            await asyncio.wait([self._fetching])

    def _fetch(self) -> None:
        if self._fetching is None:
            self._fetching = asyncio.get_running_loop().create_task(self._fetch_once())

    async def _fetch_once(self) -> None:
        outcome: bytes | Verdict = Verdict(Fate.RETRY, f"No answer from {self._host}: closed", scope=Scope.PROJECT)
        try:
            answer = await self._channel.request(self._fields, self._form())
            outcome = self._take(answer)
        finally:
            self._fetching = None
            waiting, self._waiting = self._waiting, []
            for ready in waiting:
                asyncio.get_running_loop().call_soon(ready, outcome)

    def _form(self) -> bytes:
        credentials = self._credentials
        issued_at = int(clock.timestamp() + self._clock_behind)
        header = {"kid": credentials.private_key_id} if credentials.private_key_id else {}
        claims: jwt.Claims = {
            "iss": credentials.client_email,
            "scope": _SCOPE,
            "aud": credentials.token_uri,
            "iat": issued_at,
            "exp": issued_at + 3600,
        }
        assertion = jwt.rs256(credentials.private_key, header, claims).decode()
        return urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()

    def _take(self, outcome: Answer | Failure) -> bytes | Verdict:
        now = asyncio.get_running_loop().time()
        granted = None if isinstance(outcome, Failure) else _granted(outcome)
        if granted is not None:
            lifetime = max(granted.expires_in, 2 * _MARGIN)
            self._value = b"Bearer " + granted.access_token.encode()
            self._usable_until = now + lifetime - _MARGIN
            self._replace_at = now + max(lifetime - _EARLY, lifetime / 2)
            self._trouble, self._pause = None, 1.0
            return self._value
        verdict = self._judge(outcome)
        self._trouble, self._trouble_until = verdict, now + verdict.retry_after
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        log.warning("access_token_not_granted", host=self._host, reason=verdict.reason, again_in=verdict.retry_after)
        return verdict

    def _judge(self, outcome: Answer | Failure) -> Verdict:
        """The verdict of every notification that waited for a token which was not granted.

        A lost request is RETRY in any case: the notification itself was not sent.
        """
        if isinstance(outcome, Failure):
            reason = f"No answer from the token endpoint {self._host}: {outcome.reason}"
            return Verdict(Fate.RETRY, reason, self._pause, Scope.PROJECT)
        try:
            denied = msgspec.json.decode(outcome.body, type=_Denied)
        except msgspec.MsgspecError:
            denied = _Denied()
        told = ": ".join(part for part in (denied.error or f"HTTP {outcome.status}", denied.error_description) if part)
        if denied.error == "invalid_grant" and self._adopt_clock(outcome):
            reason = f"{told[:200]} (the clock of this machine differs from that of {self._host})"
            return Verdict(Fate.RETRY, reason, self._pause, Scope.PROJECT)
        if 400 <= outcome.status < 500 and outcome.status not in (408, 429):
            reason = f"{told[:200]} (the token endpoint {self._host} does not accept the service account)"
            return Verdict(Fate.REFUSED, reason, self._pause, Scope.PROJECT)
        pause = verdicts.retry_after(outcome, self._pause)
        return Verdict(Fate.RETRY, f"{told[:200]} (from the token endpoint {self._host})", pause, Scope.PROJECT)

    def _adopt_clock(self, answer: Answer) -> bool:
        """Date assertions by the endpoint's clock; whether it differs from the one they were dated by."""
        at = verdicts.date_of(answer)
        if at is None:
            return False
        behind = at - clock.timestamp()
        if abs(behind - self._clock_behind) < _SKEW:
            return False
        log.warning("clock_differs", host=self._host, behind=round(behind))
        self._clock_behind = behind
        return True

    def _present_trouble(self, trouble: Verdict) -> Verdict:
        left = self._trouble_until - asyncio.get_running_loop().time()
        return msgspec.structs.replace(trouble, retry_after=max(left, 0.0))


def _granted(answer: Answer) -> _Granted | None:
    if answer.status != 200:
        return None
    try:
        granted = msgspec.json.decode(answer.body, type=_Granted)
    except msgspec.MsgspecError:
        return None
    return granted if _SOUND.fullmatch(granted.access_token) else None
