"""The signature of a v1 request: made, and checked in constant time (v1 rules 3 to 11).

SHA-1 over raw body, API key and the digits of the time, joined without separator, in hexadecimal. It says nothing
of who signed: the caller brings the key.
"""

import hashlib
import re
from datetime import timedelta

from clarion.base import clock
from clarion.base.errors import ConfigurationError
from clarion.base.secrets import same

NARROWEST = timedelta(hours=14)
_TIME = re.compile(r"-?[0-9]{1,19}", re.ASCII)


def sign(body: bytes, api_key: str, time: str) -> str:
    """The signature in lower-case hexadecimal. `time` is whole seconds since the epoch, as sent."""
    return hashlib.sha1(body + api_key.encode() + time.encode(), usedforsecurity=False).hexdigest()


def verify(
    method: str, body: bytes, api_key: str, time: str | None, signature: str | None, window: timedelta | None = None
) -> bool:
    """Whether the request was signed with `api_key`.

    A GET signs the empty body, a DELETE its raw body or the empty one (v1 rule 7). A missing signature, and a
    missing or non-numeric time, are wrong signatures (v1 rule 11). `window` bounds the distance of the time from
    the clock; None accepts any (v1 rule 10).
    """
    if not signature or time is None or not _TIME.fullmatch(time):
        return False
    if window is not None and abs(int(time) - clock.now().timestamp()) > window.total_seconds():
        return False
    given = signature.lower().encode("latin-1", "replace")
    signed_bodies = {"GET": (b"",), "DELETE": (body, b"")}.get(method, (body,))
    matches = [same(given, sign(signed, api_key, time).encode()) for signed in signed_bodies]
    return any(matches)


def time_window(seconds: int | None, *, narrow_allowed: bool = False) -> timedelta | None:
    """The operator's setting as `verify` takes it; None means no window.

    Callers may send local time, so a window under 14 hours refuses honest ones: it raises ConfigurationError unless
    the operator says that narrow is meant (v1 rule 10).
    """
    if seconds is None:
        return None
    window = timedelta(seconds=seconds)
    if seconds <= 0 or (window < NARROWEST and not narrow_allowed):
        raise ConfigurationError(
            f"A signature window of {seconds} s would refuse callers that sign with local time.",
            "Give at least 50400 s (14 h), or confirm that a narrow window is meant.",
        )
    return window
