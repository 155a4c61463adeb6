"""Places in a JSON body: RFC 6901 pointers for programs, labels (`messages/0/text`) for the sentences people read.

Both hold member names the caller chose, so they are bounded: a pointer that would grow beyond `MAX_POINTER` characters,
or hold a NUL that our answers never do, names the nearest ancestor that fits; a label is cut in the middle of the
sentence and shows no control characters.
"""

import re
from typing import Final

Path = tuple[str | int, ...]

MAX_POINTER: Final = 1024
_MAX_NAME: Final = 60
_MAX_LABEL: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def pointer(path: Path) -> str:
    """The RFC 6901 pointer of a path; "" is the whole body."""
    text = ""
    for part in path:
        step = "/" + str(part).replace("~", "~0").replace("/", "~1")
        if len(text) + len(step) > MAX_POINTER or "\x00" in step:
            break
        text += step
    return text


def label(path: Path) -> str:
    """The path as people read it, `body` for the whole."""
    if not path:
        return "body"
    text = "/".join(_shown(str(part)) for part in path)
    return text if len(text) <= _MAX_LABEL else text[: _MAX_LABEL - 1] + "…"


def _shown(name: str) -> str:
    short = name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"
    return _CONTROL.sub("\ufffd", short.replace("`", "'"))
