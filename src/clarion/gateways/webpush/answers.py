"""Push services' answers to verdicts.

| Answer | Verdict |
|---|---|
| 2xx (201 by RFC 8030) | delivered |
| 404, 410 | the subscription is dead |
| 413 | refused for good: too large |
| 408, 429 | again, this device, after `Retry-After` |
| 5xx | again, what goes to this push service, after `Retry-After` (see `service`) |
| everything else | refused for good; 401 and 403 mean the VAPID identification |
"""

from clarion.gateways import verdicts
from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.http.h2 import Answer

_WORDS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    410: "Gone",
    413: "PayloadTooLarge",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
}


def of(answer: Answer) -> Verdict:
    """The verdict of an answer (see the table above)."""
    status = answer.status
    if 200 <= status < 300:
        return verdicts.DELIVERED
    reason = f"{_WORDS[status]}: HTTP {status}" if status in _WORDS else f"HTTP {status}"
    if status in (404, 410):
        return Verdict(Fate.DEAD_TOKEN, reason)
    if status in (408, 429):
        return Verdict(Fate.RETRY, reason, verdicts.retry_after(answer, 0.0), Scope.DEVICE)
    if status >= 500:
        return Verdict(Fate.RETRY, reason, verdicts.retry_after(answer, 0.0), Scope.CONNECTION)
    return Verdict(Fate.REFUSED, reason)
