"""What each kind of validation error is called and how its sentence ends.

Only the schema's side is quoted (limits, allowed values, forms), never the value. The codes are the vocabulary the
surfaces map to their labels.
"""

from typing import Any, Final

import msgspec
from jsonschema_rs import ValidationErrorKind

CODES: Final = frozenset(
    {
        "missing", "unknown_field", "not_allowed", "name", "wrong_type", "enum", "pattern", "format", "nul",
        "too_short", "too_long", "too_few", "too_many", "not_unique", "minimum", "maximum", "multiple",
        "ambiguous", "union", "invalid",
    }
)  # fmt: skip
"""Every code a finding about a body can have."""

_TYPES: Final = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}
_TYPE_ORDER: Final = tuple(_TYPES)
_FORMATS: Final = {
    "date-time": "a date and time such as 2031-03-02T09:00:00+01:00",
    "date": "a date such as 2031-03-02",
    "uri": "an absolute URI",
    "email": "an e-mail address",
    "uuid": "a UUID",
}
_MOST_OPTIONS: Final = 24
_LONGEST_PATTERN: Final = 80


def explain(kind: ValidationErrorKind) -> tuple[str, str]:
    """Code and end of the sentence for an error about one place."""
    match kind:
        case ValidationErrorKind.Type(types):
            return "wrong_type", f"expected {types_text(types)}"
        case ValidationErrorKind.Enum(options):
            return "enum", f"expected {options_text(options)}"
        case ValidationErrorKind.Constant(value):
            return "enum", f"expected {options_text([value])}"
        case ValidationErrorKind.Pattern(pattern):
            return "pattern", f"expected the form {pattern}" if len(pattern) <= _LONGEST_PATTERN else "unexpected form"
        case ValidationErrorKind.Format(name):
            return "format", f"expected {_FORMATS.get(name, f'the format {name}')}"
        case ValidationErrorKind.MultipleOf(factor):
            return "multiple", f"expected a multiple of {factor}"
        case ValidationErrorKind.UniqueItems():
            return "not_unique", "entries must differ from each other"
        case ValidationErrorKind.OneOfMultipleValid():
            return "ambiguous", "it fits several of the forms allowed here"
        case ValidationErrorKind.AnyOf() | ValidationErrorKind.OneOfNotValid():
            return "union", "it fits none of the forms allowed here"
        case ValidationErrorKind.FalseSchema():
            return "not_allowed", "not allowed here"
        case _:
            return _limits(kind)


def _limits(kind: ValidationErrorKind) -> tuple[str, str]:
    match kind:
        case ValidationErrorKind.MinLength(limit):
            return "too_short", "must not be empty" if limit == 1 else f"shorter than {limit} characters"
        case ValidationErrorKind.MaxLength(limit):
            return "too_long", f"longer than {limit} characters"
        case ValidationErrorKind.MinItems(limit):
            return "too_few", "must not be empty" if limit == 1 else f"fewer than {limit} entries"
        case ValidationErrorKind.MaxItems(limit):
            return "too_many", f"more than {limit} entries"
        case ValidationErrorKind.MinProperties(limit):
            return "too_few", "must not be empty" if limit == 1 else f"fewer than {limit} members"
        case ValidationErrorKind.MaxProperties(limit):
            return "too_many", f"more than {limit} members"
        case ValidationErrorKind.Minimum(limit):
            return "minimum", f"less than {limit}"
        case ValidationErrorKind.Maximum(limit):
            return "maximum", f"more than {limit}"
        case ValidationErrorKind.ExclusiveMinimum(limit):
            return "minimum", f"must be more than {limit}"
        case ValidationErrorKind.ExclusiveMaximum(limit):
            return "maximum", f"must be less than {limit}"
        case _:
            return "invalid", "not acceptable"


def types_text(types: list[str]) -> str:
    """ "a string, a number or null"."""
    return _alternatives([_TYPES[name] for name in _TYPE_ORDER if name in types])


def options_text(options: list[Any]) -> str:
    """The values a schema allows, or how many when they are too many to list."""
    if len(options) > _MOST_OPTIONS:
        return f"one of {len(options)} fixed values"
    names = _alternatives([f"`{option}`" if isinstance(option, str) else _json(option) for option in options])
    return names if len(options) == 1 else f"one of {names}"


def _json(option: Any) -> str:
    return msgspec.json.encode(option).decode()


def _alternatives(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
