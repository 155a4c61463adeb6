"""Targets of an instant message that are named by fields of their devices: from criteria to comparisons.

A criterion is a field of the application's scheme, an operator and a value as it came in JSON. At least one of a target
must be an equality on an indexed field, so that no request walks through the whole base (v1 rule 52).
"""

from collections.abc import Sequence

from msgspec import Struct

from clarion.apps.model import Column, ColumnKind, Scheme
from clarion.audience.compile import Conjunction
from clarion.audience.model import Compare, Value
from clarion.audience.predicate import MAX_NODES, OPERATORS
from clarion.base.errors import Finding, Invalid
from clarion.devices.values import parse_value

MOST_CRITERIA = 50
"""Comparisons of one target."""

Scalar = str | int | float | bool


class Criterion(Struct, frozen=True):
    """One comparison as it was asked for. `op` is one of eq ne lt lte gt gte in; the value of `in` is a tuple."""

    field: str
    op: str
    value: Scalar | tuple[Scalar, ...]


def read_criteria(scheme: Scheme, criteria: Sequence[Criterion]) -> Conjunction:
    """The comparisons that criteria stand for; all must hold (v1 rule 53). Field names are matched without case.

    Raises Invalid with all findings, each pointed at its field: `too_many`, `unknown_column`, `wrong_operator`,
    `wrong_value`; at the whole, when nothing else is wrong, `no_indexed_equality`.
    """
    if len(criteria) > MOST_CRITERIA:
        raise Invalid([Finding("", "too_many", f"A target has at most {MOST_CRITERIA} criteria.")])
    findings: list[Finding] = []
    read: list[Compare] = []
    for criterion in criteria:
        at = "/" + _shown(criterion.field).replace("~", "~0").replace("/", "~1")
        column = scheme.find(criterion.field)
        if column is None:
            findings.append(Finding(at, "unknown_column", "this application's devices have no such field"))
            continue
        if criterion.op not in OPERATORS[column.kind]:
            findings.append(
                Finding(at, "wrong_operator", f"a {column.kind} field cannot be compared by ${criterion.op}")
            )
            continue
        try:
            read.append(_compare(column, criterion))
        except ValueError as error:
            findings.append(Finding(at, "wrong_value", str(error)))
    if not findings and not any(_finds(compare) for compare in read):
        message = "needs an equality on an indexed field, such as deviceId, token or a client id"
        findings.append(Finding("", "no_indexed_equality", message))
    if findings:
        raise Invalid(findings)
    return tuple(read)


def _shown(name: str) -> str:
    """A caller's name for a field, fit to be shown."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in name[:60])


def _finds(compare: Compare) -> bool:
    """Whether an index finds the devices: an equality with a value, or with one of several."""
    return compare.column.indexed and compare.op in ("eq", "in")


def _compare(column: Column, criterion: Criterion) -> Compare:
    """Raises ValueError with a sentence."""
    given = criterion.value
    if isinstance(given, tuple):
        if len(given) > MAX_NODES:
            raise ValueError(f"at most {MAX_NODES} values can be given")
        return Compare(column, criterion.op, tuple(_present(column, each) for each in given))
    value = _value(column, given)
    if value is not None:
        return Compare(column, criterion.op, value)
    if criterion.op in ("eq", "ne"):  # empty is unset, here as everywhere
        return Compare(column, "unset" if criterion.op == "eq" else "set")
    raise ValueError("a value is needed to compare with")


def _present(column: Column, given: Scalar) -> Value:
    value = _value(column, given)
    if value is None:
        raise ValueError("a value is needed to compare with")
    return value


def _value(column: Column, given: Scalar) -> Value | None:
    """The value in the kind of the column; a number stands for the text of its digits. Raises ValueError."""
    if column.kind is ColumnKind.TEXT and isinstance(given, int | float) and not isinstance(given, bool):
        given = str(given)
    value = parse_value(column, given)
    assert not isinstance(value, bytes)
    return value
