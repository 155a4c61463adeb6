"""From wire text and JSON to typed values of a column, and back.

Whatever PostgreSQL would refuse is refused here with a sentence that names the field between back-quotes
(v1 rule 22): NUL characters, lone surrogates, integers and numbers out of range, impossible dates.

Empty text and null mean unset, in every kind. A column that always has a value goes back to its default when unset.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from clarion.apps.model import Column, ColumnKind
from clarion.devices.model import Value, WebKeys

Parser = Callable[[object], Value]

LONGEST_UDID = 255
# An entry of a b-tree holds about 2,700 bytes: longer text could not be written into an indexed column.
LONGEST_TEXT = 4096
LONGEST_INDEXED_TEXT = 512

_INT4 = ("opencount", "feedback", "random_id")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[ T]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?(?: ?(Z|[+-][0-9]{2}:?[0-9]{2}))?)?"
)
ZERO_DATES = ("0000-00-00", "0000-00-00 00:00:00")
_SWITCHES = {"y": True, "yes": True, "true": True, "1": True, "n": False, "no": False, "false": False, "0": False}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse_value(column: Column, given: object) -> Value:
    """The typed value of a JSON member, query parameter or CSV field. Raises ValueError with a sentence."""
    return parser(column)(given)


def parser(column: Column) -> Parser:
    """`parse_value` of one column, to be applied to many values."""
    parse = _PARSERS[column.kind](column)

    def parse_or_unset(given: object) -> Value:
        return None if given is None or given == "" else parse(given)

    return parse_or_unset


def wire_value(column: Column, value: Value) -> str | int | float | bool | None:
    """The value as JSON shows it: dates as `YYYY-MM-DD hh:mm:ss` in UTC, switches as Y and N."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(sep=" ", timespec="seconds")[:19]
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    if column.switch and value is not None:
        return "Y" if value else "N"
    return value


def longest_text(column: Column) -> int:
    """The most characters a value of this column may have."""
    return LONGEST_INDEXED_TEXT if column.indexed and not column.standard else LONGEST_TEXT


def parse_udid(given: object) -> str:
    """A UDID. Raises ValueError with a sentence."""
    if not isinstance(given, str) or not given:
        raise ValueError("`UDID` must be a text that is not empty.")
    if len(given) > LONGEST_UDID:
        raise ValueError(f"`UDID` must have at most {LONGEST_UDID} characters.")
    if _CONTROL.search(given) or not _is_storable(given):
        raise ValueError("`UDID` holds a character that cannot be stored.")
    return given


def is_udid(text: str) -> bool:
    """Whether a device can have this UDID; what cannot be stored is nobody's."""
    try:
        parse_udid(text)
    except ValueError:
        return False
    return True


def parse_web_keys(p256dh: str | None, auth: str | None) -> WebKeys | None:
    """The two keys of a web push subscription from base64url; None when both are empty. Raises ValueError."""
    if not p256dh and not auth:
        return None
    public, secret = _base64url("p256dh", p256dh or ""), _base64url("auth", auth or "")
    if len(public) != 65 or public[0] != 4:
        raise ValueError("`p256dh` must be an uncompressed P-256 point: 65 bytes in base64url that begin with 04.")
    if len(secret) != 16:
        raise ValueError("`auth` must be 16 bytes in base64url.")
    return WebKeys(public, secret)


def parse_instant(text: str) -> datetime:
    """A date, or date and time with or without offset (UTC when absent); fractions of a second are dropped.

    Raises ValueError without a field name: callers add their own.
    """
    found = _INSTANT.fullmatch(text)
    if not found:
        raise ValueError("not a date")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        local = datetime(year, month, day, hour, minute, second, tzinfo=_zone(found.group(7)))
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("not a date") from error


def _zone(offset: str | None) -> timezone:
    if offset is None or offset == "Z":
        return UTC
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    return timezone(-ahead if offset[0] == "-" else ahead)


def _base64url(name: str, text: str) -> bytes:
    try:
        if "=" in text.rstrip("=") or not text.isascii():
            raise ValueError(text)
        padded = text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)
        return base64.b64decode(padded.translate(_URL_SAFE), validate=True)
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"`{name}` must be base64url.") from error


_URL_SAFE = str.maketrans("-_", "+/")


def _is_storable(text: str) -> bool:
    """PostgreSQL stores any text but NUL and lone surrogates."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(column: Column) -> Parser:
    name = column.name
    longest = longest_text(column)
    is_token = column.sql == "token"

    def parse(given: object) -> Value:
        if not isinstance(given, str):
            raise ValueError(f"`{name}` must be a text.")
        if len(given) > longest:
            raise ValueError(f"`{name}` must have at most {longest} characters.")
        if not _is_storable(given):
            raise ValueError(f"`{name}` holds a character that cannot be stored.")
        return None if is_token and given == "-" else given

    return parse


def _integer(column: Column) -> Parser:
    name = column.name
    bits = 31 if column.sql in _INT4 else 63
    least, most = -(2**bits), 2**bits - 1

    def parse(given: object) -> Value:
        number: int | None = None
        if isinstance(given, str):
            number = int(given) if _INTEGER.fullmatch(given) else None
        elif isinstance(given, int) and not isinstance(given, bool):
            number = given
        elif isinstance(given, float) and given.is_integer():
            number = int(given)
        if number is None:
            raise ValueError(f"`{name}` must be a whole number.")
        if not least <= number <= most:
            raise ValueError(f"`{name}` must lie between {least} and {most}.")
        return number

    return parse


def _decimal(column: Column) -> Parser:
    name = column.name

    def parse(given: object) -> Value:
        number = math.nan
        if isinstance(given, str):
            number = float(given) if _DECIMAL.fullmatch(given) else math.nan
        elif isinstance(given, int | float) and not isinstance(given, bool):
            try:
                number = float(given)
            except OverflowError:
                number = math.inf
        if not math.isfinite(number):
            raise ValueError(f"`{name}` must be a finite number.")
        return number

    return parse


def _date(column: Column) -> Parser:
    name = column.name

    def parse(given: object) -> Value:
        if isinstance(given, str):
            if given in ZERO_DATES:
                return None
            try:
                return parse_instant(given)
            except ValueError:
                pass
        raise ValueError(f"`{name}` must be a date, YYYY-MM-DD or YYYY-MM-DD hh:mm:ss.")

    return parse


def _boolean(column: Column) -> Parser:
    name = column.name

    def parse(given: object) -> Value:
        found: bool | None = None
        if isinstance(given, bool):
            found = given
        elif isinstance(given, str | int):
            found = _SWITCHES.get(str(given).lower())
        if found is None:
            raise ValueError(f"`{name}` must be Y or N, true or false.")
        return found

    return parse


_PARSERS: dict[ColumnKind, Callable[[Column], Parser]] = {
    ColumnKind.TEXT: _text,
    ColumnKind.INTEGER: _integer,
    ColumnKind.DECIMAL: _decimal,
    ColumnKind.DATE: _date,
    ColumnKind.BOOLEAN: _boolean,
}
