"""Named values of a device as typed columns, and how names that callers give are shown back to them."""

import re
from collections.abc import Mapping

from clarion.apps.model import Column, Scheme
from clarion.base.errors import Finding
from clarion.devices.model import Value
from clarion.devices.values import parse_value

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def parse_fields(scheme: Scheme, fields: Mapping[str, object]) -> tuple[dict[Column, Value], list[Finding]]:
    """Named values as typed columns, and all that is wrong with them.

    Codes of findings: `unknown_column`, `read_only` (UDID and id), `repeated` (names that differ in case only),
    `wrong_value`. Names are found without case (v1 rule 69).
    """
    parsed: dict[Column, Value] = {}
    findings: list[Finding] = []
    for name, given in fields.items():
        pointer = pointer_to(name)
        column = scheme.find(name)
        if column is None:
            findings.append(Finding(pointer, "unknown_column", f"`{shown(name)}` is no field of this application."))
        elif not column.writable:
            findings.append(Finding(pointer, "read_only", f"`{shown(name)}` cannot be written."))
        elif column in parsed:
            findings.append(Finding(pointer, "repeated", f"`{shown(name)}` is given twice."))
        else:
            try:
                parsed[column] = parse_value(column, given)
            except ValueError as error:
                parsed[column] = None
                findings.append(Finding(pointer, "wrong_value", str(error)))
    return parsed, findings


def shown(name: str) -> str:
    """A caller's name for a field, fit to be shown: cut short, and without what cannot be encoded or printed."""
    return _CONTROL.sub("\ufffd", name[:100]).encode(errors="replace").decode()


def pointer_to(name: str) -> str:
    """The JSON Pointer of a member of this name."""
    return "/" + shown(name).replace("~", "~0").replace("/", "~1")
