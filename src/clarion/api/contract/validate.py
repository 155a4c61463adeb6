"""One compiled schema: is a value valid, and if not, every finding about it.

A valid value costs one call into the validator. Listing errors is dearer and grows with their number, so a faulty
value is first cut to a bounded number of nodes (`prune`): a megabyte of wrong entries must not buy seconds of our time.
"""

from typing import Any, Final

import jsonschema_rs

from clarion.api.contract.decode import Decoded
from clarion.api.contract.phrase import FINDINGS_LIMIT, first_finding, phrase
from clarion.api.contract.pointer import Path
from clarion.api.contract.unusual import unusual_findings
from clarion.base.errors import Finding

MAX_NODES: Final = 3000
"""Values of a faulty body that are looked at when its errors are listed."""

_SHAPE_OF_WHOLE: Final = frozenset({"required", "minItems", "minProperties", "contains"})


class Validator:
    """A compiled schema. `name` says of what, for messages of the start-up."""

    def __init__(self, compiled: jsonschema_rs.Draft202012Validator, name: str) -> None:
        self._compiled = compiled
        self.name = name

    def is_valid(self, value: Any) -> bool:
        """Whether the schema takes the value."""
        return self._compiled.is_valid(value)

    def check(self, decoded: Decoded, limit: int = FINDINGS_LIMIT) -> list[Finding]:
        """Findings about a decoded body, in the order of its members; empty when it is fine."""
        return self.check_value(decoded.value, unusual=decoded.unusual, limit=limit)

    def check_value(self, value: Any, *, unusual: bool = True, limit: int = FINDINGS_LIMIT) -> list[Finding]:
        """The same for a value at hand, such as one entry of a list. `unusual=False` spares the walk for NUL."""
        findings = [] if self._compiled.is_valid(value) else self._list(value, limit)
        if unusual and len(findings) < limit:
            known = {finding.pointer for finding in findings}
            findings += [found for found in unusual_findings(value, limit) if found.pointer not in known]
        return findings[:limit]

    def _list(self, value: Any, limit: int) -> list[Finding]:
        pruned, cut = prune(value, MAX_NODES)
        errors = [
            error
            for error in self._compiled.iter_errors(pruned)
            if not cut or error.kind.name not in _SHAPE_OF_WHOLE or tuple(error.instance_path) not in cut
        ]
        findings = phrase(errors, pruned, limit)
        if findings:
            return findings
        try:
            self._compiled.validate(value)
        except jsonschema_rs.ValidationError as exc:
            return first_finding(exc, value)
        return []


def prune(value: Any, budget: int) -> tuple[Any, set[Path]]:
    """The first `budget` nodes of a value in the order of the text, and the paths of the containers cut short.

    Values within the budget are returned as they are.
    """
    cut: set[Path] = set()
    left = budget

    def copy(item: Any, path: Path) -> Any:
        nonlocal left
        left -= 1
        if type(item) is dict:
            members: dict[str, Any] = {}
            for name, child in item.items():
                if left <= 0:
                    cut.add(path)
                    break
                members[name] = copy(child, (*path, name))
            return members
        if type(item) is list:
            entries: list[Any] = []
            for at, child in enumerate(item):
                if left <= 0:
                    cut.add(path)
                    break
                entries.append(copy(child, (*path, at)))
            return entries
        return item

    pruned = copy(value, ())
    return (pruned, cut) if cut else (value, cut)
