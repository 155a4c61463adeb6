"""Findings of all floors as the items of a problem, in the one vocabulary of the device surface."""

from collections.abc import Iterable
from typing import Final

from clarion.api.problems import item
from clarion.base.errors import Finding

# Findings of `devices` in the words of `problems.item`.
_CODES: Final = {"unknown_column": "unknown_field", "read_only": "not_allowed", "repeated": "not_allowed"}


def items(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Findings about a body as problem items."""
    return [item(Finding(f.pointer, _CODES.get(f.code, f.code), f.message), "pointer") for f in findings]
