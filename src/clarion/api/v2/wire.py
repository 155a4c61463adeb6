"""Records as the wire shows them, and their entity tags.

Members are the fields in camel case, instants in UTC with milliseconds (v2 rule 1.13), decimals as texts. A tag is made
of what is shown, so that it changes exactly when that does (rule 7.1).
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec


def plain(value: Any) -> Any:
    """A record, or any value of one, as JSON has it."""
    return _written(msgspec.to_builtins(value, builtin_types=(datetime,)))


def encode(value: Any) -> bytes:
    """The JSON text of a record."""
    return msgspec.json.encode(plain(value))


def tag_of(body: bytes) -> str:
    """The strong entity tag of a text."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def document(value: Any, url: str) -> bytes:
    """The envelope of a single resource (v2 rule 5.1); `value` may be encoded already."""
    data = value if isinstance(value, bytes) else encode(value)
    return b'{"data":' + data + b',"links":{"self":' + msgspec.json.encode(url) + b"}}"


def _written(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {name: _written(each) if type(each) in _COMPOSED else each for name, each in value.items()}
    if kind is list or kind is tuple:
        return [_written(each) if type(each) in _COMPOSED else each for each in value]
    return instant(value) if isinstance(value, datetime) else value


_COMPOSED = frozenset((datetime, dict, list, tuple))
