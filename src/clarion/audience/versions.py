"""Versions as texts: letters, if any, then numbers with dots between, such as `b3.1.0`.

They are compared by their numbers, part by part (v1 rule 56). `compile` does the same to columns in SQL, where whatever
follows the numbers is passed over.
"""

import re

_VERSION = re.compile(r"[A-Za-z]*([0-9]{1,9}(?:\.[0-9]{1,9}){0,7})")


def version_parts(text: str) -> list[int] | None:
    """The numbers of a version without zeros at the end, so that 3.1 and 3.1.0 are one; None when it is none."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    parts = [int(part) for part in found.group(1).split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return parts
