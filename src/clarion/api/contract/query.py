"""Query strings and form bodies to ordered pairs of text, strictly.

Broken percent-encoding, bytes that are not UTF-8, and NUL characters become findings instead of replacement
characters. A plus is a space, `;` is not a separator.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from clarion.api.contract.pointer import label
from clarion.api.contract.unusual import has_nul
from clarion.base.errors import Finding

Pairs = list[tuple[str, str]]

MAX_PAIRS: Final = 1000
_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def parse_pairs(raw: bytes) -> tuple[Pairs, list[Finding]]:
    """Name and value pairs in the order given, and a finding for each that cannot be read.

    The pointer of these findings is the name of the parameter, as in all findings about parameters.
    """
    pairs: Pairs = []
    findings: list[Finding] = []
    if not raw:
        return pairs, findings
    pieces = raw.split(b"&")
    if len(pieces) > MAX_PAIRS:
        return pairs, [Finding("", "too_many", f"More than {MAX_PAIRS} parameters")]
    for piece in pieces:
        if not piece:
            continue
        raw_name, _, raw_value = piece.partition(b"=")
        name, value = _text(raw_name), _text(raw_value)
        if name is None:
            findings.append(Finding("", "encoding", "Malformed parameter name: expected percent-encoded UTF-8"))
        elif value is None:
            message = f"Malformed parameter `{label((name,))}`: expected percent-encoded UTF-8"
            findings.append(Finding(name, "encoding", message))
        elif has_nul(name):
            findings.append(Finding("", "nul", "Malformed parameter name: a NUL character is not allowed"))
        elif has_nul(value):
            message = f"Malformed parameter `{label((name,))}`: a NUL character is not allowed"
            findings.append(Finding(name, "nul", message))
        else:
            pairs.append((name, value))
    return pairs, findings


def _text(raw: bytes) -> str | None:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        if _BAD_PERCENT.search(raw):
            return None
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
