"""Language versions of a message of any kind: which one a device gets, and which versions cannot stand together.

A device gets its language, else the version without language, else the first (v1 rule 38). `fr-CA` is served by
`fr-CA` or else by `fr`.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from clarion.base.errors import Finding

T = TypeVar("T")

_MOST_SUBTAGS = 8


def tag(language: str) -> str:
    """A language tag in the one spelling by which tags are compared."""
    return language.lower().replace("_", "-")


def by_tag(versions: Sequence[tuple[str | None, T]]) -> tuple[dict[str, T], T]:
    """Versions by their tag, and the one for everybody else. There must be one version at least."""
    named = {tag(language): version for language, version in reversed(versions) if language}
    return named, next((version for language, version in versions if not language), versions[0][1])


def lookup(named: Mapping[str, T], wanted: str | None) -> T | None:
    """The version of a tag, or of the tag without its last part, and so on (RFC 4647 section 3.4)."""
    parts = tag(wanted or "").split("-", _MOST_SUBTAGS)[:_MOST_SUBTAGS]
    for number in range(len(parts), 0, -1):
        found = named.get("-".join(parts[:number]))
        if found is not None:
            return found
    return None


def repeated(languages: Sequence[str | None]) -> dict[int, Finding]:
    """By their number, the versions whose language another one before has (code `same_language`), and those without
    language after the first (`two_fallbacks`); findings are at `/contents/<n>/language`."""
    found: dict[int, Finding] = {}
    seen: set[str] = set()
    for n, language in enumerate(languages):
        wanted = tag(language or "")
        if wanted in seen and wanted:
            found[n] = Finding(f"/contents/{n}/language", "same_language", "another entry has the same language")
        elif wanted in seen:
            found[n] = Finding(f"/contents/{n}/language", "two_fallbacks", "only one entry may be without language")
        seen.add(wanted)
    return found
