"""JSON with holes: a tree of values becomes fixed bytes and marks, once; filling it for a device joins bytes.

A mark is `${field}` (also spelt `${:field}`, v1 rule 93) inside any text; after its first letter a name may hold
digits, dots and dashes. A value is put in as JSON text, escaped as deeply as it stands, and never read for marks
itself: nothing is evaluated twice.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec
from msgspec import Struct

_MARK = re.compile(r"\$\{:?([A-Za-z_][A-Za-z0-9_.-]*)\}")
Tree: TypeAlias = "str | int | float | bool | Mapping[str, Tree] | Sequence[Tree] | Nested | None"


class Nested(Struct, frozen=True):
    """A tree that is carried as JSON text inside a JSON string, as FCM's `data` map wants."""

    tree: Tree


class Mark(Struct, frozen=True):
    """A hole: the name of a field, and how many JSON strings it stands inside of."""

    name: str
    level: int = 1


Part = bytes | Mark


class Template:
    """A tree made ready: `marks` in their order, `names` that stand in them, and `form`, the JSON with a `%b` for each
    mark, to be filled with texts that `escaped` has made fit."""

    def __init__(self, tree: Tree) -> None:
        parts = _parts(tree)
        self.marks = tuple(part for part in parts if isinstance(part, Mark))
        self.names = frozenset(mark.name for mark in self.marks)
        self.form = b"".join(b"%b" if isinstance(part, Mark) else part.replace(b"%", b"%%") for part in parts)

    def fill(self, value_of: Callable[[str], str]) -> bytes:
        """The JSON with every mark replaced by the text that stands for its name, escaped."""
        return self.form % tuple(escaped(value_of(mark.name), mark.level) for mark in self.marks)


def _parts(tree: Tree) -> list[Part]:
    if isinstance(tree, str):
        return [b'"', *_text(tree), b'"']
    if isinstance(tree, Nested):
        return [b'"', *(_deeper(part) for part in _parts(tree.tree)), b'"']
    if isinstance(tree, Mapping):
        found: list[Part] = [b"{"]
        for number, (name, member) in enumerate(tree.items()):
            found += [b"," if number else b"", msgspec.json.encode(name), b":", *_parts(member)]
        return [*found, b"}"]
    if isinstance(tree, Sequence):
        found = [b"["]
        for number, item in enumerate(tree):
            found += [b"," if number else b"", *_parts(item)]
        return [*found, b"]"]
    return [msgspec.json.encode(tree)]


def _text(text: str) -> list[Part]:
    found: list[Part] = []
    at = 0
    for mark in _MARK.finditer(text):
        found += [escaped(text[at : mark.start()], 1), Mark(mark.group(1))]
        at = mark.end()
    return [*found, escaped(text[at:], 1)]


def _deeper(part: Part) -> Part:
    return Mark(part.name, part.level + 1) if isinstance(part, Mark) else escaped(part.decode(), 1)


def escaped(text: str, level: int) -> bytes:
    """The text as it stands inside `level` JSON strings, without the quotes."""
    escaped = msgspec.json.encode(text)[1:-1]
    while level > 1 and b"\\" in escaped:  # without a backslash nothing was escaped, and nothing ever will be
        escaped = msgspec.json.encode(escaped.decode())[1:-1]
        level -= 1
    return escaped
