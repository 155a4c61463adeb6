"""Values a schema lets through and a database does not: NUL characters and integers outside 64 bits.

They are rare, so the walk below runs only over bodies the decoder noted as unusual.
"""

from typing import Any, Final

from clarion.api.contract.pointer import Path, label, pointer
from clarion.base.errors import Finding

_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**63 - 1


def has_nul(text: str) -> bool:
    """Whether a text holds the one character PostgreSQL cannot store."""
    return "\x00" in text


def unusual_findings(value: Any, limit: int = 100) -> list[Finding]:
    """Findings `nul` and `maximum`/`minimum` in the order of the body, at most `limit`."""
    findings: list[Finding] = []
    stack: list[tuple[Path, Any]] = [((), value)]
    while stack and len(findings) < limit:
        path, item = stack.pop()
        if type(item) is str:
            if has_nul(item):
                message = f"Malformed field `{label(path)}`: a NUL character is not allowed"
                findings.append(Finding(pointer(path), "nul", message))
        elif type(item) is int:
            if not _LOWEST <= item <= _HIGHEST:
                code = "maximum" if item > 0 else "minimum"
                message = f"Malformed field `{label(path)}`: the number does not fit 64 bits"
                findings.append(Finding(pointer(path), code, message))
        elif type(item) is dict:
            # What stands under a name with a NUL is not looked at: an answer could not say where it is.
            stack.extend(((*path, name), child) for name, child in reversed(item.items()) if not has_nul(name))
            if any(has_nul(name) for name in item):
                message = f"Malformed field `{label(path)}`: a NUL character in a member name is not allowed"
                findings.append(Finding(pointer(path), "nul", message))
        elif type(item) is list:
            stack.extend(((*path, at), item[at]) for at in range(len(item) - 1, -1, -1))
    return findings
