"""The one JSON form of a predicate: reading it against an application's columns, and writing it.

    {"all": [P, ...]}   {"any": [P, ...]}   {"not": P}
    {"column": "language", "op": "eq", "value": "fr"}
    {"list": 5}
    {"event": {"kind": "open", "op": "gte", "count": 3, "days": 30, "code": 1001, "message": 7}}

Operators of a column: eq ne lt lte gt gte in set unset, for text contains starts from_version, for dates within_days.
`from_version` compares the numbers of versions like `b3.1.0` part by part.
Every mistake is found at once, each with a JSON Pointer into the tree.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from clarion.apps.model import Column, ColumnKind, Scheme
from clarion.audience.model import All, AnyOf, Compare, Events, InList, Not, Predicate, Value
from clarion.audience.versions import version_parts
from clarion.base.errors import Finding, Invalid
from clarion.tracking.model import EventKind

MAX_DEPTH = 32
MAX_NODES = 1000
_ORDER = ("eq", "ne", "lt", "lte", "gt", "gte", "in")
OPERATORS: dict[ColumnKind, tuple[str, ...]] = {
    ColumnKind.TEXT: (*_ORDER, "contains", "starts", "from_version", "set", "unset"),
    ColumnKind.INTEGER: (*_ORDER, "set", "unset"),
    ColumnKind.DECIMAL: (*_ORDER, "set", "unset"),
    ColumnKind.DATE: (*_ORDER, "within_days", "set", "unset"),
    ColumnKind.BOOLEAN: ("eq", "ne", "set", "unset"),
}
_COUNT_OPERATORS = ("eq", "ne", "lt", "lte", "gt", "gte")
_EVENT_KINDS = {kind.name.lower(): kind for kind in EventKind}
_MAX_DAYS = 3650


def parse(document: object, scheme: Scheme) -> Predicate:
    """The predicate that a JSON document says. Raises Invalid with all findings, pointers into the tree."""
    reader = _Reader(scheme)
    predicate = reader.read(document, "", 0)
    if reader.findings or predicate is None:
        raise Invalid(reader.findings)
    return predicate


def dump(predicate: Predicate) -> dict[str, Any]:
    """The JSON form; `parse(dump(p))` is `p` again."""
    match predicate:
        case All(parts):
            return {"all": [dump(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [dump(part) for part in parts]}
        case Not(part):
            return {"not": dump(part)}
        case InList(list_id):
            return {"list": list_id}
        case Compare(column, op, value):
            return {"column": column.name, "op": op, **({} if value is None else {"value": _plain(value)})}
        case Events(kind, op, count, days, code, message_id):
            event: dict[str, Any] = {"kind": kind.name.lower(), "op": op, "count": count, "days": days}
            if code is not None:
                event["code"] = code
            if message_id is not None:
                event["message"] = message_id
            return {"event": event}


def _plain(value: Value | tuple[Value, ...]) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


class _Reader:
    """Reads a document and gathers what is wrong with it; a node that cannot be read is None."""

    def __init__(self, scheme: Scheme) -> None:
        self.scheme = scheme
        self.findings: list[Finding] = []
        self._nodes = 0
        self._forms: dict[str, Callable[[Mapping[str, Any], str, int], Predicate | None]] = {
            "all": lambda node, at, depth: self._branch(All, node["all"], f"{at}/all", depth),
            "any": lambda node, at, depth: self._branch(AnyOf, node["any"], f"{at}/any", depth),
            "not": self._not,
            "list": self._list,
            "event": self._event,
            "column": self._compare,
        }

    def wrong(self, pointer: str, code: str, message: str) -> None:
        self.findings.append(Finding(pointer, code, message))

    def read(self, node: object, at: str, depth: int) -> Predicate | None:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            if self._nodes <= MAX_NODES + 1 or depth == MAX_DEPTH + 1:
                self.wrong(at, "too_large", f"A predicate has at most {MAX_DEPTH} levels and {MAX_NODES} nodes.")
            return None
        if not isinstance(node, dict):
            self.wrong(at, "wrong_type", "A predicate is an object.")
            return None
        forms = [name for name in self._forms if name in node]
        if len(forms) != 1:
            self.wrong(at, "form", "A predicate has exactly one of the members all, any, not, column, list, event.")
            return None
        allowed = {"column", "op", "value"} if forms[0] == "column" else {forms[0]}
        self._no_others(node, allowed, at)
        return self._forms[forms[0]](node, at, depth)

    def _no_others(self, node: Mapping[str, Any], allowed: set[str], at: str) -> None:
        for name in node:
            if name not in allowed:
                self.wrong(f"{at}/{_escape(name)}", "unknown_field", f"Unknown member `{name[:60]}`.")

    def _branch(self, form: type[All] | type[AnyOf], parts: object, at: str, depth: int) -> Predicate | None:
        if not isinstance(parts, list):
            self.wrong(at, "wrong_type", "A list of predicates is wanted here.")
            return None
        read = [self.read(part, f"{at}/{i}", depth + 1) for i, part in enumerate(parts)]
        return form(tuple(part for part in read if part is not None))

    def _not(self, node: Mapping[str, Any], at: str, depth: int) -> Predicate | None:
        part = self.read(node["not"], f"{at}/not", depth + 1)
        return None if part is None else Not(part)

    def _list(self, node: Mapping[str, Any], at: str, _depth: int) -> Predicate | None:
        list_id = self._integer(node, "list", at, 1, 2**63 - 1)
        return None if list_id is None else InList(list_id)

    def _integer(self, node: Mapping[str, Any], name: str, at: str, low: int, high: int) -> int | None:
        found = node.get(name)
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
            self.wrong(f"{at}/{name}", "wrong_type", f"`{name}` is a whole number from {low} to {high}.")
            return None
        return found

    def _event(self, node: Mapping[str, Any], at: str, _depth: int) -> Predicate | None:
        event, at = node["event"], f"{at}/event"
        if not isinstance(event, dict):
            self.wrong(at, "wrong_type", "An event condition is an object.")
            return None
        before = len(self.findings)
        self._no_others(event, {"kind", "op", "count", "days", "code", "message"}, at)
        kind = _EVENT_KINDS.get(str(event.get("kind")))
        if kind is None:
            self.wrong(f"{at}/kind", "enum", f"`kind` is one of {', '.join(_EVENT_KINDS)}.")
        op = event.get("op", "gte")
        if op not in _COUNT_OPERATORS:
            self.wrong(f"{at}/op", "enum", f"`op` is one of {', '.join(_COUNT_OPERATORS)}.")
        count = self._integer(event, "count", at, 0, 2**31 - 1) if "count" in event else 1
        days = self._integer(event, "days", at, 1, _MAX_DAYS) if "days" in event else 30
        code = self._integer(event, "code", at, 0, 2**31 - 1) if "code" in event else None
        message_id = self._integer(event, "message", at, 1, 2**63 - 1) if "message" in event else None
        if len(self.findings) > before or kind is None or count is None or days is None:
            return None
        return Events(kind, str(op), count, days, code, message_id)

    def _compare(self, node: Mapping[str, Any], at: str, _depth: int) -> Predicate | None:
        name = node["column"]
        column = self.scheme.find(name) if isinstance(name, str) else None
        if column is None:
            self.wrong(f"{at}/column", "unknown_column", "This application has no such device column.")
            return None
        op = node.get("op", "eq")
        operators = OPERATORS[column.kind]
        if op not in operators:
            self.wrong(f"{at}/op", "enum", f"A {column.kind} column takes one of {', '.join(operators)}.")
            return None
        if op in ("set", "unset"):
            if "value" in node:
                self.wrong(f"{at}/value", "unknown_field", f"`{op}` takes no value.")
            return Compare(column, op)
        if "value" not in node:
            self.wrong(f"{at}/value", "missing", f"`{op}` needs a value.")
            return None
        if op == "within_days":
            days = self._integer(node, "value", at, 1, _MAX_DAYS)
            return None if days is None else Compare(column, op, days)
        if op == "in":
            return self._in(column, node["value"], f"{at}/value")
        value = self._value(column, node["value"], f"{at}/value")
        if op == "from_version" and isinstance(value, str) and version_parts(value) is None:
            self.wrong(f"{at}/value", "wrong_type", "A version is a number such as b3.1.0 or 4.2.")
            return None
        return None if value is None else Compare(column, op, value)

    def _in(self, column: Column, given: object, at: str) -> Predicate | None:
        if not isinstance(given, list) or not given or len(given) > MAX_NODES:
            self.wrong(at, "wrong_type", f"`in` takes a list of 1 to {MAX_NODES} values.")
            return None
        read = [self._value(column, each, f"{at}/{i}") for i, each in enumerate(given)]
        return Compare(column, "in", tuple(value for value in read if value is not None))

    def _value(self, column: Column, given: object, at: str) -> Value | None:
        value = _VALUES[column.kind](given)
        if value is None:
            self.wrong(at, "wrong_type", f"Column `{column.name}` wants {_WANTED[column.kind]}.")
        return value


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _text(given: object) -> str | None:
    if not isinstance(given, str) or "\x00" in given:
        return None
    return given if given.isprintable() or given.encode("utf-8", "ignore").decode() == given else None


def _integer(given: object) -> int | None:
    return given if isinstance(given, int) and not isinstance(given, bool) and -(2**63) <= given < 2**63 else None


def _decimal(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        number = float(given)
    except OverflowError:
        return None
    return number if abs(number) != float("inf") and number == number else None


def _date(given: object) -> datetime | None:
    if not isinstance(given, str):
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _boolean(given: object) -> bool | None:
    return {"Y": True, "N": False}.get(given) if isinstance(given, str) else given if isinstance(given, bool) else None


_VALUES: dict[ColumnKind, Callable[[object], Value | None]] = {
    ColumnKind.TEXT: _text,
    ColumnKind.INTEGER: _integer,
    ColumnKind.DECIMAL: _decimal,
    ColumnKind.DATE: _date,
    ColumnKind.BOOLEAN: _boolean,
}
_WANTED = {
    ColumnKind.TEXT: "a text without NUL",
    ColumnKind.INTEGER: "a whole number of 64 bits",
    ColumnKind.DECIMAL: "a finite number",
    ColumnKind.DATE: "an ISO 8601 date or date-time, UTC when it has no offset",
    ColumnKind.BOOLEAN: "true or false (Y or N)",
}
