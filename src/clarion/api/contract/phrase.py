"""Validation errors to findings, phrased by us from the kind of the error and its place.

The validator's own messages are never used: they quote what the caller sent. One finding per missing and per unknown
member. Order: that of the members in the body (v1 rule 107), what is missing in an object before what is wrong in it,
in the order of the schema. Errors of unions are unfolded to the form the caller most likely meant (`unions.py`).
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from jsonschema_rs import ValidationError, ValidationErrorKind
from msgspec import Struct

from clarion.api.contract import wording
from clarion.api.contract.pointer import Path, label, pointer
from clarion.api.contract.unions import MissingOneOf, WrongOption, WrongType, unfold
from clarion.base.errors import Finding

FINDINGS_LIMIT: Final = 100


class _Raw(Struct, frozen=True):
    path: Path
    missing: bool
    code: str
    message: str


def phrase(errors: Iterable[ValidationError], value: Any, limit: int = FINDINGS_LIMIT) -> list[Finding]:
    """Findings about `value`, sorted by its members, each (place, code) once, at most `limit`."""
    places = _Places(value)
    raws = [raw for error in errors for raw in _raws(error) if raw.code != "not_allowed" or places.has(raw.path)]
    raws.sort(key=places.key)
    unique: dict[tuple[str, str], Finding] = {}
    for raw in raws:
        finding = Finding(pointer(raw.path), raw.code, raw.message)
        unique.setdefault((finding.pointer, finding.code), finding)
        if len(unique) >= limit:
            break
    return list(unique.values())


def first_finding(error: ValidationError, value: Any) -> list[Finding]:
    """Findings of a single error."""
    return phrase([error], value, 1)


class _Places:
    """Sort keys: the index of every member along a path. Stable sorting keeps the rest in the validator's order."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._orders: dict[int, dict[str, int]] = {}

    def has(self, path: Path) -> bool:
        """Whether there is something: a member that is not allowed is also said to be in values without members."""
        here: Any = self._value
        for part in path:
            if isinstance(here, dict) and str(part) in here:
                here = here[str(part)]
            elif isinstance(here, list) and isinstance(part, int) and part < len(here):
                here = here[part]
            else:
                return False
        return True

    def key(self, raw: _Raw) -> tuple[int, ...]:
        here: Any = self._value
        steps: list[int] = []
        for part in raw.path[:-1] if raw.missing else raw.path:
            if isinstance(here, dict):
                order = self._orders.get(id(here))
                if order is None:
                    order = self._orders[id(here)] = {name: at for at, name in enumerate(here)}
                steps.append(order.get(str(part), len(order)))
                here = here.get(str(part))
            else:
                steps.append(int(part))
                here = here[int(part)] if isinstance(here, list) and int(part) < len(here) else None
        if raw.missing:
            steps.append(-1)
        return tuple(steps)


def _raws(error: ValidationError) -> Iterator[_Raw]:
    for part in unfold(error):
        match part:
            case MissingOneOf(path, names):
                yield _missing((*path, names[0]), names)
            case WrongType(path, types):
                yield _malformed(path, "wrong_type", f"expected {wording.types_text(types)}")
            case WrongOption(path, options):
                yield _malformed(path, "enum", f"expected {wording.options_text(options)}")
            case _:
                yield from _of_kind(part.kind, tuple(part.instance_path))


def _of_kind(kind: ValidationErrorKind, path: Path) -> Iterator[_Raw]:
    match kind:
        case ValidationErrorKind.Required(name):
            yield _missing((*path, name), (name,))
        case ValidationErrorKind.AdditionalProperties(names) | ValidationErrorKind.UnevaluatedProperties(names):
            for name in names:
                at = (*path, name)
                yield _Raw(at, False, "unknown_field", f"Unknown field `{label(at)}`")
        case ValidationErrorKind.PropertyNames(inner):
            at = (*path, str(inner.instance))
            yield _Raw(at, False, "name", f"Malformed member name in `{label(path)}`")
        case ValidationErrorKind.Not({"required": [str(name)]}):
            at = (*path, name)
            yield _Raw(at, False, "not_allowed", f"Field `{label(at)}` is not allowed here")
        case _:
            yield _malformed(path, *wording.explain(kind))


def _missing(path: Path, names: tuple[str, ...]) -> _Raw:
    others = "".join(f" or `{name}`" for name in names[1:])
    return _Raw(path, True, "missing", f"Missing mandatory parameter `{label(path)}`{others}")


def _malformed(path: Path, code: str, expected: str) -> _Raw:
    return _Raw(path, False, code, f"Malformed field `{label(path)}`: {expected}")
