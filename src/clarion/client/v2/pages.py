"""Lists that come in pages: one page when awaited, all records when iterated (v2 section 5)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from msgspec import Struct

R = TypeVar("R")

Plain = str | int | bool | float | Decimal | date
Value = Plain | Sequence[str]


class ListQuery(TypedDict, total=False):
    """What a list is asked for.

    `filters` compare fields: {"Status": "Active", "Name[contains]": "shop", "AccountId[in]": [...]}; `sort` names keys,
    "-Name,CreatedDate"; `limit` is the size of a page, at most 200; `offset` the first row.
    """

    filters: Mapping[str, Value]
    sort: str
    limit: int
    offset: int


class Metadata(Struct, frozen=True, rename="camel"):
    """Where a page stands; `total` is None above 10,000 rows."""

    offset: int
    limit: int
    has_more: bool
    total: int | None
    sort: list[str]


class Links(Struct, frozen=True):
    """A page and its neighbours."""

    self: str
    next: str | None
    previous: str | None


class Page(Struct, Generic[R], frozen=True):
    """One page of a list."""

    data: list[R]
    metadata: Metadata
    links: Links


class Pages(Generic[R]):
    """A list of the API. Nothing is asked for before it is awaited or iterated.

    await v2.accounts.list(limit=10)                   # the first page
    async for account in v2.accounts.list(): ...       # every account, page after page
    async for page in v2.accounts.list().pages(): ...  # every page
    """

    def __init__(self, fetch: Callable[[str], Awaitable[Page[R]]], target: str) -> None:
        self._fetch = fetch
        self._target = target

    def __await__(self) -> Generator[Any, None, Page[R]]:
        return self._fetch(self._target).__await__()

    def __aiter__(self) -> AsyncIterator[R]:
        return self._each()

    async def _each(self) -> AsyncIterator[R]:
        async for page in self.pages():
            for record in page.data:
                yield record

    async def pages(self) -> AsyncIterator[Page[R]]:
        """This page and all that follow it, by their links (v2 rule 5.4)."""
        at: str | None = self._target
        while at is not None:
            page = await self._fetch(at)
            yield page
            at = from_link(page.links.next) if page.links.next else None

    async def collect(self) -> list[R]:
        """All records in a list."""
        return [record async for record in self]


def list_target(path: str, query: ListQuery) -> str:
    """Path and query of a list."""
    pairs = [(f"page[{name}]", str(query[name])) for name in ("offset", "limit") if query.get(name)]
    if query.get("sort"):
        pairs.append(("sort", query["sort"]))
    for field, value in query.get("filters", {}).items():
        name, bracket, operator = field.partition("[")
        pairs.append((f"filter[{name}]{bracket}{operator}", text_of(value)))
    return f"{path}?{urlencode(pairs, quote_via=quote)}" if pairs else path


def text_of(value: Value) -> str:
    """A value as filters take it (v2 rule 5.11)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Sequence):
        return ",".join(each.replace(",", "\\,") for each in value)
    return str(value)


def from_link(link: str) -> str:
    """Path and query of a link, from `/v2` on: calls go to the address that the client was given, whatever name the
    server knows itself by."""
    parts = urlsplit(link)
    path = parts.path[max(0, parts.path.find("/v2/")) :]
    return f"{path}?{parts.query}" if parts.query else path
