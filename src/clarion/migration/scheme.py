"""Columns of device files that the application does not have: what they would be, judged by all of their values.

A kind is proposed only if every value survives it unchanged as integrators see it: numbers with leading zeros, words
such as Y and N, and decimals that would lose zeros at their end stay text.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from clarion.apps import service as apps
from clarion.apps.columns import check_name
from clarion.apps.model import App, Column, ColumnKind, Platform, Scheme
from clarion.base.errors import Finding, Invalid
from clarion.db.sql import Conn
from clarion.devices.csv_file import CsvFile
from clarion.devices.importing import Names
from clarion.devices.model import AUTH, P256DH
from clarion.devices.values import LONGEST_INDEXED_TEXT, ZERO_DATES, parse_instant
from clarion.migration.model import Choices, ColumnChoice, Export, Proposal

STAND_INS = {"systoken": "token", "country": "countryCode"}
"""Columns that stand in for a standard one that the file does not have."""

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.([0-9]{1,10}))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}:[0-9]{2})?")
_DIGITS = 15
"""What a decimal column keeps of a number."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_IDENTIFIERS = {"id", "uid", "uuid", "email", "mail", "login", "customer", "client", "member", "crm", "loyalty"}
_IDENTIFIER_ENDS = ("clientid", "customerid", "memberid", "userid", "accountid", "cardid")
_MEMORY = 100_000
_EXAMPLES = 3
_MANY = 0.3
"""Different values there are at least among all when a column tells customers apart: each has a few devices."""
_LONGEST_EXAMPLE = 40


def decided(choices: Choices) -> dict[str, str | None]:
    """What the caller says that names of a header mean. A column without name is left out."""
    return {"": None, **choices.renames, **dict.fromkeys(choices.skip)}


def names_of(header: Sequence[str], scheme: Scheme, choices: Choices) -> dict[str, str | None]:
    """What the names of a header mean: left out, renamed, or standing in for a standard column."""
    names = decided(choices)
    meant = {str(names.get(name.lower(), name)).lower() for name in header if names.get(name.lower(), name)}
    for name, standard in STAND_INS.items():
        if name in meant and name not in names and scheme.find(name) is None:
            names[name] = None if standard.lower() in meant else standard
    return names


def left_out(header: Sequence[str], names: Names) -> list[str]:
    """The names of a header that nothing is taken of."""
    return [
        name or f"column {place} (no name)"
        for place, name in enumerate(header, 1)
        if names.get(name.lower(), name) is None
    ]


def propose(app: App, exports: Sequence[Export], scheme: Scheme, choices: Choices) -> list[Proposal]:
    """The columns of device files that the application does not have, in the order of the files. Reads all lines."""
    guesses: dict[str, _Guess] = {}
    for export in exports:
        names = names_of(export.header, scheme, choices)
        places: dict[int, _Guess] = {}
        for place, given in enumerate(export.header):
            name = names.get(given.lower(), given)
            if name is not None and not _is_known(app, scheme, name):
                places[place] = guesses.setdefault(name.lower(), _Guess(name))
        if places:
            _look(export, places)
    return [_proposal(guess, choices.columns.get(key)) for key, guess in guesses.items()]


def check_choices(app: App, exports: Sequence[Export], scheme: Scheme, choices: Choices) -> None:
    """Raises Invalid for decisions that concern nothing in the files, or a column that is there."""
    given = {name.lower() for export in exports for name in export.header}
    meant = {str(choices.renames.get(name, name)).lower() for name in given}
    findings = [
        Finding("", "unknown_name", f"No file has a column {name}.")
        for name in sorted({*choices.skip, *choices.renames} - given) + sorted(set(choices.columns) - meant)
    ]
    findings += [
        Finding("", "column_exists", f"The application has a column {name} already.")
        for name in sorted(choices.columns)
        if _is_known(app, scheme, name)
    ]
    if findings:
        raise Invalid(findings)


def check_missing(proposals: Sequence[Proposal], choices: Choices) -> None:
    """Raises Invalid when columns are missing that nobody decided about, or that cannot be made."""
    findings = [
        Finding("", "bad_column_name", f"{each.name}: {each.problem} Leave it out (--skip) or rename it (--rename).")
        for each in proposals
        if each.problem
    ]
    open_ones = [each for each in proposals if not (choices.create_columns or each.chosen or each.problem)]
    if open_ones:
        shown = ", ".join(f"{each.name} ({described(each)})" for each in open_ones)
        message = (
            f"The application has no column {shown}. Make them as proposed here with --create-columns or otherwise"
            " with --column NAME=KIND[:indexed]; leave columns out with --skip NAME."
        )
        findings.append(Finding("", "missing_columns", message))
    if findings:
        raise Invalid([*findings, Finding("", "nothing_written", "Nothing was written.")])


