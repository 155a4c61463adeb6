"""Lists as PostgreSQL reads arrays, made in one go: the driver's own way asks for a dumper for every element.

Bind the text and cast it: `%(ids)s::text::bigint[]`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


# How an array's text shows an element, by its exact type.
_SHOWN: dict[type, Callable[..., str]] = {
    str: _quoted,
    int: str,
    float: repr,
    bool: lambda value: "t" if value else "f",
    bytes: lambda value: f'"\\\\x{value.hex()}"',
    datetime: lambda value: f'"{value.isoformat()}"',
    UUID: str,
    type(None): lambda _: "NULL",
}


def array_text(elements: Iterable[Any]) -> str:
    """One dimension of texts, numbers, booleans, bytes, instants, UUIDs and None."""
    return f"{{{','.join([_SHOWN[type(each)](each) for each in elements])}}}"
