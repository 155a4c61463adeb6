"""Identifiers that sort by the time they were made: a prefix and 26 characters of Crockford's base 32 (ULID).

48 bits are milliseconds since 1970, 80 are random; within one process ids of the same millisecond count upwards.
"""

import os
from typing import Final

from clarion.base import clock

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS: Final = 80
_last = 0


def new_id(prefix: str) -> str:
    """A new identifier such as `WHK-01J8ZQ4T7M5N2V9K3XWB6CDEFG`."""
    global _last
    made = int(clock.timestamp() * 1000) << _RANDOM_BITS | int.from_bytes(os.urandom(_RANDOM_BITS // 8))
    if made >> _RANDOM_BITS == _last >> _RANDOM_BITS:
        made = _last + 1
    _last = made
    digits = []
    for _ in range(26):
        made, digit = divmod(made, 32)
        digits.append(_ALPHABET[digit])
    return f"{prefix}-{''.join(reversed(digits))}"
