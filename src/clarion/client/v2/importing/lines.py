"""How the invoices of a file are held against those that are there."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from clarion.client.v2.importing.model import FileKind

_DEFAULTS = {"taxRate": Decimal(0)}


def differing_lines(
    shown: Sequence[dict[str, Any]], wanted: Sequence[dict[str, Any]], types: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The lines a file has and an invoice has not, and those the invoice has and the file has not.

    Lines are compared by all that a new one can say, whatever their order; one that stands twice in the file must stand
    there twice.
    """
    left = [(each, {name: msgspec.convert(each[name], of) for name, of in types.items()}) for each in shown]
    missing = []
    for line in wanted:
        whole = {name: line.get(name, _DEFAULTS.get(name)) for name in types}
        at = next((number for number, (_, typed) in enumerate(left) if typed == whole), None)
        if at is None:
            missing.append(line)
        else:
            del left[at]
    return missing, [each for each, _ in left]


def satisfied(kind: FileKind, known: Mapping[str, Any], name: str, value: Any) -> bool:
    """Whether an invoice that is to be Issued has gone further already (v2 rule 12.2)."""
    return bool(kind.lines) and name == "status" and value == "Issued" and known["status"] in ("PartiallyPaid", "Paid")
