"""What the details of a declaration may say, by its kind.

Checked are `buttons` of a button template: up to 4 of `{id, title?, icon?, opensApp?}`. What in-apps read of their
templates is checked where they are (`content.declaring`). Other members are notes of the company's own, kept as they
are.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from clarion.apps.model import DeclarationKind
from clarion.base.errors import Finding

MOST_BYTES: Final = 16 * 1024
MOST_BUTTONS: Final = 4
_LONGEST: Final = 255
_BUTTON: Final = {"id": str, "title": str, "icon": str, "opensApp": bool}


def check_details(kind: DeclarationKind, details: Mapping[str, Any]) -> list[Finding]:
    """Everything wrong with the details of a declaration; pointers begin with `/details`."""
    try:
        encoded = msgspec.json.encode(details)
    except UnicodeEncodeError:
        return [_wrong("", "Details hold half of a character.")]
    if len(encoded) > MOST_BYTES or b"\\u0000" in encoded:
        return [_wrong("", f"Details are at most {MOST_BYTES} bytes of JSON, without NUL characters.")]
    if kind is DeclarationKind.BUTTON_TEMPLATE and "buttons" in details:
        return list(_check_buttons(details["buttons"]))
    return []


def _check_buttons(buttons: object) -> Iterator[Finding]:
    if not isinstance(buttons, Sequence) or isinstance(buttons, str) or not 0 < len(buttons) <= MOST_BUTTONS:
        yield _wrong("/buttons", f"`buttons` is a list of 1 to {MOST_BUTTONS} buttons.")
        return
    seen: set[str] = set()
    for n, button in enumerate(buttons):
        at = f"/buttons/{n}"
        if not isinstance(button, Mapping) or not isinstance(button.get("id"), str):
            yield _wrong(at, "A button is an object with an `id`.")
            continue
        for member, given in button.items():
            expected = _BUTTON.get(member)
            if expected is None:
                yield _wrong(at, f"A button has no member `{member[:60]}`; the known ones are {', '.join(_BUTTON)}.")
            elif not isinstance(given, expected) or (isinstance(given, str) and not 0 < len(given) <= _LONGEST):
                words = "true or false" if expected is bool else f"a text of 1 to {_LONGEST} characters"
                yield _wrong(f"{at}/{member}", f"`{member}` is {words}.")
        if button["id"] in seen:
            yield _wrong(f"{at}/id", "Another button has the same id.")
        seen.add(button["id"])


def _wrong(place: str, message: str) -> Finding:
    return Finding(f"/details{place}", "details", message)
