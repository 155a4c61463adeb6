"""How long to wait before the next try: exponential, with jitter, never longer than a minute unless a gateway asks."""

import random

FIRST = 0.5
MOST = 60.0


def backoff(times: int) -> float:
    """Seconds after the `times`-th failure (from 1) in a row."""
    return float(min(MOST, FIRST * 2 ** min(times - 1, 10)) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


def asked(seconds: float) -> float:
    """A delay that a gateway asked for, never shorter, up to a second longer so that not all come back at once."""
    return seconds + min(1.0, seconds * 0.1) * random.random()  # noqa: S311 - jitter
