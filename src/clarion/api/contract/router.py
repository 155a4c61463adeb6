"""Method and raw path to an operation. Static segments win over parameters (`/devices/search/by`, v1).

A path is split before it is percent-decoded, so an encoded slash stays inside its segment. Segments are compared
with case and without trailing slash (v2 rule 1.9); an empty segment matches nothing. HEAD and OPTIONS are the
surfaces' business: they ask for GET, or for `allowed`.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from clarion.api.contract.document import METHODS, Operation
from clarion.base.errors import ConfigurationError

_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Found(Struct, frozen=True):
    """An operation and the decoded values of its path parameters; None for a value that is not encoded UTF-8."""

    operation: Operation
    values: dict[str, str | None]


class OtherMethod(Struct, frozen=True):
    """The path is known, the method is not; `allowed` lists the methods that are, in upper case."""

    allowed: tuple[str, ...]


class _Node:
    __slots__ = ("operations", "parameter", "static")

    def __init__(self) -> None:
        self.static: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.operations: dict[str, tuple[Operation, tuple[str, ...]]] = {}


class Router:
    """All operations of one document."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def match(self, method: str, path: str) -> Found | OtherMethod | None:
        """The operation for a raw path, what else the path could do, or None when nothing is there."""
        others: dict[str, None] = {}
        segments = path.split("/")
        if segments[0] or len(segments) < 2:
            return None
        found = self._walk(self._root, segments, 1, [], method, others)
        if found is not None:
            return found
        if not others:
            return None
        return OtherMethod(tuple(name.upper() for name in METHODS if name.upper() in others))

    def allowed(self, path: str) -> tuple[str, ...]:
        """The methods a raw path takes, empty when the path is unknown."""
        result = self.match("", path)
        return result.allowed if isinstance(result, OtherMethod) else ()

    def _add(self, operation: Operation) -> None:
        node = self._root
        names: list[str] = []
        for segment in operation.path.split("/")[1:]:
            if segment.startswith("{") and segment.endswith("}"):
                names.append(segment[1:-1])
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
            else:
                node = node.static.setdefault(segment, _Node())
        if operation.method in node.operations:
            raise ConfigurationError(f"Two operations claim {operation.method} {operation.path}.")
        node.operations[operation.method] = (operation, tuple(names))

    def _walk(
        self, node: _Node, segments: list[str], at: int, values: list[str | None], method: str, others: dict[str, None]
    ) -> Found | None:
        if at == len(segments):
            entry = node.operations.get(method)
            if entry is None:
                others.update(dict.fromkeys(node.operations))
                return None
            operation, names = entry
            return Found(operation, dict(zip(names, values, strict=True)))
        raw = segments[at]
        segment = raw if "%" not in raw else decode_segment(raw)
        child = node.static.get(segment) if segment is not None else None
        if child is not None:
            found = self._walk(child, segments, at + 1, values, method, others)
            if found is not None:
                return found
        if node.parameter is not None and raw:
            return self._walk(node.parameter, segments, at + 1, [*values, segment], method, others)
        return None


def decode_segment(raw: str) -> str | None:
    """Percent-decode strictly; None when the encoding is broken or the bytes are not UTF-8."""
    if _BAD_PERCENT.search(raw):
        return None
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        return None
