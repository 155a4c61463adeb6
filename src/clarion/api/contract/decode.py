"""JSON bytes to Python values, strictly: what RFC 8259 leaves open is refused here, in one place for all surfaces.

Refused with a `DecodeError`: text that is not UTF-8, a byte-order mark, NaN and Infinity, numbers no double holds,
duplicate member names, nesting beyond 32 levels, halves of surrogate pairs, anything after the value (v2 rule 1.5).
Let through but noted in `Decoded.unusual`, because they deserve a finding with its pointer: NUL characters and
integers outside 64 bits (`unusual.py` finds them). Numbers without fraction (`1.0`, `1e2`) come out as `int`.
"""

import gc
import json
import re
from typing import Any, Final

import msgspec
from msgspec import Struct

MAX_DEPTH: Final = 32

_BOM: Final = b"\xef\xbb\xbf"
_POSITION: Final = re.compile(r"\(byte (\d+)\)")
_DIGITS_AS_ZERO: Final = bytes(ord("0") if chr(byte) in "0123456789" else byte for byte in range(256))
_WIDE: Final = b"0" * 19  # 2^63 has 19 digits
_INT64: Final = 2**63


class DecodeError(Exception):
    """The bytes are not an acceptable JSON text.

    `code` is a short stable word: `empty`, `encoding`, `syntax`, `truncated`, `trailing_data`, `not_a_number`,
    `number_range`, `surrogate`, `duplicate_member`, `too_deep`. `position` is the byte at fault, or -1.
    """

    def __init__(self, code: str, message: str, position: int = -1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.position = position


class Decoded(Struct, frozen=True):
    """A JSON value, and whether its text may hold a NUL character or an integer outside 64 bits."""

    value: Any
    unusual: bool = False


def decode(body: bytes) -> Decoded:
    """Decode one JSON text. Raises `DecodeError` and nothing else."""
    try:
        value = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _Infinite) as exc:
        raise _explain(body, exc) from None
    if type(value) is not dict and type(value) is not list:
        return Decoded(value, _unusual(body))
    _check_depth(value)
    # Each member has one colon, and strings keep theirs when encoded again: fewer colons mean lost members.
    # A colon written as an escape would upset the sum, so such a text is read the slow way.
    escaped = b"\\" in body and (b"\\u003a" in body or b"\\u003A" in body)
    if escaped or body.count(b":") != _encoder.encode(value).count(b":"):
        _check_duplicates(body)
    return Decoded(value, _unusual(body))


class _Infinite(Exception):
    pass


def _float(text: str) -> int | float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _Infinite
    return int(number) if number.is_integer() and -_INT64 <= number < _INT64 else number


_decoder: Final = msgspec.json.Decoder(float_hook=_float)
_encoder: Final = msgspec.json.Encoder()


def _unusual(body: bytes) -> bool:
    return (b"\\" in body and b"\\u0000" in body) or _WIDE in body.translate(_DIGITS_AS_ZERO)


def _check_depth(value: dict[str, Any] | list[Any]) -> None:
    """Walk the containers level by level inside the interpreter; scalars refer to nothing."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = gc.get_referents(*level)
        if not level:
            return
    if any(type(child) in (dict, list) for child in level):
        raise DecodeError("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")


def _check_duplicates(body: bytes) -> None:
    def build(members: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(members)
        if len(built) != len(members):
            seen: set[str] = set()
            for name, _ in members:
                if name in seen:
                    raise DecodeError("duplicate_member", f"The member `{_short(name)}` is given twice in one object.")
                seen.add(name)
        return built

    try:
        json.loads(body, object_pairs_hook=build)
    except (ValueError, RecursionError):
        raise DecodeError("syntax", "The body is not valid JSON.") from None


def _explain(body: bytes, exc: Exception) -> DecodeError:
    if isinstance(exc, RecursionError):
        return DecodeError("too_deep", f"The body is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(exc, _Infinite):
        return DecodeError("number_range", "The body holds a number too large to be represented.")
    if not body.strip(b" \t\r\n"):
        return DecodeError("empty", "The body is empty; a JSON value is expected.", 0)
    if body.startswith(_BOM):
        return DecodeError("encoding", "The body begins with a byte-order mark; send UTF-8 without one.", 0)
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as bad:
        return DecodeError("encoding", f"The body is not UTF-8 (byte {bad.start}).", bad.start)
    text = str(exc)
    found = _POSITION.search(text)
    position = int(found[1]) if found else -1
    if "out of range" in text:
        return DecodeError("number_range", "The body holds a number too large to be represented.", position)
    if "trailing characters" in text:
        return DecodeError("trailing_data", f"There is data after the JSON value (byte {position}).", position)
    if position >= 0 and body[position : position + 3] in (b"NaN", b"Inf", b"-In"):
        return DecodeError("not_a_number", f"NaN and Infinity are not JSON (byte {position}).", position)
    if _only_surrogates_are_wrong(body):
        return DecodeError("surrogate", "A string holds half of a surrogate pair.", position)
    if "truncated" in text:
        return DecodeError("truncated", "The body ends before the JSON value is complete.", len(body))
    return DecodeError("syntax", f"The body is not valid JSON (byte {position}).", position)


def _only_surrogates_are_wrong(body: bytes) -> bool:
    """The standard library takes lone surrogates, which is all that sets it apart from the decoder used above."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return False
    try:
        json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _short(name: str) -> str:
    return name if len(name) <= 60 else name[:59] + "…"
