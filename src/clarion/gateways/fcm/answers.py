"""FCM's answers to verdicts.

| Answer | Verdict |
|---|---|
| 200 | delivered |
| 404 UNREGISTERED, 403 SENDER_ID_MISMATCH | the token is dead |
| 400 INVALID_ARGUMENT | the token is dead when it is named as the fault, else refused for good |
| 401 (except THIRD_PARTY_AUTH_ERROR) | the client obtains a new access token once; then: again, the project |
| 429 | again, the project, after `Retry-After` (60 s without) |
| 503 | again, the project, after `Retry-After`; without one the sender backs off |
| 500 and other 5xx | again, this device; the sender backs off |
| everything else | refused for good |
"""

import msgspec
from msgspec import Struct, field

from clarion.gateways import verdicts
from clarion.gateways.seam import Fate, Scope, Verdict
from clarion.http.h2 import Answer

QUOTA_WAIT = 60.0
_AUTHENTICATION_WAIT = 60.0


class _Violation(Struct):
    field: str = ""


class _Detail(Struct, rename="camel"):
    error_code: str = ""
    field_violations: list[_Violation] = field(default_factory=list)


class _Error(Struct):
    message: str = ""
    status: str = ""
    details: list[_Detail] = field(default_factory=list)


class _Body(Struct):
    error: _Error = field(default_factory=_Error)


_decode = msgspec.json.Decoder(_Body).decode


def of(answer: Answer) -> Verdict:
    """The verdict of an answer (see the table above)."""
    status = answer.status
    if status == 200:
        return verdicts.DELIVERED
    error = _error(answer)
    code = _code(error) or f"HTTP {status}"
    if (status, code) in ((404, "UNREGISTERED"), (403, "SENDER_ID_MISMATCH")):
        return Verdict(Fate.DEAD_TOKEN, code)
    if status == 400 and code == "INVALID_ARGUMENT" and _token_at_fault(error):
        return Verdict(Fate.DEAD_TOKEN, f"{code}: the registration token is not valid")
    if status == 429:
        return Verdict(Fate.RETRY, code, verdicts.retry_after(answer, QUOTA_WAIT), Scope.PROJECT)
    if status == 503:
        return Verdict(Fate.RETRY, code, verdicts.retry_after(answer, 0.0), Scope.PROJECT)
    if status >= 500:
        return Verdict(Fate.RETRY, code, verdicts.retry_after(answer, 0.0), Scope.DEVICE)
    if status == 401 and code != "THIRD_PARTY_AUTH_ERROR":
        told = f"{code}: FCM refuses a fresh access token too; check the service account"
        return Verdict(Fate.RETRY, told, _AUTHENTICATION_WAIT, Scope.PROJECT)
    return Verdict(Fate.REFUSED, f"{code}: {error.message[:200]}" if error.message else code)


def calls_token_stale(answer: Answer) -> bool:
    """Is it the one answer that a new access token cures? A 401 may also mean the credentials of a third party."""
    return answer.status == 401 and _code(_error(answer)) != "THIRD_PARTY_AUTH_ERROR"


def _code(error: _Error) -> str:
    """FCM's own error code where it is given, else the general status word of Google's services."""
    return next((detail.error_code for detail in error.details if detail.error_code), error.status)


def _token_at_fault(error: _Error) -> bool:
    violated = [violation.field for detail in error.details for violation in detail.field_violations]
    if violated:
        return "message.token" in violated
    return "registration token" in error.message.lower()


def _error(answer: Answer) -> _Error:
    try:
        return _decode(answer.body).error
    except msgspec.MsgspecError:
        return _Error()
