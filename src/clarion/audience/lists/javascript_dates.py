"""Dates as `new Date(x)` of JavaScript takes them, which is the form of `expireAt` (v1 rule 76 and section L).

A text is first read as ISO 8601 as ECMAScript has it; where that ends early, the forms that ECMAScript leaves to its
implementations go on from there, as V8 reads them: `Tue, 31 Dec 2031 23:59:59 GMT`, `Dec 31, 2031 10:00 PM`,
`2031/12/31`, what `Date.toString()` prints. Days that a month does not have roll over into the next, as they do there.

Three things differ. What V8 takes as local time is UTC, as everywhere in v1. A text that names no year is refused,
where V8 would put 2001. Years outside 1 to 9999, which Python cannot hold, are refused.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from msgspec import Struct

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What nearly every caller writes; everything else goes the long way.
_USUAL = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2}):([0-9]{2})))?"
)
_TOKEN = re.compile(r"(?P<number>[0-9]+)|(?P<space>\s+)|(?P<word>[^\x00-@\s]+)|(?P<other>.)", re.DOTALL)
_SYMBOLS = frozenset(":-+.)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HALVES = {"am": 0, "pm": 12}
_ZONES = {
    **dict.fromkeys(("ut", "utc", "z", "gmt"), 0),
    "edt": -4,
    **dict.fromkeys(("est", "cdt"), -5),
    **dict.fromkeys(("cst", "mdt"), -6),
    **dict.fromkeys(("mst", "pdt"), -7),
    "pst": -8,
}
_SIGNIFICANT = 9
_LONGEST = 200


def parse(given: str | int) -> datetime | None:
    """The instant of a text, or of milliseconds since 1970, in UTC; None for what is no date."""
    try:
        if isinstance(given, int):
            return _EPOCH + timedelta(milliseconds=given)
        return _usual(given) or _Reader(given).instant()
    except (ValueError, OverflowError):
        return None


def _usual(text: str) -> datetime | None:
    """The instant of the everyday forms; None for any other text, which may still be a date."""
    found = _USUAL.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, thousandth, sign, ahead_hours, ahead_minutes = found.groups()
    try:
        local = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int(thousandth or 0) * 1000, UTC,
        )  # fmt: skip
    except ValueError:
        return None
    if sign is None:
        return local
    hours, minutes = int(ahead_hours), int(ahead_minutes)
    if hours > 23 or minutes > 59:
        return None
    ahead = timedelta(hours=hours, minutes=minutes)
    return local - ahead if sign == "+" else local + ahead


class _Token(Struct, frozen=True):
    """`kind` is number, month, half, zone, T, word, space, other, end, or one of the symbols : - + . )"""

    kind: str
    number: int = 0
    length: int = 0


_END = _Token("end")


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        assert found is not None, "every character is one of the kinds"
        part = found.group()
        at = _after_remark(text, at) if part == "(" else found.end()
        if found.lastgroup == "number":
            yield _Token("number", int(part.lstrip("0")[:_SIGNIFICANT] or 0), len(part))
        elif found.lastgroup == "word":
            yield _keyword(part)
        elif found.lastgroup == "space":
            yield _Token("space")
        else:
            yield _Token(part if part in _SYMBOLS else "other")


def _after_remark(text: str, at: int) -> int:
    """Where the text goes on behind the remark in parentheses that begins at `at`."""
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place + 1
    return len(text)


def _keyword(word: str) -> _Token:
    """Months go by their first three letters, whatever follows; other words must be whole."""
    name = word[:3].lower()
    if name in _MONTHS:
        return _Token("month", _MONTHS.index(name) + 1, len(word))
    if len(word) <= 3 and name in _HALVES:
        return _Token("half", _HALVES[name], len(word))
    if len(word) <= 3 and name in _ZONES:
        return _Token("zone", _ZONES[name], len(word))
    return _Token("T" if name == "t" and len(word) == 1 else "word", 0, len(word))


class _Refused(ValueError):
    """The text is no date."""


class _Reader:
    """One text being read: what is found of its day, its time and its offset."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise _Refused
        self._tokens = list(_tokens(text))
        self._at = 0
        self._day: list[int] = []
        self._month: int | None = None
        self._iso = False
        self._time: list[int] = []
        self._half: int | None = None
        self._sign = 0
        self._ahead_hours: int | None = None
        self._ahead_minutes: int | None = None

    def instant(self) -> datetime:
        """Raises ValueError or OverflowError for what is no date."""
        self._read_iso()
        if not self._iso:
            self._read_other(numbers=bool(self._day))
        year, month, day = self._date()
        hour, minute, second, thousandth = self._clock_time()
        ahead = timedelta(hours=self._ahead_hours or 0, minutes=self._ahead_minutes or 0) * (self._sign or 1)
        begin = datetime(year, month, 1, tzinfo=UTC)
        return begin + timedelta(day - 1, second, 0, thousandth, minute, hour) - ahead

    def _peek(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _next(self) -> _Token:
        token = self._peek()
        self._at += 1
        return token

    def _skip(self, kind: str) -> bool:
        if self._peek().kind != kind:
            return False
        self._at += 1
        return True

    def _fixed(self, length: int, least: int = 0, most: int = 999_999) -> int | None:
        """The number that comes next, if it has so many digits and lies between these; it is read then."""
        token = self._peek()
        if token.kind != "number" or token.length != length or not least <= token.number <= most:
            return None
        return self._next().number

    # --- ISO 8601, as ECMAScript has it --------------------------------------------------------------------------

    def _read_iso(self) -> None:
        """Read as far as the text is ISO 8601; `_iso` tells whether that is all of it."""
        if not self._read_iso_date():
            return
        if self._skip("T") and not (self._read_iso_time() and self._read_iso_offset() and self._peek() is _END):
            raise _Refused  # no other form has a T behind a number
        self._iso = self._peek() is _END

    def _read_iso_date(self) -> bool:
        if self._peek().kind in ("+", "-"):
            sign = self._next().kind
            year = self._fixed(6)
            if year is None:
                self._at = 0
                return False
            if sign == "-" and year == 0:
                raise _Refused
            self._day.append(-year if sign == "-" else year)
        elif (year := self._fixed(4)) is not None:
            self._day.append(year)
        else:
            return False
        for most in (12, 31):
            if not self._skip("-"):
                break
            part = self._fixed(2, 1, most)
            if part is None:
                return False
            self._day.append(part)
        return True

    def _read_iso_time(self) -> bool:
        hour = self._fixed(2, 0, 24)
        if hour is None:
            return False
        self._time.append(hour)
        for wanted in ("minute", "second"):
            if not self._skip(":"):
                return wanted == "second"
            part = self._fixed(2, 0, 0 if hour == 24 else 59)
            if part is None:
                return False
            self._time.append(part)
        if self._skip("."):
            if self._peek().kind != "number" or (hour == 24 and self._peek().number):
                return False
            self._time.append(_thousandths(self._next()))
        return True

    def _read_iso_offset(self) -> bool:
        token = self._peek()
        if token.kind == "zone" and token.length == 1:
            self._next()
            self._set_zone(0)
        elif token.kind in ("+", "-"):
            self._sign = 1 if self._next().kind == "+" else -1
            both = self._fixed(4)
            if both is not None:
                if both // 100 > 23 or both % 100 > 59:
                    return False
                self._ahead_hours, self._ahead_minutes = divmod(both, 100)
                return True
            self._ahead_hours = self._fixed(2, 0, 23)
            if self._ahead_hours is None or not self._skip(":"):
                return False
            self._ahead_minutes = self._fixed(2, 0, 59)
            return self._ahead_minutes is not None
        return True

    # --- the other forms -----------------------------------------------------------------------------------------

    def _read_other(self, *, numbers: bool) -> None:
        """Read the rest; `numbers` tells whether a number was read before, after which unknown words are no date."""
        while (token := self._next()) is not _END:
            if token.kind == "number":
                numbers = True
                self._read_number(token.number)
            elif token.kind == "half" and self._time:
                self._half = token.number
            elif token.kind == "month":
                self._month = token.number
                self._skip("-")
            elif token.kind == "zone" and numbers:
                self._set_zone(token.number)
            elif token.kind in ("half", "zone", "T", "word"):
                if numbers or self._peek().kind == "number":
                    raise _Refused
            elif token.kind in ("+", "-") and (self._time or self._is_utc()):
                numbers = True
                self._read_offset(1 if token.kind == "+" else -1)
            elif token.kind in ("+", "-", ")") and numbers:
                raise _Refused

    def _read_number(self, number: int) -> None:
        """A number is a part of the time, of the offset or of the day, as what stands around it tells."""
        if self._skip(":"):
            if self._skip(":"):
                if self._time:
                    raise _Refused
                self._time += [number, 0]
            else:
                self._add_time(number)
                self._skip(".")
        elif self._skip(".") and self._expects_time(number):
            self._add_time(number)
            if self._peek().kind != "number":
                raise _Refused
            self._end_time(_thousandths(self._next()))
        elif self._ahead_hours is not None and self._ahead_minutes is None and number <= 59:
            self._ahead_minutes = number
        elif self._expects_time(number):
            self._end_time(number)
            follows = self._peek()
            if follows.kind not in ("end", "space", "+", "-") and not (follows.kind == "zone" and follows.length == 1):
                raise _Refused
        else:
            if len(self._day) == 3:
                raise _Refused
            self._day.append(number)
            self._skip("-")

    def _add_time(self, number: int) -> None:
        if len(self._time) == 4:
            raise _Refused
        self._time.append(number)

    def _end_time(self, number: int) -> None:
        self._add_time(number)
        self._time += [0] * (4 - len(self._time))

    def _expects_time(self, number: int) -> bool:
        limit = {1: 59, 2: 59, 3: 999}.get(len(self._time))
        return limit is not None and number <= limit

    def _read_offset(self, sign: int) -> None:
        """`+2`, `-08`, `+530`, `+0530` and `+5:30`, whose minutes are read as the number they are."""
        self._sign = sign
        token = self._next() if self._peek().kind == "number" else _Token("number")
        if self._peek().kind == ":":
            self._ahead_hours, self._ahead_minutes = token.number, None
        elif token.length in (1, 2):
            self._ahead_hours, self._ahead_minutes = token.number, 0
        elif token.length in (3, 4):
            self._ahead_hours, self._ahead_minutes = divmod(token.number, 100)
        else:
            raise _Refused

    def _set_zone(self, hours: int) -> None:
        self._sign = -1 if hours < 0 else 1
        self._ahead_hours, self._ahead_minutes = abs(hours), 0

    def _is_utc(self) -> bool:
        return self._ahead_hours == 0 and self._ahead_minutes == 0

    # --- what was found ------------------------------------------------------------------------------------------

    def _date(self) -> tuple[int, int, int]:
        """Year, month, day in whatever order they stand; day and month are 1 where they are left out."""
        given = len(self._day)
        if given == 0:
            raise _Refused
        first, second, third = (*self._day, 1, 1)[:3]
        day_first = 1 <= first <= 31
        if self._month is not None:
            if day_first and given == 1:
                raise _Refused  # no year
            year, month, day = (second, self._month, first) if day_first else (first, self._month, second)
        elif self._iso or not day_first:
            year, month, day = first, second, third
        elif given < 3:
            raise _Refused  # no year
        else:
            year, month, day = third, first, second
        if not self._iso and 0 <= year <= 99:
            year += 2000 if year < 50 else 1900
        if not 1 <= month <= 12 or not 1 <= day <= 31:
            raise _Refused
        return year, month, day

    def _clock_time(self) -> tuple[int, int, int, int]:
        hour, minute, second, thousandth = (*self._time, 0, 0, 0, 0)[:4]
        if self._half is not None:
            if hour > 12:
                raise _Refused
            hour = hour % 12 + self._half
        if hour > 24 or minute > 59 or second > 59 or thousandth > 999 or (hour == 24 and minute + second + thousandth):
            raise _Refused
        return hour, minute, second, thousandth


def _thousandths(token: _Token) -> int:
    """What stands behind a decimal point, cut to thousandths of a second."""
    length = min(token.length, _SIGNIFICANT)
    if length <= 3:
        return token.number * (100, 10, 1)[length - 1]
    return token.number // int("1" + "0" * (length - 3))
