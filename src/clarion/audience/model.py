"""The predicate language as a tree of typed values, and what is kept under a name.

A predicate is a boolean tree over device columns, membership of static lists, and events counted in a window. One
JSON form exists for it (see `predicate.py`); the compiler (`compile.py`) makes SQL of it.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct

from clarion.apps.model import Column
from clarion.tracking.model import EventKind

Value = str | int | float | bool | datetime


class All(Struct, frozen=True):
    """True when every part is; true when there is none."""

    parts: tuple["Predicate", ...]


class AnyOf(Struct, frozen=True):
    """True when one part is; false when there is none."""

    parts: tuple["Predicate", ...]


class Not(Struct, frozen=True):
    """The exact complement of its part."""

    part: "Predicate"


class Compare(Struct, frozen=True):
    """`column op value`. On an unset column every comparison is false, except `ne`, which is true.

    `value` is a single value, a tuple for `in`, None for `set` and `unset`, a number of days for `within_days`.
    """

    column: Column
    op: str
    value: Value | tuple[Value, ...] | None = None


class InList(Struct, frozen=True):
    """Membership of a static list that has not expired."""

    list_id: int


class Events(Struct, frozen=True):
    """How many events of a kind the device reported in the last `days` days, compared with `count`.

    `code` is that of a custom event, `message_id` narrows to one message; None is any.
    """

    kind: EventKind
    op: str
    count: int
    days: int
    code: int | None = None
    message_id: int | None = None


Predicate = All | AnyOf | Not | Compare | InList | Events


class Segment(Struct, frozen=True):
    """A predicate kept under a name, as the JSON document that was given. `test` segments serve test sends only."""

    id: int
    name: str
    predicate: Any
    test: bool