def described(proposal: Proposal) -> str:
    """The kind of a column in a word or two."""
    return f"{proposal.kind.value}, indexed" if proposal.indexed else proposal.kind.value


def prospective(proposals: Sequence[Proposal]) -> list[Column]:
    """The columns as they would be; the names of their SQL columns are of no use."""
    return [
        Column(each.name, f"proposed{n}", each.kind, indexed=each.indexed, standard=False)
        for n, each in enumerate(proposals)
        if not each.problem
    ]


async def create(conn: Conn, app: App, proposals: Sequence[Proposal]) -> None:
    """Make the columns, in the caller's transaction."""
    for each in proposals:
        await apps.add_column(conn, app, each.name, each.kind, each.indexed)


def _is_known(app: App, scheme: Scheme, name: str) -> bool:
    keys = {P256DH.name, AUTH.name} if app.platform is Platform.WEB else set()
    return scheme.find(name) is not None or name.lower() in keys


def _look(export: Export, places: Mapping[int, "_Guess"]) -> None:
    source = CsvFile(export.path)
    try:
        for piece in source.pieces():
            sound = [fields for fields in piece.fields if len(fields) == len(export.header)]
            for place, guess in places.items():
                guess.look([fields[place] for fields in sound])
    finally:
        source.close()


def _proposal(guess: "_Guess", choice: ColumnChoice | None) -> Proposal:
    return Proposal(
        name=guess.name,
        kind=choice.kind if choice else guess.kind,
        indexed=choice.indexed if choice else guess.indexed,
        filled=guess.filled,
        examples=guess.examples,
        chosen=choice is not None,
        problem=_name_problem(guess.name),
    )


def _name_problem(name: str) -> str | None:
    try:
        check_name(name)
    except Invalid as error:
        return error.message
    return None


class _Guess:
    """What is known of a column from the values looked at so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.filled = 0
        self.examples: tuple[str, ...] = ()
        self._seen: set[int] = set()
        self._counted = 0
        self._longest = 0
        self._decimals: set[int] = set()
        self._loses_zeros = False
        self._kinds: dict[ColumnKind, Callable[[str], bool]] = {
            ColumnKind.BOOLEAN: lambda text: text in ("true", "false"),
            ColumnKind.INTEGER: lambda text: _INTEGER.fullmatch(text) is not None,
            ColumnKind.DECIMAL: self._is_decimal,
            ColumnKind.DATE: _is_date,
        }

    def look(self, given: Iterable[str]) -> None:
        """Take further values into account."""
        values = [text for text in given if text]
        self.filled += len(values)
        fresh = dict.fromkeys(values)
        if len(self._seen) < _MEMORY:
            self._counted += len(values)
            fresh = {text: None for text in fresh if hash(text) not in self._seen}
            self._seen.update(map(hash, fresh))
        self.examples = (*self.examples, *(text[:_LONGEST_EXAMPLE] for text in fresh))[:_EXAMPLES]
        self._longest = max([self._longest, *map(len, fresh)])
        for kind, fits in list(self._kinds.items()):
            if not all(map(fits, fresh)):
                del self._kinds[kind]

    @property
    def kind(self) -> ColumnKind:
        """The narrowest kind that keeps every value as it is."""
        loses = self._loses_zeros and len(self._decimals) > 1
        kinds = [kind for kind in self._kinds if not (loses and kind is ColumnKind.DECIMAL)]
        return kinds[0] if kinds and self.filled else ColumnKind.TEXT

    @property
    def indexed(self) -> bool:
        """Whether it looks like what the company knows its customers by: named so, with many different values."""
        words = {word.lower() for word in _WORD.findall(self.name)}
        return (
            (bool(words & _IDENTIFIERS) or self.name.lower().endswith(_IDENTIFIER_ENDS))
            and self.kind in (ColumnKind.TEXT, ColumnKind.INTEGER)
            and self._longest <= LONGEST_INDEXED_TEXT
            and len(self._seen) >= _MANY * max(1, self._counted)
        )

    def _is_decimal(self, text: str) -> bool:
        found = _DECIMAL.fullmatch(text)
        if found is None or sum(map(str.isdigit, text)) > _DIGITS:
            return False
        fraction = found.group(1) or ""
        self._decimals.add(len(fraction))
        self._loses_zeros |= fraction.endswith("0")
        return True


def _is_date(text: str) -> bool:
    if text in ZERO_DATES:
        return True
    if not _DATE.fullmatch(text):
        return False  # others are read as well, but shown otherwise
    try:
        parse_instant(text)
    except ValueError:
        return False
    return True
