"""What the three gateways phrase alike: lost requests, `Retry-After`, collapse keys, and answering later."""

import asyncio
import base64
import hashlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from clarion.base import clock
from clarion.gateways.seam import Done, Fate, Scope, Verdict
from clarion.http.h2 import Answer, Failure, Processed

DELIVERED = Verdict(Fate.DELIVERED)
CLOSED = Verdict(Fate.RETRY, "The gateway is closed.")

LONGEST_WAIT = 86_400.0
"""Seconds: a longer `Retry-After` is cut to this; the time to live ends a notification anyway."""


def of_failure(host: str, failure: Failure) -> Verdict:
    """A request that got no answer: RETRY when the gateway certainly did not act on it, else UNKNOWN."""
    fate = Fate.RETRY if failure.processed is Processed.NO else Fate.UNKNOWN
    reason = failure.reason if host in failure.reason else f"{host}: {failure.reason}"
    return Verdict(fate, reason, scope=Scope.CONNECTION)


def later(done: Done, verdict: Verdict) -> None:
    """Give a verdict reached without the network, after `send` has returned, as the seam promises."""
    asyncio.get_running_loop().call_soon(done, verdict)


def retry_after(answer: Answer, otherwise: float) -> float:
    """Seconds of the `Retry-After` header (RFC 9110 section 10.2.3: seconds or a date), else `otherwise`."""
    for name, value in answer.headers:
        if name == b"retry-after":
            return _seconds(value.decode("latin-1").strip(), otherwise)
    return otherwise


def date_of(answer: Answer) -> float | None:
    """Epoch seconds of the `Date` header (RFC 9110 section 6.6.1), None without a sound one."""
    for name, value in answer.headers:
        if name == b"date":
            when = _http_date(value.decode("latin-1").strip())
            return None if when is None else when.timestamp()
    return None


def _seconds(text: str, otherwise: float) -> float:
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    when = _http_date(text)
    if when is None:
        return otherwise
    return min(max((when - clock.now()).total_seconds(), 0.0), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def time_to_live(expires_at: int, most: int) -> int:
    """Seconds from now to `expires_at` (epoch seconds), within 0 and `most`; an `expires_at` of 0 is "now or never"."""
    if not expires_at:
        return 0
    return max(0, min(most, expires_at - int(clock.timestamp())))


def short_key(text: str, most: int) -> str:
    """`text` when it fits in `most` bytes of UTF-8, else a digest of it in 32 base64url characters."""
    return text if len(text.encode()) <= most else digest_key(text)


def digest_key(text: str) -> str:
    """32 characters of base64url that stand for `text`: equal texts give equal keys."""
    return base64.urlsafe_b64encode(hashlib.blake2b(text.encode(), digest_size=24).digest()).decode()


def epoch_milliseconds(value: object) -> datetime | None:
    """The instant of a JSON number of milliseconds since 1970, or None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
