"""Points in time as the wire writes them, parsed once for the schema check and for the surfaces.

Strict is RFC 3339 with an offset (v2 rule 1.13). Lenient also takes a space for the `T`, an offset without colon,
and no offset at all, which then is UTC (v1 rule 59 and the table of v1 section L). Second 60, years outside 1 to 9999
and instants that leave that range in UTC are refused: neither Python nor PostgreSQL holds them alike.
"""

import re
from datetime import UTC, date, datetime
from typing import Final

_STRICT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LENIENT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_instant(text: str, *, lenient: bool = False) -> datetime | None:
    """An aware UTC datetime, or None when the text is not one. Fractions are cut to microseconds."""
    found = parse_with_offset(text, lenient=lenient)
    return None if found is None else found.astimezone(UTC)


def parse_with_offset(text: str, *, lenient: bool = False) -> datetime | None:
    """As `parse_instant`, in the offset that is written."""
    found = (_LENIENT if lenient else _STRICT).fullmatch(text)
    if found is None:
        return None
    day, time, fraction, offset = found.groups()
    offset = "+00:00" if offset in (None, "Z", "z") else offset
    try:
        read = datetime.fromisoformat(f"{day}T{time}{(fraction or '.0')[:7].ljust(7, '0')}{offset}")
        read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return read


def parse_day(text: str) -> date | None:
    """A calendar day `YYYY-MM-DD`, or None."""
    if _DAY.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def is_instant(text: str) -> bool:
    """The strict `date-time` format."""
    return parse_instant(text) is not None


def is_lenient_instant(text: str) -> bool:
    """The `date-time` format as v1 takes it."""
    return parse_instant(text, lenient=True) is not None


def is_day(text: str) -> bool:
    """The `date` format."""
    return parse_day(text) is not None
