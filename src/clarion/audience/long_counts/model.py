"""A count under way, and what came of it."""

from datetime import datetime
from typing import Any

from msgspec import Struct


class LongCount(Struct, frozen=True):
    """How far a count is (`progress` from 0 to 1), and its number with the moment it is of, once it is done.

    `reason` tells why there will be no number.
    """

    id: int
    progress: float
    count: int | None
    as_of: datetime | None
    reason: str | None


class Order(Struct, frozen=True):
    """What is to be counted: a predicate as the JSON document that was given."""

    predicate: Any
