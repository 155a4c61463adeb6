"""Regular expressions that are given to devices: whether one can be read, and whether it is harmless to run.

Devices run them on engines that try again and again (`java.util.regex`, ICU). What is read here is the language these
share; reading takes one walk over the text, whereas compiling a hostile expression can take seconds. A repetition of
what is itself a repetition and nothing else, such as `(a+)+`, is refused: it can take for ever on a short text.
"""

import re

from msgspec import Struct

LONGEST = 500
"""Characters of an expression."""

_DEEPEST = 20
_MOST_TIMES = 1000
_FEW_TIMES = 9
_TIMES = re.compile(r"\{([0-9]{1,4})(,([0-9]{1,4})?)?\}", re.ASCII)
_GROUP = re.compile(
    r"\?(<(?P<name>[A-Za-z][A-Za-z0-9]*)>|(?P<look><?[=!])|(?P<atomic>>)|[ims]*(-[ims]+)?:|[ims]+(-[ims]+)?\))"
)
_CODE = re.compile(r"x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}", re.ASCII)
_PROPERTY = re.compile(r"[pP]\{[A-Za-z_=]{1,40}\}", re.ASCII)
_NAMED = re.compile(r"k<([A-Za-z][A-Za-z0-9]*)>")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def problem(pattern: str) -> str | None:
    """What is wrong with an expression, as a part of a sentence; None when nothing is."""
    if len(pattern) > LONGEST:
        return f"a regular expression has at most {LONGEST} characters"
    reader = _Reader(pattern)
    try:
        reader.whole()
    except _Wrong as wrong:
        return f"{wrong} (at character {reader.at + 1} of the regular expression)"
    return None


class _Wrong(Exception):
    """What is wrong at the place the reader has come to."""


class _Piece(Struct, frozen=True):
    """Part of an expression: whether it matches nothing at all (`empty`), or one repetition alone (`loops`)."""

    empty: bool = False
    loops: bool = False


_CHARACTER = _Piece()
_ANCHOR = _Piece(empty=True)
"""What stands for a place and cannot be repeated."""


class _Reader:
    """Reads an expression from left to right. `at` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._depth = 0
        self._groups = 0
        self._names: set[str] = set()

    def whole(self) -> None:
        self._alternatives()
        if self.at < len(self.text):
            raise _Wrong("a parenthesis is closed that was not opened")

    def _alternatives(self) -> _Piece:
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return _Piece(any(each.empty for each in branches), any(each.loops for each in branches))

    def _sequence(self) -> _Piece:
        pieces: list[_Piece] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            pieces.append(self._repeated())
        solid = sum(not piece.empty for piece in pieces)
        loops = any(piece.loops and solid == (not piece.empty) for piece in pieces)
        return _Piece(not solid, loops)

    def _repeated(self) -> _Piece:
        piece = self._atom()
        times = self._times()
        if times is None:
            return piece
        if piece is _ANCHOR:
            raise _Wrong("there is nothing to repeat here")
        least, most = times
        if piece.loops and (most is None or most > _FEW_TIMES):
            raise _Wrong("a repetition is repeated, which can take for ever; put something between the two")
        possessive = self._take("+")
        if not possessive:
            self._take("?")
        if self._times() is not None:
            raise _Wrong("a repetition follows another")
        return _Piece(least == 0 or piece.empty, (most is None or piece.loops) and not possessive)

    def _times(self) -> tuple[int, int | None] | None:
        """How often the piece before may stand, at least and at most; None when nothing is said of it."""
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return times
        found = _TIMES.match(self.text, self.at)
        if found is None:
            return None
        least = int(found[1])
        most = least if found[2] is None else None if found[3] is None else int(found[3])
        if max(least, most or 0) > _MOST_TIMES or (most is not None and most < least):
            raise _Wrong(f"the numbers of a repetition ascend and are at most {_MOST_TIMES}")
        self.at = found.end()
        return least, most

    def _atom(self) -> _Piece:
        sign = self.text[self.at]
        if sign in "*+?{":
            raise _Wrong(f"there is nothing to repeat; a literal {sign} is written \\{sign}")
        if sign == "(":
            return self._group()
        self.at += 1
        if sign == "[":
            self._class()
        elif sign == "\\":
            return self._escape()
        return _ANCHOR if sign in "^$" else _CHARACTER

    def _group(self) -> _Piece:
        self.at += 1
        head = _GROUP.match(self.text, self.at)
        if head is None and self._take("?"):
            raise _Wrong("a group of this kind is not known to all devices")
        if head is None or head["name"]:
            self._groups += 1
        if head is not None:
            self.at = head.end()
            self._name(head["name"])
            if head[0].endswith(")"):
                return _ANCHOR
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Wrong(f"groups are nested deeper than {_DEEPEST} levels")
        inner = self._alternatives()
        if not self._take(")"):
            raise _Wrong("a parenthesis is not closed")
        self._depth -= 1
        if head is None or not (head["look"] or head["atomic"]):
            return inner
        return _Piece(empty=bool(head["look"]) or inner.empty)

    def _name(self, name: str | None) -> None:
        if name is None:
            return
        if name in self._names:
            raise _Wrong(f"two groups are called {name}")
        self._names.add(name)

    def _class(self) -> None:
        self._take("^")
        first = True
        while first or not self._take("]"):
            low = self._member(first=first)
            first = False
            if self.text.startswith("-", self.at) and not self.text.startswith("-]", self.at):
                self.at += 1
                high = self._member(first=False)
                if low is None or high is None or high < low:
                    raise _Wrong("a range in brackets goes from one character to a higher one")

    def _member(self, *, first: bool) -> str | None:
        """One entry of a class: the character it stands for, None when it stands for several."""
        if self.at >= len(self.text):
            raise _Wrong("a bracket is not closed")
        sign = self.text[self.at]
        if sign == "[" or (sign == "]" and first) or self.text.startswith("&&", self.at):
            raise _Wrong(f"in brackets, {sign} is written \\{sign}")
        self.at += 1
        return self._escaped_member() if sign == "\\" else sign

    def _escaped_member(self) -> str | None:
        sign = self.text[self.at : self.at + 1]
        if sign and sign in "dDwWsS":
            self.at += 1
            return None
        return self._character()

    def _escape(self) -> _Piece:
        sign = self.text[self.at : self.at + 1]
        if sign and sign in "bBAzZ":
            self.at += 1
            return _ANCHOR
        if sign and sign in "dDwWsS":
            self.at += 1
            return _CHARACTER
        named = _NAMED.match(self.text, self.at)
        if named is not None or (sign.isascii() and sign.isdecimal() and sign != "0"):
            if (named[1] not in self._names) if named else int(sign) > self._groups:
                raise _Wrong("there is no such group to refer to")
            self.at = named.end() if named else self.at + 1
            return _Piece(empty=True)
        self._character()
        return _CHARACTER

    def _character(self) -> str | None:
        """What stands after a backslash, as the character it means; None for a class of them."""
        for form in (_CODE, _PROPERTY):
            found = form.match(self.text, self.at)
            if found is not None:
                self.at = found.end()
                return chr(int(found[0][1:], 16)) if form is _CODE else None
        sign = self.text[self.at : self.at + 1]
        if not sign:
            raise _Wrong("a backslash stands at the end")
        if sign.isascii() and sign.isalnum() and sign not in _CONTROLS:
            raise _Wrong(f"\\{sign} is not known to all devices")
        self.at += 1
        return _CONTROLS.get(sign, sign)

    def _take(self, sign: str) -> bool:
        if not self.text.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True
