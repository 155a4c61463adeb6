"""Errors of `anyOf` and `oneOf`, unfolded to the form the caller most likely meant.

A union says only that no form fits. The form meant is the one whose own shape fits best: its kind of value first,
then its discriminating constants and its mandatory and unknown members at the place of the union, then anything
deeper. Unions whose form the request itself decides are replaced before validation (`schemapass.py`).
"""

from collections.abc import Iterator
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind
from msgspec import Struct

from clarion.api.contract.pointer import Path

Branch = list[ValidationError]


class MissingOneOf(Struct, frozen=True):
    """One of these members of `path` must be there, and none is."""

    path: Path
    names: tuple[str, ...]


class WrongType(Struct, frozen=True):
    """The value at `path` is of none of these types."""

    path: Path
    types: list[str]


class WrongOption(Struct, frozen=True):
    """The value at `path` is none of these."""

    path: Path
    options: list[Any]


Unfolded = ValidationError | MissingOneOf | WrongType | WrongOption


def unfold(error: ValidationError) -> Iterator[Unfolded]:
    """What stands for an error: for a union error the errors of the form meant, for any other the error itself."""
    match error.kind:
        case ValidationErrorKind.AnyOf(context) | ValidationErrorKind.OneOfNotValid(context):
            for part in _choose(tuple(error.instance_path), context):
                if isinstance(part, ValidationError):
                    yield from unfold(part)
                else:
                    yield part
        case _:
            yield error


def _choose(path: Path, context: list[Branch]) -> list[Unfolded]:
    fitting = [branch for branch in context if not _types_at(branch, path)]
    if not fitting:
        return [WrongType(path, [name for branch in context for name in _types_at(branch, path)])]
    if len(fitting) == 1:
        return list(fitting[0])
    missing = [_missing_at(branch, path) for branch in fitting]
    if all(len(names) == len(branch) for names, branch in zip(missing, fitting, strict=True)):
        return [MissingOneOf(path, tuple(dict.fromkeys(names[0] for names in missing)))]
    options = _shared_discriminator(fitting, path)
    if options is not None:
        return [options]
    weights = [_weight(branch, path) for branch in fitting]
    best = min(weights)
    shared = [name for name in missing[0] if all(name in names for names in missing)]
    if shared and [own for own, _ in weights].count(best[0]) > 1:
        return [MissingOneOf(path, (name,)) for name in shared]
    return list(fitting[weights.index(best)])


def _types_at(branch: Branch, path: Path) -> list[str]:
    found: list[str] = []
    for error in branch:
        if isinstance(error.kind, ValidationErrorKind.Type) and tuple(error.instance_path) == path:
            found += error.kind.types
    return found


def _missing_at(branch: Branch, path: Path) -> list[str]:
    return [
        error.kind.property
        for error in branch
        if isinstance(error.kind, ValidationErrorKind.Required) and tuple(error.instance_path) == path
    ]


def _shared_discriminator(branches: list[Branch], path: Path) -> WrongOption | None:
    """A member every form wants to be a constant of its own, and which is none of them."""
    per_branch = [dict(_constants(branch, path)) for branch in branches]
    for place in per_branch[0]:
        if all(place in constants for constants in per_branch):
            return WrongOption(place, [constants[place] for constants in per_branch])
    return None


def _constants(branch: Branch, path: Path) -> Iterator[tuple[Path, Any]]:
    for error in branch:
        place = tuple(error.instance_path)
        if isinstance(error.kind, ValidationErrorKind.Constant) and place[:-1] == path and len(place) > len(path):
            yield place, error.kind.expected_value


def _weight(branch: Branch, path: Path) -> tuple[int, int]:
    """How far a form is from what was given: misfits of its own shape, then everything."""
    own = sum(1 for error in branch if tuple(error.instance_path) == path) + sum(1 for _ in _constants(branch, path))
    own += sum(
        len(error.kind.unexpected) - 1
        for error in branch
        if isinstance(error.kind, ValidationErrorKind.AdditionalProperties) and tuple(error.instance_path) == path
    )
    return own, len(branch)
