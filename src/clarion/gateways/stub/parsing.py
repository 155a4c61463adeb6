"""Documents given to the stub, decoded into typed values; what does not fit is said with its place."""

from typing import Any, TypeVar

import msgspec

from clarion.base.errors import Finding, Invalid

T = TypeVar("T")


def decode(body: bytes, type_: type[T]) -> T:
    """A JSON body as `type_`. Raises Invalid."""
    return convert(decode_any(body), type_)


def decode_any(body: bytes) -> Any:
    """A JSON body as it is. Raises Invalid."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid([Finding("", "not_json", f"The body is not JSON: {error}.")]) from None


def convert(document: object, type_: type[T]) -> T:
    """A decoded document as `type_`. Raises Invalid; the pointer is that of the member at fault."""
    try:
        return msgspec.convert(document, type_)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise wrong(path.rstrip("`").replace(".", "/"), f"{message}.") from None


def wrong(pointer: str, message: str) -> Invalid:
    """The error about one member."""
    return Invalid([Finding(pointer, "malformed", message)])
