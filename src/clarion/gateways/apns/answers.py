"""APNs' answers to verdicts.

| Answer | Verdict |
|---|---|
| 200 | delivered |
| 400 BadDeviceToken, 410 (any reason) | the token is dead; 410 tells since when |
| 400 IdleTimeout | again, this connection |
| 403 ExpiredProviderToken | the client renews the token once; the second time: again, the application waits a minute |
| 429 TooManyRequests | again, this device |
| 429 TooManyProviderTokenUpdates | again, the application |
| 500, 503 and other 5xx | again, this connection |
| everything else | refused for good |
"""

import msgspec
from msgspec import Struct

from clarion.gateways import verdicts
from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.http.h2 import Answer

_AUTHENTICATION_WAIT = 60.0


class _Body(Struct):
    reason: str = ""
    timestamp: int | float | None = None


_decode = msgspec.json.Decoder(_Body).decode


def of(answer: Answer) -> Verdict:
    """The verdict of an answer (see the table above)."""
    status = answer.status
    if status == 200:
        return verdicts.DELIVERED
    body = _body(answer)
    reason = body.reason or f"HTTP {status}"
    if status == 410 or (status == 400 and reason == "BadDeviceToken"):
        return Verdict(Fate.DEAD_TOKEN, reason, dead_since=verdicts.epoch_milliseconds(body.timestamp))
    if status == 403 and reason == "ExpiredProviderToken":
        told = f"{reason}: a fresh token was called expired too; check this machine's clock"
        return Verdict(Fate.RETRY, told, _AUTHENTICATION_WAIT, Scope.PROJECT)
    if status == 429:
        if reason == "TooManyProviderTokenUpdates":
            return Verdict(Fate.RETRY, reason, verdicts.retry_after(answer, _AUTHENTICATION_WAIT), Scope.PROJECT)
        return Verdict(Fate.RETRY, reason, verdicts.retry_after(answer, 0.0), Scope.DEVICE)
    if status >= 500 or reason == "IdleTimeout":
        return Verdict(Fate.RETRY, reason, verdicts.retry_after(answer, 0.0), Scope.CONNECTION)
    return Verdict(Fate.REFUSED, reason)


def calls_token_expired(answer: Answer) -> bool:
    """Is it the one answer that a renewed provider token cures?"""
    return answer.status == 403 and _body(answer).reason == "ExpiredProviderToken"


def _body(answer: Answer) -> _Body:
    try:
        return _decode(answer.body)
    except msgspec.MsgspecError:
        return _Body()
