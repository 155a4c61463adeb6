"""How many members a list has in each part of the id space, so that a page far down is found without counting there.

Ids of devices are hashes: evenly spread over 64 bits. They are cut into 1,024 parts of the same width; the members in
each are counted as they come and go, in the transaction that moves them. The counts are kept as 1,024 unsigned
integers of 32 bits, little-endian.
"""

import struct
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate, pairwise

PARTS = 1024
PART_BITS = 54
"""A device is in part `(id >> 54) + 512`."""
LOWEST = -(2**63)
HIGHEST = 2**63 - 1
MOST_AT_ONCE = 50_000
"""Devices that one transaction writes at most, about: a single entry may stand for very many."""

_COUNTS = struct.Struct(f"<{PARTS}I")
EMPTY = bytes(_COUNTS.size)


def changed(counts: bytes, deltas: Mapping[int, int]) -> tuple[bytes, int]:
    """The counts after so many members more or less in these parts, and the sum of all."""
    numbers = list(_COUNTS.unpack(counts))
    for part, delta in deltas.items():
        numbers[part] += delta
    return _COUNTS.pack(*numbers), sum(numbers)


def locate(counts: bytes, offset: int) -> tuple[int, int]:
    """Where the member at `offset` stands, in the order of ids: the lowest id of its part, and how many members of that
    part come before it."""
    ends = list(accumulate(_COUNTS.unpack(counts)))
    part = min(bisect_right(ends, offset), PARTS - 1)
    before = ends[part - 1] if part else 0
    return LOWEST + (part << PART_BITS), offset - before


def id_ranges(devices: int) -> list[tuple[int, int]]:
    """Ranges of ids, first and last, in which so many devices are written: each in a transaction of bounded size."""
    number = max(1, -(-devices // MOST_AT_ONCE))
    bounds = [LOWEST + (n << 64) // number for n in range(number + 1)]
    return [(low, high - 1) for low, high in pairwise(bounds)]
