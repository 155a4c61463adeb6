"""Parameters of paths and queries as they go over the wire."""

import datetime
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

Query = Sequence[tuple[str, str]]
Plain = str | int | datetime.date


def quoted(value: str | int) -> str:
    """One segment of a path."""
    return quote(str(value), safe="")


def one(name: str, value: Plain | None) -> Query:
    """A single value; instants are told in UTC, days as days (v1, table L)."""
    if value is None:
        return ()
    if isinstance(value, datetime.datetime):
        value = (value.astimezone(datetime.UTC) if value.tzinfo else value).strftime("%Y-%m-%d %H:%M:%S")
    return ((name, str(value)),)


def flag(name: str, value: bool) -> Query:
    """`name=true`, or nothing (v1 rule 62)."""
    return ((name, "true"),) if value else ()


def many(name: str, values: Sequence[str]) -> Query:
    """The name once for each value (v1 rule 80)."""
    return [(name, value) for value in values]


def numbered(name: str, values: Sequence[str]) -> Query:
    """`name[1]`, `name[2]` and so on (v1 rule 65)."""
    return [(f"{name}[{number}]", value) for number, value in enumerate(values, start=1)]


def spread(values: Mapping[str, str]) -> Query:
    """Each member under its own name (v1 rule 66)."""
    return list(values.items())


def target(path: str, query: Query) -> str:
    """Path and query together."""
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path
